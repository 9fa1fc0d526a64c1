import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base64Of, publicKeyOf, signBytes, signerOf } from '../../src/canonical.ts'
import { isSigned } from '../../src/signatures.ts'

const reference = (key: Uint8Array, signature: Uint8Array, bytes: Uint8Array): boolean => {
  try {
    return ed25519.verify(signature, bytes, key, { zip215: false })
  } catch {
    return false
  }
}
const ours = (key: Uint8Array, signature: Uint8Array, bytes: Uint8Array): boolean =>
  isSigned({ key: base64Of(key), signature: base64Of(signature) }, bytes)
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

function plusOrder(signature: Uint8Array): Uint8Array {
  let s = ORDER
  for (let n = 31; n >= 0; n--) s += BigInt(signature[32 + n]!) << BigInt(8 * n)
  const changed = signature.slice()
  for (let n = 0; n < 32; n++) changed[32 + n] = Number((s >> BigInt(8 * n)) & 255n)
  return changed
}

test('Ed25519: keys and signatures are those of RFC 8032, the same every time', () => {
  fc.assert(
    fc.property(bytesOf(32), fc.uint8Array(), (secret, message) => {
      const signer = signerOf(secret)
      const expected = {
        key: base64Of(ed25519.getPublicKey(secret)),
        signature: base64Of(ed25519.sign(message, secret)),
      }
      expect([signer.sign(message), signer.sign(message), signBytes(secret, message)]).toEqual(Array(3).fill(expected))
      expect([signer.key, publicKeyOf(secret)]).toEqual([expected.key, expected.key])
    }),
    { numRuns: 50 },
  )
})

describe('Ed25519 as OpenSSL verifies it', () => {
  test('agrees with a strict implementation on good signatures and on those with any one bit changed', () => {
    const where = fc.tuple(fc.constantFrom('key', 'signature', 'message'), fc.nat(511))
    fc.assert(
      fc.property(bytesOf(32), bytesOf(40), where, (secret, message, [part, at]) => {
        const given = { key: ed25519.getPublicKey(secret), signature: ed25519.sign(message, secret), message }
        expect(ours(given.key, given.signature, given.message)).toBe(true)
        const changed = { ...given, [part]: given[part as 'key'].slice() }
        const bytes = changed[part as 'key']
        bytes[(at >> 3) % bytes.length]! ^= 1 << (at & 7)
        expect(ours(changed.key, changed.signature, changed.message)).toBe(false)
        expect(reference(changed.key, changed.signature, changed.message)).toBe(false)
      }),
      { numRuns: 100 },
    )
  })

  test('takes no second form of a signature (s plus the order), which would be another authorisation', () => {
    const secret = new Uint8Array(32).fill(7)
    const message = new Uint8Array(10)
    const key = ed25519.getPublicKey(secret)
    expect(ours(key, plusOrder(ed25519.sign(message, secret)), message)).toBe(false)
  })

  test('takes no key of small order and none that is written in a second way', () => {
    const identity = new Uint8Array(32)
    identity[0] = 1
    const zero = new Uint8Array(32)
    const beyond = new Uint8Array(32).fill(255)
    beyond[0] = 0xee // p + 1: the identity again
    beyond[31] = 0x7f
    for (const key of [identity, zero, beyond]) {
      const signature = new Uint8Array(64)
      signature.set(identity)
      expect(ours(key, signature, new Uint8Array(3))).toBe(false)
    }
  })
})
