/** Commits for tests: a small world of instances that change, end, and hold spend keys. */
import { untypedInstance } from '../kernel/untyped.ts'
import type { Id } from '../../machines/ids.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { FoundLedger } from '../../src/ledger/engine.ts'
import type { Commit, Entry, Instance, Recorded } from '../../src/kernel/entry.ts'

/** What the orchestrator would hold, and all that ever happened. */
export interface World {
  seq: number
  live: Map<Id, Instance>
  ended: Map<Id, Instance>
  reservations: Map<SpendKey, Id>
  feed: Recorded[]
  commits: Commit[]
}

export const newWorld = (): World => ({
  seq: 0,
  live: new Map(),
  ended: new Map(),
  reservations: new Map(),
  feed: [],
  commits: [],
})

export interface Change {
  id: Id
  ends?: boolean
  /** Where it has ended: it is live again. */
  returns?: boolean
  reserve?: SpendKey
  release?: SpendKey
}

/** The next commit of this world, applied to its memory. */
export function step(world: World, changes: Change[]): Commit {
  const at = 1_700_000_000_000 + world.seq
  const commit: Commit = { at, heights: { litecoin: world.seq }, entries: [], reserve: [], release: [] }
  for (const { id, ends = false, returns = false, reserve, release } of changes) {
    if (world.ended.has(id) && !returns) continue
    commit.entries.push(entryOf(world, at, id, ends && !(returns && world.ended.has(id))))
    const isNew = commit.reserve.some(([key]) => key === release)
    if (release !== undefined && !isNew && world.reservations.delete(release)) commit.release.push(release)
    if (reserve !== undefined && !world.reservations.has(reserve) && reserve !== release) {
      world.reservations.set(reserve, id)
      commit.reserve.push([reserve, id])
    }
  }
  for (const entry of commit.entries) world.feed.push({ at, heights: commit.heights, entry })
  world.commits.push(commit)
  return commit
}

function entryOf(world: World, at: number, id: Id, ends: boolean): Entry {
  const before = world.live.get(id) ?? world.ended.get(id)
  const seq = ++world.seq
  const image = untypedInstance({
    id,
    version: 1,
    value: ends ? 'final' : `waiting.${seq % 3}`,
    context: {
      chain: id.includes('nano') ? 'nano' : 'litecoin',
      reference: `r${seq % 5}`,
      transactionId: seq % 6 === 0 ? null : `Tx${seq % 7}`,
      address: `Addr${seq % 4}`,
      note: `ünïcode "quoted" \n ${seq}`,
    },
    revision: (before?.revision ?? 0) + 1,
    seq,
    at,
    entered: seq,
    ended: ends,
  })
  world.live.delete(id)
  world.ended.delete(id)
  if (ends) world.ended.set(id, image)
  else world.live.set(id, image)
  const event = before?.ended === true ? 'ending.revoked' : 'time.passed'
  return { seq, prev: before?.seq ?? null, event, from: before?.value ?? null, to: image.value, image }
}

/** The world as it was after so many of its transitions. */
export function worldAt(world: World, seq: number): World {
  const past = newWorld()
  for (const commit of world.commits) {
    if (commit.entries[0]!.seq > seq) break
    past.seq = commit.entries.at(-1)!.seq
    for (const entry of commit.entries) {
      past.live.delete(entry.image.id)
      past.ended.delete(entry.image.id)
      if (entry.image.ended) past.ended.set(entry.image.id, entry.image)
      else past.live.set(entry.image.id, entry.image)
      past.feed.push({ at: commit.at, heights: commit.heights, entry })
    }
    for (const key of commit.release) past.reservations.delete(key)
    for (const [key, id] of commit.reserve) past.reservations.set(key, id)
    past.commits.push(commit)
  }
  return past
}

/** The part of what a start finds that a world determines. */
export const stateOf = (world: World) => ({
  seq: world.seq,
  live: [...world.live.values()].sort((a, b) => a.seq - b.seq),
  reservations: [...world.reservations].sort(byKey),
  at: world.commits.at(-1)?.at ?? 0,
  heights: world.commits.at(-1)?.heights ?? {},
})

export const stateFound = ({ seq, live, reservations, at, heights }: FoundLedger) => ({
  seq,
  live,
  reservations: reservations.toSorted(byKey),
  at,
  heights,
})

const byKey = ([a]: [string, string], [b]: [string, string]) => (a < b ? -1 : a > b ? 1 : 0)
