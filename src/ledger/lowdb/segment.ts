/**
 * Reading the journal from its start, segment by segment, and the rule for torn tails.
 *
 * Only what was never synced can be torn, and it stands at the end of the last segment. So the first line that is not
 * right is a torn tail if the segment is the last one and no whole commit begins anywhere behind it; it was never
 * acknowledged and may be cut. A whole commit behind it means that acknowledged data is damaged: refuse. (A disk that
 * loses the middle of one unsynced write and keeps its end is refused too: a person looks rather than we guess.)
 */
import { join } from 'node:path'
import { corruptStore } from '../../kernel/fault.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import { readLines, type Line } from '../../lines.ts'
import { RECORD_MARK, checkRecord, claimedHash, commitOf, gapAfter, lastSeqOf, type ChainedCommit } from '../record.ts'
import { journalFile } from './files.ts'
import { addMark, emptyMarks, type Marks } from './positions.ts'

/** Where a segment begins. */
export interface SegmentStart {
  first: number
  /** The hash of the last line before it. */
  previous: string
}

/** What reading all of a segment has found. */
export interface SegmentEnd {
  marks: Marks
  /** Of its last entry, or `first - 1`. */
  seq: number
  /** Bytes behind the last whole line; more than 0 only in the last segment. */
  tornBytes: number
}

/** Every commit of these segments. Throws corruptStore, naming file and byte; a torn tail is left out. */
export async function* readJournal(
  disk: Disk,
  directory: string,
  segments: readonly SegmentStart[],
): AsyncGenerator<ChainedCommit> {
  for (const [n, segment] of segments.entries()) {
    const next = segments[n + 1]
    const end = yield* readSegment(disk, directory, segment, !next)
    if (next) refuseWrongEnd(directory, segment, end, next)
  }
}

/** A closed segment must end where the next one begins. */
export function refuseWrongEnd(directory: string, { first }: SegmentStart, end: SegmentEnd, next: SegmentStart): void {
  if (end.seq + 1 === next.first && end.marks.hash === next.previous) return
  const path = join(directory, journalFile(first))
  throw corruptStore(
    `${path}: byte ${end.marks.bytes}: ends at seq ${end.seq}, but the next segment begins at ${next.first}`,
  )
}

/**
 * Each commit, and at last where the segment ends. Throws corruptStore, naming file and byte; a torn tail is reported, not
 * thrown, where `isLast`.
 */
export async function* readSegment(
  disk: Disk,
  directory: string,
  start: SegmentStart,
  isLast: boolean,
): AsyncGenerator<ChainedCommit, SegmentEnd> {
  const path = join(directory, journalFile(start.first))
  if (!(await disk.exists(path))) throw corruptStore(`${path}: byte 0: missing, though HEAD.json names it`)
  const file = await disk.open(path, { create: false })
  try {
    const size = await file.size()
    const end: SegmentEnd = { marks: emptyMarks(start.previous), seq: start.first - 1, tornBytes: 0 }
    const problem = yield* readCommits(file, size, end)
    end.tornBytes = size - end.marks.bytes
    if (problem !== null && (!isLast || (await holdsCommitAfter(file, end.marks.bytes, size))))
      throw corruptStore(`${path}: byte ${end.marks.bytes}: ${problem}`)
    return end
  } finally {
    await file.close()
  }
}

/** Ends with null when every line is right, else with what is wrong with the line at `end.marks.bytes`. */
async function* readCommits(file: File, size: number, end: SegmentEnd): AsyncGenerator<ChainedCommit, string | null> {
  for await (const lines of readLines(file, 0, size))
    for (const line of lines) {
      const read = readCommit(line, end)
      if ('problem' in read) return read.problem
      yield read
    }
  return null
}

function readCommit(line: Line, end: SegmentEnd): ChainedCommit | { problem: string } {
  if (!line.complete) return { problem: 'an incomplete line' }
  const checked = checkRecord(line.bytes, end.marks.hash)
  if ('problem' in checked) return checked
  const commit = commitOf(line.bytes)
  const gap = gapAfter(end.seq, commit)
  if (gap !== null) return { problem: gap }
  addMark(end.marks, commit, line.bytes.length + 1, checked.hash)
  end.seq = lastSeqOf(commit)
  return { commit, hash: checked.hash, record: line.bytes }
}

/** Whether a whole commit begins behind this offset, be it in the middle of a line whose newline is damaged. */
async function holdsCommitAfter(file: File, offset: number, end: number): Promise<boolean> {
  for await (const lines of readLines(file, offset, end))
    for (const line of lines) {
      const behind = line.offset === offset ? line.bytes.subarray(1) : line.bytes
      if (line.complete && holdsCommit(behind)) return true
    }
  return false
}

/** Whether anywhere in these bytes a whole record begins that reaches to their end: a newline before it may be damaged. */
export function holdsCommit(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(RECORD_MARK); at >= 0; at = bytes.indexOf(RECORD_MARK, at + 1)) {
    const candidate = bytes.subarray(at)
    if (claimedHash(candidate) !== null && isCommit(candidate)) return true
  }
  return false
}

function isCommit(candidate: Buffer): boolean {
  try {
    return Array.isArray(commitOf(candidate).entries)
  } catch {
    return false
  }
}
