/** The files of a ledger, by their names in its directory, and the ways in which they are handled. */
import { dirname, join } from 'node:path'
import { corruptStore } from '../kernel/fault.ts'
import type { Disk, File } from '../kernel/ports.ts'

export const HEAD = 'HEAD.json'
export const LOCK = 'LOCK'
export const JOURNAL = 'journal'
export const CHECKPOINT = 'checkpoint'
export const journalFile = (first: number): string => join(JOURNAL, `${first}.jsonl`)
export const indexFile = (first: number): string => join(JOURNAL, `${first}.index`)
export const checkpointFile = (seq: number): string => join(CHECKPOINT, `${seq}.jsonl`)

const COPY_BYTES = 4 * 1024 * 1024

/** Opens a file that must be there, and closes it again. */
export async function withFile<T>(disk: Disk, path: string, use: (file: File) => Promise<T>): Promise<T> {
  const file = await disk.open(path, { create: false })
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** After a crash the file is the old one or the new one, whole; once this has resolved, the new one. */
export async function replaceFile(disk: Disk, path: string, write: (file: File) => Promise<void>): Promise<void> {
  const file = await disk.open(`${path}.tmp`, { create: true })
  try {
    await file.truncate(0)
    await write(file)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(`${path}.tmp`, path)
  await disk.syncDirectory(dirname(path))
}

/**
 * Puts a fresh copy of a file's first `length` bytes in its place. What a start reads may be in the page cache only, and a
 * sync would not help: where one has failed under the process before, the kernel holds those pages for clean. A copy is
 * written for certain. Throws corruptStore when the file is shorter.
 */
export const rewriteStart = (disk: Disk, path: string, length: number): Promise<void> =>
  replaceFile(disk, path, file => copyBytes(disk, path, length, file))

const copyBytes = (disk: Disk, from: string, length: number, to: File): Promise<void> =>
  withFile(disk, from, async file => {
    for (let at = 0; at < length;) {
      const chunk = await file.read(at, Math.min(COPY_BYTES, length - at))
      if (chunk.length === 0) throw corruptStore(`${from}: byte ${at}: became shorter while it was read`)
      await to.append(chunk)
      at += chunk.length
    }
  })
