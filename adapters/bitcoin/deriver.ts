/**
 * Keys and addresses of the Bitcoin family: BIP-84 P2WPKH where the network has segwit, BIP-44 P2PKH elsewhere; the first
 * account's external chain. R is not ground low as in Bitcoin Core: it doubles the work to save half a byte, and fees are
 * reckoned for the longest signature (size.ts).
 */
import * as secp256k1 from 'tiny-secp256k1'
import type { Deriver } from '../adapter.ts'
import { invariant } from '../../src/kernel/fault.ts'
import { createKeyBranch } from '../secp256k1.ts'
import { addressOf } from './address.ts'
import { hash160 } from './hash.ts'
import type { Network } from './network.ts'
import { scriptFor } from './script.ts'

/** Knows the keys of one network; fails as `createKeyBranch` does. */
export function createDeriver(network: Network): Deriver {
  const path = `m/${network.segwit ? 84 : 44}'/${network.coinType}'/0'/0`
  const { derive, sign } = createKeyBranch({
    path,
    addressOf(point) {
      const publicKey = secp256k1.pointCompress(point, true)
      const address = addressOf(scriptFor(network.segwit ? 'p2wpkh' : 'p2pkh', hash160(publicKey)), network)
      if (address === null) throw invariant('no-address', `a key of ${path} has no address`)
      return address
    },
  })
  return { derive, sign: (seed, payloads) => sign(seed, payloads).map(({ signature }) => signature) }
}
