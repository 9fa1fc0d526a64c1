/**
 * A set of byte strings of one length, each with a small number, in typed arrays: millions of them cost little memory
 * and looking one up allocates nothing. Open addressing with linear probing over 4-byte slots; the strings themselves
 * stand in an arena of chunks, which is never copied when the table grows.
 *
 * Almost every string that is looked up is not there. A filter of 8 bits a slot, small enough for the processor's cache,
 * tells most of those at once. A slot holds 8 bits of the string (the tag) and 24 bits of its place in the arena. A bit
 * or tag that agrees makes a candidate only; the whole string decides. So who grinds collisions costs us comparisons,
 * never a wrong match.
 */
import { invariant } from './fault.ts'

/** A map from strings of one length to small integers, in typed arrays: a million entries are no objects. */
export interface Table {
  /** The entry of the string at `offset`, or -1. Entries are small integers, reused after removal. */
  find: (bytes: Uint8Array, offset: number) => number
  /** The entry of the string at `offset`, made with value 0 where it is new. */
  add: (bytes: Uint8Array, offset: number) => number
  /** `entry` must be in the table. */
  remove: (entry: number) => void
  value: (entry: number) => number
  setValue: (entry: number, value: number) => void
  size: () => number
  /** What the table holds in typed arrays. */
  bytesHeld: () => number
}

const TAG_SHIFT = 24
const ENTRY_MASK = 0xff_ffff
/** Entry numbers stand in slots plus one, so that an empty slot is 0. */
const MAXIMUM_ENTRIES = ENTRY_MASK - 1
const MINIMUM_SLOTS = 64
/** Slots are doubled above this part: beside the arena an entry then costs 12.5 bytes, 6.3 before. */
const MAXIMUM_LOAD = 0.8
/** Of the filter, a slot. */
const FILTER_BITS = 8
const CHUNK_ENTRIES_SHIFT = 12
const CHUNK_ENTRIES = 1 << CHUNK_ENTRIES_SHIFT
/** Spreads small output numbers, which are the last word of an outpoint. Odd, from the golden ratio. */
const SPREAD = 0x9e3779b1

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** The strings and their values, by entry number. */
interface Arena {
  take: (bytes: Uint8Array, offset: number) => number
  release: (entry: number) => void
  chunk: (entry: number) => Uint8Array
  place: (entry: number) => number
  value: (entry: number) => number
  setValue: (entry: number, value: number) => void
  size: () => number
  /** In the order in which they stand in memory: walking them otherwise costs one access to memory for each. */
  each: (visit: (entry: number) => void) => void
  bytesHeld: () => number
}

function createArena(keyBytes: number): Arena {
  const keys: Uint8Array[] = []
  const values: Int32Array[] = []
  /** Entries that were removed. */
  const free: number[] = []
  let used = 0

  const chunk = (entry: number) => keys[entry >> CHUNK_ENTRIES_SHIFT]!
  const place = (entry: number) => (entry & (CHUNK_ENTRIES - 1)) * keyBytes
  const setValue = (entry: number, value: number) => {
    values[entry >> CHUNK_ENTRIES_SHIFT]![entry & (CHUNK_ENTRIES - 1)] = value
  }

  function fresh(): number {
    if (used >= MAXIMUM_ENTRIES) throw invariant('table-full', `more than ${MAXIMUM_ENTRIES} entries`)
    if (used >> CHUNK_ENTRIES_SHIFT === keys.length) {
      keys.push(new Uint8Array(CHUNK_ENTRIES * keyBytes))
      values.push(new Int32Array(CHUNK_ENTRIES))
    }
    return used++
  }

  function take(bytes: Uint8Array, offset: number): number {
    const entry = free.pop() ?? fresh()
    const to = chunk(entry)
    const at = place(entry)
    // Of so few bytes a view costs more than they do.
    for (let i = 0; i < keyBytes; i++) to[at + i] = bytes[offset + i]!
    setValue(entry, 0)
    return entry
  }

  function each(visit: (entry: number) => void): void {
    const isFree = new Uint8Array(used)
    for (const entry of free) isFree[entry] = 1
    for (let entry = 0; entry < used; entry++) if (isFree[entry] === 0) visit(entry)
  }

  return {
    take,
    each,
    release: entry => void free.push(entry),
    chunk,
    place,
    value: entry => values[entry >> CHUNK_ENTRIES_SHIFT]![entry & (CHUNK_ENTRIES - 1)]!,
    setValue,
    size: () => used - free.length,
    bytesHeld: () => keys.length * CHUNK_ENTRIES * (keyBytes + 4) + free.length * 8,
  }
}

function areEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false
  return true
}

/**
 * A Bloom filter in blocks of one word, so that a look costs one access to memory: a string's first bits choose the word,
 * its sixth and seventh byte (the fifth is the tag) one bit of it each.
 */
interface Filter {
  mayHold: (bytes: Uint8Array, offset: number) => boolean
  mark: (bytes: Uint8Array, offset: number) => void
  /** Empties it, with FILTER_BITS for each of so many slots. */
  clear: (slots: number) => void
  bytesHeld: () => number
}

function createFilter(): Filter {
  let words = new Int32Array(0)
  let mask = 0
  const bitsOf = (bytes: Uint8Array, offset: number) =>
    (1 << (bytes[offset + 5]! & 31)) | (1 << (bytes[offset + 6]! & 31))
  return {
    mayHold: (bytes, offset) => {
      const bits = bitsOf(bytes, offset)
      return (words[word(bytes, offset) & mask]! & bits) === bits
    },
    mark: (bytes, offset) => {
      words[word(bytes, offset) & mask]! |= bitsOf(bytes, offset)
    },
    clear: slots => {
      words = new Int32Array((slots * FILTER_BITS) >>> 5)
      mask = words.length - 1
    },
    bytesHeld: () => words.byteLength,
  }
}

/** A power of two. */
function slotsFor(entries: number): number {
  let slots = MINIMUM_SLOTS
  while (entries > slots * MAXIMUM_LOAD) slots *= 2
  return slots
}

/**
 * `keyBytes`: the length of every string, a multiple of 4, at least 8. They are taken to be hashes: evenly spread. `expected`: so many
 * are about to come, and there is room for them at once; it holds any number all the same.
 */
export function createTable(keyBytes: number, expected = 0): Table {
  const arena = createArena(keyBytes)
  let slots = new Int32Array(slotsFor(expected))
  let mask = slots.length - 1
  const filter = createFilter()
  filter.clear(slots.length)
  /** Bits of the filter that removed strings left behind. */
  let stale = 0

  const homeOf = (bytes: Uint8Array, at: number) =>
    (word(bytes, at) ^ Math.imul(word(bytes, at + keyBytes - 4), SPREAD)) & mask
  const homeOfEntry = (entry: number) => homeOf(arena.chunk(entry), arena.place(entry))
  const isAt = (entry: number, bytes: Uint8Array, offset: number) =>
    areEqual(arena.chunk(entry), arena.place(entry), bytes, offset, keyBytes)

  const slotOf = (bytes: Uint8Array, offset: number, entry: number) =>
    (bytes[offset + 4]! << TAG_SHIFT) | (entry + 1)

  /** The slot that holds the string, or the empty one where it would stand. Ends: the load is below 1. */
  function probe(bytes: Uint8Array, offset: number): number {
    const tag = bytes[offset + 4]!
    let at = homeOf(bytes, offset)
    for (;;) {
      const slot = slots[at]!
      if (slot === 0) return at
      if (slot >>> TAG_SHIFT === tag && isAt((slot & ENTRY_MASK) - 1, bytes, offset)) return at
      at = (at + 1) & mask
    }
  }

  /** Makes slots and filter anew. */
  function rebuild(length: number): void {
    slots = new Int32Array(length)
    filter.clear(length)
    mask = length - 1
    stale = 0
    arena.each(entry => {
      const bytes = arena.chunk(entry)
      const place = arena.place(entry)
      let at = homeOf(bytes, place)
      while (slots[at] !== 0) at = (at + 1) & mask
      slots[at] = slotOf(bytes, place, entry)
      filter.mark(bytes, place)
    })
  }

  function find(bytes: Uint8Array, offset: number): number {
    return filter.mayHold(bytes, offset) ? (slots[probe(bytes, offset)]! & ENTRY_MASK) - 1 : -1
  }

  function add(bytes: Uint8Array, offset: number): number {
    const known = find(bytes, offset)
    if (known !== -1) return known
    const entry = arena.take(bytes, offset)
    if (arena.size() > slots.length * MAXIMUM_LOAD) rebuild(slots.length * 2)
    filter.mark(bytes, offset)
    slots[probe(bytes, offset)] = slotOf(bytes, offset, entry)
    return entry
  }

  /** Closes the gap so that every string is still found from its home on (Knuth, volume 3, 6.4, algorithm R). */
  function remove(entry: number): void {
    let gap = probe(arena.chunk(entry), arena.place(entry))
    for (let at = (gap + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const home = homeOfEntry((slots[at]! & ENTRY_MASK) - 1)
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      slots[gap] = slots[at]!
      gap = at
    }
    slots[gap] = 0
    arena.release(entry)
    if (++stale > slots.length) rebuild(slots.length)
  }

  const { value, setValue, size } = arena
  const bytesHeld = () => slots.byteLength + filter.bytesHeld() + arena.bytesHeld()
  return { find, add, remove, value, setValue, size, bytesHeld }
}
