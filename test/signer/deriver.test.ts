import { mnemonicToSeedSync } from '@scure/bip39'
import { HDKey } from '@scure/bip32'
import * as secp256k1 from 'tiny-secp256k1'
import { describe, expect, test, vi } from 'vitest'
import type { Deriver, Payload } from '../../adapters/adapter.ts'
import { createDeriver } from '../../adapters/bitcoin/deriver.ts'
import { checkBackend } from '../../adapters/secp256k1.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'

const phrase = `${'abandon '.repeat(11)}about`
const seed = mnemonicToSeedSync(phrase)
const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

const payloadFor = (deriver: Deriver, index: number, bytes: Uint8Array): Payload => {
  const { address } = deriver.derive(seed, index)
  return { index: 0, address, algorithm: 'secp256k1', bytes }
}

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

  test('S1: signatures are the same every time, alone and together, and verify', () => {
    const deriver = createDeriver(networkOf('bitcoin'))
    const asked = Array.from({ length: 20 }, (_, n) => ({
      index: n % 7,
      payload: payloadFor(deriver, n % 7, digest(n)),
    }))
    const signatures = deriver.sign(seed, asked)
    expect(createDeriver(networkOf('bitcoin')).sign(Uint8Array.from(seed), asked)).toEqual(signatures)
    for (const [n, { index, payload }] of asked.entries()) {
      expect(deriver.sign(seed, [{ index, payload }])).toEqual([signatures[n]])
      const { publicKey } = deriver.derive(seed, index)
      expect(secp256k1.verify(payload.bytes, Buffer.from(publicKey, 'hex'), signatures[n]!, true)).toBe(true)
    }
  })

  test('a signature is that of RFC 6979 with the key that BIP-32 derives', () => {
    const branch = HDKey.fromMasterSeed(seed).derive("m/84'/0'/0'/0")
    const deriver = createDeriver(networkOf('bitcoin'))
    for (const index of [0, 1, 1000, 2 ** 31 - 1]) {
      const [signature] = deriver.sign(seed, [{ index, payload: payloadFor(deriver, index, digest(index % 251)) }])
      expect(signature).toEqual(secp256k1.sign(digest(index % 251), branch.deriveChild(index).privateKey!))
    }
  })

  test('an address is derived once, as long as it is among those kept', () => {
    const deriver = createDeriver(networkOf('bitcoin'))
    const first = deriver.derive(seed, 0)
    expect(deriver.derive(seed, 0)).toBe(first)
    expect(deriver.derive(Uint8Array.from(seed), 0)).toEqual(first)
    expect(deriver.derive(new Uint8Array(64), 0)).not.toEqual(first)
  })

  test('a key signs for no other address, no other algorithm and nothing but 32 bytes', () => {
    const deriver = createDeriver(networkOf('bitcoin'))
    const payload = payloadFor(deriver, 3, digest(1))
    const sign = (index: number, asked: Payload) => () => deriver.sign(seed, [{ index, payload: asked }])
    expect(sign(4, payload)).toThrow(/given to the key of/)
    expect(sign(3, { ...payload, bytes: new Uint8Array(31) })).toThrow(/31 bytes/)
    expect(sign(3, { ...payload, algorithm: 'ed25519-blake2b' })).toThrow(/ed25519/)
  })

  test.each([1, 2, 5])('a faulty signature among %d never leaves the deriver', async count => {
    const real = await vi.importActual<typeof secp256k1>('tiny-secp256k1')
    for (const faulty of Array.from({ length: count }, (_, n) => n)) {
      for (const at of [0, 31, 32, 63]) {
        let calls = 0
        const signRecoverable: typeof real.signRecoverable = (hash, key) => {
          const made = real.signRecoverable(hash, key)
          if (calls++ === faulty) made.signature[at]! ^= 1
          return made
        }
        vi.resetModules()
        vi.doMock('tiny-secp256k1', () => ({ ...real, signRecoverable }))
        const mocked = await import('../../adapters/bitcoin/deriver.ts')
        const deriver = mocked.createDeriver(networkOf('bitcoin'))
        const asked = Array.from({ length: count }, (_, n) => ({
          index: n,
          payload: payloadFor(deriver, n, digest(n)),
        }))
        expect(() => deriver.sign(seed, asked)).toThrow(`signature ${faulty} does not verify`)
      }
    }
    vi.doUnmock('tiny-secp256k1')
    vi.resetModules()
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
