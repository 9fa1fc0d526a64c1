/**
 * The default engine: files in a directory of their own, a journal behind lowdb. docs/ledger.md tells what they are and
 * what a start does with them.
 */
import { join } from 'node:path'
import type { Disk } from '../../kernel/ports.ts'
import type { ClosedLedger, Engine, Ledger, Opening } from '../engine.ts'
import { openArchive } from './archive.ts'
import { refuseOrphans, type Cut, type LowdbPorts, type LedgerPlace } from './boot.ts'
import type { Endings } from './endings.ts'
import { CHECKPOINT, HEAD, INDEX, JOURNAL, LOCK } from './files.ts'
import { readHead } from './head.ts'
import { openJournal, segmentsOf, type RunningJournal } from './journal.ts'
import { readJournal } from './segment.ts'

/** What these files have besides, for tests and benchmarks. */
export interface LowdbLedger extends Ledger {
  /** What this start cut off, or null. */
  cut: Cut | null
  /** Takes a checkpoint now, as the journal does by itself when it has grown long. */
  checkpoint(): Promise<void>
}

/** What a ledger consists of on disk, its head first: a file and folders, to be moved as one. */
export const LEDGER_FILES = [HEAD, JOURNAL, CHECKPOINT, INDEX] as const

/** The engine whose journal is a lowdb database over files of lines. */
export interface LowdbEngine extends Engine {
  open(opening: Opening): Promise<LowdbLedger>
}

/** The ledger in this directory, its own: made when missing. */
export const lowdbEngine = (disk: Disk, directory: string): LowdbEngine => ({
  exists: () => exists({ disk, directory }),
  open: opening => open({ ...opening.ports, disk, directory }, opening),
  inspect: () => inspect({ disk, directory }),
  lock: () => lock({ disk, directory }),
})

async function exists({ disk, directory }: LedgerPlace): Promise<boolean> {
  if (await disk.exists(join(directory, HEAD))) return true
  await refuseOrphans(disk, directory)
  return false
}

async function lock({ disk, directory }: LedgerPlace): Promise<() => Promise<void>> {
  await disk.makeDirectory(directory)
  return disk.lock(join(directory, LOCK))
}

async function open(ports: LowdbPorts, opening: Opening): Promise<LowdbLedger> {
  const unlock = await lock(ports)
  try {
    const journal = await openJournal(ports, opening, unlock)
    const { store } = journal
    const { opened, cut } = store
    if (cut) ports.log('warn', 'a torn tail was cut off: what stood there was never acknowledged', { ...cut })
    const { disk, directory } = ports
    const archive = openArchive({
      ...{ disk, directory, files: store.files, upgrade: opening.upgrade },
      segments: () => segmentsOf(store),
      runs: () => store.indexes.runs(),
      inMemory: () => endingsInMemory(store),
      isIndexed: store.isIndexed,
      mend: path => store.indexes.mend(path),
    })
    return { journal, archive, opened, cut, checkpoint: () => journal.checkpoint() }
  } catch (error) {
    await unlock()
    throw error
  }
}

async function inspect({ disk, directory }: LedgerPlace): Promise<ClosedLedger | null> {
  const close = await lock({ disk, directory })
  try {
    const head = await readHead(disk, directory)
    if (head !== null)
      return { ledgerId: head.ledgerId, commits: () => readJournal(disk, directory, head.segments), close }
    await refuseOrphans(disk, directory)
  } catch (error) {
    await close()
    throw error
  }
  await close()
  return null
}

/** Of the segment that was just closed, until they are in a file, and of the one that is appended to. */
const endingsInMemory = ({ closing, endings }: RunningJournal): Endings[] =>
  closing === null ? [endings] : [closing.endings, endings]
