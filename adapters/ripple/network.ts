/** Which network of the XRP Ledger. https://xrpl.org/docs/concepts/networks-and-servers/network-ids */
import { z } from 'zod'
import { boundary } from '../../src/kernel/fault.ts'

/** A network by its id: 0 is the main network, 1 the test network, 2 the development network. */
export interface Network {
  id: number
  /** For templates and messages. */
  name: string
  /** From 1025 on the id stands in each transaction, and nowhere else (X9). */
  isNamedInTransactions: boolean
}

/** XRP has six decimals: the base unit is the drop. */
export const XRP_DECIMALS = 6
/** All drops that there ever were. */
export const MAXIMUM_DROPS = 100_000_000_000n * 10n ** BigInt(XRP_DECIMALS)

/** At most so many tickets an account can hold. https://xrpl.org/docs/concepts/accounts/tickets */
export const LEDGER_TICKETS = 250

/**
 * Who fills the account names this tag: it is the highest, so that no address has it, and no wallet puts it where somebody forgot his own
 * (many put 0). What is paid with it is the treasury's, and nobody's deposit.
 */
export const TREASURY_TAG = 0xffff_ffff

const LAST_UNNAMED = 1024
/** The path of its key names the network (X19), and a hardened step of BIP-32 has 31 bits. */
const MAXIMUM_ID = 0x7fff_ffff

const shape = z.strictObject({ networkId: z.int().min(0).max(MAXIMUM_ID) })

/** Throws a boundary fault `configuration` for anything but `{networkId}`. */
export function networkOf(configured: unknown): Network {
  const parsed = shape.safeParse(configured)
  if (!parsed.success) throw boundary('configuration', `network: ${z.prettifyError(parsed.error)}`)
  const { networkId: id } = parsed.data
  return { id, name: `xrpl-${id}`, isNamedInTransactions: id > LAST_UNNAMED }
}
