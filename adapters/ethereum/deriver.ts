/** Keys and addresses of EVM chains: BIP-44 with SLIP-44's 60, the same on every chain, as wallets have it. */
import * as secp256k1 from 'tiny-secp256k1'
import type { Deriver } from '../adapter.ts'
import { invariant } from '../../src/kernel/fault.ts'
import { createKeyBranch } from '../secp256k1.ts'
import { addressOfPoint } from './address.ts'

const PATH = "m/44'/60'/0'/0"

/** Fails as `createKeyBranch` does. A signature is 65 bytes: r, s, and the parity of R's y, from which nodes learn who has signed. */
export function createDeriver(): Deriver {
  const { derive, sign } = createKeyBranch({ path: PATH, addressOf: addressOfPoint })
  return {
    derive,
    sign: (seed, payloads) =>
      sign(seed, payloads).map(({ signature, recoveryId }, n) => {
        const { bytes, address } = payloads[n]!.payload
        if (!isSenderOf(address, bytes, signature, recoveryId))
          throw invariant('bad-signature', `signature ${n} names another sender: it stays here`)
        return Uint8Array.from([...signature, recoveryId])
      }),
  }
}

/** Ids above 1 (an r that was reduced, a chance of 2^-127) have no place in a transaction. */
function isSenderOf(address: string, digest: Uint8Array, signature: Uint8Array, recoveryId: number): boolean {
  if (recoveryId !== 0 && recoveryId !== 1) return false
  const point = secp256k1.recover(digest, signature, recoveryId, false)
  return point !== null && addressOfPoint(point) === address
}
