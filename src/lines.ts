/** Files of lines, read through the disk port a chunk at a time: a file need not fit into memory, a line does. */
import type { File } from './kernel/ports.ts'

/** Nothing that is written here has longer lines; reading stops at one. */
export const LINE_MAXIMUM_BYTES = 256 * 1024 * 1024
/** Reading one line must not cost a whole chunk: chunks begin small and double. */
const CHUNK_FIRST_BYTES = 8 * 1024
const CHUNK_MAXIMUM_BYTES = 1024 * 1024

export interface Line {
  /** In the file. */
  offset: number
  /** Without the newline. */
  bytes: Buffer
  /** False for what follows the last newline. */
  complete: boolean
}

/** The lines from `offset` (where one starts) up to `end`, a chunk's worth at a time. */
export async function* readLines(file: File, offset: number, end: number): AsyncGenerator<Line[]> {
  let open: Buffer[] = []
  let openBytes = 0
  let chunkBytes = CHUNK_FIRST_BYTES
  for (let at = offset; at < end;) {
    const chunk = asBuffer(await file.read(at, Math.min(chunkBytes, end - at)))
    chunkBytes = Math.min(2 * chunkBytes, CHUNK_MAXIMUM_BYTES)
    if (chunk.length === 0) break
    at += chunk.length
    const lines: Line[] = []
    let start = 0
    for (let stop = chunk.indexOf(10); stop >= 0; stop = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, stop)
      const bytes = openBytes > 0 ? Buffer.concat([...open, rest]) : rest
      lines.push({ offset, bytes, complete: true })
      offset += bytes.length + 1
      start = stop + 1
      open = []
      openBytes = 0
    }
    open.push(chunk.subarray(start))
    openBytes += chunk.length - start
    yield lines
    if (openBytes > LINE_MAXIMUM_BYTES) break
  }
  if (openBytes > 0) yield [{ offset, bytes: Buffer.concat(open), complete: false }]
}

/** The same bytes as a Buffer: nothing is copied. */
export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
