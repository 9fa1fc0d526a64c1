/**
 * One account for a network, and a destination tag for each address after the first: what is generated is the tag, equal
 * to the index. The account's key is at `m/44'/144'/<network>'/0/0` (BIP-44), so that no key serves two networks: the same
 * bytes would be valid on both (X19).
 */
import * as secp256k1 from 'tiny-secp256k1'
import type { Derived, Deriver } from '../adapter.ts'
import { createKeyBranch } from '../secp256k1.ts'
import { accountOf } from './address.ts'
import type { Network } from './network.ts'

const ACCOUNT_INDEX = 0

/** Fails as `createKeyBranch` does. The treasury has no tag. */
export function createDeriver(network: Network): Deriver {
  const branch = createKeyBranch({
    path: `m/44'/144'/${network.id}'/0`,
    addressOf: point => accountOf(secp256k1.pointCompress(point, true)),
  })
  return {
    derive(seed, index): Derived {
      const own = branch.derive(seed, ACCOUNT_INDEX)
      return index === ACCOUNT_INDEX ? own : { ...own, index, dataField: String(index) }
    },
    sign: (seed, payloads) =>
      branch
        .sign(
          seed,
          payloads.map(({ payload }) => ({ index: ACCOUNT_INDEX, payload })),
        )
        .map(({ signature }) => signature),
  }
}
