/** Accounts and destination tags, apart or as one X-address (XLS-5). https://xrpl.org/docs/concepts/accounts/addresses */
import { createHash } from 'node:crypto'
import codec from 'ripple-address-codec'
import type { Network } from './network.ts'

/** A destination as the ledger knows it. `tag`: 0 to 2^32 - 1; null where there is none, and 0 is one (X3). */
export interface TaggedAddress {
  /** Classic: `r…` */
  account: string
  tag: number | null
}

const MAXIMUM_TAG = 0xffff_ffff
const TAG = /^(0|[1-9][0-9]{0,9})$/
const MAIN = 0

/** From a compressed secp256k1 key, 33 bytes: RIPEMD-160 of SHA-256. */
export function accountOf(publicKey: Uint8Array): string {
  const sha256 = createHash('sha256').update(publicKey).digest()
  return codec.encodeAccountID(createHash('ripemd160').update(sha256).digest())
}

/** The tag that a data field says, or undefined where it is no tag: decimal digits, nothing else. */
export function tagOf(dataField: string): number | undefined {
  const tag = TAG.test(dataField) ? Number(dataField) : Infinity
  return tag <= MAXIMUM_TAG ? tag : undefined
}

/** Account and tag as one, for people; of the test networks it begins with T. */
export const xAddressOf = ({ account, tag }: TaggedAddress, network: Network): string =>
  codec.classicAddressToXAddress(account, tag ?? false, network.id !== MAIN)

/** Classic or X-address; null for what is neither, or an X-address of the other kind of network. */
export function readAddress(text: string, network: Network): TaggedAddress | null {
  if (codec.isValidClassicAddress(text)) return { account: text, tag: null }
  if (!codec.isValidXAddress(text)) return null
  const { classicAddress, tag, test } = codec.xAddressToClassicAddress(text)
  if (test !== (network.id !== MAIN)) return null
  return { account: classicAddress, tag: tag === false ? null : tag }
}
