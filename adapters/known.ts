/** What was derived of a seed before, public data only: bounded, because whoever asks chooses how many there are. */

/** BIP-32: from here on an index means hardened derivation. */
export const FIRST_HARDENED = 0x8000_0000

/** Beyond it those named first are made again. */
const KNOWN_MAXIMUM = 20_000

/** By index, in the order in which they were made. `make` is asked where it is not known. */
export function createKnown<Value>(make: (index: number) => Value): (index: number) => Value {
  const known = new Map<number, Value>()
  return index => {
    const before = known.get(index)
    if (before !== undefined) return before
    const made = make(index)
    for (const oldest of known.keys()) {
      if (known.size < KNOWN_MAXIMUM) break
      known.delete(oldest)
    }
    known.set(index, made)
    return made
  }
}
