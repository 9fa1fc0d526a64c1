/**
 * What has left memory, read from the journal's segments through their indexes. Every line read is checked against its
 * chain, and every image brought up to its machine's present version before anything is asked of it.
 */
import type { Id, Kind } from '../../../machines/ids.ts'
import { asBuffer, readLines } from '../../lines.ts'
import {
  chainOf,
  isKind,
  type Commit,
  type Found,
  type Instance,
  type InstanceOf,
  type Recorded,
} from '../../kernel/entry.ts'
import { corruptStore, invariant } from '../../kernel/fault.ts'
import { upgradeCommit, type Upgrade } from '../../kernel/migration.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import { READ_MAXIMUM, type Archive, type Query } from '../engine.ts'
import { BODY_AT, checkRecord, claimedHash, commitOf, type ChainedCommit } from '../record.ts'
import type { SegmentIndex } from './segment-index.ts'

/** A segment as of one moment. */
export interface Segment {
  path: string
  first: number
  last: number
  /** The hash of the last line before it. */
  previous: string
  /** How far it may be read: the durable bytes of the active one; null for a closed one. */
  bytes: number | null
  index: SegmentIndex
}

/** What an archive reads from. `segments`: oldest first, as they stand when asked. */
export interface Archived {
  disk: Disk
  directory: string
  segments: () => Segment[]
  upgrade: Upgrade
}

const ENDED = Buffer.from('"ended":true')

/** Reads files only, through their indexes: it holds no instance. */
export function openArchive(archived: Archived): Archive {
  const entryOf = (seq: number): Promise<Recorded | null> => readEntry(archived, seq)
  return {
    read: async <I extends Id>(id: I) => (await readEnded(archived.segments(), id, entryOf)) as Found<I> | null,
    list: async <K extends Kind>(query: Query<K>) => (await listEnded(archived, query)) as InstanceOf<K>[],
    async entries(after, limit) {
      const wanted = bounded(limit)
      const found: Recorded[] = []
      if (wanted === 0) return found
      for await (const { commit } of commitsFrom(archived, after + 1, null))
        for (const candidate of commit.entries) {
          if (candidate.seq > after) found.push(recorded(commit, candidate))
          if (found.length >= wanted) return found
        }
      return found
    },
    async history(seq, limit) {
      const found: Recorded[] = []
      for (let at: number | null = seq; at !== null && found.length < bounded(limit);) {
        const transition: Recorded | null = await entryOf(at)
        if (!transition && found.length > 0)
          throw corruptStore(`${archived.directory}: seq ${at} is missing, though a later entry names it`)
        if (!transition) return found
        const { prev } = transition.entry
        if (prev !== null && prev >= at) throw invariant('history', `seq ${at} names a later one before it`)
        found.unshift(transition)
        at = prev
      }
      return found
    },
    commits: (from = 1) => commitsFrom(archived, from, null),
  }
}

const bounded = (limit: number): number => Math.max(0, Math.min(limit, READ_MAXIMUM))

const recorded = ({ at, heights }: Commit, entry: Commit['entries'][number]): Recorded => ({ at, heights, entry })

async function readEntry(archived: Archived, seq: number): Promise<Recorded | null> {
  for await (const { commit } of commitsFrom(archived, seq, null))
    for (const entry of commit.entries) if (entry.seq === seq) return recorded(commit, entry)
  return null
}

async function readEnded(segments: Segment[], id: Id, entryOf: (seq: number) => Promise<Recorded | null>) {
  for (const segment of segments.toReversed())
    for (const seq of await segment.index.endings(id)) {
      const image = (await entryOf(seq))?.entry.image
      if (image?.id === id && image.ended) return image
    }
  return null
}

async function listEnded(archived: Archived, query: Query): Promise<Instance[]> {
  const wanted = bounded(query.limit)
  const found: Instance[] = []
  if (wanted === 0) return found
  for await (const { commit } of commitsFrom(archived, query.after + 1, ENDED))
    for (const { image } of commit.entries) {
      if (image.seq > query.after && image.ended && isAskedFor(image, query)) found.push(image)
      if (found.length >= wanted) return found
    }
  return found
}

function isAskedFor(image: Instance, { kind, chain, state }: Query): boolean {
  if (!isKind(image, kind)) return false
  if (chain !== undefined && chainOf(image) !== chain) return false
  return state === undefined || image.value === state || image.value.startsWith(`${state}.`)
}

/** The durable commits from the one that holds `seq` on; only those whose line contains `needle`, which saves parsing. */
async function* commitsFrom(archived: Archived, seq: number, needle: Buffer | null): AsyncGenerator<ChainedCommit> {
  for (const segment of archived.segments()) {
    if (segment.last < seq || segment.last < segment.first) continue
    yield* commitsIn(archived, segment, Math.max(seq, segment.first), needle)
  }
}

async function* commitsIn(
  { disk, upgrade }: Archived,
  segment: Segment,
  seq: number,
  needle: Buffer | null,
): AsyncGenerator<ChainedCommit> {
  const { path } = segment
  const position = await segment.index.locate(seq)
  const file = await disk.open(path, { create: false })
  try {
    let previous = position.before === null ? segment.previous : await hashAt(file, path, position.before)
    for await (const lines of readLines(file, position.offset, segment.bytes ?? (await file.size())))
      for (const { offset, bytes, complete } of lines) {
        const checked = complete ? checkRecord(bytes, previous) : { problem: 'an incomplete line' }
        if ('problem' in checked) throw corruptStore(`${path}: byte ${offset}: ${checked.problem}`)
        previous = checked.hash
        if (needle !== null && !bytes.includes(needle)) continue
        yield { commit: upgradeCommit(commitOf(bytes), upgrade), hash: previous, record: bytes }
      }
  } finally {
    await file.close()
  }
}

async function hashAt(file: File, path: string, offset: number): Promise<string> {
  const hash = claimedHash(asBuffer(await file.read(offset, BODY_AT)))
  if (hash === null) throw corruptStore(`${path}: byte ${offset}: this is not a commit`)
  return hash
}
