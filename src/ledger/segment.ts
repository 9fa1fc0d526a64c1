/**
 * Reading one segment of the journal from its start, and the rule for torn tails.
 *
 * Only what was never synced can be torn, and it stands at the end of the last segment. So the first line that is not
 * right is a torn tail if the segment is the last one and no whole commit begins anywhere behind it; it was never
 * acknowledged and may be cut. A whole commit behind it means that acknowledged data is damaged: refuse. (A disk that
 * loses the middle of one unsynced write and keeps its end is refused too: a person looks rather than we guess.)
 */
import { join } from 'node:path'
import { corruptStore } from '../kernel/fault.ts'
import type { Disk, File } from '../kernel/ports.ts'
import type { Commit } from '../kernel/entry.ts'
import { journalFile, withFile } from './files.ts'
import { checkLine, commitOf, gapAfter, holdsCommit, readLines, type Line } from './line.ts'
import { addMark, emptyMarks, type Marks } from './segment-index.ts'

export interface SegmentStart {
  first: number
  /** The hash of the last line before it. */
  previous: string
}

export interface SegmentEnd {
  marks: Marks
  /** Of its last entry, or `first - 1`. */
  seq: number
  /** Bytes behind the last whole line; more than 0 only in the last segment. */
  tornBytes: number
}

/** Hands over each commit. Throws corruptStore, naming file and byte; a torn tail is reported, not thrown, where `isLast`. */
export async function readSegment(
  disk: Disk,
  directory: string,
  start: SegmentStart,
  isLast: boolean,
  visit: (commit: Commit) => void,
): Promise<SegmentEnd> {
  const path = join(directory, journalFile(start.first))
  if (!(await disk.exists(path))) throw corruptStore(`${path}: byte 0: missing, though HEAD.json names it`)
  return withFile(disk, path, async file => {
    const end = await file.size()
    const read: SegmentEnd = { marks: emptyMarks(start.previous), seq: start.first - 1, tornBytes: 0 }
    const problem = await readCommits(file, end, read, visit)
    read.tornBytes = end - read.marks.bytes
    if (problem !== null && (!isLast || (await holdsCommitAfter(file, read.marks.bytes, end))))
      throw corruptStore(`${path}: byte ${read.marks.bytes}: ${problem}`)
    return read
  })
}

/** Null when every line is right, else what is wrong with the line at `read.marks.bytes`. */
async function readCommits(
  file: File,
  end: number,
  read: SegmentEnd,
  visit: (commit: Commit) => void,
): Promise<string | null> {
  for await (const lines of readLines(file, 0, end))
    for (const line of lines) {
      const problem = readCommit(line, read, visit)
      if (problem !== null) return problem
    }
  return null
}

function readCommit(line: Line, read: SegmentEnd, visit: (commit: Commit) => void): string | null {
  if (!line.complete) return 'an incomplete line'
  const checked = checkLine(line.bytes, read.marks.hash)
  if ('problem' in checked) return checked.problem
  const commit = commitOf(line.bytes)
  const gap = gapAfter(read.seq, commit)
  if (gap !== null) return gap
  addMark(read.marks, commit, line.bytes.length + 1, checked.hash)
  read.seq = commit.entries.at(-1)!.seq
  visit(commit)
  return null
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
