/**
 * The newest first, of lists that the API gives by the seq of the last change, oldest first: what is asked for is the part of
 * the journal between two seqs, and how large a part holds a page is found by trying. So any page of a million rows costs a few
 * requests of one page each, and none of them walks through the rest.
 */
import { get, type Query } from './api.ts'
import type { Page } from './shapes.ts'

export interface Slice<Item> {
  /** The newest first. */
  items: Item[]
  /** Everything that changed after this seq and up to where it was asked from is in `items`; 0 at the oldest page. */
  from: number
}

/** Enough to go from one seq to a million million by fours, and back by halves. */
const MAXIMUM_TRIES = 60
const GROWTH = 4

/** The items of a list that last changed after one seq and not after another, or null when they are more than a page. */
async function between<Item>(path: string, query: Query, from: number, to: number, limit: number): Promise<Item[] | null> {
  const { items, next } = await get<Page<Item>>(path, { query: { ...query, after: from || undefined, limit } })
  return next === null || next >= to ? items : null
}

/**
 * The newest `limit` items, or a few less, that last changed at `before` or earlier. Where rows change meanwhile, one may come
 * again on an older page, and `shown` leaves it out.
 */
export async function newest<Item extends { revision?: number }>(
  path: string,
  query: Query,
  { before, limit, isShown }: { before: number; limit: number; isShown: (item: Item) => boolean },
): Promise<Slice<Item>> {
  let [tooNarrow, tooWide] = [0, Infinity]
  let width = limit
  let best: Slice<Item> = { items: [], from: before }
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    const from = Math.max(0, before - width)
    const found = await between<Item>(path, query, from, before, limit)
    if (found === null) tooWide = width
    else {
      tooNarrow = width
      best = { items: found.filter(item => !isShown(item)).toReversed(), from }
      if (from === 0 || best.items.length >= limit / 2) return best
    }
    if (tooWide - tooNarrow <= 1) return best
    width = tooWide === Infinity ? width * GROWTH : Math.floor((tooNarrow + tooWide) / 2)
  }
  return best
}
