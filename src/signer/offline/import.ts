/**
 * Takes in an exported memory, offline: into a directory without one, or into a memory that is the beginning of it.
 * Everything is checked before anything is written; an import that was cut off is finished by doing it again.
 */
import { boundary, invariant, operating, reasonOf } from '../../kernel/fault.ts'
import { upgradeCommit, upgradeOf, versionsOf } from '../../kernel/migration.ts'
import type { Disk, Ports } from '../../kernel/ports.ts'
import type { Commit } from '../../kernel/entry.ts'
import type { Engine } from '../../ledger/engine.ts'
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
import { signerMachines } from '../memory/machines.ts'
import { readMetadata, type Metadata } from './interchange.ts'

const OPENING = '{"metadata":'
const MIDDLE = ',"commits":['
const ENDING = ']}'
const COMMA = 0x2c
/** Commits on their way to the disk. */
const MAXIMUM_WAITING = 1000

const upgrade = upgradeOf(signerMachines)

/** What an import found and did. */
export interface Imported {
  metadata: Metadata
  /** Where the memory stood before. */
  before: number
  /** What it holds beyond the export, which then had nothing to add. */
  isAhead: boolean
}

/**
 * Throws boundary `other-signer`, `bad-export` (with the line), `memory-conflict` (with both sides of the first
 * difference), operating `locked`. `key`: this signer's identity.
 */
export async function importMemory(
  ports: Pick<Ports, 'disk' | 'random' | 'log'>,
  directory: string,
  key: string,
  from: string,
): Promise<Imported> {
  const engine = lowdbEngine(ports.disk, directory)
  const compared = await compare(engine, readExport(ports.disk, from, key))
  if (!compared.isAhead) await append(ports, engine, from, compared)
  return compared
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
          const recorded = readCommit(bytes, previous, seq, number)
          previous = recorded.hash
          seq = lastSeqOf(recorded.commit)
          yield recorded
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

async function compare(engine: Engine, exported: ReturnType<typeof readExport>): Promise<Imported> {
  const memory = await engine.inspect()
  try {
    return await compareCommits(memory?.commits() ?? nothing(), exported)
  } finally {
    await memory?.close()
  }
}

async function* nothing(): AsyncGenerator<never> {}

async function compareCommits(
  ours: AsyncGenerator<ChainedCommit>,
  exported: ReturnType<typeof readExport>,
): Promise<Imported> {
  let metadata: Metadata | null = null
  let end = { sequence: 0, hash: '' }
  let before = 0
  for await (const theirs of exported) {
    if ('ledgerId' in theirs) {
      metadata = theirs
      end = { sequence: 0, hash: firstHash(theirs.ledgerId) }
      continue
    }
    const own = await ours.next()
    if (own.done !== true) {
      if (own.value.hash !== theirs.hash) throw conflict(own.value.commit, theirs.commit)
      before = lastSeqOf(own.value.commit)
    }
    end = { sequence: lastSeqOf(theirs.commit), hash: theirs.hash }
  }
  if (metadata === null) throw boundary('bad-export', 'the file is empty')
  if (end.sequence !== metadata.sequence || end.hash !== metadata.hash) {
    throw boundary('bad-export', `the file ends at sequence ${end.sequence}, its metadata say ${metadata.sequence}`)
  }
  const isAhead = await hasMore(ours)
  return { metadata, before, isAhead }
}

async function hasMore(ours: AsyncGenerator<ChainedCommit>): Promise<boolean> {
  const { done } = await ours.next()
  await ours.return(undefined)
  return done !== true
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

/** A memory that is new, or has begun and holds nothing, takes over the export's id, from which its first hash follows. */
async function append(
  { disk, random, log }: Pick<Ports, 'disk' | 'random' | 'log'>,
  engine: Engine,
  from: string,
  { metadata, before }: Imported,
): Promise<void> {
  const { ledgerId } = metadata
  const state = emptyState()
  const memory = { live: () => state.live.values(), reservations: () => state.reservations }
  // Whoever imports is told of a failed disk by the rejection.
  const ports = { random, log, abort: () => undefined }
  const { journal, opened } = await engine.open({
    ports,
    upgrade,
    versions: versionsOf(signerMachines),
    memory,
    ledgerId,
  })
  for (const instance of opened.live) state.live.set(instance.id, instance)
  try {
    if (opened.seq !== before) throw operating('changed', 'the memory changed during the import: import again')
    let waiting: Promise<void>[] = []
    for await (const each of readExport(disk, from, metadata.key)) {
      if ('ledgerId' in each || lastSeqOf(each.commit) <= before) continue
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
