/** A watcher whose deposits have a second version, which the product does not have, on a ledger that the first has written. */
import type { IdOf } from '../../machines/ids.ts'
import { untypedContext } from '../kernel/untyped.ts'
import { describe, expect, test } from 'vitest'
import { loadWatcherConfig } from '../../src/config.ts'
import { upgradeOf, versionsOf } from '../../src/kernel/migration.ts'
import type { Ports } from '../../src/kernel/ports.ts'
import type { Machines } from '../../src/kernel/step.ts'
import type { LowdbLedger } from '../../src/ledger/lowdb/engine.ts'
import { lowdbEngine } from '../../src/ledger/lowdb/engine.ts'
import { verifyLedger } from '../../src/ledger/lowdb/verify.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { createOrchestrator, type Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import { openLedger } from '../../src/watcher/ledger.ts'
import { createStore } from '../../src/watcher/store.ts'
import { withField } from '../machines/next-version.ts'
import { simulatedDisk, type SimulatedDisk } from '../simulation/disk.ts'
import { at, block, connected, createRig, openChain, paid, policy } from './rig.ts'

const DIRECTORY = '/data'
const CREDITED: IdOf<'deposit'> = 'deposit/litecoin:a:0'
const CONFIRMED: IdOf<'deposit'> = 'deposit/litecoin:b:0'
const ENDED: IdOf<'deposit'> = 'deposit/litecoin:c:0'

const later: Machines = { ...watcherMachines, deposit: withField(watcherMachines['deposit']!, 'risk', 'unknown') }

const portsOn = (disk: SimulatedDisk): Ports => ({
  clock: { now: () => at, monotonic: () => at, processor: () => 0, wake: () => () => undefined },
  random: { bytes: length => new Uint8Array(length).fill(7) },
  disk,
  request: () => Promise.reject(new Error('nothing is asked for')),
  derive: () => Promise.reject(new Error('nothing is derived')),
  work: () => Promise.reject(new Error('nothing is searched for')),
  log: () => undefined,
  abort(reason) {
    throw new Error(reason)
  },
})

interface Started {
  ledger: LowdbLedger
  orchestrator: Orchestrator
}

/** As the watcher does it, with these machines. */
async function start(disk: SimulatedDisk, its: Machines): Promise<Started> {
  const ports = portsOn(disk)
  const memory = { live: () => orchestrator.memory.all(), reservations: () => orchestrator.memory.reservations() }
  const ledger = await lowdbEngine(disk, DIRECTORY).open({
    ports,
    memory,
    upgrade: upgradeOf(its),
    versions: versionsOf(its),
  })
  const policies = { litecoin: policy }
  const orchestrator: Orchestrator = createOrchestrator({ ports, machines: its, policies, ledger, performers: {} })
  return { ledger, orchestrator }
}

async function stop({ ledger, orchestrator }: Started): Promise<void> {
  await orchestrator.stop()
  await ledger.journal.close()
}

/** What version 1 leaves: a deposit that was credited, one that waits for that, and one that has ended. */
async function written(): Promise<SimulatedDisk> {
  const rig = createRig()
  await openChain(rig)
  const { final } = policy
  const tip = 100 + final + 1
  await rig.send(connected(100, [paid('c', block(100))]))
  for (let height = 101; height < tip - 3; height++) await rig.send(connected(height))
  await rig.send(connected(tip - 3, [paid('a', block(tip - 3)), paid('b', block(tip - 3))]))
  const acknowledge = (id: IdOf<'deposit'>) => rig.send({ type: 'credit.acknowledged', at, data: { id } })
  await acknowledge(ENDED)
  for (let height = tip - 2; height <= tip; height++) await rig.send(connected(height))
  await acknowledge(CREDITED)
  const disk = simulatedDisk({ seed: 1 })
  const started = await start(disk, watcherMachines)
  for (const commit of rig.commits) await started.ledger.journal.append(commit)
  await stop(started)
  return disk
}

describe('a ledger that an earlier version has written', () => {
  test('is started on, shown and gone on with in the present version', async () => {
    const disk = await written()
    const started = await start(disk, later)
    const { orchestrator, ledger } = started
    const store = createStore(orchestrator, ledger.archive)
    const images = await Promise.all([CREDITED, CONFIRMED, ENDED].map(id => store.find(id)))
    expect(images.map(image => [image?.value, image?.version, untypedContext(image!)['risk']])).toEqual([
      ['credited', 2, 'unknown'],
      ['confirmed', 2, 'unknown'],
      ['final', 2, 'unknown'],
    ])
    const { items } = await store.list({ kind: 'deposit', after: 0, limit: 10 })
    expect(items.map(({ version }) => version)).toEqual([2, 2, 2])
    const history = await store.history(images[2]!)
    expect(history.length).toBeGreaterThan(1)
    for (const { entry } of history) expect(entry.image).toMatchObject({ version: 2, context: { risk: 'unknown' } })
    await orchestrator.dispatch({ type: 'credit.acknowledged', at, data: { id: CONFIRMED } })
    const [{ entry } = { entry: null }] = await ledger.archive.entries(ledger.opened.seq, 10)
    expect(entry).toMatchObject({
      from: 'confirmed',
      to: 'credited',
      image: { version: 2, context: { risk: 'unknown' } },
    })
    await stop(started)
  })

  test('starts again after a checkpoint of both, and verify finds nothing', async () => {
    const disk = await written()
    const started = await start(disk, later)
    await started.ledger.checkpoint()
    await started.orchestrator.dispatch({ type: 'credit.acknowledged', at, data: { id: CONFIRMED } })
    const before = [...started.orchestrator.memory.all()].sort((a, b) => a.seq - b.seq)
    await stop(started)
    expect((await verifyLedger(disk, DIRECTORY, upgradeOf(later))).findings).toEqual([])
    const again = await start(disk.crash(), later)
    expect(again.ledger.opened.live).toEqual(before)
    await stop(again)
  })

  test('refuses the earlier version once the later one has written anything, and stays as it is', async () => {
    const disk = await written()
    const open = (on: SimulatedDisk) =>
      openLedger(portsOn(on), loadWatcherConfig('dataDirectory: .', DIRECTORY), { policies: {}, performers: {} })
    const same = await open(disk)
    await same.ledger.journal.close()
    const started = await start(disk, later)
    await started.orchestrator.dispatch({ type: 'credit.acknowledged', at, data: { id: CONFIRMED } })
    await stop(started)
    const files = () => disk.paths().map(path => [path, disk.peek(path)!.toString('latin1')])
    const before = files()
    await expect(open(disk)).rejects.toMatchObject({ type: 'corruptStore', kind: 'unknown-version' })
    expect(files()).toEqual(before)
    await stop(await start(disk, later))
  })
})
