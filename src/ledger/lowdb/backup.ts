/**
 * A consistent copy of a ledger while its process goes on. What is written is never changed: closed segments and checkpoints
 * are copied as they are, of the segment that is being written the whole lines, and HEAD last, when it still says the same.
 */
import { dirname, join } from 'node:path'
import { copyStart } from '../../file.ts'
import { boundary, operating } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import { CHECKPOINT, checkpointFile, JOURNAL, journalFile } from './files.ts'
import { readHead, writeHead, type Head } from './head.ts'

/** Checkpoints come seldom: it is rare that one ends while the files are copied, and twice is no chance. */
const MAXIMUM_TRIES = 10

/** Rejects with boundary `not-found` where there is no ledger; corruptStore; operating `moving` where it changes too fast. */
export async function copyLedger(disk: Disk, from: string, to: string): Promise<void> {
  for (const folder of [to, join(to, JOURNAL), join(to, CHECKPOINT)]) await disk.makeDirectory(folder)
  for (let n = 0; n < MAXIMUM_TRIES; n++) {
    const head = await headOf(disk, from)
    const isCopied = await copyFiles(disk, { from, to }, head).then(
      () => true,
      (error: unknown) => error,
    )
    const isSame = JSON.stringify(await headOf(disk, from)) === JSON.stringify(head)
    if (!isSame) continue
    if (isCopied !== true) throw isCopied
    await removeOthers(disk, to, head)
    await writeHead(disk, to, head)
    return
  }
  throw operating('moving', `${from} changes faster than it can be copied: try again`)
}

async function headOf(disk: Disk, directory: string): Promise<Head> {
  const head = await readHead(disk, directory)
  if (head === null) throw boundary('not-found', `${directory} holds no ledger`)
  return head
}

const filesOf = ({ checkpoint, segments }: Head): string[] => [
  ...(checkpoint === null ? [] : [checkpointFile(checkpoint.seq)]),
  ...segments.map(({ first }) => journalFile(first)),
]

async function copyFiles(disk: Disk, { from, to }: { from: string; to: string }, head: Head): Promise<void> {
  for (const file of filesOf(head)) await copyStart(disk, join(from, file), join(to, file))
  for (const folder of [JOURNAL, CHECKPOINT]) await disk.syncDirectory(join(to, folder))
}

/** What an earlier try has left. */
async function removeOthers(disk: Disk, to: string, head: Head): Promise<void> {
  const kept = filesOf(head)
  for (const folder of [JOURNAL, CHECKPOINT])
    for (const name of await disk.list(join(to, folder)))
      if (!kept.includes(join(folder, name))) await disk.remove(join(to, folder, name))
  await disk.syncDirectory(dirname(to))
}
