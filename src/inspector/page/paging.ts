/**
 * The newest first, of lists that the API gives by the seq of the last change, oldest first: what is asked for is the part of
 * the journal between two seqs, and how large a part holds a page is found by trying. So any page of a million rows costs a few
 * requests of one page each, and none of them walks through the rest.
 */
import { get, type ApiQuery } from './api.ts'
import type { ApiPage } from './shapes.ts'

export interface Slice<Item> {
  /** The newest first. */
  items: Item[]
  /** What is older last changed at this seq or before; 0 when nothing is. */
  from: number
}

export interface Range<Item> {
  /** The seq of the last transition of all. */
  end: number
  /** Only what last changed at this seq or before; null for the newest. */
  before: number | null
  limit: number
  /** Tells one item from another. */
  idOf: (item: Item) => string
}

/** Enough to go from one seq to a million million by fours, and back by halves. */
const MAXIMUM_TRIES = 60
const GROWTH = 4

/** What stands directly behind the range, where the range is not the end of the list. */
async function firstBehind<Item>(path: string, query: ApiQuery, { before, idOf }: Range<Item>): Promise<string | null> {
  if (before === null) return null
  const { items } = await get<ApiPage<Item>>(path, { query: { ...query, after: before, limit: 1 } })
  return items[0] === undefined ? null : idOf(items[0])
}

/** The newest `limit` items of the range, or down to half of that. */
export async function newest<Item>(path: string, query: ApiQuery, range: Range<Item>): Promise<Slice<Item>> {
  const { end, before, limit, idOf } = range
  const until = before ?? end
  const behind = await firstBehind(path, query, range)
  /** Null when there are more than a page of them. */
  const since = async (from: number): Promise<Item[] | null> => {
    const { items, next } = await get<ApiPage<Item>>(path, { query: { ...query, after: from || undefined, limit } })
    const cut = behind === null ? -1 : items.findIndex(item => idOf(item) === behind)
    if (cut >= 0) return items.slice(0, cut)
    return next === null ? items : null
  }
  let [tooNarrow, tooWide] = [0, Infinity]
  let width = limit
  let best: Slice<Item> = { items: [], from: until }
  for (let tries = 0; tries < MAXIMUM_TRIES && tooWide - tooNarrow > 1; tries++) {
    const from = Math.max(0, until - width)
    const found = await since(from)
    if (found === null) tooWide = width
    else {
      tooNarrow = width
      best = { items: found.toReversed(), from }
      if (from === 0 || found.length >= limit / 2) return best
    }
    width = tooWide === Infinity ? width * GROWTH : Math.floor((tooNarrow + tooWide) / 2)
  }
  return best
}
