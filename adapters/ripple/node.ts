/**
 * One server of the XRP Ledger. Only validated ledgers are followed, one after the other: what stands in one never leaves it, so that
 * a server which says otherwise halts the chain. Every call starts from what the caller stands on (A7).
 */
import type { Place } from '../../machines/vocabulary.ts'
import { Fault, invariant, operating } from '../../src/kernel/fault.ts'
import type { Request } from '../../src/kernel/ports.ts'
import type { Block, Counted, Identity, Next, Node, Quote } from '../adapter.ts'
import { createBroadcast } from './broadcast.ts'
import type { RippleFact } from './facts.ts'
import { createGatherer } from './gather.ts'
import type { Network } from './network.ts'
import { quoteOf } from './quote.ts'
import type { Reserve } from './reserve.ts'
import type { JsonNodeAccess } from '../json-node.ts'
import { createRpc, type Rpc } from './rpc.ts'
import { readServer } from './server.ts'
import { accountShape, feeShape, headerShape } from './shapes.ts'
import { blockOf, createLedgerSource, readLedgerHeader, type LedgerSource } from './source.ts'
import type { TagWatch } from './watch.ts'

/** What a node is made of. `node`: how to reach it. */
export interface RippleNodeOptions {
  chain: string
  asset: string
  network: Network
  watch: TagWatch
  /** Told of what the server says. */
  reserve: Reserve
  request: Request
  node: JsonNodeAccess
  /** Drops: no transaction of ours pays more. */
  maximumFee: bigint
}

/** A3, X10. */
async function identify(rpc: Rpc, network: Network): Promise<Identity> {
  const { tip, networkId, version, warning } = await readServer(rpc)
  const { time } = await readLedgerHeader(rpc, tip.height)
  const mismatch =
    networkId === network.id
      ? null
      : `the server is on another network: its network_id is ${networkId}, the configured one ${network.id}`
  return { mismatch, height: tip.height, syncing: false, version, tipTime: time, warning }
}

const base = (rpc: Rpc, height: number | 'latest'): Promise<Block> =>
  readLedgerHeader(rpc, height === 'latest' ? 'validated' : Math.max(1, height - 1))

interface Following {
  rpc: Rpc
  source: LedgerSource
  reserve: Reserve
}

/**
 * The next validated ledger, if it stands on ours. A server that is lower lags (A4); one that lacks what comes next holds the cursor
 * (X5); what it has not validated is no answer (X15).
 */
async function next({ rpc, source, reserve }: Following, recent: readonly Place[]): Promise<Next<RippleFact>> {
  const tip = recent.at(-1)
  if (!tip) throw invariant('no-tip', 'a chain is followed from a block that it stands on')
  const server = await readServer(rpc)
  reserve.noteTerms(server)
  const nodeHeight = server.tip.height
  const unchanged: Next<RippleFact> = { kind: 'unchanged', nodeHeight, syncing: false }
  const disconnected: Next<RippleFact> = {
    kind: 'disconnected',
    block: { height: tip.height, hash: tip.hash },
    nodeHeight,
  }
  if (nodeHeight < tip.height) return unchanged
  if (nodeHeight === tip.height) return server.tip.hash === tip.hash ? unchanged : disconnected
  const height = tip.height + 1
  if (!server.has(height))
    throw operating(
      'node-lacks-ledgers',
      `the server does not have ledger ${height}, only ${server.completeLedgers}: use one with a longer history, or let it fetch what it lacks`,
    )
  const ledger = await source.fetch(height)
  if (ledger === null) return unchanged
  if (ledger.block.parent !== tip.hash) return disconnected
  if (height < nodeHeight) source.prefetch(height + 1)
  return { kind: 'connected', block: ledger.block, facts: ledger.facts, nodeHeight }
}

/** Whether the server has said what the account owns. What it does not say now it says later: nothing waits for it. */
async function noteOwned(rpc: Rpc, watch: TagWatch, reserve: Reserve): Promise<boolean> {
  const account = watch.account()
  if (account === null) return false
  const asked = { account, ledger_index: 'validated' }
  try {
    const found = await rpc.ask(accountShape, ['actNotFound'], 'account_info', asked)
    reserve.noteOwned(found.ok ? found.result.account_data.OwnerCount : null)
    return true
  } catch (error) {
    if (error instanceof Fault && error.type === 'operating') return false
    throw error
  }
}

async function quote(rpc: Rpc, { asset, maximumFee }: RippleNodeOptions): Promise<Quote> {
  const { drops } = await rpc.call(feeShape, 'fee')
  return quoteOf(asset, drops, maximumFee)
}

/** As of the last validated ledger. */
async function count(rpc: Rpc, chain: string, addresses: readonly string[]): Promise<Counted> {
  const { ledger } = await rpc.call(headerShape, 'ledger', { ledger_index: 'validated' })
  const { height, hash } = blockOf(ledger)
  const accounts = [...new Set(addresses)]
  const holdings: Counted['holdings'] = []
  for (const account of accounts) {
    const found = await rpc.ask(accountShape, ['actNotFound'], 'account_info', { account, ledger_hash: hash })
    if (found.ok) holdings.push({ key: `${chain}:${account}`, amount: found.result.account_data.Balance })
  }
  return { at: { height, hash }, holdings }
}

/** Rejects with operating faults (retry later). */
export function createRippleNode(options: RippleNodeOptions): Node<RippleFact> {
  const { chain, asset, network, watch, request, reserve } = options
  const rpc = createRpc(options.node, request)
  const source = createLedgerSource(rpc, { chain, asset, watch })
  const broadcast = createBroadcast(rpc)
  const gather = createGatherer(rpc, network)
  let isOwnedKnown = false
  return {
    identify() {
      source.reset()
      return identify(rpc, network)
    },
    base: height => base(rpc, height),
    async next(recent) {
      const answer = await next({ rpc, source, reserve }, recent)
      // Whatever it owns more or less now, a transaction has paid its fee for it, or has paid us.
      isOwnedKnown &&= answer.kind !== 'connected' || answer.facts.length === 0
      if (!isOwnedKnown) isOwnedKnown = await noteOwned(rpc, watch, reserve)
      return answer
    },
    // A validated ledger is never left.
    left: async () => [],
    // What is not validated says nothing.
    pending: async () => [],
    gather,
    quote: () => quote(rpc, options),
    publish: transaction => broadcast.publish(transaction),
    locate: transaction => broadcast.locate(transaction),
    count: addresses => count(rpc, chain, addresses),
  }
}
