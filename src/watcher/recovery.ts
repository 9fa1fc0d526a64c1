/** What had ended in the last blocks, read from the archive before a chain may go back further than `final`. */
import type { Place } from '../../machines/vocabulary.ts'
import { firstThatAsync } from '../kernel/bisect.ts'
import { isKind, type Instance } from '../kernel/entry.ts'
import { READ_MAXIMUM, type Archive } from '../ledger/engine.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'
import { ENDING_IN_BLOCKS } from '../orchestrator/routes/chains.ts'

/** Where an instance stands, or what undid it. */
function placesOf(instance: Instance): (Place | null | undefined)[] {
  if (isKind(instance, 'deposit')) return [instance.context.place, instance.context.conflict]
  if (isKind(instance, 'coin')) return [instance.context.place, instance.context.spent?.place]
  if (isKind(instance, 'attempt') || isKind(instance, 'transfer') || isKind(instance, 'withdrawal'))
    return [instance.context.place]
  return []
}

/** The first seq at which the chain was as high: nothing that stands in such a block can have ended before. */
const seqAtHeight = (archive: Archive, last: number, chain: string, height: number): Promise<number> =>
  firstThatAsync(last, async n => {
    const [entry] = await archive.entries(n, 1)
    return entry === undefined || (entry.heights[chain] ?? -1) >= height
  })

/**
 * Instances that ended in one of the blocks that the chain can still leave. Empty where no reorg is under way: then nothing
 * that has ended is in question.
 */
export async function endedInLastBlocks(memory: LiveMemory, archive: Archive, chain: string): Promise<Instance[]> {
  const context = chainContext(memory, chain)
  const [first] = context?.blocks ?? []
  if (context === null || first === undefined || context.top === null) return []
  const hashes = new Set(context.blocks.map(({ hash }) => hash))
  const after = await seqAtHeight(archive, memory.seq, chain, first.height)
  const found: Instance[] = []
  for (const kind of ENDING_IN_BLOCKS)
    for (let from = after; ;) {
      const page: Instance[] = await archive.list({ kind, chain, after: from, limit: READ_MAXIMUM })
      found.push(...page.filter(instance => placesOf(instance).some(place => place && hashes.has(place.hash))))
      if (page.length < READ_MAXIMUM) break
      from = page.at(-1)!.seq
    }
  return found
}
