/** A page that does not grow large: it ends earlier than was asked for, and its cursor says where to go on. */
import type { Instance } from '../kernel/entry.ts'
import { describe, type Scale } from './resources.ts'

/** Characters of JSON in one answer. */
export const PAGE_CHARACTERS = 4 * 1024 * 1024

/** How many of these may stand in one answer: one at least, however large. */
export function fitting(described: readonly unknown[]): number {
  let characters = 0
  const over = described.findIndex(each => (characters += JSON.stringify(each).length) > PAGE_CHARACTERS)
  return over < 0 ? described.length : Math.max(1, over)
}

/** The answer of a list. */
export function describePage({ items, next }: { items: readonly Instance[]; next: number | null }, scale: Scale) {
  const described = items.map(item => describe(item, scale))
  const count = fitting(described)
  return count === items.length
    ? { items: described, next }
    : { items: described.slice(0, count), next: items[count - 1]!.seq }
}
