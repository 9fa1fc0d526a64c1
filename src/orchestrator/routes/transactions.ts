/** How long a transaction is kept: for as long as something that it has paid lives, or stands on it in no block. */
import { transactionOfKey, type IdOf } from '../../../machines/ids.ts'
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

/** Whether a transaction that is in no block stands on it, as deep as it goes. */
function bearsUnplaced(memory: LiveMemory, transaction: IdOf<'transaction'>): boolean {
  const above = new Set([transaction])
  for (const id of above)
    for (const child of memory.find(childFacet(id))) {
      if (isInBlock(memory, child)) continue
      if (memory.one(outputFacet(child)) !== undefined) return true
      above.add(child)
    }
  return false
}

/** Of those of which less lives than before, and of what they stand on, the ones that nobody needs. */
export function onLeft({ memory, policy, at }: RouteView): Message[] {
  const ids = new Set(memory.takeLeft(policy.name, MAXIMUM_AT_ONCE))
  const forgotten: Message[] = []
  // A set grows while it is walked: what is forgotten or in a block needs nothing below it any more.
  for (const id of ids) {
    const transaction = memory.get(id)
    if (transaction === undefined) continue
    const isPaid = memory.one(outputFacet(id)) !== undefined
    const isNeeded = isPaid || bearsUnplaced(memory, id)
    if (!isNeeded) forgotten.push(tell(id, 'transaction.forgotten', at, {}))
    if (isNeeded && !isInBlock(memory, id)) continue
    for (const key of transaction.context.inputs) {
      const parent = transactionOfKey(key)
      if (memory.get(parent) !== undefined) ids.add(parent)
    }
  }
  return forgotten
}
