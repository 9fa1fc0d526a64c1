/**
 * What a search answers, one line each in a file that only grows: an id for as long as its instance lives (memory has the
 * rest), and once more with all that is to be said when it has ended. Index entries name lines by their offset, so a search
 * never reads the journal.
 */
import type { Id } from '../../../machines/ids.ts'
import type { File } from '../../kernel/ports.ts'
import { chainOf, stateOf, type Instance } from '../../kernel/entry.ts'

export interface Hit {
  id: Id
  chain: string
  state: string
  reference: string | null
  /** Why it stands there; of what lives. */
  reason: string | null
}

/** Longer than any line: ids, chains and references are bounded where they are accepted. */
const LINE_MAXIMUM_BYTES = 2048

export const hitOf = (instance: Instance): Hit => ({
  id: instance.id,
  chain: chainOf(instance),
  state: stateOf(instance),
  reference: 'reference' in instance.context ? instance.context.reference : null,
  reason: !instance.ended && 'reason' in instance.context ? instance.context.reason : null,
})

/** `ended` is null of what was alive when the line was written. */
interface Line {
  id: Id
  ended: Hit | null
}

function encode(instance: Instance): Buffer {
  const { id, chain, state, reference } = hitOf(instance)
  return Buffer.from(`${JSON.stringify(instance.ended ? [id, chain, state, reference] : [id])}\n`)
}

function decode(line: string): Line {
  const [id, chain, state, reference] = JSON.parse(line) as [Id, string?, string?, (string | null)?]
  const isEnded = chain !== undefined && state !== undefined
  return { id, ended: isEnded ? { id, chain, state, reference: reference ?? null, reason: null } : null }
}

/** The lines of the file, and those that are not in it yet. */
export interface HitLog {
  file: File
  /** Bytes that are in the file. */
  written: number
  /** By offset, in the order of offsets. */
  waiting: Map<number, Buffer>
  /** Where the next line begins. */
  end: number
}

/** What stands in the file beyond `bytes` was never named by an entry. */
export async function openHits(file: File, bytes: number): Promise<HitLog> {
  await file.truncate(bytes)
  return { file, written: bytes, waiting: new Map(), end: bytes }
}

/** The offset of its line. */
export function addHit(log: HitLog, instance: Instance): number {
  const line = encode(instance)
  const offset = log.end
  log.waiting.set(offset, line)
  log.end += line.length
  return offset
}

/** Durable when it resolves; answers the bytes that are. */
export async function writeHits(log: HitLog): Promise<number> {
  const lines = [...log.waiting]
  await log.file.append(Buffer.concat(lines.map(([, line]) => line)))
  await log.file.sync()
  for (const [offset, line] of lines) {
    log.waiting.delete(offset)
    log.written = offset + line.length
  }
  return log.written
}

/** Null where there is no whole line, which then was damaged. */
export async function readHit({ file, waiting }: HitLog, offset: number): Promise<Line | null> {
  const bytes = waiting.get(offset) ?? (await file.read(offset, LINE_MAXIMUM_BYTES))
  const text = Buffer.from(bytes).toString()
  const end = text.indexOf('\n')
  try {
    return end < 0 ? null : decode(text.slice(0, end))
  } catch {
    return null
  }
}
