/** The search's index over a real ledger on a real disk: what it finds is what the journal holds, however it came to be. */
import { readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { depositId, kindOf, nameOf, type Id, type IdOf } from '../../machines/ids.ts'
import { createPorts } from '../../src/shell/ports.ts'
import { startSearch, type Search } from '../../src/watcher/search/index.ts'
import { entriesFrom, merged, writeSearchRun } from '../../src/watcher/search/run.ts'
import { ENTRY_BYTES, normalise } from '../../src/watcher/search/terms.ts'
import {
  CHAIN,
  AT,
  confirmDeposits,
  connect,
  connectPayments,
  DEPTHS,
  hashOf,
  inFolder,
  openChain,
  openWorld,
  payment,
  type World,
} from '../bench/world.ts'
import { simulatedDisk } from '../simulation/disk.ts'

const LIMIT = 20
const PATIENCE_MS = 60_000
const POLL_MS = 10

function openSearch({ ledger, orchestrator }: World, directory: string): Search {
  const ports = createPorts('error')
  onTestFinished(() => ports.close())
  const search = startSearch({
    ...ports,
    directory: join(directory, 'search'),
    ledgerId: ledger.opened.ledgerId,
    memory: orchestrator.memory,
    archive: ledger.archive,
    chains: [CHAIN],
    durableSeq: () => ledger.journal.position().sequence,
  })
  orchestrator.onDurable(() => search.follow())
  return search
}

/** Until the index has everything that is durable now. */
async function find(search: Search, text: string, isEnough: (ids: Id[]) => boolean): Promise<Id[]> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const found = await search.find(text, LIMIT).catch(() => null)
    const ids = (found ?? []).map(({ id }) => id)
    if (found !== null && isEnough(ids)) return ids
    if (performance.now() > deadline) throw new Error(`${text}: ${JSON.stringify(ids)}`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}

const first = { ...payment(0, 10, null), transaction: payment(0, 10, null).transaction }

async function acknowledge({ orchestrator }: World, ids: readonly IdOf<'deposit'>[]): Promise<void> {
  for (const id of ids) void orchestrator.dispatch({ type: 'credit.acknowledged', at: AT, data: { id } })
  await orchestrator.settled()
}

test('what lives is found by id, address, reference, transaction and block, in either case', () =>
  inFolder(async directory => {
    const world = await openWorld(directory)
    const search = openSearch(world, directory)
    await openChain(world, 10)
    await connectPayments(world, 1, 3, 10)
    const deposit = depositId(first.id)
    const has = (ids: readonly Id[]) => ids.includes(deposit)
    for (const text of [first.id, first.transaction, first.transaction.toUpperCase(), ` ${first.id}\n`, hashOf(1)])
      expect(await find(search, text, has)).toContain(deposit)
    expect(await find(search, first.address, has)).toEqual([
      deposit,
      `address/${CHAIN}:${first.index}`,
      `coin/${first.id}`,
    ])
    expect(await find(search, `customer-${first.index}`, has)).toContain(deposit)
    expect(await find(search, hashOf(1), ids => ids.includes(`chain/${CHAIN}`))).toContain(`chain/${CHAIN}`)
    expect(await search.find('no such thing', LIMIT)).toEqual([])
    expect(await search.find('   ', LIMIT)).toEqual([])
    await search.stop()
    await world.close()
  }))

test('what has ended is found with the state it ended in, after a restart too', () =>
  inFolder(async directory => {
    const world = await openWorld(directory)
    await openChain(world, 10)
    await acknowledge(world, await confirmDeposits(world, 5, 10))
    const tip = world.orchestrator.memory.heights[CHAIN]!
    for (let height = tip + 1; height <= tip + DEPTHS.final; height++) await connect(world, height, [])
    const ended = (search: Search) =>
      search.find(first.transaction, LIMIT).then(all => all.find(({ id }) => kindOf(id) === 'deposit'))
    const made = openSearch(world, directory)
    await find(made, first.transaction, ids => ids.length > 0)
    expect((await ended(made))?.state).toBe('final')
    expect(made.endedCounts()?.get(`deposit|${CHAIN}|final`)).toBe(5)
    await made.stop()
    await world.close()
    const again = await openWorld(directory)
    const kept = openSearch(again, directory)
    await find(kept, first.transaction, ids => ids.length > 0)
    expect((await ended(kept))?.state).toBe('final')
    expect(kept.endedCounts()?.get(`deposit|${CHAIN}|final`)).toBe(5)
    await kept.stop()
    await again.close()
  }))

/** Enough for several files and for a merge. */
const MANY = 7000

test(
  'thousands of instances are found in few files, and found again when a file is damaged',
  { timeout: 300_000 },
  () =>
    inFolder(async directory => {
      const world = await openWorld(directory)
      await openChain(world, 100)
      const search = openSearch(world, directory)
      await connectPayments(world, 1, MANY, 100)
      const last = payment(MANY - 1, 100, null)
      await find(search, last.transaction, ids => ids.length === 2)
      for (const n of [0, 1, MANY >> 1, MANY - 2]) {
        const { transaction, id } = payment(n, 100, null)
        expect((await search.find(transaction, LIMIT)).map(found => found.id)).toEqual([`deposit/${id}`, `coin/${id}`])
      }
      expect(await search.find('customer-7', LIMIT)).toHaveLength(LIMIT)
      await search.stop()
      const files = (await readdir(join(directory, 'search'))).filter(name => name.endsWith('.run'))
      expect(files.length).toBeGreaterThan(0)
      expect(files.length).toBeLessThan(6)
      const kept = openSearch(world, directory)
      expect((await find(kept, last.transaction, ids => ids.length > 0)).map(nameOf)).toContain(last.id)
      await kept.stop()
      await truncate(join(directory, 'search', files[0]!), 100)
      const made = openSearch(world, directory)
      expect((await find(made, first.transaction, ids => ids.length > 0)).map(nameOf)).toContain(first.id)
      await made.stop()
      await world.close()
    }),
)

test('an index of another ledger is not believed', () =>
  inFolder(async directory => {
    const world = await openWorld(join(directory, 'one'))
    await openChain(world, 1)
    const search = openSearch(world, directory)
    await find(search, 'customer-1', ids => ids.length > 0)
    await search.stop()
    await world.close()
    const other = await openWorld(join(directory, 'other'))
    const empty = openSearch(other, directory)
    expect(await find(empty, 'customer-1', ids => ids.length === 0)).toEqual([])
    await empty.stop()
    await other.close()
  }))

test('a disk that fails costs the search, and nothing else', () =>
  inFolder(async directory => {
    const world = await openWorld(directory)
    const { ledger, orchestrator } = world
    const ports = createPorts('error')
    const broken = simulatedDisk({ seed: 1, fail: { call: 'makeDirectory', nth: 1 } })
    const search = startSearch({
      ...ports,
      log: () => undefined,
      disk: broken,
      directory: '/search',
      ledgerId: ledger.opened.ledgerId,
      memory: orchestrator.memory,
      archive: ledger.archive,
      chains: [CHAIN],
      durableSeq: () => ledger.journal.position().sequence,
    })
    orchestrator.onDurable(() => search.follow())
    await openChain(world, 2)
    await expect(search.find('customer-1', LIMIT)).rejects.toMatchObject({ kind: 'not-indexed' })
    expect(search.endedCounts()).toBeNull()
    expect(orchestrator.memory.count('address', CHAIN, 'assigned')).toBe(2)
    await search.stop()
    await world.close()
    ports.close()
  }))

describe('runs', () => {
  /** Few letters, so that many entries begin alike and some are the same. */
  const LETTER = fc.constantFrom('a', 'b', 'c')
  const entry = fc
    .tuple(
      fc.string({ unit: LETTER, minLength: ENTRY_BYTES - 1, maxLength: ENTRY_BYTES - 1 }),
      fc.constantFrom('1', '2'),
    )
    .map(([head, tail]) => head + tail)
  const entries = fc.array(entry, { maxLength: 700 }).map(all => [...new Set(all)].sort())
  async function* once(all: string[]) {
    yield all
  }
  const same = (a: string, b: string) => a.slice(0, -6) === b.slice(0, -6)

  test('answer what a filter would, one block or many', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.string({ unit: LETTER, maxLength: 6 }), async (all, start) => {
        const run = await writeSearchRun(simulatedDisk({ seed: 1 }), '/run', 'run', once(all))
        expect(await entriesFrom(run, start, 50)).toEqual(all.filter(one => one.startsWith(start)).slice(0, 50))
      }),
      { numRuns: 60 },
    )
  })
  test('merge into one that holds the latest of what says the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entries, { minLength: 1, maxLength: 4 }), async lists => {
        const disk = simulatedDisk({ seed: 1 })
        const runs = await Promise.all(lists.map((all, n) => writeSearchRun(disk, `/${n}`, String(n), once(all))))
        const out: string[] = []
        for await (const piece of merged(runs)) out.push(...piece)
        const all = [...new Set(lists.flat())].sort()
        expect(out).toEqual(all.filter((one, n) => n === all.length - 1 || !same(one, all[n + 1]!)))
      }),
      { numRuns: 60 },
    )
  })
})

test('the chain’s name before an id says nothing', () => {
  expect(normalise('Litecoin:ABC:0', ['litecoin'])).toBe('abc:0')
  expect(normalise('other:ABC', ['litecoin'])).toBe('other:abc')
})
