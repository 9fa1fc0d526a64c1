import { sha256 } from '@noble/hashes/sha2.js'
import * as secp256k1 from 'tiny-secp256k1'
import { describe, expect, test } from 'vitest'
import { areValidTogether, type Made } from '../../adapters/batch-verification.ts'
import { withHighS } from './bitcoin/wallet.ts'

const bytes = (text: string): Uint8Array => sha256(new TextEncoder().encode(text))
const secret = bytes('branch')
const branch = secp256k1.pointFromScalar(secret, true)!

function made(n: number): Made {
  const digest = bytes(`digest ${n}`)
  const tweak = bytes(`tweak ${n % 10}`)
  return { digest, tweak, ...secp256k1.signRecoverable(digest, secp256k1.privateAdd(secret, tweak)!) }
}
const many = (count: number): Made[] => Array.from({ length: count }, (_, n) => made(n))
const flipped = (value: Uint8Array, at: number): Uint8Array => value.map((byte, n) => (n === at ? byte ^ 1 : byte))

describe('signatures that are verified together', () => {
  test.each([2, 3, 10, 100])('%d good ones are found good', count => {
    expect(areValidTogether(branch, many(count))).toBe(true)
  })

  test('the same key or the same digest again makes no difference', () => {
    expect(areValidTogether(branch, [made(1), made(11), made(1)])).toBe(true)
  })

  test('nothing is shown of one alone, nor of none', () => {
    expect(areValidTogether(branch, [])).toBe(false)
    expect(areValidTogether(branch, many(1))).toBe(false)
  })

  test('one flipped bit anywhere in any of them is found out', () => {
    const good = many(4)
    for (const [n, one] of good.entries())
      for (const field of ['digest', 'tweak', 'signature'] as const)
        for (let at = 0; at < one[field].length; at++) {
          const bad = good.with(n, { ...one, [field]: flipped(one[field], at) })
          expect(areValidTogether(branch, bad)).toBe(false)
        }
  })

  test('another branch, another parity of R, and signatures in another order are found out', () => {
    const good = many(5)
    expect(areValidTogether(secp256k1.pointFromScalar(bytes('other'), true)!, good)).toBe(false)
    for (const recoveryId of [0, 1, 2, 3].map(flip => good[0]!.recoveryId ^ flip).slice(1))
      expect(areValidTogether(branch, good.with(0, { ...good[0]!, recoveryId }))).toBe(false)
    const { signature, recoveryId } = good[1]!
    const swapped = good.with(0, { ...good[0]!, signature, recoveryId })
    const back = { signature: good[0]!.signature, recoveryId: good[0]!.recoveryId }
    expect(areValidTogether(branch, swapped.with(1, { ...good[1]!, ...back }))).toBe(false)
  })

  test('a high S verifies in the sum, and is not accepted', () => {
    const good = many(3)
    const { signature, recoveryId } = good[2]!
    const high = { ...good[2]!, signature: withHighS(signature), recoveryId: recoveryId ^ 1 }
    expect(areValidTogether(branch, good.with(2, high))).toBe(false)
  })

  test('an r or s of zero, of the order and above it, or of no point is not accepted', () => {
    const good = many(3)
    const order = Buffer.from('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141', 'hex')
    const noPoint = new Uint8Array(32).fill(5)
    expect(secp256k1.isPoint(Uint8Array.of(2, ...noPoint))).toBe(false)
    for (const scalar of [new Uint8Array(32), order, new Uint8Array(32).fill(0xff), noPoint])
      for (const at of [0, 32]) {
        const signature = Uint8Array.from(good[1]!.signature)
        signature.set(scalar, at)
        expect(areValidTogether(branch, good.with(1, { ...good[1]!, signature }))).toBe(false)
      }
  })
})
