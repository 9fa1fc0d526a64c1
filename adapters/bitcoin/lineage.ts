/**
 * What stands on what: a transaction that pays us stands on those whose outputs it spends, and may be undone with them while it is in no
 * block. Kept for as long as something that it has paid lives, or stands on it and may still be taken back: a node that has taken the
 * place of another cannot tell what was in the blocks of the lost one.
 */
import { idOf, transactionOf, type Id, type IdOf } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import { heightOf, type SpendKey } from '../../machines/vocabulary.ts'
import { isKind, type Instance } from '../../src/kernel/entry.ts'
import { blockFacetsOf, facetOf, type Facet } from '../../src/kernel/facets.ts'
import type { BookMemory } from '../book-memory.ts'
import type { BookView } from '../book.ts'

/** The transaction that has made what this outpoint names. */
export const transactionOfKey = (key: SpendKey): IdOf<'transaction'> =>
  idOf('transaction', key.slice(0, key.lastIndexOf(':')))

/** What a transaction has paid to us. */
export const outputFacet = (transaction: IdOf<'transaction'>) => facetOf(['coin', 'deposit'], 'output', transaction)
/** Transactions that spend an output of this one, whosever it is. */
export const childFacet = (transaction: IdOf<'transaction'>) => facetOf(['transaction'], 'child', transaction)
/** Transactions that spend this key. */
export const inputFacet = (key: SpendKey) => facetOf(['transaction'], 'input', key)

/** What the family's instances are found by. */
export function lineageFacets(instance: Instance): Facet[] {
  if (isKind(instance, 'deposit')) {
    const { chain, transactionId } = instance.context
    return [outputFacet(transactionOf(chain, transactionId))]
  }
  if (isKind(instance, 'coin')) {
    const { chain, place, conflict, spent, transactionId } = instance.context
    return [...blockFacetsOf(chain, place, conflict, spent?.place), outputFacet(transactionOf(chain, transactionId))]
  }
  if (isKind(instance, 'transaction')) {
    const { inputs } = instance.context
    return [...inputs.map(inputFacet), ...new Set(inputs.map(key => childFacet(transactionOfKey(key))))]
  }
  return []
}

/** Whether it is in a block, as far as what it has paid to us says. */
function isInBlock(memory: BookMemory, transaction: IdOf<'transaction'>): boolean {
  const output = memory.one(outputFacet(transaction))
  return output !== undefined && memory.get(output)!.context.place !== null
}

/** Raw transactions that must be known to the node before this one, oldest first: what it spends or stands on and is in no block. */
export function parentsOf(memory: BookMemory, keys: readonly SpendKey[], seen = new Set<string>()): string[] {
  return keys.flatMap(key => {
    const id = transactionOfKey(key)
    const transaction = memory.get(id)?.context
    if (transaction === undefined || isInBlock(memory, id) || seen.has(id)) return []
    seen.add(id)
    const { inputs, raw } = transaction
    return [...parentsOf(memory, inputs, seen), ...(raw === null ? [] : [raw])]
  })
}

/** A transaction is new, or something that it has paid has ended or has come into a block: then what it stands on may be needed no more. */
export function leftBy(before: Instance | undefined, after: Instance): Id[] {
  if (isKind(after, 'transaction')) return before === undefined && !after.ended ? [after.id] : []
  if (before === undefined || (!isKind(after, 'coin') && !isKind(after, 'deposit'))) return []
  const { chain, transactionId, place } = after.context
  const hadPlace = 'place' in before.context && before.context.place !== null
  return after.ended || (place !== null && !hadPlace) ? [transactionOf(chain, transactionId)] : []
}

/** Whether no reorg that we accept takes it back. */
function isBeyondReorg({ memory, policy }: BookView, transaction: IdOf<'transaction'>): boolean {
  const output = memory.one(outputFacet(transaction))
  const place = output === undefined ? null : memory.get(output)!.context.place
  return place !== null && (memory.heights[policy.name] ?? 0) >= heightOf(place.height, policy.final)
}

/** Whether a transaction that may still be taken back stands on it, as deep as it goes. */
function bearsUnsettled(view: BookView, transaction: IdOf<'transaction'>): boolean {
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
export function forgetUnneeded(view: BookView, left: readonly IdOf<'transaction'>[]): Message[] {
  const { memory, at } = view
  const ids = new Set(left)
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
