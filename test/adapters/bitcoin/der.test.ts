import { hexToBytes } from '@noble/hashes/utils.js'
import { script as scripts } from 'bitcoinjs-lib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { derOf } from '../../../adapters/bitcoin/der.ts'

/** Numbers below the order, many of them short: leading zeros are where DER differs. */
const scalar = fc
  .tuple(fc.integer({ min: 1, max: 32 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map(([length, bytes]) => Uint8Array.from([...new Uint8Array(32 - length), ...bytes.subarray(32 - length)]))
  .filter(bytes => bytes.some(byte => byte !== 0))

test('BIP-66: a signature is encoded as bitcoinjs-lib encodes it, whatever r and s are', () => {
  fc.assert(
    fc.property(scalar, scalar, (r, s) => {
      const signature = Uint8Array.from([...r, ...s])
      expect([...derOf(signature)]).toEqual([...scripts.signature.encode(signature, 1)])
    }),
    { numRuns: 500 },
  )
})

test('BIP-143: the signature of its example of native P2WPKH', () => {
  const der =
    '304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a0220573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de67eebee01'
  const [r, s] = [der.slice(8, 72), der.slice(76, 140)]
  expect(derOf(hexToBytes(`${r}${s}`))).toEqual(hexToBytes(der))
})
