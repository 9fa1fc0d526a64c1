/** What a command replaces is never deleted: it stands aside in the data directory, under a number, as it was. */
import { join } from 'node:path'
import type { Disk } from '../../kernel/ports.ts'
import { RECORDS_INDEX } from '../memory/index-file.ts'
import { LEDGER_FILES } from '../../ledger/lowdb/engine.ts'
import { AUDIT } from '../audit/trail.ts'

/** The files of a memory, and those of an audit log: single ones, and folders with all that is in them. */
export const MEMORY_FILES = [...LEDGER_FILES, RECORDS_INDEX] as const
export const AUDIT_FILES = [AUDIT] as const

const FOLDERS: ReadonlySet<string> = new Set([...LEDGER_FILES.slice(1), AUDIT])

const MAXIMUM_NUMBER = 10_000

/** Moves them; answers the folder in which they stand now, or null where there was nothing. Repeated after a crash, it goes on. */
export async function moveAside(disk: Disk, directory: string, names: readonly string[]): Promise<string | null> {
  const found: string[] = []
  for (const name of names) found.push(...(await filesOf(disk, directory, name)))
  if (found.length === 0) return null
  const folder = await freeFolder(disk, directory)
  const sources = new Set<string>()
  for (const path of found) {
    const [from, to] = [join(directory, path), join(folder, path)]
    await disk.makeDirectory(join(to, '..'))
    await disk.rename(from, to)
    await disk.syncDirectory(join(to, '..'))
    sources.add(join(from, '..'))
  }
  for (const source of sources) await disk.syncDirectory(source)
  return folder
}

/** A folder's own folders are not looked into: none of these has any. */
async function filesOf(disk: Disk, directory: string, name: string): Promise<string[]> {
  const inside = await disk.list(join(directory, name)).catch(() => [])
  if (inside.length > 0) return inside.map(file => join(name, file))
  return FOLDERS.has(name) || !(await disk.exists(join(directory, name))) ? [] : [name]
}

async function freeFolder(disk: Disk, directory: string): Promise<string> {
  for (let n = 1; n < MAXIMUM_NUMBER; n++) {
    const folder = join(directory, `aside-${n}`)
    if (!(await disk.exists(folder))) return folder
  }
  throw new Error(`${directory} holds ${MAXIMUM_NUMBER} folders of what was moved aside`)
}
