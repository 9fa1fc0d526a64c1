/** A file of tokens that changes while the process runs: read at the start, and again when somebody asks for it. */
import { boundary, Fault, reasonOf } from '../kernel/fault.ts'
import type { Disk, Log } from '../kernel/ports.ts'
import { readWhole } from '../file.ts'
import { mayWrite, parseTokens } from './tokens.ts'

const MAXIMUM_BYTES = 64 * 1024

/** The tokens that count now. */
export interface TokenFile {
  /** A list never changes: another one takes its place. */
  tokens: () => readonly string[]
  /**
   * Reads the file anew. Never rejects: what cannot be used, or would leave nobody who may write, changes nothing and is an
   * error in the log.
   */
  reload: () => Promise<void>
}

/** Rejects with boundary `configuration` for a missing file, `file-too-large`, `invalid-tokens`; each names the file. */
export async function openTokenFile({ disk, log }: { disk: Disk; log: Log }, path: string): Promise<TokenFile> {
  let current = await readTokens(disk, path)
  let last = Promise.resolve()
  const read = async (): Promise<void> => {
    try {
      const next = await readTokens(disk, path)
      refuseNoWriter(path, current, next)
      log('info', 'tokens read anew', { file: path, ...changeOf(current, next) })
      current = next
    } catch (error) {
      keepTokens(log, path, error)
    }
  }
  return { tokens: () => current, reload: () => (last = last.then(read)) }
}

/** Says that those of before stay in force, and why. */
export function keepTokens(log: Log, path: string, error: unknown): void {
  log('error', 'the tokens stay as they were, because their file cannot be used', {
    file: path,
    reason: reasonOf(error),
  })
}

async function readTokens(disk: Disk, path: string): Promise<string[]> {
  if (!(await disk.exists(path))) throw boundary('configuration', `the file ${path} is missing`)
  const text = new TextDecoder().decode(await readWhole(disk, path, MAXIMUM_BYTES))
  try {
    return parseTokens(text)
  } catch (error) {
    throw error instanceof Fault ? boundary(error.kind, `${path}: ${error.message}`) : error
  }
}

/** A file that somebody has emptied by half would lock everybody out who moves money. */
function refuseNoWriter(path: string, before: readonly string[], next: readonly string[]): void {
  if (!before.some(mayWrite) || next.some(mayWrite)) return
  throw boundary('invalid-tokens', `${path}: none of its tokens may write, and one of before may`)
}

const changeOf = (before: readonly string[], next: readonly string[]) => ({
  inForce: next.length,
  added: next.filter(token => !before.includes(token)).length,
  removed: before.filter(token => !next.includes(token)).length,
})
