/** What had ended in the last blocks, read from the archive before a chain may go back further than `final`. */
import { attemptId, transactionOf, type Id, type IdOf } from '../../machines/ids.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { firstThatAsync } from '../kernel/bisect.ts'
import { isKind, type Found, type Instance, type InstanceOf } from '../kernel/entry.ts'
import { READ_MAXIMUM, type Archive } from '../ledger/engine.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'
import { ENDING_IN_BLOCKS } from '../orchestrator/routes/recovery.ts'

/** Where an instance stands, or what undid it. */
function placesOf(instance: Instance): (Place | null | undefined)[] {
  if (isKind(instance, 'deposit')) return [instance.context.place, instance.context.conflict]
  if (isKind(instance, 'coin'))
    return [instance.context.place, instance.context.spent?.place, instance.context.conflict]
  if (
    isKind(instance, 'movement') ||
    isKind(instance, 'attempt') ||
    isKind(instance, 'transfer') ||
    isKind(instance, 'withdrawal')
  )
    return [instance.context.place]
  return []
}

/** The first seq at which the chain was as high: nothing that stands in such a block can have ended before. */
const seqAtHeight = (archive: Archive, last: number, chain: string, height: number): Promise<number> =>
  firstThatAsync(last, async n => {
    const [entry] = await archive.entries(n, 1)
    return entry === undefined || (entry.heights[chain] ?? -1) >= height
  })

/** Instances of a chain that ended in one of these blocks. */
async function endedIn(
  archive: Archive,
  chain: string,
  hashes: ReadonlySet<string>,
  after: number,
): Promise<Instance[]> {
  const found: Instance[] = []
  for (const kind of ENDING_IN_BLOCKS)
    for (let from = after; ;) {
      const page: Instance[] = await archive.list({ kind, chain, after: from, limit: READ_MAXIMUM })
      const last = page.at(-1)
      if (last === undefined) break
      found.push(...page.filter(instance => placesOf(instance).some(place => place && hashes.has(place.hash))))
      from = last.seq
    }
  return found
}

/**
 * Instances that ended by one of the blocks that the chain can still leave, and what hangs on them. Empty where no reorg is
 * under way: then nothing that has ended is in question.
 */
export async function endedInLastBlocks(memory: LiveMemory, archive: Archive, chain: string): Promise<Instance[]> {
  const context = chainContext(memory, chain)
  const [first] = context?.blocks ?? []
  if (context === null || first === undefined || context.top === null) return []
  const hashes = new Set(context.blocks.map(({ hash }) => hash))
  const after = await seqAtHeight(archive, memory.seq, chain, first.height)
  const found = new Map<Id, Instance>()
  for (const instance of await endedIn(archive, chain, hashes, after)) found.set(instance.id, instance)
  /** As it ended; null where it is live, found already, or was never there. */
  const read = async <I extends Id>(id: I): Promise<Found<I> | null> =>
    memory.get(id) !== undefined || found.has(id) ? null : archive.read(id)
  const add = async (ids: Iterable<Id>): Promise<void> => {
    for (const id of ids) {
      const instance = await read(id)
      if (instance !== null) found.set(instance.id, instance)
    }
  }
  await add(holdersOf(found.values()))
  await add(attemptsOf(memory, found.values()))
  await add(transactionsOf(found.values()))
  return [...found.values()]
}

/** The transfers that these coins were reserved for: what undid a coin has undone them. */
function holdersOf(instances: Iterable<Instance>): Set<IdOf<'transfer'>> {
  const coins = [...instances].filter(instance => isKind(instance, 'coin'))
  return new Set(coins.flatMap(({ context: { holder, rivals } }) => (holder === null ? rivals : [holder, ...rivals])))
}

/** All attempts of these transfers, and of the live ones among those that the coins name: with one that is final the others have ended. */
function attemptsOf(memory: LiveMemory, instances: Iterable<Instance>): IdOf<'attempt'>[] {
  const found = [...instances]
  const live = [...holdersOf(found)].flatMap(id => memory.get(id) ?? [])
  const transfers: InstanceOf<'transfer'>[] = [...found.filter(instance => isKind(instance, 'transfer')), ...live]
  return transfers.flatMap(({ id, context: { attempts } }) =>
    Array.from({ length: attempts }, (_, n) => attemptId(id, n + 1)),
  )
}

/** What has paid these. */
function transactionsOf(instances: Iterable<Instance>): Set<IdOf<'transaction'>> {
  const paid = [...instances].filter(instance => isKind(instance, 'coin') || isKind(instance, 'deposit'))
  return new Set(paid.map(({ context: { chain, transactionId } }) => transactionOf(chain, transactionId)))
}
