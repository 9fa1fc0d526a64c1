/** Lists over what is alive and what has ended, by names and by time, on a real ledger. */
import { expect, onTestFinished, test } from 'vitest'
import { createStore, type ListQuery } from '../../src/watcher/store.ts'
import { confirmDeposits, inFolder, openChain, openWorld, type World } from '../bench/world.ts'

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
