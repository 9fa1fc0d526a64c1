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

/** Null for any other call, and for this one in another encoding: longer, shorter, or with something before the address. */
export function readTransferCall(data: string): TokenTransfer | null {
  const match = FORM.exec(data)
  return match === null ? null : { to: checksummed(match[1]!), amount: BigInt(`0x${match[2]!}`) }
}

/** The first four bytes of keccak256("balanceOf(address)"). */
const BALANCE_SELECTOR = '0x70a08231'

/** `eth_call` of `balanceOf(address)`. */
export const balanceCall = (contract: string | undefined, address: string) => ({
  to: contract,
  data: `${BALANCE_SELECTOR}${PADDING}${address.slice(2).toLowerCase()}`,
})

/** keccak256("Transfer(address,address,uint256)"). */
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
const WORD_CHARACTERS = 2 + 64
/** An address stands at the end of its word. */
const PADDED = /^0x0{24}([0-9a-f]{40})$/

/**
 * What a log says has moved, addresses in lower case; null for every other event and for one of this name in another form: an NFT has
 * a fourth topic and no data (E5).
 */
export function readTransferLog(log: {
  topics: readonly string[]
  data: string
}): { from: string; to: string; amount: bigint } | null {
  const [event, from = '', to = '', ...more] = log.topics
  const [sender, payee] = [PADDED.exec(from), PADDED.exec(to)]
  if (event !== TRANSFER || more.length > 0 || sender === null || payee === null) return null
  if (log.data.length !== WORD_CHARACTERS) return null
  return { from: `0x${sender[1]!}`, to: `0x${payee[1]!}`, amount: BigInt(log.data) }
}
