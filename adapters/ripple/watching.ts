/** The ripple family, as the watcher needs it. */
import { z } from 'zod'
import { boundary } from '../../src/kernel/fault.ts'
import type { OpenWatching } from '../family.ts'
import { createBook } from './book.ts'
import { LEDGER_TICKETS, networkOf, XRP_DECIMALS, type Network } from './network.ts'
import { createRippleNode } from './node.ts'
import { createPlanner } from './planner.ts'
import { createReserve } from './reserve.ts'
import { createSignable } from './signable.ts'
import { createWatch } from './watch.ts'

/** What the family alone has in its configuration. */
const ownShape = z.object({
  tickets: z.object({ low: z.number(), high: z.number() }),
  fees: z.object({ maximumFee: z.string().transform(BigInt) }),
})

/** The public networks close a ledger every few seconds; any other at will. */
const LEDGER_SECONDS = 4
const PUBLIC_IDS = [0, 1, 2]
const blockSecondsOf = ({ id }: Network): number | null => (PUBLIC_IDS.includes(id) ? LEDGER_SECONDS : null)

/** The watcher's half of the family. Boundary fault `configuration` for what the family cannot do. */
export const watchRipple: OpenWatching = (
  { chain, network: configured, asset, minimumDeposit, node, own },
  { request },
) => {
  const network = networkOf(configured)
  const read = ownShape.safeParse(own)
  if (!read.success) throw boundary('configuration', `chains.${chain}: ${z.prettifyError(read.error)}`)
  const { tickets, fees } = read.data
  const { maximumFee } = fees
  const watch = createWatch()
  const reserve = createReserve()
  return {
    watch,
    node: createRippleNode({ chain, asset, network, watch, reserve, request, node, maximumFee }),
    planner: createPlanner(chain, network, { asset, maximumFee, tickets }),
    book: createBook(reserve),
    // What the signer allows is for the signer to say.
    signable: createSignable(chain, asset, network, { maximumTickets: LEDGER_TICKETS }),
    blockSeconds: blockSecondsOf(network),
    assets: { [asset]: { minimumDeposit, decimals: XRP_DECIMALS } },
  }
}
