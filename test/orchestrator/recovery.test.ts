/** A reorganisation deeper than `final`, which a person has looked at and lets go on: what had ended is taken back, and never made anew. */
import { beforeEach, describe, expect, test } from 'vitest'
import { depositId, withdrawalId, type IdOf } from '../../machines/ids.ts'
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

/** A deposit of block 101 and a withdrawal of block 104 are final at 110; the node leaves all blocks above 100. */
beforeEach(async () => {
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
  await rig.send(connected(100, [paid('older', block(100))]))
  await rig.send(connected(101, [paid('a', block(101)), paid('f', block(101), { index: 0 })]))
  await follow(102, 103)
  for (const id of [DEPOSIT, OLDER]) await rig.send({ type: 'credit.acknowledged', at, data: { id } })
  await rig.send(requested('w-1', '1000'))
  await gathered(rig)
  transfer = contextOf(rig, WITHDRAWAL).transfer!
  const attempt = rig.orchestrator.memory.list('attempt')[0]!
  const signed = { id: attempt.id, transactionId: 't', raw: '00', earlier: null, position: null }
  await rig.send({ type: 'signing.completed', at, run: `${attempt.id}@${attempt.entered}`, data: signed })
  const { spendKeys } = attempt.context
  await rig.send(connected(104, [spent(spendKeys, 't', block(104))]))
  await follow(105, TIP)
  expect([DEPOSIT, OLDER, WITHDRAWAL, transfer].map(id => valueOf(rig, id))).toEqual(Array(4).fill(undefined))
  for (let height = TIP; height >= TIP - 4; height--) await rig.send(disconnected(height))
  expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
  await resume()
  for (let height = TIP - 4; height > 100; height--) await rig.send(disconnected(height))
})

describe('what had ended in blocks that were left', () => {
  test('is told: the deposit reversed, the withdrawal paying and owed another broadcast', () => {
    expect(valueOf(rig, 'chain/litecoin')).toBe('reorganising')
    expect(valueOf(rig, DEPOSIT)).toBe('reversed')
    expect(valueOf(rig, WITHDRAWAL)).toBe('paying')
    expect(valueOf(rig, transfer)).toBe('underway')
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
  expect(valueOf(rig, OLDER)).toBe('credited')
  await rig.send(connected(101, [], 'x', 'b100'))
  await follow(102, 104, 'x')
  await rig.orchestrator.settled()
  expect(valueOf(rig, OLDER)).toBeUndefined()
  expect((await archive.history((await archive.read(OLDER))!.seq, 10)).map(({ entry }) => entry.to)).toEqual([
    ...['confirming', 'confirmed', 'credited', 'final', 'credited', 'final'],
  ])
})
