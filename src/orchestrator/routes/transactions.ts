/**
 * How long a transaction is kept: for as long as something that it has paid lives, or stands on it and may still be taken back. A node
 * that has taken the place of another cannot tell what was in the blocks of the lost one.
 */
import { transactionOfKey, type IdOf } from '../../../machines/ids.ts'
import { heightOf } from '../../../machines/vocabulary.ts'
import { tell, type Message } from '../../../machines/messages.ts'
import { childFacet, outputFacet } from '../facets.ts'
import type { LiveMemory } from '../memory.ts'
import type { RouteView } from './view.ts'

/** Looked at in one block: what is left over is looked at with the next. */
const MAXIMUM_AT_ONCE = 5000

/** Whether it is in a block, as far as what it has paid to us says. */
export function isInBlock(memory: LiveMemory, transaction: IdOf<'transaction'>): boolean {
  const output = memory.one(outputFacet(transaction))
  return output !== undefined && memory.get(output)!.context.place !== null
}

/** Whether no reorg that we accept takes it back. */
function isBeyondReorg({ memory, policy }: RouteView, transaction: IdOf<'transaction'>): boolean {
  const output = memory.one(outputFacet(transaction))
  const place = output === undefined ? null : memory.get(output)!.context.place
  return place !== null && (memory.heights[policy.name] ?? 0) >= heightOf(place.height, policy.final)
}

/** Whether a transaction that may still be taken back stands on it, as deep as it goes. */
function bearsUnsettled(view: RouteView, transaction: IdOf<'transaction'>): boolean {
  const { memory } = view
  const above = new Set([transaction])
  for (const id of above)
    for (const child of memory.find(childFacet(id))) {
      if (isBeyondReorg(view, child)) continue
      if (memory.one(outputFacet(child)) !== undefined) return true
      above.add(child)
    }
  return false
}

/** Of those of which less lives than before, and of what they stand on, the ones that nobody needs. */
export function onLeft(view: RouteView): Message[] {
  const { memory, policy, at } = view
  const ids = new Set(memory.takeLeft(policy.name, MAXIMUM_AT_ONCE))
  const forgotten: Message[] = []
  // A set grows while it is walked: what is forgotten or settled needs nothing below it any more.
  for (const id of ids) {
    const transaction = memory.get(id)
    if (transaction === undefined) continue
    const isPaid = memory.one(outputFacet(id)) !== undefined
    const isNeeded = isPaid || bearsUnsettled(view, id)
    if (!isNeeded) forgotten.push(tell(id, 'transaction.forgotten', at, {}))
    if (isNeeded && !isBeyondReorg(view, id)) continue
    for (const key of transaction.context.inputs) {
      const parent = transactionOfKey(key)
      if (memory.get(parent) !== undefined) ids.add(parent)
    }
  }
  return forgotten
}
