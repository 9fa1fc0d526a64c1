/**
 * Takes in an exported memory, offline. It only ever adds: where there is no memory, or one that is the beginning of the
 * export. What does not belong to the keystore is moved aside. Everything is checked before anything is written; an import
 * that was cut off is finished by doing it again. An export that may not be all of the memory guards the signer: backend keys
 * that have authorised something before count no more, until it is shown that nothing is missing.
 */
import { boundary, invariant, reasonOf } from '../../kernel/fault.ts'
import { upgradeCommit, upgradeOf, versionsOf } from '../../kernel/migration.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { Commit } from '../../kernel/entry.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { lowdbEngine } from '../../ledger/lowdb/engine.ts'
import {
  checkRecord,
  commitOf,
  encodeRecord,
  firstHash,
  gapAfter,
  lastSeqOf,
  type ChainedCommit,
} from '../../ledger/record.ts'
import { emptyState, replay } from '../../ledger/state.ts'
import { readLines } from '../../lines.ts'
import type { Guard, MemoryBinding } from '../keys/binding.ts'
import { identityIn } from '../keys/identity.ts'
import { bindKeystore, type Cost } from '../keys/keystore.ts'
import { signerMachines } from '../memory/machines.ts'
import { createPositions, type Positions } from '../memory/positions.ts'
import { AUDIT_FILES, MEMORY_FILES, moveAside } from './aside.ts'
import { surveyRemains, type Remains } from './begin.ts'
import { readMetadata, type Metadata } from './interchange.ts'
import { holding, recorded, type OfflinePorts, type Premises } from './recorded.ts'

const OPENING = '{"metadata":'
const MIDDLE = ',"commits":['
const ENDING = ']}'
const COMMA = 0x2c
/** Commits on their way to the disk. */
const MAXIMUM_WAITING = 1000

const upgrade = upgradeOf(signerMachines)

/** What is to be imported. */
export interface Import {
  passphrase: string
  /** Path of the file that an export has written. */
  from: string
  /** The furthest that watcher or backend have seen of the memory: an export that holds it is taken for all of it. */
  seen: MemoryPosition | null
  /** Who asked, for the audit log. */
  by: string
  /** Of scrypt; for tests. */
  cost?: Cost
}

/** What an import found and did. */
export interface Imported {
  metadata: Metadata
  /** Where the memory stood before. */
  before: number
  /** What it holds beyond the export, which then had nothing to add. */
  isAhead: boolean
  /** Where that stands which was replaced. */
  aside: string[]
  /** Old backend keys count: `whole` as before, `lifted` again; or not: `kept` as before, `set` from now on. */
  guard: 'whole' | 'lifted' | 'kept' | 'set'
}

/**
 * Throws boundary `other-signer`, `bad-export` (with the line), `memory-conflict` (with both sides of the first difference),
 * `export-behind` for one that holds less than the log or `seen` says; operating `locked`; and as `openKeystore` does.
 */
export async function importMemory(
  ports: OfflinePorts,
  { keystore, directory }: Premises,
  { passphrase, from, seen, by, cost }: Import,
): Promise<Imported> {
  return holding(ports, directory, async held => {
    const { identity, binding } = await identityIn(held, keystore, passphrase)
    const remains = await surveyRemains(held, directory, { ...binding, key: identity.key })
    const compared = await compare(held.disk, directory, remains, identity.key, from)
    const decided = decide(binding, remains, compared, seen)
    const bind = (next: MemoryBinding) => bindKeystore(held, keystore, passphrase, next, cost)
    // Before anything that a signer would start on: a guard that a crash leaves out would be missing for ever.
    if (decided.binding !== binding) await bind(decided.binding)
    const aside = [
      decided.keepsMemory ? null : await moveAside(held.disk, directory, MEMORY_FILES),
      decided.keepsLog ? null : await moveAside(held.disk, directory, AUDIT_FILES),
    ].filter(folder => folder !== null)
    if (!compared.isAhead) await append(held, directory, from, compared)
    // Recorded afterwards: the log may have seen more than the memory held, which is what the import is for.
    const about = `from ${compared.before} to ${compared.metadata.sequence}; ${decided.guard}`
    const isFirst = !decided.keepsLog
    const deed = { directory, identity, binding: decided.binding, command: 'import', by, about, isFirst } as const
    await recorded(held, deed, async () => {
      if (decided.guard === 'lifted') await bind({ ...decided.binding, guard: null })
    })
    const { metadata, before, isAhead } = compared
    return { metadata, before, isAhead, aside, guard: decided.guard }
  })
}

interface Decided {
  /** As it stands while memory and log are written; the guard is lifted at the end. */
  binding: MemoryBinding
  keepsMemory: boolean
  keepsLog: boolean
  guard: Imported['guard']
}

/**
 * The log that belongs to the memory is a witness of how far it was, and so is whoever has seen it. Without a witness the
 * export may be an old one.
 */
function decide(binding: MemoryBinding, remains: Remains, compared: Compared, seen: MemoryPosition | null): Decided {
  const isSame = binding.ledgerId === compared.metadata.ledgerId
  const keepsLog = isSame && remains.seen !== null
  const holds = ({ sequence, hash }: MemoryPosition): boolean => compared.past.had(sequence, hash)
  const witnesses = [remains.seen, seen].filter(witness => witness !== null).filter(({ sequence }) => sequence > 0)
  const behind = witnesses.find(witness => !holds(witness))
  if (behind !== undefined) throw tooOld(compared, behind)
  const { guard } = binding
  // Who has seen nothing of it, as any signer that was just restored shows it, is no witness of how far it was.
  const isShown = seen !== null && seen.sequence > 0
  const isWitnessed = isShown || (guard !== null && guard.known !== null && holds(guard.known))
  const keepsMemory = isSame && remains.memory !== null
  const fate = guard === null ? (keepsLog || isShown ? 'whole' : 'set') : isWitnessed ? 'lifted' : 'kept'
  if (keepsLog) return { binding, keepsMemory, keepsLog, guard: fate }
  const kept: Guard | null = fate === 'set' ? { newKeys: [], known: null } : guard
  const { ledgerId } = compared.metadata
  const next: MemoryBinding = { ledgerId, began: 'imported', generation: binding.generation + 1, guard: kept }
  return { binding: next, keepsMemory, keepsLog, guard: fate }
}

function tooOld({ metadata, isAhead }: Compared, { sequence }: MemoryPosition) {
  const end = isAhead ? 'the memory and the export together hold less' : `the export ends at ${metadata.sequence}`
  return boundary('export-behind', `memory ${sequence} was seen, ${end}, or another history: nothing was imported`)
}

/** The export's commits in order, each checked against the one before. */
async function* readExport(disk: Disk, from: string, key: string): AsyncGenerator<Metadata | ChainedCommit> {
  const file = await disk.open(from, { create: false })
  try {
    let previous: string | null = null
    let seq = 0
    let number = 0
    for await (const lines of readLines(file, 0, await file.size()))
      for (const { bytes } of lines) {
        number++
        if (previous === null) {
          const metadata = readMetadata(openingOf(bytes), key)
          previous = firstHash(metadata.ledgerId)
          yield metadata
        } else if (bytes.toString() !== ENDING) {
          const line = readCommit(bytes, previous, seq, number)
          previous = line.hash
          seq = lastSeqOf(line.commit)
          yield line
        }
      }
  } finally {
    await file.close()
  }
}

function openingOf(line: Buffer): string {
  const text = line.toString()
  if (text.startsWith(OPENING) && text.endsWith(MIDDLE)) return text.slice(OPENING.length, -MIDDLE.length)
  throw boundary('bad-export', 'line 1: this is not the first line of an exported memory')
}

function readCommit(line: Buffer, previous: string, seq: number, number: number): ChainedCommit {
  const record = line.at(-1) === COMMA ? line.subarray(0, -1) : line
  const refuse = (problem: string) => boundary('bad-export', `line ${number}: ${problem}`)
  const checked = checkRecord(record, previous)
  if ('problem' in checked) throw refuse(checked.problem)
  const commit = commitOf(record)
  const gap = gapAfter(seq, commit)
  if (gap !== null) throw refuse(gap)
  // What is written in other bytes would get another hash in our journal, and be another history for every client.
  if (encodeRecord(previous, commit).hash !== checked.hash) throw refuse('not written as this version writes it')
  try {
    upgradeCommit(commit, upgrade)
  } catch (error) {
    // Taken in, it would keep this version from ever starting again.
    throw refuse(reasonOf(error))
  }
  return { commit, hash: checked.hash, record }
}

interface Compared {
  metadata: Metadata
  /** Where our memory ends; 0 where there is none of ours. */
  before: number
  isAhead: boolean
  /** Where the memory is and was that results. */
  past: Positions
}

/** The export against our own memory, if there is one: whichever is longer must begin with the other. */
async function compare(
  disk: Disk,
  directory: string,
  { memory }: Remains,
  key: string,
  from: string,
): Promise<Compared> {
  const closed = memory === null ? null : await lowdbEngine(disk, directory).inspect()
  try {
    const compared = await compareCommits(closed?.commits() ?? nothing(), readExport(disk, from, key))
    return { ...compared, before: memory?.end.sequence ?? 0 }
  } finally {
    await closed?.close()
  }
}

async function* nothing(): AsyncGenerator<never> {}

async function compareCommits(
  ours: AsyncGenerator<ChainedCommit>,
  exported: ReturnType<typeof readExport>,
): Promise<Omit<Compared, 'before'>> {
  const past = createPositions()
  let metadata: Metadata | null = null
  let end = { sequence: 0, hash: '' }
  for await (const theirs of exported) {
    if ('ledgerId' in theirs) {
      metadata = theirs
      end = { sequence: 0, hash: firstHash(theirs.ledgerId) }
    } else {
      const own = await ours.next()
      if (own.done !== true && own.value.hash !== theirs.hash) throw conflict(own.value.commit, theirs.commit)
      end = { sequence: lastSeqOf(theirs.commit), hash: theirs.hash }
    }
    past.note(end.sequence, end.hash)
  }
  if (metadata === null) throw boundary('bad-export', 'the file is empty')
  if (end.sequence !== metadata.sequence || end.hash !== metadata.hash) {
    throw boundary('bad-export', `the file ends at sequence ${end.sequence}, its metadata say ${metadata.sequence}`)
  }
  return { metadata, isAhead: await noteRest(ours, end.hash, metadata, past), past }
}

/** What our memory holds beyond the export, if anything: it must go on from where that ends. */
async function noteRest(
  ours: AsyncGenerator<ChainedCommit>,
  before: string,
  { ledgerId }: Metadata,
  past: Positions,
): Promise<boolean> {
  let previous = before
  for await (const { commit, hash, record } of ours) {
    if ('problem' in checkRecord(record, previous))
      throw boundary(
        'memory-conflict',
        `this memory has ${toldBy(commit)}, the export is of ${ledgerId}: nothing was imported`,
      )
    past.note(lastSeqOf(commit), hash)
    previous = hash
  }
  return previous !== before
}

/** Two histories of one signer: which of them was shown to the outside, only a person can say. */
function conflict(ours: Commit, theirs: Commit) {
  const sequence = ours.entries[0]!.seq
  const message = `at sequence ${sequence} this memory has ${toldBy(ours)}, the export has ${toldBy(theirs)}`
  return boundary('memory-conflict', `${message}: nothing was imported`)
}

function toldBy({ at, entries }: Commit): string {
  const { to, image } = entries.at(-1)!
  const signed = (image.context as { signed?: { transactionId?: string } | null }).signed?.transactionId
  const transaction = signed === undefined ? '' : ` (transaction ${signed})`
  return `${image.id} ${to}${transaction} of ${new Date(at).toISOString()}`
}

async function append(ports: OfflinePorts, directory: string, from: string, { metadata }: Compared): Promise<void> {
  const { ledgerId } = metadata
  const state = emptyState()
  const memory = { live: () => state.live.values(), reservations: () => state.reservations }
  // Whoever imports is told of a failed disk by the rejection.
  const opening = {
    ports: { ...ports, abort: () => undefined },
    ...{ upgrade, versions: versionsOf(signerMachines), memory, ledgerId },
  }
  const { journal, opened } = await lowdbEngine(ports.disk, directory).open(opening)
  for (const instance of opened.live) state.live.set(instance.id, instance)
  try {
    let waiting: Promise<void>[] = []
    for await (const each of readExport(ports.disk, from, metadata.key)) {
      if ('ledgerId' in each || lastSeqOf(each.commit) <= opened.seq) continue
      replay(state, upgradeCommit(each.commit, upgrade))
      waiting.push(journal.append(each.commit))
      if (waiting.length < MAXIMUM_WAITING) continue
      await Promise.all(waiting)
      waiting = []
    }
    await Promise.all(waiting)
    if (journal.position().hash !== metadata.hash)
      throw invariant('wrong-import', 'the memory did not become the export')
  } finally {
    await journal.close()
  }
}
