/**
 * What any engine of the ledger owes, whatever it keeps its ledgers in. A test file of each engine hands over how to make a
 * store and how to let it fail; what only one engine has (files, torn tails, segments) is tested beside it.
 */
import { untypedInstance } from '../kernel/untyped.ts'
import { idOf, kindOf, nameOf, type Id, type Kind } from '../../machines/ids.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Instance, Recorded } from '../../src/kernel/entry.ts'
import { Fault } from '../../src/kernel/fault.ts'
import type { Upgrade } from '../../src/kernel/migration.ts'
import {
  READ_MAXIMUM,
  READ_MAXIMUM_BYTES,
  type Engine,
  type Ledger,
  type Opening,
  type Query,
} from '../../src/ledger/engine.ts'
import { encodeRecord, endOf, firstHash, type ChainedCommit } from '../../src/ledger/record.ts'
import { newWorld, stateFound, stateOf, step, worldAt, type Change, type World } from './made.ts'

/** One ledger's place, and the processes that come and go on it. */
export interface TestStore {
  /** As the process sees it that runs now. */
  engine(): Engine
  /** That process dies, and whatever was not acknowledged may be lost. Its ledger never answers again. */
  fail(): Promise<void>
  /** What the engine does to the open ledger by itself now and then, to keep its starts short, done now. */
  tidy(): Promise<void>
}

const same: Upgrade = image => image

/** The ledger, whose memory is this world. */
function open(store: TestStore, world: World, options: Partial<Opening> = {}): Promise<Ledger> {
  const ports = {
    random: { bytes: (length: number) => new Uint8Array(length).fill(7) },
    log: () => undefined,
    abort(reason: string) {
      throw new Error(reason)
    },
  }
  const memory = { live: () => world.live.values(), reservations: () => world.reservations }
  return store.engine().open({ ports, memory, upgrade: same, versions: '1', ...options })
}

const append = (ledger: Ledger, world: World, ...changes: Change[]): Promise<void> =>
  ledger.journal.append(step(world, changes))

/** Some of each kind, on two chains, of which every fourth ends. */
const some = (n: number): Id =>
  idOf((['deposit', 'coin', 'transfer'] as const)[n % 3]!, `${n % 2 === 0 ? 'nano' : 'litecoin'}:${n % 61}`)

/** Commits of one to three entries; the engine tidies after every so many. */
async function fill(store: TestStore, ledger: Ledger, world: World, count: number, tidyEvery: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const changes = Array.from({ length: 1 + (n % 3) }, (_, m) => ({
      id: some(n + m),
      ends: (n + m) % 4 === 0,
      returns: (n + m) % 10 === 0,
    }))
    const commit = step(world, changes)
    if (commit.entries.length > 0) await ledger.journal.append(commit)
    else world.commits.pop()
    if (n % tidyEvery === 0) await store.tidy()
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** The history that this world's commits make, whoever keeps it. */
function historyOf(world: World, ledgerId: string): ChainedCommit[] {
  let previous = firstHash(ledgerId)
  return world.commits.map(commit => {
    const { hash, record } = encodeRecord(previous, commit)
    previous = hash
    return { commit, hash, record }
  })
}

const untyped = (fields: object) => fields as Record<string, string | undefined>

const isCalled = (image: Instance, field: string, name: string | undefined): boolean =>
  name === undefined || String(untyped(image.context)[field]).toLowerCase() === name.toLowerCase()

const listed = (world: World, { kind, chain, state, after, limit, ...names }: Query): Instance[] =>
  [...world.ended.values()]
    .filter(image => image.id.startsWith(`${kind}/`) && image.seq > after)
    .filter(image => chain === undefined || image.context['chain'] === chain)
    .filter(image => state === undefined || image.value === state)
    .filter(image =>
      ['reference', 'transactionId', 'address'].every(field => isCalled(image, field, untyped(names)[field])),
    )
    .sort((a, b) => a.seq - b.seq)
    .slice(0, limit)

function pastOf(world: World, seq: number, limit: number): Recorded[] {
  const found: Recorded[] = []
  for (let at: number | null = seq; at !== null && found.length < limit; at = found[0]!.entry.prev)
    found.unshift(world.feed[at - 1]!)
  return found
}

function describeStart(newStore: () => TestStore): void {
  test('makes a new ledger, says so only once, and keeps its id', async () => {
    const store = newStore()
    expect(await store.engine().exists()).toBe(false)
    const first = await open(store, newWorld())
    expect(first.opened).toMatchObject({ created: true, seq: 0, live: [], reservations: [], heights: {} })
    expect(first.journal.position()).toEqual({ sequence: 0, hash: firstHash(first.opened.ledgerId) })
    expect(await store.engine().exists()).toBe(true)
    await first.journal.close()
    const second = await open(store, newWorld())
    expect(second.opened).toMatchObject({ created: false, ledgerId: first.opened.ledgerId })
    await second.journal.close()
  })

  test('finds after a failure what was acknowledged', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    await append(ledger, world, { id: 'deposit/a', reserve: 'k1' }, { id: 'deposit/b' })
    await append(ledger, world, { id: 'deposit/a', ends: true, release: 'k1', reserve: 'k2' })
    const position = ledger.journal.position()
    await store.fail()
    const again = await open(store, world)
    expect(stateFound(again.opened)).toEqual(stateOf(world))
    expect(again.journal.position()).toEqual(position)
    await again.journal.close()
  })

  test('keeps a second process out until the first has closed it or failed', async () => {
    const store = newStore()
    const locked = { type: 'operating', kind: 'locked' }
    const first = await open(store, newWorld())
    await expect(open(store, newWorld())).rejects.toMatchObject(locked)
    await expect(store.engine().inspect()).rejects.toMatchObject(locked)
    await expect(store.engine().lock()).rejects.toMatchObject(locked)
    await first.journal.close()
    const unlock = await store.engine().lock()
    await expect(open(store, newWorld())).rejects.toMatchObject(locked)
    await unlock()
    await open(store, newWorld())
    await store.fail()
    const inspected = await store.engine().inspect()
    await expect(open(store, newWorld())).rejects.toMatchObject(locked)
    await inspected!.close()
    await (await open(store, newWorld())).journal.close()
  })

  test('goes on under the id that is asked for, as long as it holds no commit', async () => {
    const store = newStore()
    const world = newWorld()
    await (await open(store, world)).journal.close()
    const [one, other] = ['0123456789abcdef'.repeat(2), 'fedcba9876543210'.repeat(2)]
    const ledger = await open(store, world, { ledgerId: one })
    expect(ledger.opened.ledgerId).toBe(one)
    expect(ledger.journal.position()).toEqual({ sequence: 0, hash: firstHash(one) })
    await append(ledger, world, { id: 'deposit/a' })
    await ledger.journal.close()
    await expect(open(store, world, { ledgerId: other })).rejects.toMatchObject({ type: 'boundary' })
    const again = await open(store, world, { ledgerId: one })
    expect(stateFound(again.opened)).toEqual(stateOf(world))
    await again.journal.close()
    const fresh = newStore()
    const made = await open(fresh, newWorld(), { ledgerId: other })
    expect(made.opened).toMatchObject({ ledgerId: other, created: true })
    await made.journal.close()
  })
}

function describeJournal(newStore: () => TestStore): void {
  test('acknowledges commits in their order, and stands where the last one stands', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    const acknowledged: number[] = []
    const appends = Array.from({ length: 100 }, async (_, n) => {
      await append(ledger, world, { id: `deposit/${n}` })
      acknowledged.push(n + 1)
      expect(ledger.journal.position().sequence).toBeGreaterThan(n)
    })
    await Promise.all(appends)
    expect(acknowledged).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
    const { hash } = historyOf(world, ledger.opened.ledgerId).at(-1)!
    expect(ledger.journal.position()).toEqual({ sequence: 100, hash })
    await ledger.journal.close()
  })

  test('refuses a commit whose seq leaves a gap, and goes on', async () => {
    const store = newStore()
    const world = newWorld()
    const { journal } = await open(store, world)
    const skipped = step(world, [{ id: 'deposit/a' }])
    await expect(journal.append(step(world, [{ id: 'deposit/b' }]))).rejects.toMatchObject({ type: 'invariant' })
    await journal.append(skipped)
    expect(journal.position().sequence).toBe(1)
    await journal.close()
  })

  test('finishes what was appended before it closes, and then takes nothing more', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    const appended = append(ledger, world, { id: 'deposit/1' })
    await ledger.journal.close()
    await appended
    await expect(append(ledger, world, { id: 'deposit/2' })).rejects.toMatchObject({ kind: 'closed' })
    const again = await open(store, world)
    expect(again.opened.seq).toBe(1)
    await again.journal.close()
  })

  test('releases before it reserves, within one commit', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    await append(ledger, world, { id: 'transfer/a', reserve: 'k1' })
    const commit = step(world, [{ id: 'transfer/b' }])
    commit.release.push('k1')
    commit.reserve.push(['k1', 'transfer/b'])
    world.reservations.set('k1', 'transfer/b')
    await ledger.journal.append(commit)
    await ledger.journal.close()
    const again = await open(store, world)
    expect(again.opened.reservations).toEqual([['k1', 'transfer/b']])
    await again.journal.close()
  })
}

function describeArchive(newStore: () => TestStore): void {
  test.each([
    ['left alone', 200, 1000],
    ['tidied often', 200, 17],
    ['tidied last', 120, 40],
  ])('answers as a model that remembers everything, %s, before and after a restart', async (_, count, tidyEvery) => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    await fill(store, ledger, world, count, tidyEvery)
    await compare(ledger, world)
    await ledger.journal.close()
    const again = await open(store, world)
    expect(stateFound(again.opened)).toEqual(stateOf(world))
    await compare(again, world)
    await again.journal.close()
  })

  test('answers nothing for what is not there', async () => {
    const { archive, journal } = await open(newStore(), newWorld())
    expect(await archive.entries(0, 10)).toEqual([])
    expect(await archive.history(1, 10)).toEqual([])
    expect(await archive.read('deposit/none')).toBeNull()
    expect(await archive.list({ kind: 'deposit', after: 0, limit: 10 })).toEqual([])
    expect(await all(archive.commits())).toEqual([])
    await journal.close()
  })

  test('answers less at once where it is large, and the rest when it is asked on', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    const large = 'x'.repeat(READ_MAXIMUM_BYTES / 8)
    for (let n = 0; n < 20; n++) {
      const commit = step(world, [{ id: `deposit/${n}`, ends: true }])
      Object.assign(commit.entries[0]!.image.context, { note: large })
      await ledger.journal.append(commit)
      if (n === 9) await store.tidy()
    }
    const seqs: number[] = []
    for (let after = 0; ; after = seqs.at(-1)!) {
      const page = await ledger.archive.list({ kind: 'deposit', after, limit: 20 })
      if (page.length === 0) break
      expect(page.length).toBeLessThan(12)
      seqs.push(...page.map(({ seq }) => seq))
    }
    const told: number[] = []
    for (let page = await ledger.archive.entries(0, 20); page.length > 0;) {
      expect(page.length).toBeLessThan(12)
      told.push(...page.map(({ entry }) => entry.seq))
      page = await ledger.archive.entries(told.at(-1)!, 20)
    }
    expect([seqs, told]).toEqual([
      Array.from({ length: 20 }, (_, n) => n + 1),
      Array.from({ length: 20 }, (_, n) => n + 1),
    ])
    await ledger.journal.close()
  })

  test('answers at most so many at once', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    const changes = Array.from({ length: READ_MAXIMUM + 1 }, (_, n): Change => ({ id: `deposit/${n}`, ends: true }))
    await append(ledger, world, ...changes)
    expect(await ledger.archive.entries(0, 10 * READ_MAXIMUM)).toHaveLength(READ_MAXIMUM)
    const query = { kind: 'deposit', after: 0, limit: 10 * READ_MAXIMUM } as const
    expect(await ledger.archive.list(query)).toHaveLength(READ_MAXIMUM)
    await ledger.journal.close()
  })
}

async function compare({ archive, opened, journal }: Ledger, world: World): Promise<void> {
  for (let seq = 7; seq <= world.seq; seq += 7) expect(await archive.history(seq, 5)).toEqual(pastOf(world, seq, 5))
  for (const [id, image] of world.ended) expect(await archive.read(id)).toEqual(image)
  for (const id of world.live.keys()) expect(await archive.read(id)).toBeNull()
  const history = historyOf(world, opened.ledgerId)
  expect(await all(archive.commits())).toEqual(history)
  expect(journal.position()).toEqual({ sequence: world.seq, hash: history.at(-1)!.hash })
  const anyQuery = fc.record({
    kind: fc.constantFrom<Kind[]>('deposit', 'coin', 'transfer', 'account'),
    chain: fc.constantFrom('litecoin', 'nano'),
    state: fc.constantFrom('final', 'fina', 'waiting'),
    after: fc.nat(world.seq + 1),
    limit: fc.nat(50),
  })
  for (const reference of ['r0', 'r3', 'none']) {
    const query = { kind: 'deposit', reference, after: 0, limit: READ_MAXIMUM } as const
    expect(await archive.list(query)).toEqual(listed(world, query))
    const narrow = { ...query, chain: 'nano', after: world.seq >> 1, limit: 3 }
    expect(await archive.list(narrow)).toEqual(listed(world, narrow))
  }
  const names = [
    { transactionId: 'Tx3' },
    { transactionId: 'tX3', address: 'ADDR1' },
    { transactionId: 'null' },
    { address: 'addr2' },
    { address: 'addr2', reference: 'r3' },
    { address: 'none' },
  ]
  for (const kind of ['deposit', 'transfer'] as const)
    for (const name of names) {
      const query = { kind, ...name, after: 0, limit: READ_MAXIMUM }
      if (name.transactionId !== 'null') expect(await archive.list(query)).toEqual(listed(world, query))
      else expect(await archive.list(query)).toEqual([])
      const narrow = { ...query, chain: 'nano', state: 'final', after: world.seq >> 1, limit: 2 }
      if (name.transactionId !== 'null') expect(await archive.list(narrow)).toEqual(listed(world, narrow))
    }
  const property = fc.asyncProperty(anyQuery, fc.boolean(), async ({ chain, state, ...rest }, isNarrow) => {
    const query = isNarrow ? { ...rest, chain, state } : rest
    expect(await archive.list(query)).toEqual(listed(world, query))
    const { after, limit } = query
    expect(await archive.entries(after, limit)).toEqual(world.feed.slice(after, after + limit))
  })
  await fc.assert(property, { numRuns: 60 })
}

function describeUnindexed(newStore: () => TestStore): void {
  test('tells every entry there ever was, and never that nothing is found by id or in a list', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world, { isIndexed: false })
    await fill(store, ledger, world, 40, 7)
    const looksUp = async ({ archive }: Ledger) => {
      const refused = expect.objectContaining({ kind: 'not-indexed' }) as Error
      await expect(archive.read([...world.ended.keys()][0]!)).rejects.toThrow(refused)
      await expect(archive.list({ kind: 'coin', after: 0, limit: 1 })).rejects.toThrow(refused)
      expect(await archive.entries(0, READ_MAXIMUM)).toEqual(world.feed)
    }
    await looksUp(ledger)
    await ledger.journal.close()
    const again = await open(store, world, { isIndexed: false })
    expect(stateFound(again.opened)).toEqual(stateOf(world))
    await looksUp(again)
    await again.journal.close()
  })

  test('becomes indexed, and is not any more, by how it is opened', async () => {
    const store = newStore()
    const world = newWorld()
    for (const isIndexed of [false, true, false, true]) {
      const ledger = await open(store, world, { isIndexed })
      await fill(store, ledger, world, 20, 7)
      if (isIndexed) for (const [id, image] of world.ended) expect(await ledger.archive.read(id)).toEqual(image)
      await ledger.journal.close()
    }
  })
}

function describeClosed(newStore: () => TestStore): void {
  test('there is none where nothing was ever made', async () => {
    const store = newStore()
    expect(await store.engine().inspect()).toBeNull()
    expect(await store.engine().exists()).toBe(false)
    await (await open(store, newWorld())).journal.close()
  })

  test.each([1000, 7])('tells its whole history, tidied after every %i commits, again and again', async tidyEvery => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    await fill(store, ledger, world, 40, tidyEvery)
    const position = ledger.journal.position()
    const { ledgerId } = ledger.opened
    await ledger.journal.close()
    const closed = (await store.engine().inspect())!
    expect(closed.ledgerId).toBe(ledgerId)
    for (let n = 0; n < 2; n++) expect(await all(closed.commits())).toEqual(historyOf(world, ledgerId))
    expect(await endOf(closed)).toEqual(position)
    await closed.close()
  })

  test('may be left in the middle of its history', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    await fill(store, ledger, world, 10, 3)
    await ledger.journal.close()
    const closed = (await store.engine().inspect())!
    const commits = closed.commits()
    expect((await commits.next()).value).toMatchObject({ commit: world.commits[0] })
    await commits.return(undefined)
    await closed.close()
    await (await open(store, world)).journal.close()
  })
}

/** Version 2 says `pending` for `waiting`, and has a word for how it ended. */
function upgrade(image: Instance): Instance {
  if (image.version === 2) return image
  if (image.version !== 1) throw new Fault('corruptStore', 'unknown-version', `${image.id}: ${image.version}`)
  const value = image.ended ? `done.${image.value}` : image.value.replace('waiting', 'pending')
  return untypedInstance({ ...image, version: 2, value, context: { ...image.context, isUpgraded: true } })
}

const upgraded = (recorded: Recorded): Recorded => {
  const image = upgrade(recorded.entry.image)
  return { ...recorded, entry: { ...recorded.entry, image, to: image.value } }
}

function describeUpgrade(newStore: () => TestStore): void {
  test('shows every image of an earlier version as the present one has it, and keeps what was written', async () => {
    const store = newStore()
    const world = newWorld()
    const old = await open(store, world)
    await fill(store, old, world, 40, 15)
    await old.journal.close()
    const { archive, opened, journal } = await open(store, world, { upgrade, versions: '2' })
    expect(opened.live).toEqual(stateOf(world).live.map(upgrade))
    for (const [id, image] of world.ended) expect(await archive.read(id)).toEqual(upgrade(image))
    const query = { kind: 'deposit', after: 0, limit: READ_MAXIMUM } as const
    const ended = listed(world, query).map(upgrade)
    expect(ended.length).toBeGreaterThan(0)
    expect(await archive.list(query)).toEqual(ended)
    for (const state of ['done', 'done.final']) expect(await archive.list({ ...query, state })).toEqual(ended)
    expect(await archive.list({ ...query, state: 'final' })).toEqual([])
    expect(await archive.entries(0, READ_MAXIMUM)).toEqual(world.feed.map(upgraded))
    expect(await archive.history(world.seq, 5)).toEqual(pastOf(world, world.seq, 5).map(upgraded))
    const history = historyOf(world, opened.ledgerId)
    const shown = await all(archive.commits())
    expect(shown.flatMap(({ commit }) => commit.entries)).toEqual(world.feed.map(each => upgraded(each).entry))
    expect(shown.map(({ hash, record }) => ({ hash, record }))).toEqual(
      history.map(({ hash, record }) => ({ hash, record })),
    )
    await journal.close()
    const closed = (await store.engine().inspect())!
    expect(await all(closed.commits())).toEqual(history)
    await closed.close()
  })

  test('goes on in the present version, tidies, and finds both when it starts again', async () => {
    const store = newStore()
    const world = newWorld()
    const old = await open(store, world)
    await fill(store, old, world, 20, 1000)
    await old.journal.close()
    for (const [id, image] of world.live) world.live.set(id, upgrade(image))
    const next = await open(store, world, { upgrade, versions: '2' })
    await store.tidy()
    const commit = step(world, [{ id: 'deposit/new' }, { id: some(1) }])
    for (const { image } of commit.entries) image.version = 2
    await next.journal.append(commit)
    await next.journal.close()
    const again = await open(store, world, { upgrade, versions: '2' })
    expect(again.opened.live).toEqual(stateOf(world).live)
    await again.journal.close()
  })

  test('refuses what only a newer version can read, changes nothing, and lets others in', async () => {
    const store = newStore()
    const world = newWorld()
    const ledger = await open(store, world)
    await append(ledger, world, { id: 'deposit/a' })
    const commit = step(world, [{ id: 'deposit/b' }])
    commit.entries[0]!.image.version = 3
    await ledger.journal.append(commit)
    await ledger.journal.close()
    const refusal = { type: 'corruptStore', kind: 'unknown-version' }
    await expect(open(store, world, { upgrade, versions: '2' })).rejects.toMatchObject(refusal)
    const newer = await open(store, world)
    expect(newer.opened.seq).toBe(2)
    await newer.journal.close()
  })
}

const anyChange = fc.record({
  id: fc
    .constantFrom<Id[]>('deposit/a', 'deposit/b', 'coin/a', 'transfer/c')
    .chain(id => fc.nat(9).map(n => idOf(kindOf(id), nameOf(id) + String(n)))),
  ends: fc.boolean(),
  reserve: fc.constantFrom('k1', 'k2', 'k3'),
  release: fc.constantFrom('k1', 'k2', 'k3'),
})
const anyAction = fc.oneof(
  { weight: 6, arbitrary: fc.array(anyChange, { minLength: 1, maxLength: 4 }) },
  { weight: 2, arbitrary: fc.constantFrom('settle' as const, 'tidy' as const, 'close' as const, 'fail' as const) },
)

function describeFailures(newStore: () => TestStore): void {
  test('what was acknowledged is there, in whole commits, after failures at random', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyAction, { maxLength: 40 }), async actions => {
        const store = newStore()
        let world = newWorld()
        let acknowledged = 0
        let ledger = await open(store, world)
        let waiting: Promise<unknown>[] = []
        const restart = async () => {
          const { seq } = (ledger = await open(store, world)).opened
          expect(seq).toBeGreaterThanOrEqual(acknowledged)
          const past = worldAt(world, seq)
          expect(stateFound(ledger.opened)).toEqual(stateOf(past))
          expect(await ledger.archive.entries(0, READ_MAXIMUM)).toEqual(past.feed)
          // The ledger's memory is the world that it was opened with.
          if (seq < world.seq) {
            world = past
            await ledger.journal.close()
            ledger = await open(store, world)
          }
          acknowledged = seq
          waiting = []
        }
        for (const action of actions) {
          if (Array.isArray(action)) {
            const commit = step(world, action)
            const { length } = commit.entries
            if (length === 0) world.commits.pop()
            else
              waiting.push(
                ledger.journal.append(commit).then(() => {
                  acknowledged = Math.max(acknowledged, commit.entries[length - 1]!.seq)
                }),
              )
          } else if (action === 'settle') await Promise.all(waiting)
          else if (action === 'tidy') await store.tidy()
          else {
            await (action === 'fail' ? store.fail() : ledger.journal.close())
            await restart()
          }
        }
        await ledger.journal.close()
        await restart()
        expect(ledger.opened.seq).toBe(world.seq)
        await ledger.journal.close()
      }),
      { numRuns: 100 },
    )
  })
}

/** All that is owed. `newStore` makes a place where nothing is yet. */
export function describeEngine(name: string, newStore: () => TestStore): void {
  describe(`${name}: a start`, () => describeStart(newStore))
  describe(`${name}: the journal`, () => describeJournal(newStore))
  describe(`${name}: the archive`, () => describeArchive(newStore))
  describe(`${name}: a ledger that is not indexed`, () => describeUnindexed(newStore))
  describe(`${name}: a closed ledger`, () => describeClosed(newStore))
  describe(`${name}: images of an earlier version`, () => describeUpgrade(newStore))
  describe(`${name}: failures`, () => describeFailures(newStore))
}
