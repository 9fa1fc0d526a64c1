/**
 * Verifies the signatures of one transaction together. One by itself takes twice as long to verify as to make.
 *
 * ECDSA holds where R = (z/s)·G + (r/s)·P. All keys are children of one branch, P = B + t·G with public t (BIP-32), so
 * the equations of all inputs, added up, need two multiplications however many inputs and keys there are:
 *
 *     Σ R  =  Σ (z + r·t)/s · G  +  Σ r/s · B
 *
 * A fault in any of them breaks the sum. That errors cancel each other is possible only for somebody who chooses them:
 * this is for signatures that this process has just made, never for those that came from elsewhere.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import * as secp256k1 from 'tiny-secp256k1'

/** A signature with what it was made of. */
export interface Made {
  digest: Uint8Array
  /** The key is the branch's with this added. */
  tweak: Uint8Array
  /** r and s, 32 bytes each. */
  signature: Uint8Array
  /** Whether R's y is odd (bit 0); bit 1, an r that was reduced, has a chance of 2^-127. */
  recoveryId: number
}

/** Of fewer each is verified by itself at less cost. */
const LEAST = 2
/** The order of secp256k1 (SEC 2). */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${bytesToHex(bytes)}`)
const bytesOf = (scalar: bigint): Uint8Array => hexToBytes(scalar.toString(16).padStart(64, '0'))

/**
 * True where all of them verify, each with a low S (BIP-146), for children of the compressed public key `branch`. False
 * says only that nothing was shown.
 */
export function areValidTogether(branch: Uint8Array, made: readonly Made[]): boolean {
  if (made.length < LEAST) return false
  const rs = made.map(({ signature }) => numberOf(signature.subarray(0, 32)))
  const ss = made.map(({ signature }) => numberOf(signature.subarray(32)))
  if (!rs.every(isScalar) || !ss.every(s => isScalar(s) && s <= ORDER / 2n)) return false
  const inverses = inversesOf(ss)
  let ofGenerator = 0n
  let ofBranch = 0n
  for (const [n, { digest, tweak }] of made.entries()) {
    ofGenerator += ((numberOf(digest) + rs[n]! * numberOf(tweak)) % ORDER) * inverses[n]!
    ofBranch += rs[n]! * inverses[n]!
  }
  const expected = combined(branch, ofGenerator % ORDER, ofBranch % ORDER)
  const sum = sumOf(made)
  return expected !== null && sum !== null && bytesToHex(expected) === bytesToHex(sum)
}

const isScalar = (number: bigint): boolean => number > 0n && number < ORDER

/** Montgomery's trick: one inversion and three multiplications each. None is zero. */
function inversesOf(numbers: readonly bigint[]): bigint[] {
  const before: bigint[] = []
  let product = 1n
  for (const number of numbers) {
    before.push(product)
    product = (product * number) % ORDER
  }
  let inverse = power(product, ORDER - 2n)
  const inverses: bigint[] = []
  for (let n = numbers.length - 1; n >= 0; n--) {
    inverses[n] = (inverse * before[n]!) % ORDER
    inverse = (inverse * numbers[n]!) % ORDER
  }
  return inverses
}

/** Modulo the order; by Fermat it inverts. At most 256 turns. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % ORDER
    square = (square * square) % ORDER
  }
  return result
}

/** Null at infinity. */
function combined(branch: Uint8Array, ofGenerator: bigint, ofBranch: bigint): Uint8Array | null {
  if (!isScalar(ofGenerator) || !isScalar(ofBranch)) return null
  const multiple = secp256k1.pointMultiply(branch, bytesOf(ofBranch), false)
  return multiple && secp256k1.pointAddScalar(multiple, bytesOf(ofGenerator), false)
}

/** Of all R. Uncompressed on the way, which saves a square root each time; null at infinity or where one is no point. */
function sumOf(made: readonly Made[]): Uint8Array | null {
  const points = made.map(({ signature, recoveryId }) => {
    const point = new Uint8Array(33)
    point[0] = 2 + (recoveryId & 1)
    point.set(signature.subarray(0, 32), 1)
    return point
  })
  if (made.some(({ recoveryId }) => recoveryId > 1)) return null
  try {
    return points
      .slice(1)
      .reduce<Uint8Array | null>(
        (sum, point) => sum && secp256k1.pointAdd(sum, point, false),
        secp256k1.pointCompress(points[0]!, false),
      )
  } catch {
    return null
  }
}
