import { mnemonicToSeedSync } from '@scure/bip39'
import { HDKey } from '@scure/bip32'
import * as secp256k1 from 'tiny-secp256k1'
import { describe, expect, test } from 'vitest'
import { checkBackend, createDeriver } from '../../adapters/bitcoin/deriver.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'

const phrase = `${'abandon '.repeat(11)}about`
const seed = mnemonicToSeedSync(phrase)
const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

describe('bitcoin keys', () => {
  test('the vectors of BIP-84 come out', () => {
    const deriver = createDeriver(networkOf('bitcoin'))
    expect(deriver.derive(seed, 0)).toEqual({
      index: 0,
      address: 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu',
      dataField: null,
      publicKey: '0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c',
      path: "m/84'/0'/0'/0/0",
    })
    expect(deriver.derive(seed, 1).address).toBe('bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g')
  })

  test('B16: dogecoin has no segwit, so its addresses are those of BIP-44', () => {
    const first = createDeriver(networkOf('dogecoin')).derive(seed, 0)
    expect(first.path).toBe("m/44'/3'/0'/0/0")
    expect(first.address).toBe('DBus3bamQjgJULBJtYXpEzDWQRwF5iwxgC')
  })

  test('addresses that are derived without the private key have the key that signs', () => {
    const branch = HDKey.fromMasterSeed(seed).derive("m/84'/1'/0'/0")
    const deriver = createDeriver(networkOf('litecoin-regtest'))
    for (const index of [0, 1, 1000, 2 ** 31 - 1]) {
      const key = Buffer.from(branch.deriveChild(index).publicKey!).toString('hex')
      expect(deriver.derive(seed, index).publicKey).toBe(key)
    }
  })

  test('S1: a signature is the same every time, verifies, and has a low R', () => {
    const deriver = createDeriver(networkOf('bitcoin'))
    const { address, publicKey } = deriver.derive(seed, 3)
    for (let byte = 0; byte < 20; byte++) {
      const payload = { index: 0, address, algorithm: 'secp256k1' as const, bytes: digest(byte) }
      const signature = deriver.sign(seed, 3, payload)
      expect(createDeriver(networkOf('bitcoin')).sign(Uint8Array.from(seed), 3, payload)).toEqual(signature)
      expect(secp256k1.verify(digest(byte), Buffer.from(publicKey, 'hex'), signature, true)).toBe(true)
      expect(signature[0]).toBeLessThan(0x80)
    }
  })

  test('a key signs for no other address, no other algorithm and nothing but 32 bytes', () => {
    const deriver = createDeriver(networkOf('bitcoin'))
    const payload = {
      index: 0,
      address: deriver.derive(seed, 3).address,
      algorithm: 'secp256k1',
      bytes: digest(1),
    } as const
    expect(() => deriver.sign(seed, 4, payload)).toThrow(/given to the key of/)
    expect(() => deriver.sign(seed, 3, { ...payload, bytes: new Uint8Array(31) })).toThrow(/31 bytes/)
    expect(() => deriver.sign(seed, 3, { ...payload, algorithm: 'ed25519-blake2b' })).toThrow(/ed25519/)
  })

  test('an index that BIP-32 does not have is refused', () => {
    const deriver = createDeriver(networkOf('bitcoin'))
    for (const index of [-1, 2 ** 31, 0.5, NaN]) expect(() => deriver.derive(seed, index)).toThrow(/no index/)
  })
})

describe('S6: the crypto backend', () => {
  test('S6: the one that is installed gives the known answer', () => {
    expect(() => {
      checkBackend()
    }).not.toThrow()
  })

  test('S6: one that signs otherwise, verifies nothing or verifies anything is refused', () => {
    const { sign, verify, pointFromScalar } = secp256k1
    const other = (h: Uint8Array, d: Uint8Array) =>
      sign(
        h.map(b => b ^ 1),
        d,
      )
    expect(() => {
      checkBackend({ sign: other, verify, pointFromScalar })
    }).toThrow(/known answer/)
    expect(() => {
      checkBackend({ sign, verify: () => false, pointFromScalar })
    }).toThrow(/known answer/)
    expect(() => {
      checkBackend({ sign, verify: () => true, pointFromScalar })
    }).toThrow(/known answer/)
  })
})
