/**
 * Which hash the memory had at which sequence: tells a client that saw an earlier state of this memory from one that
 * saw another history. 24 bytes a commit; of a hash the first half, which nobody finds a second history for.
 */
import { firstThat } from '../../kernel/bisect.ts'
import { bytesColumn, numberColumn } from '../../kernel/columns.ts'
import { HASH_BYTES } from './facts.ts'

/** The memory's past, as its clients have seen it. */
export interface Positions {
  /** In rising order of `sequence`; what is known already is passed over, and answered with false. `hash` begins with 16 bytes that count. */
  note(sequence: number, hash: string): boolean
  /** As `note`, of the 16 bytes. */
  take(sequence: number, start: Uint8Array): boolean
  /** Whether the memory ever ended so. */
  had(sequence: number, hash: string): boolean
}

/** Empty: a start notes every commit. */
export function createPositions(): Positions {
  const sequences = numberColumn()
  const hashes = bytesColumn(HASH_BYTES)
  let count = 0

  const isKnown = (sequence: number): boolean => count > 0 && sequence <= sequences.get(count - 1)

  const take: Positions['take'] = (sequence, start) => {
    if (isKnown(sequence)) return false
    sequences.set(count, sequence)
    hashes.set(count, start)
    count += 1
    return true
  }
  const note: Positions['note'] = (sequence, hash) => !isKnown(sequence) && take(sequence, startOf(hash))

  const had: Positions['had'] = (sequence, hash) => {
    const at = firstThat(count, n => sequences.get(n) >= sequence)
    return at < count && sequences.get(at) === sequence && startOf(hash).equals(hashes.get(at))
  }
  return { note, take, had }
}

const startOf = (hash: string): Buffer => Buffer.from(hash.slice(0, 2 * HASH_BYTES), 'hex')
