/**
 * A file of lines that only grows: whoever adds a line goes on at once, and lets nobody see what follows from it before
 * `durable` has resolved. Lines that are added while the disk is busy reach it together.
 */
import { operating, reasonOf } from '../kernel/fault.ts'
import type { Disk, File } from '../kernel/ports.ts'

const CHUNK_BYTES = 1024 * 1024
const NEWLINE = 10

export interface Lines {
  /** Without its newline; a line holds none. */
  add(line: string): void
  /** All lines added so far survive the machine. Rejects with operating `cannot-write`, from then on always. */
  durable(): Promise<void>
  close(): Promise<void>
}

/** What follows the last newline was never acknowledged to anybody, and is cut off. */
async function readAll(file: File, read: (line: string) => void): Promise<void> {
  const size = await file.size()
  let rest = Buffer.alloc(0)
  for (let at = 0; at < size; at += CHUNK_BYTES) {
    const bytes = Buffer.concat([rest, await file.read(at, Math.min(CHUNK_BYTES, size - at))])
    const end = bytes.lastIndexOf(NEWLINE) + 1
    for (const line of bytes.toString('utf8', 0, end).split('\n').slice(0, -1)) read(line)
    rest = bytes.subarray(end)
  }
  if (rest.length > 0) await file.truncate(size - rest.length)
}

/**
 * Reads the file first, line by line in its order; a missing one is made.
 * @throws whatever `read` throws for a line
 */
export async function openLines(disk: Disk, path: string, read: (line: string) => void): Promise<Lines> {
  const file = await disk.open(path, { create: true })
  await readAll(file, read)
  let waiting: string[] = []
  let writing: Promise<void> | null = null
  let failure: Error | null = null

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const text = waiting.map(line => `${line}\n`).join('')
      waiting = []
      await file.append(new TextEncoder().encode(text))
      await file.sync()
    }
  }

  async function durable(): Promise<void> {
    while (failure === null && (waiting.length > 0 || writing !== null)) {
      writing ??= write()
        .catch((error: unknown) => {
          failure = operating('cannot-write', `${path}: ${reasonOf(error)}`, error)
        })
        .finally(() => (writing = null))
      await writing
    }
    if (failure !== null) throw failure
  }

  return {
    add: line => void waiting.push(line),
    durable,
    async close() {
      await durable().finally(() => file.close())
    },
  }
}
