/** The attempts that are stored and not signed: they are all in memory, and whoever asks for them must not fill it. */
import type { IdOf } from '../../../machines/ids.ts'
import { isKind, type Instance } from '../../kernel/entry.ts'

/** What the memory holds of them; sizes are characters of JSON. */
export interface Unsigned {
  readonly size: number
  readonly characters: number
  has(id: IdOf<'signing'>): boolean
  get(id: IdOf<'signing'>): number | undefined
  /** With their sizes, those that were asked for first before others. */
  entries(): Iterable<[IdOf<'signing'>, number]>
}

/** Empty; `take` is told of every instance as it now is. */
export function countUnsigned(): { unsigned: Unsigned; take: (instance: Instance) => void } {
  const sizes = new Map<IdOf<'signing'>, number>()
  let characters = 0
  const unsigned: Unsigned = {
    get size() {
      return sizes.size
    },
    get characters() {
      return characters
    },
    has: id => sizes.has(id),
    get: id => sizes.get(id),
    entries: () => sizes.entries(),
  }
  const take = (instance: Instance): void => {
    if (!isKind(instance, 'signing')) return
    const { id, context, ended } = instance
    const size = ended ? 0 : JSON.stringify(context).length
    characters += size - (sizes.get(id) ?? 0)
    if (ended) sizes.delete(id)
    else sizes.set(id, size)
  }
  return { unsigned, take }
}
