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
  /** Whether the memory ever ended so. */
  had(sequence: number, hash: string): boolean
}

/** Empty: a start notes every commit. */
export function createPositions(): Positions {
  const sequences = numberColumn()
  const hashes = bytesColumn(HASH_BYTES)
  let count = 0

  const note: Positions['note'] = (sequence, hash) => {
    if (count > 0 && sequence <= sequences.get(count - 1)) return false
    sequences.set(count, sequence)
    hashes.set(count, startOf(hash))
    count += 1
    return true
  }

  const had: Positions['had'] = (sequence, hash) => {
    const at = firstThat(count, n => sequences.get(n) >= sequence)
    return at < count && sequences.get(at) === sequence && startOf(hash).equals(hashes.get(at))
  }
  return { note, had }
}

const startOf = (hash: string): Buffer => Buffer.from(hash.slice(0, 2 * HASH_BYTES), 'hex')
