import { HDNodeWallet, Transaction } from 'ethers'
import { describe, expect, test } from 'vitest'
import { proofsOf } from '../../../adapters/signing.ts'
import { account, deriver, SEED, signable, STRANGER, templateOf, transaction } from './wallet.ts'

const PHRASE = 'test test test test test test test test test test test junk'

describe('keys', () => {
  test("are those that wallets derive: m/44'/60'/0'/0/i", () => {
    // What anvil and Hardhat give out, known to everybody.
    expect(account(0)).toBe('0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')
    for (const index of [0, 1, 19, 1000]) {
      const wallet = HDNodeWallet.fromPhrase(PHRASE, undefined, `m/44'/60'/0'/0/${index}`)
      const { address, path, publicKey, dataField } = deriver.derive(SEED, index)
      expect({ address, path, publicKey, dataField }).toEqual({
        address: wallet.address,
        path: wallet.path,
        publicKey: wallet.publicKey.slice(2),
        dataField: null,
      })
    }
  })

  test('S1: sign the same bytes as ethers, which are the same every time', () => {
    for (const index of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const unsigned = transaction({ nonce: index })
      const wallet = HDNodeWallet.fromPhrase(PHRASE, undefined, `m/44'/60'/0'/0/${index}`)
      const template = templateOf(unsigned, account(index))
      const { payloads, assemble } = signable.open(template)
      const signatures = deriver.sign(SEED, [{ index, payload: payloads[0]! }])
      const expected = unsigned.clone()
      expected.signature = wallet.signingKey.sign(unsigned.unsignedHash)
      expect(assemble(signatures)).toEqual({ transactionId: expected.hash, raw: expected.serialized })
      expect(assemble(signatures)).toEqual(assemble(deriver.sign(Uint8Array.from(SEED), [{ index, payload: payloads[0]! }]))) // prettier-ignore
      expect(Transaction.from(expected.serialized).from).toBe(account(index))
    }
  })

  test('a key signs for no other address', () => {
    const [payload] = signable.open(templateOf(transaction(), STRANGER)).payloads
    expect(() => deriver.sign(SEED, [{ index: 0, payload: payload! }])).toThrow(/given to the key of/)
  })
})

describe('proofs of control (EIP-191)', () => {
  const proofs = proofsOf('ethereum', 'eip155:1')
  const prove = (index: number, challenge: string) => {
    const payload = { ...proofs.payload(account(index), challenge), index }
    const [signature] = deriver.sign(SEED, [{ index, payload }])
    const publicKey = new Uint8Array(Buffer.from(deriver.derive(SEED, index).publicKey, 'hex'))
    return { address: account(index), ...proofs.write(account(index), challenge, { signature: signature!, publicKey }) }
  }

  test.each(['a challenge', 'für alle: 日本 🚀', ''])('%j is signed as wallets sign it', challenge => {
    const wallet = HDNodeWallet.fromPhrase(PHRASE, undefined, "m/44'/60'/0'/0/2")
    const proof = prove(2, challenge)
    expect(proof.signature).toBe(wallet.signMessageSync(challenge))
    expect(proofs.holds(proof, challenge)).toBe(true)
  })

  test('proves nothing else: another challenge, address, format or byte', () => {
    const proof = prove(2, 'c')
    expect(proofs.holds(proof, 'd')).toBe(false)
    expect(proofs.holds({ ...proof, address: account(3) }, 'c')).toBe(false)
    expect(proofs.holds({ ...proof, address: 'x' }, 'c')).toBe(false)
    expect(proofs.holds({ ...proof, format: 'bip322-simple' }, 'c')).toBe(false)
    for (let at = 2; at < proof.signature.length; at++) {
      const digit = proof.signature[at] === '0' ? '1' : '0'
      const signature = proof.signature.slice(0, at) + digit + proof.signature.slice(at + 1)
      expect(proofs.holds({ ...proof, signature }, 'c')).toBe(false)
    }
    expect(proofs.holds({ ...proof, signature: `0x${'0'.repeat(128)}1b` }, 'c')).toBe(false)
  })
})
