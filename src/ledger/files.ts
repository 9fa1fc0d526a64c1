/** The files of a ledger, by their names in its directory, and the two ways in which they are handled. */
import { dirname, join } from 'node:path'
import type { Disk, File } from '../../adapters/ports.ts'

export const HEAD = 'HEAD.json'
export const LOCK = 'LOCK'
export const JOURNAL = 'journal'
export const CHECKPOINT = 'checkpoint'
export const journalFile = (first: number): string => join(JOURNAL, `${first}.jsonl`)
export const indexFile = (first: number): string => join(JOURNAL, `${first}.index`)
export const checkpointFile = (seq: number): string => join(CHECKPOINT, `${seq}.jsonl`)

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
