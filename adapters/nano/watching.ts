/** The nano family, as the watcher needs it. */
import { z } from 'zod'
import { boundary, Fault } from '../../src/kernel/fault.ts'
import type { OpenWatching } from '../family.ts'
import { canonical } from './address.ts'
import { createBook } from './book.ts'
import { networkOf, type Network } from './network.ts'
import { createNanoNode } from './node.ts'
import { createPlanner } from './planner.ts'
import { createSignable } from './signable.ts'
import { readTemplate } from './template.ts'
import { createWatch } from './watch.ts'

const ownShape = z.object({
  representative: z.string().optional(),
  work: z.object({ servers: z.array(z.string()), local: z.boolean() }),
  sweep: z.object({ minimum: z.string() }),
})

/** A send that is smaller than this part of what is swept is not worth the work of receiving it. */
const WORTHWHILE_PARTS = 16n

const partOf = (sweepMinimum: bigint): bigint => (sweepMinimum + WORTHWHILE_PARTS - 1n) / WORTHWHILE_PARTS

/** What is never received is no deposit, unless the configuration says that it is. */
const minimumOf = (configured: string, sweepMinimum: bigint): bigint =>
  configured === '0' ? partOf(sweepMinimum) : BigInt(configured)

function representativeOf(chain: string, address: string | undefined, network: Network): string | null {
  try {
    return address === undefined ? null : canonical(address, network)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    throw boundary('configuration', `chains.${chain}.representative: ${error.message}`)
  }
}

/** The watcher's half of the family. Boundary fault `configuration` for what the family cannot do. */
export const watchNano: OpenWatching = (configured, { request, clock, log, work }) => {
  const { chain, network: name, asset, minimumDeposit, node } = configured
  const network = networkOf(name)
  const own = ownShape.parse(configured.own)
  const representative = representativeOf(chain, own.representative, network)
  const watch = createWatch(chain)
  const { servers, local } = own.work
  const sweepMinimum = BigInt(own.sweep.minimum)
  const least = minimumOf(minimumDeposit, sweepMinimum)
  const worthwhile = least < partOf(sweepMinimum) ? least : partOf(sweepMinimum)
  return {
    watch,
    node: createNanoNode({
      ...{ chain, asset, network, watch, request, clock, log, node, worthwhile },
      work: { servers, local: local ? work : null },
    }),
    planner: createPlanner({ chain, network, representative, sweepMinimum, worthwhile }),
    book: createBook({
      chain,
      read: template => readTemplate(template, network, { representative }),
      indexOf: address => watch.indexOf(address),
    }),
    signable: createSignable(chain, asset, network, { representative }),
    blockSeconds: null,
    assets: { [asset]: { minimumDeposit: String(least), decimals: network.decimals } },
  }
}
