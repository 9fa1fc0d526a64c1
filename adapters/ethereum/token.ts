/** The one call of a contract that is ever made: `transfer(address,uint256)` of a listed token (ERC-20), in the contract ABI. */
import { checksummed } from './address.ts'

/** The first four bytes of keccak256("transfer(address,uint256)"). */
const SELECTOR = '0xa9059cbb'
const PADDING = '0'.repeat(24)
/** Selector, 12 zero bytes, the address, the amount. */
const FORM = new RegExp(`^${SELECTOR}${PADDING}([0-9a-f]{40})([0-9a-f]{64})$`)

/** `to` canonical, base units of the token below 2^256. */
export interface TokenTransfer {
  to: string
  amount: bigint
}

/** Call data, hex with `0x`. */
export const transferCall = ({ to, amount }: TokenTransfer): string =>
  `${SELECTOR}${PADDING}${to.slice(2).toLowerCase()}${amount.toString(16).padStart(64, '0')}`

/** Null for any other call, and for this one in another encoding: longer, shorter, or with something before the address. */
export function readTransferCall(data: string): TokenTransfer | null {
  const match = FORM.exec(data)
  return match === null ? null : { to: checksummed(match[1]!), amount: BigInt(`0x${match[2]!}`) }
}
