/** A reorganisation deeper than `final`, which a person has looked at and lets go on: what had ended is taken back, and never made anew. */
import { beforeEach, describe, expect, test } from 'vitest'
import { coinId, depositId, withdrawalId, type IdOf } from '../../machines/ids.ts'
import { upgradeOf, versionsOf } from '../../src/kernel/migration.ts'
import type { Ports } from '../../src/kernel/ports.ts'
import type { Archive } from '../../src/ledger/engine.ts'
import { lowdbEngine } from '../../src/ledger/lowdb/engine.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { endedInLastBlocks } from '../../src/watcher/recovery.ts'
import { createStore } from '../../src/watcher/store.ts'
import { simulatedDisk } from '../simulation/disk.ts'
import { at, block, connected, contextOf, createRig, disconnected, gathered, openChain, paid } from './rig.ts'
import { requested, spent, valueOf, type Rig } from './rig.ts'

const DEPOSIT = depositId('litecoin:a:0')
const OLDER = depositId('litecoin:older:0')
const WITHDRAWAL = withdrawalId('w-1')
const TIP = 110

let rig: Rig
let archive: Archive
let transfer: IdOf<'transfer'>

const ports: Pick<Ports, 'random' | 'log' | 'abort'> = {
  random: { bytes: length => new Uint8Array(length).fill(7) },
  log: () => undefined,
  abort(reason) {
    throw new Error(reason)
  },
}

const follow = async (from: number, to: number, branch = ''): Promise<void> => {
  for (let height = from; height <= to; height++)
    await rig.send(connected(height, [], branch, `b${height - 1}${branch}`))
}

const resume = async (): Promise<void> => {
  await rig.orchestrator.settled()
  const ended = await endedInLastBlocks(rig.orchestrator.memory, archive, 'litecoin')
  await rig.send({ type: 'chain.resumed', at, data: { chain: 'litecoin', reason: 'looked at', ended } })
  await rig.send({ type: 'node.identified', at, data: { chain: 'litecoin', base: null, syncing: false } })
}

const build = async (): Promise<void> => {
  const memory = {
    live: () => rig.orchestrator.memory.all(),
    reservations: () => rig.orchestrator.memory.reservations(),
  }
  const ledger = await lowdbEngine(simulatedDisk({ seed: 1 }), '/data').open({
    ports,
    memory,
    upgrade: upgradeOf(watcherMachines),
    versions: versionsOf(watcherMachines),
  })
  archive = ledger.archive
  rig = createRig({ ledger })
  await openChain(rig)
}

const sign = async (transactionId: string): Promise<void> => {
  const attempt = rig.orchestrator.memory.list('attempt')[0]!
  const signed = { id: attempt.id, transactionId, raw: '00', earlier: null, position: null }
  await rig.send({ type: 'signing.completed', at, run: `${attempt.id}@${attempt.entered}`, data: signed })
}

/** A deposit of block 101 and a withdrawal of block 104 are final at 110; the node leaves all blocks above 100. */
const reorganise = async (): Promise<void> => {
  await build()
  await rig.send(connected(100, [paid('older', block(100))]))
  await rig.send(connected(101, [paid('a', block(101)), paid('f', block(101), { index: 0 })]))
  await follow(102, 103)
  for (const id of [DEPOSIT, OLDER]) await rig.send({ type: 'credit.acknowledged', at, data: { id } })
  await rig.send(requested('w-1', '1000'))
  await gathered(rig)
  transfer = contextOf(rig, WITHDRAWAL).transfer!
  const { spendKeys } = rig.orchestrator.memory.list('attempt')[0]!.context
  await sign('t')
  await rig.send(connected(104, [spent(spendKeys, 't', block(104))]))
  await follow(105, TIP)
  expect([DEPOSIT, OLDER, WITHDRAWAL, transfer].map(id => valueOf(rig, id))).toEqual(Array(4).fill(undefined))
  for (let height = TIP; height >= TIP - 4; height--) await rig.send(disconnected(height))
  expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
  await resume()
  for (let height = TIP - 4; height > 100; height--) await rig.send(disconnected(height))
}

describe('what had ended in blocks that were left', () => {
  beforeEach(reorganise)

  test('is told: the deposit reversed, the withdrawal paying and owed another broadcast', () => {
    expect(valueOf(rig, 'chain/litecoin')).toBe('reorganising')
    expect(valueOf(rig, DEPOSIT)).toBe('reversed')
    expect(valueOf(rig, WITHDRAWAL)).toBe('paying')
    expect(valueOf(rig, transfer)).toBe('underway.waiting')
    expect(rig.orchestrator.memory.list('attempt').map(({ value }) => value)).toEqual(['published'])
    const { spendKeys } = contextOf(rig, transfer)
    expect(spendKeys.map(key => rig.orchestrator.memory.holder(key))).toEqual(spendKeys.map(() => transfer))
  })

  test('stands in the lists as it is now, and not as it had ended', async () => {
    const store = createStore(rig.orchestrator, archive)
    const statesIn = async (state?: string) =>
      (await store.list({ kind: 'deposit', state, after: 0, limit: 10 })).items
        .filter(({ id }) => id === DEPOSIT)
        .map(({ value }) => value)
    expect([await statesIn(), await statesIn('final'), await statesIn('reversed')]).toEqual([
      ['reversed'],
      [],
      ['reversed'],
    ])
    expect((await store.find(DEPOSIT))?.value).toBe('reversed')
  })

  test('mined again goes on where it was, under its old revision, and ends again', async () => {
    const revision = rig.orchestrator.memory.get(DEPOSIT)!.revision
    const facts = [paid('a', block(101, 'x')), paid('f', block(101, 'x'), { index: 0 })]
    await rig.send(connected(101, facts, 'x', 'b100'))
    expect(valueOf(rig, DEPOSIT)).toBe('confirming')
    expect(rig.orchestrator.memory.get(DEPOSIT)!.revision).toBe(revision + 1)
    const { spendKeys } = contextOf(rig, transfer)
    await rig.send(connected(102, [spent(spendKeys, 't', block(102, 'x'))], 'x', 'b101x'))
    await follow(103, 108, 'x')
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
    expect([WITHDRAWAL, transfer].map(id => valueOf(rig, id))).toEqual([undefined, undefined])
    expect((await archive.read(WITHDRAWAL))?.value).toBe('final')
  })

  test('double-spent in the other branch is lost, for the backend to know', async () => {
    await rig.send(connected(101, [spent(['litecoin:in-a:0'], 'rival', block(101, 'x'))], 'x', 'b100'))
    await follow(102, 105, 'x')
    expect(valueOf(rig, DEPOSIT)).toBeUndefined()
    await rig.orchestrator.settled()
    expect((await archive.read(DEPOSIT))?.value).toBe('lost')
  })
})

test('what had ended in a block that stays ends again, and is not offered a second time', async () => {
  await reorganise()
  expect(valueOf(rig, OLDER)).toBe('credited')
  await rig.send(connected(101, [], 'x', 'b100'))
  await follow(102, 104, 'x')
  await rig.orchestrator.settled()
  expect(valueOf(rig, OLDER)).toBeUndefined()
  expect((await archive.history((await archive.read(OLDER))!.seq, 10)).map(({ entry }) => entry.to)).toEqual([
    ...['confirming', 'confirmed', 'credited', 'final', 'credited', 'final'],
  ])
})

describe('what had died by a conflict in blocks that were left', () => {
  /** `w-1` is signed with an unconfirmed parent that is double-spent in block 104, so that at 110 it has failed for good. */
  beforeEach(async () => {
    await build()
    await rig.send(connected(100, [paid('a', block(100)), paid('b', block(100), { amount: '2000' })]))
    await follow(101, 102)
    await rig.send(requested('w-1', '6000'))
    await gathered(rig)
    transfer = contextOf(rig, WITHDRAWAL).transfer!
    await sign('t')
    for (let height = 102; height >= 100; height--) await rig.send(disconnected(height))
    await rig.send(connected(100, [paid('b', block(100, 'x'), { amount: '2000' })], 'x'))
    await rig.send(connected(101, [spent(['litecoin:in-a:0'], 'rival', block(101, 'x'))], 'x', 'b100x'))
    await follow(102, 107, 'x')
    expect(valueOf(rig, WITHDRAWAL)).toBe('failed')
    expect([transfer, coinId('litecoin:a:0'), DEPOSIT].map(id => valueOf(rig, id))).toEqual(Array(3).fill(undefined))
  })

  const leave = async (): Promise<void> => {
    for (let height = 107; height >= 103; height--) await rig.send(disconnected(height, 'x'))
    expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
    await resume()
    for (let height = 103; height > 100; height--) await rig.send(disconnected(height, 'x'))
  }

  test('is known again and not published: the withdrawal is held, its coins are its own again', async () => {
    await leave()
    expect(valueOf(rig, WITHDRAWAL)).toBe('held')
    expect(contextOf(rig, WITHDRAWAL)).toMatchObject({ transfer, transactionId: 't', dead: [] })
    expect(contextOf(rig, WITHDRAWAL).reason).toMatch(/may be mined after all/)
    expect(rig.orchestrator.memory.list('attempt').map(({ value }) => value)).toEqual(['withheld'])
    expect(['a', 'b'].map(name => rig.orchestrator.memory.holder(`litecoin:${name}:0`))).toEqual([transfer, transfer])
    expect(['a', 'b'].map(name => valueOf(rig, coinId(`litecoin:${name}:0`)))).toEqual(['reserved', 'reserved'])
    expect(contextOf(rig, coinId('litecoin:a:0')).conflict).toBeNull()
    await rig.send({ type: 'transfer.resumed', at, data: { id: transfer, reason: 'nothing was refunded' } })
    expect(valueOf(rig, WITHDRAWAL)).toBe('paying')
    expect(rig.orchestrator.memory.list('attempt').map(({ value }) => value)).toEqual(['published'])
  })

  test('is paid when it is mined after all', async () => {
    await leave()
    const facts = [paid('a', block(101, 'y')), spent(['litecoin:a:0', 'litecoin:b:0'], 't', block(101, 'y'))]
    await rig.send(connected(101, facts, 'y', 'b100x'))
    expect(valueOf(rig, 'chain/litecoin')).not.toBe('halted')
    expect(valueOf(rig, WITHDRAWAL)).toBe('paying')
    await rig.send(connected(102, [], 'y', 'b101y'))
    await rig.send(connected(103, [], 'y', 'b102y'))
    expect(valueOf(rig, WITHDRAWAL)).toBe('paid')
    expect(valueOf(rig, DEPOSIT)).toBe('confirmed')
  })

  test('dies again with the same conflict', async () => {
    await leave()
    await rig.send(connected(101, [spent(['litecoin:in-a:0'], 'rival', block(101, 'y'))], 'y', 'b100x'))
    for (let height = 102; height <= 106; height++) await rig.send(connected(height, [], 'y', `b${height - 1}y`))
    expect(valueOf(rig, WITHDRAWAL)).toBe('failed')
    expect(contextOf(rig, WITHDRAWAL).dead).toEqual(['t'])
    await rig.orchestrator.settled()
    const dead = await archive.list({ kind: 'transfer', state: 'dead', after: 0, limit: 10 })
    expect(dead.map(({ id }) => id)).toEqual([transfer])
  })

  test('is not paid in another way meanwhile, where it was asked for again', async () => {
    await rig.send(requested('w-1', '6000', { round: 2 }))
    expect(valueOf(rig, WITHDRAWAL)).toBe('queued')
    await leave()
    expect(valueOf(rig, WITHDRAWAL)).toBe('held')
    expect(contextOf(rig, WITHDRAWAL)).toMatchObject({ transfer, round: 2 })
  })

  test('is never published by hand where another transfer pays it', async () => {
    await rig.send(requested('w-1', '1000', { round: 2 }))
    await gathered(rig)
    const second = contextOf(rig, WITHDRAWAL).transfer!
    expect(second).not.toBe(transfer)
    await leave()
    expect(contextOf(rig, WITHDRAWAL)).toMatchObject({ transfer: second })
    expect(rig.orchestrator.memory.holder('litecoin:b:0')).toBe(second)
    await rig.send({ type: 'transfer.resumed', at, data: { id: transfer, reason: 'by mistake' } })
    const attempts = rig.orchestrator.memory.list('attempt').filter(({ context }) => context.transfer === transfer)
    expect(attempts.map(({ value }) => value)).toEqual(['withheld'])
  })
})

test('a transfer whose coin a stranger has spent is dead when that is final', async () => {
  await build()
  await rig.send(connected(100, [paid('a', block(100))]))
  await follow(101, 102)
  await rig.send(requested('w-1', '1000'))
  await gathered(rig)
  await sign('t')
  await rig.send(connected(103, [spent(['litecoin:a:0'], 'stranger', block(103))]))
  expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
  await resume()
  await follow(104, 107)
  expect(valueOf(rig, WITHDRAWAL)).toBe('failed')
})
