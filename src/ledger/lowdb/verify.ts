/**
 * Reads a whole ledger offline and says everything that is wrong with it, where a start would stop at the first thing: every
 * line of every segment from the very first one, and the checkpoint against what replaying those lines leads to.
 */
import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import type { Id } from '../../../machines/ids.ts'
import type { SpendKey } from '../../../machines/vocabulary.ts'
import { withFile, type Finding } from '../../file.ts'
import type { Commit, Instance } from '../../kernel/entry.ts'
import { Fault, reasonOf } from '../../kernel/fault.ts'
import type { Upgrade } from '../../kernel/migration.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import { readLines, type Line } from '../../lines.ts'
import { checkRecord, claimedHash, commitOf, firstHash, gapAfter, lastSeqOf } from '../record.ts'
import { emptyState, replay, type State } from '../state.ts'
import { readCheckpoint, type Checkpoint } from './checkpoint.ts'
import { HEAD, INDEX, JOURNAL, LOCK, checkpointFile, indexFile, journalFile } from './files.ts'
import { readHead, type Head } from './head.ts'
import { areSoundPositionsOf } from './positions.ts'
import { holdsCommit } from './segment.ts'
import { isSound } from './sorted.ts'

/** What `lockkeeper verify` reports: nothing is wrong where `findings` is empty. */
export interface Verified {
  findings: Finding[]
  summary: {
    segments: number
    commits: number
    entries: number
    /** Created in all, and of those ended. */
    instances: number
    ended: number
    reservations: number
    seq: number
    lastHash: string
  }
}

/** One broken line may make thousands of findings; the first ones tell what happened. */
const FINDINGS_MAXIMUM = 1000

/** The walk so far. `marked` is what the checkpoint should be, copied when the walk passes it. */
interface Walk {
  directory: string
  upgrade: Upgrade
  findings: Finding[]
  state: State
  hash: string
  summary: Verified['summary']
  markAt: number
  marked: { live: Map<Id, Instance>; reservations: Map<SpendKey, Id> } | null
  /** Changed behind the checkpoint, so that it may lack them. */
  changed: Set<Id>
  changedKeys: Set<SpendKey>
}

/**
 * Rejects with operating `locked` while a process holds the ledger. Findings are bounded to 1000.
 * @param upgrade as the ledger is opened with: a checkpoint may hold images that a later version of their machine has brought up
 */
export async function verifyLedger(disk: Disk, directory: string, upgrade: Upgrade): Promise<Verified> {
  const unlock = await disk.lock(join(directory, LOCK), { create: false })
  try {
    return await verify(disk, newWalk(directory, upgrade))
  } finally {
    await unlock()
  }
}

async function verify(disk: Disk, walk: Walk): Promise<Verified> {
  const head = await attempt(walk, HEAD, () => readHead(disk, walk.directory))
  if (head === null) report(walk, { file: HEAD, offset: 0, problem: 'missing', damage: true })
  if (!head) return { findings: walk.findings, summary: walk.summary }
  walk.hash = firstHash(head.ledgerId)
  walk.markAt = head.checkpoint?.seq ?? 0
  await reportUnknown(disk, walk, head)
  for (const n of head.segments.keys()) await verifySegment(disk, walk, head, n)
  await verifyRuns(disk, walk)
  await verifyCheckpoint(disk, walk, head)
  walk.summary.segments = head.segments.length
  walk.summary.reservations = walk.state.reservations.size
  walk.summary.lastHash = walk.hash
  return { findings: walk.findings, summary: walk.summary }
}

const newWalk = (directory: string, upgrade: Upgrade): Walk => ({
  directory,
  upgrade,
  findings: [],
  state: emptyState(),
  hash: '',
  summary: { segments: 0, commits: 0, entries: 0, instances: 0, ended: 0, reservations: 0, seq: 0, lastHash: '' },
  markAt: 0,
  marked: null,
  changed: new Set(),
  changedKeys: new Set(),
})

function report(walk: Walk, finding: Finding): void {
  if (walk.findings.length >= FINDINGS_MAXIMUM) return
  walk.findings.push({ ...finding, file: join(walk.directory, finding.file) })
}

/** Undefined, and a finding, where reading says that the store is corrupt; other errors are not about the ledger. */
async function attempt<T>(walk: Walk, file: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Fault) || error.type !== 'corruptStore') throw error
    report(walk, {
      file,
      offset: Number(/: byte (\d+)/.exec(error.message)?.[1] ?? 0),
      problem: reasonOf(error),
      damage: true,
    })
    return undefined
  }
}

async function reportUnknown(disk: Disk, walk: Walk, head: Head): Promise<void> {
  const known = new Set(head.segments.map(({ first }) => journalFile(first)))
  for (const name of await disk.list(join(walk.directory, JOURNAL))) {
    const file = join(JOURNAL, name)
    if (!name.endsWith('.jsonl') || known.has(file)) continue
    const bytes = await withFile(disk, join(walk.directory, file), opened => opened.size())
    if (bytes > 0)
      report(walk, { file, offset: 0, problem: 'holds commits that HEAD.json does not know', damage: true })
  }
}

async function verifySegment(disk: Disk, walk: Walk, head: Head, n: number): Promise<void> {
  const segment = head.segments[n]!
  const file = journalFile(segment.first)
  const path = join(walk.directory, file)
  if (segment.first !== walk.summary.seq + 1 || segment.previous !== walk.hash)
    report(walk, { file, offset: 0, problem: `does not follow seq ${walk.summary.seq} and its hash`, damage: true })
  walk.hash = segment.previous
  walk.summary.seq = segment.first - 1
  if (!(await disk.exists(path))) return report(walk, { file, offset: 0, problem: 'missing', damage: true })
  const isLast = n === head.segments.length - 1
  const bytes = await withFile(disk, path, opened => verifyLines(opened, walk, file, isLast))
  const index = indexFile(segment.first)
  if (!isLast && !(await areSoundPositionsOf(disk, join(walk.directory, index), { bytes, hash: walk.hash })))
    report(walk, {
      file: index,
      offset: 0,
      problem: 'missing or does not fit; the next start makes it again',
      damage: false,
    })
}

async function verifyRuns(disk: Disk, walk: Walk): Promise<void> {
  for (const name of await disk.list(join(walk.directory, INDEX))) {
    const file = join(INDEX, name)
    const path = join(walk.directory, file)
    if (!name.endsWith('.run') || (await withFile(disk, path, opened => isSound(opened, path)))) continue
    report(walk, { file, offset: 0, problem: 'damaged; it is made again when it is needed', damage: false })
  }
}

/** Goes on behind a wrong line with the hash that it claims, so that each damage is found once. Answers the file's length. */
async function verifyLines(file: File, walk: Walk, name: string, isLast: boolean): Promise<number> {
  const bytes = await file.size()
  let bad: Finding[] = []
  for await (const lines of readLines(file, 0, bytes))
    for (const line of lines) {
      const problem = verifyLine(walk, line)
      if (problem === null) {
        for (const finding of bad) report(walk, { ...finding, damage: true })
        bad = []
      } else if (bad.length < FINDINGS_MAXIMUM) {
        const followed = line.complete && holdsCommit(line.bytes.subarray(bad.length === 0 ? 1 : 0))
        bad.push({ file: name, offset: line.offset, problem, damage: !isLast || followed })
      }
    }
  // Wrong lines with nothing right behind them: a torn tail, unless one of them holds a whole commit.
  const damage = bad.some(finding => finding.damage)
  if (damage) for (const finding of bad) report(walk, { ...finding, damage })
  else if (bad.length > 0) report(walk, { ...bad[0]!, problem: `a torn tail of ${bytes - bad[0]!.offset} bytes` })
  return bytes
}

function verifyLine(walk: Walk, line: Line): string | null {
  const checked = line.complete ? checkRecord(line.bytes, walk.hash) : { problem: 'an incomplete line' }
  walk.hash = claimedHash(line.bytes) ?? walk.hash
  const commit = parsed(line)
  if (!commit) return 'problem' in checked ? checked.problem : 'this is not a commit'
  const gap = gapAfter(walk.summary.seq, commit)
  passMark(walk, commit)
  replay(walk.state, commit)
  countCommit(walk, commit)
  const problems = ['problem' in checked ? checked.problem : null, gap].filter(problem => problem !== null)
  return problems.length > 0 ? problems.join('; ') : null
}

function parsed(line: Line): Commit | null {
  if (!line.complete || claimedHash(line.bytes) === null) return null
  try {
    const commit = commitOf(line.bytes)
    const isWhole = commit.entries.length > 0 && Array.isArray(commit.reserve) && Array.isArray(commit.release)
    return isWhole && commit.entries.every(entry => typeof entry.image.id === 'string') ? commit : null
  } catch {
    return null
  }
}

function countCommit({ summary }: Walk, commit: Commit): void {
  summary.commits++
  summary.entries += commit.entries.length
  for (const entry of commit.entries) {
    if (entry.prev === null) summary.instances++
    if (entry.image.ended) summary.ended++
  }
  summary.seq = lastSeqOf(commit)
}

function passMark(walk: Walk, commit: Commit): void {
  if (walk.markAt === 0 || commit.entries[0]!.seq <= walk.markAt) return
  walk.marked ??= copyOf(walk.state)
  for (const { image } of commit.entries) walk.changed.add(image.id)
  for (const key of [...commit.release, ...commit.reserve.map(([reserved]) => reserved)]) walk.changedKeys.add(key)
}

const copyOf = ({ live, reservations }: State) => ({ live: new Map(live), reservations: new Map(reservations) })

async function verifyCheckpoint(disk: Disk, walk: Walk, { checkpoint: named, ledgerId }: Head): Promise<void> {
  if (!named) return
  const file = checkpointFile(named.seq)
  const wrong = (problem: string) => report(walk, { file, offset: 0, problem, damage: true })
  const checkpoint = await attempt(walk, file, () => readCheckpoint(disk, walk.directory, named))
  if (!checkpoint) return
  if (checkpoint.ledgerId !== ledgerId) wrong(`belongs to ledger ${checkpoint.ledgerId}`)
  if (checkpoint.seen > walk.summary.seq)
    wrong(`has seen seq ${checkpoint.seen}, where the journal ends at ${walk.summary.seq}`)
  compareCheckpoint(walk, checkpoint, walk.marked ?? copyOf(walk.state), wrong)
}

/** Of two versions they must say the same to the present one; what it cannot read it cannot vouch for. */
function isSame(upgrade: Upgrade, image: Instance, journaled: Instance | undefined): boolean {
  if (journaled === undefined || image.version === journaled.version) return isDeepStrictEqual(image, journaled)
  try {
    return isDeepStrictEqual(upgrade(image), upgrade(journaled))
  } catch {
    return false
  }
}

function compareCheckpoint(
  walk: Walk,
  checkpoint: Checkpoint,
  expected: { live: Map<Id, Instance>; reservations: Map<SpendKey, Id> },
  wrong: (problem: string) => void,
): void {
  for (const [id, image] of checkpoint.live)
    if (!isSame(walk.upgrade, image, expected.live.get(id)))
      wrong(`${id} is not what the journal says of it at seq ${checkpoint.seq}`)
  for (const id of expected.live.keys())
    if (!checkpoint.live.has(id) && !walk.changed.has(id)) wrong(`${id} is missing`)
  for (const key of new Set([...checkpoint.reservations.keys(), ...expected.reservations.keys()])) {
    if (walk.changedKeys.has(key) || checkpoint.reservations.get(key) === expected.reservations.get(key)) continue
    wrong(
      `spend key ${key} is reserved for ${String(checkpoint.reservations.get(key))}, in the journal for ${String(expected.reservations.get(key))}`,
    )
  }
}
