/**
 * Blocks that are read once more. A transaction of ours that the node has in a block which was applied long ago was not known when it was
 * (another ledger had it signed, or had its address made): what the block says of it is told again, and what was known hears nothing new.
 */
import type { Fact, Node } from '../../adapters/adapter.ts'
import type { Id } from '../../machines/ids.ts'
import type { Place } from '../../machines/vocabulary.ts'
import type { Archive } from '../ledger/engine.ts'
import { onFacts } from '../orchestrator/routes/facts.ts'
import type { RouteView } from '../orchestrator/routes/view.ts'
import type { Clock, Log } from '../kernel/ports.ts'
import { chainContext, type Orchestrator } from '../orchestrator/orchestrator.ts'

export interface Rereading {
  /** In this block of the node something of ours stands. Kept once, and forgotten where too many are wanted. */
  want(place: Place): void
  /** Reads one of them, where all of it is behind us. Rejects as the node does. */
  read(): Promise<void>
}

/** Whoever would hear of these facts and is neither live nor has ended. */
export async function unheardOf(view: RouteView, facts: readonly Fact[], archive: Archive): Promise<Id[]> {
  const unheard: Id[] = []
  for (const id of new Set(onFacts(view, facts).map(({ to }) => to)))
    if (view.memory.get(id) === undefined && (await archive.read(id)) === null) unheard.push(id)
  return unheard
}

const MAXIMUM_WANTED = 100

export interface RereadingOptions {
  chain: string
  node: Pick<Node, 'base' | 'next'>
  orchestrator: Orchestrator
  clock: Clock
  log: Log
  /** Whether every spend of ours among these is one that the ledger knows to be signed. */
  areExplained(facts: readonly Fact[]): boolean
  /** Whoever would hear of these facts and is neither live nor has ended. */
  unheardOf(facts: readonly Fact[]): Promise<Id[]>
}

export function createRereading(options: RereadingOptions): Rereading {
  const { chain, node, orchestrator, clock, log } = options
  const wanted = new Map<string, Place>()

  /** Null where the node has another block there by now. */
  async function blockAt({ height, hash }: Place) {
    const below = await node.base(height)
    const next = await node.next([{ height: below.height, hash: below.hash }])
    return next.kind === 'connected' && next.block.hash === hash ? next : null
  }

  return {
    want(place) {
      if (place.height > 0 && wanted.size < MAXIMUM_WANTED) wanted.set(place.hash, place)
    },
    async read() {
      const [place] = wanted.values()
      const height = chainContext(orchestrator.memory, chain)?.height ?? -1
      if (place === undefined) return
      wanted.delete(place.hash)
      // What is not applied yet is read in its turn.
      if (place.height > height) return
      const block = await blockAt(place)
      // A spend that nobody knows is found by following, which asks the signer first.
      if (block === null || !options.areExplained(block.facts)) return
      log('info', 'a block is read again: something of ours stands in it', { chain, ...place })
      const { facts } = block
      const data = { chain, block: place, facts, unheardOf: await options.unheardOf(facts) }
      await orchestrator.dispatch({ type: 'block.reread', at: clock.now(), data })
    },
  }
}
