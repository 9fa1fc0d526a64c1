/**
 * Which hash the memory had at which sequence: tells a client that saw an earlier state of this memory from one that
 * saw another history. About 40 bytes a commit.
 */
import { firstThat } from '../../kernel/bisect.ts'

const HASH_BYTES = 32
const FIRST_CAPACITY = 1024

/** The memory's past, as its clients have seen it. */
export interface Positions {
  /** In rising order of `sequence`; what is known already is passed over. `hash` is 64 hexadecimal digits. */
  note(sequence: number, hash: string): void
  /** Whether the memory ever ended so. */
  had(sequence: number, hash: string): boolean
}

/** Empty: a start notes every commit. */
export function createPositions(): Positions {
  const sequences: number[] = []
  let hashes = Buffer.alloc(FIRST_CAPACITY * HASH_BYTES)

  const note: Positions['note'] = (sequence, hash) => {
    if (sequence <= (sequences.at(-1) ?? -1)) return
    const offset = sequences.length * HASH_BYTES
    if (offset === hashes.length) hashes = Buffer.concat([hashes, Buffer.alloc(hashes.length)])
    hashes.write(hash, offset, 'hex')
    sequences.push(sequence)
  }

  const had: Positions['had'] = (sequence, hash) => {
    const at = firstThat(sequences.length, n => sequences[n]! >= sequence)
    return sequences[at] === sequence && hashes.toString('hex', at * HASH_BYTES, (at + 1) * HASH_BYTES) === hash
  }
  return { note, had }
}
