/** Lists over what is alive and what has ended, by names and by time, on a real ledger. */
import { expect, onTestFinished, test } from 'vitest'
import { createStore, type ListQuery } from '../../src/watcher/store.ts'
import {
  AT,
  CHAIN,
  DEPTHS,
  confirmDeposits,
  connect,
  inFolder,
  openChain,
  openWorld,
  type World,
} from '../bench/world.ts'

const COUNT = 40

async function everyPage(world: World, query: Partial<ListQuery<'deposit'>>, limit = 7) {
  const store = createStore(world.orchestrator, world.ledger.archive)
  const found: { id: string; at: number; address: string; transactionId: string }[] = []
  for (let after = 0, next: number | null = 0; next !== null; after = next ?? 0) {
    const page = await store.list({ kind: 'deposit', after, limit, ...query })
    found.push(
      ...page.items.map(({ id, at, context: { address, transactionId } }) => ({ id, at, address, transactionId })),
    )
    next = page.next
  }
  return found
}

test('a list by transaction, address and time is what all pages hold of it, alive and ended', async () => {
  await inFolder(async directory => {
    const world = await openWorld(directory)
    onTestFinished(() => world.close())
    await openChain(world, 5)
    await confirmDeposits(world, COUNT, 5)
    const all = await everyPage(world, {})
    expect(all).toHaveLength(COUNT)
    for (const { id, address, transactionId } of all.slice(0, 3)) {
      const ofTransaction = all.filter(deposit => deposit.transactionId === transactionId)
      expect(await everyPage(world, { transactionId: transactionId.toUpperCase() }, 1)).toEqual(ofTransaction)
      expect(ofTransaction.map(deposit => deposit.id)).toContain(id)
      expect(await everyPage(world, { address })).toEqual(all.filter(deposit => deposit.address === address))
    }
    expect(await everyPage(world, { transactionId: 'f'.repeat(64) })).toEqual([])
    const moments = [...new Set(all.map(({ at }) => at))]
    const last = Math.max(...moments)
    expect(await everyPage(world, { from: last })).toEqual(all.filter(({ at }) => at === last))
    expect(await everyPage(world, { to: last })).toEqual(all.filter(({ at }) => at < last))
    expect(await everyPage(world, { from: last + 1 })).toEqual([])
    expect(await everyPage(world, { from: 0, to: last + 1 })).toEqual(all)
  })
})

test('a list from its newest end is the list from its oldest end, turned round: alive and ended, in pages of any length', async () => {
  await inFolder(async directory => {
    const world = await openWorld(directory)
    onTestFinished(() => world.close())
    await openChain(world, 5)
    const ids = await confirmDeposits(world, COUNT, 5)
    const credited = ids.filter((_, n) => n % 3 === 0)
    for (const id of credited) await world.orchestrator.dispatch({ type: 'credit.acknowledged', at: AT, data: { id } })
    const tip = world.orchestrator.memory.heights[CHAIN]!
    for (let n = 1; n <= DEPTHS.final; n++) await connect(world, tip + n, [])
    const all = await everyPage(world, {})
    const ended = await everyPage(world, { state: 'final' })
    expect(ended.map(({ id }) => id).sort()).toEqual(credited.toSorted())
    const reference = world.orchestrator.memory.get(ids[1]!)!.context.reference!
    for (const query of [{}, { state: 'final' }, { state: 'confirmed' }, { reference }, { state: 'lost' }] as const) {
      const oldest = await everyPage(world, query)
      for (const limit of [1, 3, 7, 1000])
        expect(await everyPage(world, { ...query, order: 'newest' }, limit)).toEqual(oldest.toReversed())
    }
    expect(all).toHaveLength(COUNT)
  })
})
