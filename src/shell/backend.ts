/**
 * S6: that the cryptography is there, right and fast. Right is checked where keys are derived (a known answer). There: Node's
 * own crypto has no second implementation, and tiny-secp256k1 is WebAssembly or nothing. Fast is measured against the
 * pure JavaScript of @noble/curves, in this very process: what is not clearly faster is a fallback that somebody has put in
 * the place of the WebAssembly, or WebAssembly that is interpreted.
 */
import { secp256k1 as javascript } from '@noble/curves/secp256k1.js'
import * as webassembly from 'tiny-secp256k1'
import { invariant } from '../kernel/fault.ts'

const ROUNDS = 5
/**
 * WebAssembly is compiled well only after a while, on a busy machine after a long while: it is given the time. A fallback
 * in JavaScript stays as slow as JavaScript, so the last word is the same however busy the machine is.
 */
const MAXIMUM_BATCHES = 100
/** Measured: 5 to 10 times once compiled well, 1.6 before. The quickest of all rounds counts on either side. */
const LEAST_RATIO = 1.4

type Verifier = Pick<typeof webassembly, 'sign' | 'verify' | 'pointFromScalar'>

/** @throws invariant `crypto-backend` */
export function refuseSlowBackend(backend: Verifier = webassembly): void {
  const secret = new Uint8Array(32).fill(7)
  const digest = new Uint8Array(32).fill(9)
  const publicKey = backend.pointFromScalar(secret, true)!
  const signature = backend.sign(digest, secret)
  const options = { prehash: false, lowS: true }
  let fastMs = Infinity
  let slowMs = Infinity
  // In turns, so that whatever else the machine does hits both.
  for (let round = 1; round <= MAXIMUM_BATCHES * ROUNDS; round++) {
    fastMs = Math.min(
      fastMs,
      msOf(() => backend.verify(digest, publicKey, signature)),
    )
    slowMs = Math.min(
      slowMs,
      msOf(() => javascript.verify(signature, digest, publicKey, options)),
    )
    if (round % ROUNDS === 0 && slowMs / fastMs >= LEAST_RATIO) return
  }
  throw invariant(
    'crypto-backend',
    `verifying takes ${fastMs.toFixed(3)} ms, pure JavaScript ${slowMs.toFixed(3)} ms: the secp256k1 backend is a slow fallback`,
  )
}

function msOf(verify: () => boolean): number {
  const startedAt = performance.now()
  if (!verify()) throw invariant('crypto-backend', 'the secp256k1 backend and pure JavaScript disagree')
  return performance.now() - startedAt
}
