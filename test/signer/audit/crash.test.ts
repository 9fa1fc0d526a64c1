/** The audit log on a disk that fails, loses power or loses its process: it opens again, and no acknowledged line is missing. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { beginAudit, openAudit } from '../../../src/signer/audit/open.ts'
import { verifyAudit } from '../../../src/signer/audit/verify.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import { auditFile, firstOf, type TrailEntry } from '../../../src/signer/audit/trail.ts'
import { simulatedDisk, type DiskCall, type DiskOptions, type SimulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'

const DIRECTORY = '/signer'
const MEMORY = { sequence: 0, hash: '' }
const LEDGER = 'ab'.repeat(16)
const LINES = 12
/** Three or four lines: the traffic goes through several files. */
const FILE_BYTES = 1_000

/** Seals come between any two groups of lines, not every 200 ms. */
const clock = {
  now: () => 1_700_000_000_000,
  monotonic: () => 0,
  processor: () => 0,
  wake: (_: number, run: () => void) => {
    let isWanted = true
    void Promise.resolve().then(() => isWanted && run())
    return () => {
      isWanted = false
    }
  },
}

const { key, sign } = identityOf(rigs.SEED)
const OPTIONS = {
  ...{ directory: DIRECTORY, sign, owner: { key, ledgerId: LEDGER, generation: 1 } },
  memory: { position: () => MEMORY, had: () => true },
}

/** As `init` leaves it. */
async function begun(): Promise<SimulatedDisk> {
  const disk = simulatedDisk({ seed: 1 })
  const ports = { disk, clock, log: () => undefined, abort: () => undefined }
  await (await beginAudit(ports, OPTIONS)).close()
  return disk
}

const open = (disk: SimulatedDisk) =>
  openAudit({ disk, clock, log: () => undefined, abort: () => undefined }, OPTIONS, { fileBytes: FILE_BYTES })

const answered = (path: string) =>
  ({
    what: 'answered',
    who: 'write#1',
    method: 'GET',
    path,
    body: null,
    status: 200,
    decision: null,
    omitted: 0,
  }) as const

/** A start, lines one by one and in groups, an orderly end. Notes each path whose line was acknowledged. */
async function traffic(disk: SimulatedDisk, name: string, acknowledged: Set<string>): Promise<void> {
  const audit = await open(disk)
  const record = async (n: number) => {
    await audit.record(answered(`/${name}/${n}`))
    acknowledged.add(`/${name}/${n}`)
  }
  for (let n = 0; n < LINES; n += 4) {
    await record(n)
    await Promise.all([n + 1, n + 2, n + 3].map(record))
  }
  await audit.close()
}

interface Process {
  name: string
  /** Stops for ever at its n-th call. */
  stopAt?: number
  fail?: DiskOptions['fail']
}

/** One process: `boot` gives it its disk. It ends by itself, by a failure, or by standing still. */
async function live(
  boot: (options: DiskOptions) => SimulatedDisk,
  { name, stopAt = Infinity, fail }: Process,
  seed: number,
  acknowledged: Set<string>,
): Promise<{ disk: SimulatedDisk; calls: number; error: unknown }> {
  let calls = 0
  let stop: () => void = () => undefined
  const still = new Promise<void>(resolve => (stop = resolve))
  const settle = async () => {
    if (++calls < stopAt) return
    stop()
    await new Promise<never>(() => undefined)
  }
  const disk = boot({ seed, settle, ...(fail && { fail }) })
  const ended = traffic(disk, name, acknowledged).then(
    () => null,
    (error: unknown) => error,
  )
  const error = await Promise.race([ended, still.then(() => null)])
  return { disk, calls, error }
}

const after =
  (disk: SimulatedDisk, end: 'crash' | 'kill') =>
  (options: Partial<DiskOptions>): SimulatedDisk =>
    disk[end]({ settle: () => Promise.resolve(), ...options })

function pathsIn(disk: SimulatedDisk): string[] {
  const firsts = disk.paths().map(path => firstOf(path.split('/').at(-1)!)).filter(first => first !== null) // prettier-ignore
  return firsts
    .sort((a, b) => a - b)
    .flatMap(first =>
      disk
        .peek(join(DIRECTORY, auditFile(first)))!
        .toString()
        .trimEnd()
        .split('\n'),
    ) // prettier-ignore
    .map(line => (JSON.parse(line) as { entry: TrailEntry }).entry)
    .flatMap(entry => (entry.what === 'answered' ? [entry.path] : []))
}

/** It opens, goes on, holds what was acknowledged in its order, verifies, and does all that again after one more power cut. */
async function check(disk: SimulatedDisk, acknowledged: Set<string>): Promise<void> {
  for (const name of ['then', 'at-last']) {
    await traffic(disk, name, acknowledged)
    expect(pathsIn(disk).filter(path => acknowledged.has(path))).toEqual([...acknowledged])
    const { findings } = await verifyAudit(disk, DIRECTORY, { ...MEMORY, ledgerId: LEDGER })
    expect(findings.filter(({ damage }) => damage)).toEqual([])
    expect(disk.paths().filter(path => path.endsWith('.tmp'))).toEqual([])
    disk = after(disk, 'crash')({})
  }
}

const measure = async () => live(after(await begun(), 'kill'), { name: 'whole' }, 1, new Set())
const FAILING: DiskCall[] = ['write', 'sync', 'truncate', 'open', 'rename', 'syncDirectory', 'close']

describe('the audit log is whole again', () => {
  test('after a power cut or a kill at any call', async () => {
    const { calls } = await measure()
    expect(calls).toBeGreaterThan(40)
    for (let stopAt = 1; stopAt <= calls; stopAt++) {
      for (const end of ['crash', 'kill'] as const) {
        const acknowledged = new Set<string>()
        const { disk } = await live(after(await begun(), 'kill'), { name: 'first', stopAt }, stopAt, acknowledged)
        await check(after(disk, end)({}), acknowledged)
      }
    }
  })

  test('after any call has failed, and the process died or the power went', async () => {
    const { disk: measured } = await measure()
    for (const call of FAILING) {
      for (let nth = 1; nth <= measured.calls[call]; nth++) {
        for (const end of ['crash', 'kill'] as const) {
          const acknowledged = new Set<string>()
          const { disk } = await live(
            after(await begun(), 'kill'),
            { name: 'first', fail: { call, nth } },
            nth,
            acknowledged,
          )
          await check(after(disk, end)({}), acknowledged)
        }
      }
    }
  })

  test('after a sync failed, the process died of it, and the power went at any call of the next one', async () => {
    const { disk: measured } = await measure()
    expect(measured.calls.sync).toBeGreaterThan(4)
    let failures = 0
    for (let nth = 1; nth <= measured.calls.sync; nth++) {
      let isThrough = false
      for (let stopAt = 1; !isThrough; stopAt++) {
        const acknowledged = new Set<string>()
        const first = await live(
          after(await begun(), 'kill'),
          { name: 'first', fail: { call: 'sync', nth } },
          nth,
          acknowledged,
        )
        failures += Number(first.error !== null)
        const second = await live(after(first.disk, 'kill'), { name: 'second', stopAt }, stopAt, acknowledged)
        isThrough = second.calls < stopAt
        await check(after(second.disk, 'crash')({}), acknowledged)
      }
    }
    expect(failures).toBeGreaterThan(measured.calls.sync)
  })
})
