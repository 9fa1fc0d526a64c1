/**
 * A ledger that is being rebuilt says so of itself, from before its first byte until it is whole: so that nobody takes a
 * half-made one for a whole one, and whoever rebuilds again after a kill goes on with it.
 */
import { join } from 'node:path'
import { boundary } from '../kernel/fault.ts'
import type { Disk } from '../kernel/ports.ts'
import { readWhole, replaceFile } from '../file.ts'
import type { Engine } from '../ledger/engine.ts'

const MARK = 'REBUILDING'
const MAXIMUM_BYTES = 64

/** From which height, or null where nothing is half made. */
async function markedHeight(disk: Disk, directory: string): Promise<string | null> {
  const path = join(directory, MARK)
  if (!(await disk.exists(path))) return null
  return new TextDecoder().decode(await readWhole(disk, path, MAXIMUM_BYTES)).trim()
}

/**
 * Marks the ledger that is about to be made; durable when it resolves. Answers whether an interrupted rebuild goes on.
 * @throws boundary `ledger-exists`, `rebuild-under-way`; corruptStore for what is left of a ledger
 */
export async function beginRebuild(disk: Disk, directory: string, engine: Engine, from: number): Promise<boolean> {
  const height = await markedHeight(disk, directory)
  if (height === String(from)) return true
  if (height !== null)
    throw boundary(
      'rebuild-under-way',
      `${directory} holds the beginning of a rebuild from block ${height}: go on with --from ${height}, or move it away to begin anew`,
    )
  if (await engine.exists())
    throw boundary('ledger-exists', `${directory} holds a ledger: move it away first, it is not touched`)
  await disk.makeDirectory(directory)
  await replaceFile(disk, join(directory, MARK), file => file.append(new TextEncoder().encode(`${from}\n`)))
  return false
}

/** The ledger is whole. */
export async function endRebuild(disk: Disk, directory: string): Promise<void> {
  await disk.remove(join(directory, MARK))
  await disk.syncDirectory(directory)
}

/** @throws boundary `rebuild-under-way` for a ledger that only `lockkeeper rebuild` may go on with */
export async function refuseHalfMade(disk: Disk, directory: string): Promise<void> {
  const height = await markedHeight(disk, directory)
  if (height !== null)
    throw boundary(
      'rebuild-under-way',
      `${directory} holds a rebuild that did not come to its end: run lockkeeper rebuild with --from ${height} again`,
    )
}
