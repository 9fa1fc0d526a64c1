/**
 * Takes in an exported memory, offline: into a directory without one, or into a memory that is the beginning of it.
 * Everything is checked before anything is written; an import that was cut off is finished by doing it again.
 */
import { join } from 'node:path'
import { boundary, invariant, operating } from '../../kernel/fault.ts'
import type { Disk, Log } from '../../kernel/ports.ts'
import type { Commit } from '../../kernel/entry.ts'
import { HEAD, JOURNAL, LOCK } from '../../ledger/files.ts'
import { readHead } from '../../ledger/head.ts'
import { openLedger } from '../../ledger/journal.ts'
import { checkLine, commitOf, encodeLine, firstHash, gapAfter, readLines } from '../../ledger/line.ts'
import { walkJournal, type JournalLine } from '../memory/history.ts'
import { readMetadata, type Metadata } from './interchange.ts'

const OPENING = '{"metadata":'
const MIDDLE = ',"commits":['
const ENDING = ']}'
const COMMA = 0x2c
/** Commits on their way to the disk. */
const MAXIMUM_WAITING = 1000

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
  { disk, log }: { disk: Disk; log: Log },
  directory: string,
  key: string,
  from: string,
): Promise<Imported> {
  await disk.makeDirectory(directory)
  const unlock = await disk.lock(join(directory, LOCK))
  let compared: Omit<Imported, 'metadata'> & { metadata: Metadata }
  try {
    compared = await compare(disk, directory, key, from)
    if (compared.before === 0) await removeEmpty(disk, directory)
  } finally {
    await unlock()
  }
  if (!compared.isAhead) await append({ disk, log }, directory, from, compared)
  return compared
}

/** The export's commits in order, each checked against the one before. */
async function* readExport(disk: Disk, from: string, key: string): AsyncGenerator<Metadata | JournalLine> {
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
          seq = recorded.commit.entries.at(-1)!.seq
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

function readCommit(line: Buffer, previous: string, seq: number, number: number): JournalLine {
  const bytes = line.at(-1) === COMMA ? line.subarray(0, -1) : line
  const refuse = (problem: string) => boundary('bad-export', `line ${number}: ${problem}`)
  const checked = checkLine(bytes, previous)
  if ('problem' in checked) throw refuse(checked.problem)
  const commit = commitOf(bytes)
  const gap = gapAfter(seq, commit)
  if (gap !== null) throw refuse(gap)
  // What is written in other bytes would get another hash in our journal, and be another history for every client.
  if (encodeLine(previous, commit).hash !== checked.hash) throw refuse('not written as this version writes it')
  return { commit, hash: checked.hash, bytes }
}

async function compare(disk: Disk, directory: string, key: string, from: string): Promise<Imported> {
  const ours = walkJournal(disk, directory)
  let metadata: Metadata | null = null
  let end = { sequence: 0, hash: '' }
  let before = 0
  for await (const theirs of readExport(disk, from, key)) {
    if ('ledgerId' in theirs) {
      metadata = theirs
      end = { sequence: 0, hash: firstHash(theirs.ledgerId) }
      continue
    }
    const own = await ours.next()
    if (own.done !== true) {
      if (own.value.hash !== theirs.hash) throw conflict(own.value.commit, theirs.commit)
      before = lastOf(own.value.commit)
    }
    end = { sequence: lastOf(theirs.commit), hash: theirs.hash }
  }
  if (metadata === null) throw boundary('bad-export', 'the file is empty')
  if (end.sequence !== metadata.sequence || end.hash !== metadata.hash) {
    throw boundary('bad-export', `the file ends at sequence ${end.sequence}, its metadata say ${metadata.sequence}`)
  }
  const isAhead = await hasMore(ours)
  return { metadata, before, isAhead }
}

const lastOf = (commit: Commit): number => commit.entries.at(-1)!.seq

async function hasMore(ours: AsyncGenerator<JournalLine>): Promise<boolean> {
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

/** A memory that has begun and holds nothing makes way, with its own id. */
async function removeEmpty(disk: Disk, directory: string): Promise<void> {
  if ((await readHead(disk, directory)) === null) return
  const journal = join(directory, JOURNAL)
  await disk.remove(join(directory, HEAD))
  await disk.syncDirectory(directory)
  for (const name of await disk.list(journal)) await disk.remove(join(journal, name))
  await disk.syncDirectory(journal)
}

async function append(
  { disk, log }: { disk: Disk; log: Log },
  directory: string,
  from: string,
  { metadata, before }: Imported,
): Promise<void> {
  // A new memory takes over the export's id, from which its first hash follows.
  const random = { bytes: () => new Uint8Array(Buffer.from(metadata.ledgerId, 'hex')) }
  const { journal, opened } = await openLedger({ disk, directory, random, log, abort: () => undefined })
  try {
    if (opened.seq !== before) throw operating('changed', `${directory} changed during the import: import again`)
    let waiting: Promise<void>[] = []
    for await (const each of readExport(disk, from, metadata.key)) {
      if ('ledgerId' in each || lastOf(each.commit) <= before) continue
      waiting.push(journal.append(each.commit))
      if (waiting.length < MAXIMUM_WAITING) continue
      await Promise.all(waiting)
      waiting = []
    }
    await Promise.all(waiting)
    if (journal.durableHash() !== metadata.hash) throw invariant('wrong-import', 'the memory did not become the export')
  } finally {
    await journal.close()
  }
}
