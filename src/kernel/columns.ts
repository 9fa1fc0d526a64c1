/**
 * Rows of numbers and short byte strings, a column each, in chunks of typed arrays: millions of rows are no objects, and
 * growing copies nothing. Rows are numbered from 0; a row that was never set is 0.
 */

const CHUNK_SHIFT = 12
const CHUNK_ROWS = 1 << CHUNK_SHIFT
const ROW_MASK = CHUNK_ROWS - 1

/** One column. What is set must fit its kind. */
export interface Column<Value> {
  get(row: number): Value
  set(row: number, value: Value): void
}

interface Chunk<Value> {
  [at: number]: Value
}

function columnOf<Value>(make: (rows: number) => Chunk<Value>): Column<Value> {
  const chunks: Chunk<Value>[] = []
  return {
    get: row => chunks[row >> CHUNK_SHIFT]![row & ROW_MASK]!,
    set(row, value) {
      while (chunks.length <= row >> CHUNK_SHIFT) chunks.push(make(CHUNK_ROWS))
      chunks[row >> CHUNK_SHIFT]![row & ROW_MASK] = value
    },
  }
}

/** Whole numbers to 65,535. */
export const shortColumn = (): Column<number> => columnOf(rows => new Uint16Array(rows))
/** Whole numbers to 4,294,967,295. */
export const wordColumn = (): Column<number> => columnOf(rows => new Uint32Array(rows))
/** Whole numbers to 2^53. */
export const numberColumn = (): Column<number> => columnOf(rows => new Float64Array(rows))
/** Whole numbers to 2^64 - 1. */
export const longColumn = (): Column<bigint> => columnOf(rows => new BigUint64Array(rows))

/** Byte strings of one length. What is got is a view: do not change it. */
export function bytesColumn(length: number): Column<Uint8Array> {
  const chunks: Uint8Array[] = []
  return {
    get(row) {
      const at = (row & ROW_MASK) * length
      return chunks[row >> CHUNK_SHIFT]!.subarray(at, at + length)
    },
    set(row, value) {
      while (chunks.length <= row >> CHUNK_SHIFT) chunks.push(new Uint8Array(CHUNK_ROWS * length))
      const chunk = chunks[row >> CHUNK_SHIFT]!
      const at = (row & ROW_MASK) * length
      for (let n = 0; n < length; n++) chunk[at + n] = value[n]!
    },
  }
}
