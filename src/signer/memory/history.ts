/**
 * The journal of a memory, line by line from the very first one. A start learns from it what was signed and voided, and
 * which hash stood at which sequence; an export is these lines.
 */
import { join } from 'node:path'
import { corruptStore } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { Commit } from '../../kernel/entry.ts'
import { journalFile } from '../../ledger/files.ts'
import { readHead } from '../../ledger/head.ts'
import { checkLine, commitOf, readLines } from '../../ledger/line.ts'

/** One commit with the hash that stands behind it (64 hexadecimal digits). */
export interface JournalLine {
  commit: Commit
  hash: string
  /** As it stands in the file, without the newline. */
  bytes: Buffer
}

/** Throws corruptStore at the first line that does not follow from the one before; a torn tail is not a line. */
export async function* walkJournal(disk: Disk, directory: string): AsyncGenerator<JournalLine> {
  const head = await readHead(disk, directory)
  for (const { first, previous } of head?.segments ?? [])
    yield* walkSegment(disk, join(directory, journalFile(first)), previous)
}

async function* walkSegment(disk: Disk, path: string, before: string): AsyncGenerator<JournalLine> {
  const file = await disk.open(path, { create: false })
  let previous = before
  try {
    for await (const lines of readLines(file, 0, await file.size()))
      for (const { bytes, offset, complete } of lines) {
        if (!complete) return
        const checked = checkLine(bytes, previous)
        if ('problem' in checked) throw corruptStore(`${path}: byte ${offset}: ${checked.problem}`)
        previous = checked.hash
        yield { commit: commitOf(bytes), hash: previous, bytes }
      }
  } finally {
    await file.close()
  }
}
