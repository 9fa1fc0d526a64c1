/**
 * A signer that has signed much: how long its start takes, and what it holds. One withdrawal is signed and one is voided as the
 * API does it; what that has written is written again for other names.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isKind, type Commit, type Instance } from '../../src/kernel/entry.ts'
import { upgradeOf, versionsOf } from '../../src/kernel/migration.ts'
import type { Ledger } from '../../src/ledger/engine.ts'
import { lowdbEngine } from '../../src/ledger/lowdb/engine.ts'
import { loadSignerConfig } from '../../src/config.ts'
import { createDisk } from '../../src/shell/disk.ts'
import { createClock, derive } from '../../src/shell/ports.ts'
import { signerMachines } from '../../src/signer/memory/machines.ts'
import { main } from '../../src/signer/main.ts'
import { openFlooded } from '../signer/attack/flood.ts'
import * as rigs from '../signer/rig.ts'
import { authorised, intent, simple } from '../signer/rig.ts'
import { UNSIGNED_BOUNDS } from '../../src/signer/signing/attempts.ts'
import { benchRow, type BenchRow, type Progress } from './measure.ts'

export interface RememberedSizes {
  signed: number
  voids: number
  addresses: number
}

const AT_ONCE = 2000
const AMOUNT = 1_000_000n
const SECOND_MS = 1000
const PLENTY = { headroom: 1_000_000_000, perHour: 1_000_000_000 }

const limits = { addresses: PLENTY, ownTransfers: PLENTY, refusals: PLENTY, voids: PLENTY }

/** Names in the commits of the API, in whose place others are put. */
const TRANSFER = 'ab'.repeat(32)
const WITHDRAWAL = 'withdrawal-of-the-pattern'
const VOIDED = 'void-of-the-pattern'

/** The `n`-th of its kind, whose first entry has this `seq`. */
type MakeCommit = (n: number, seq: number, at: number) => Commit

/** As this commit, of other names; `names`: what becomes of each name in it. */
function like(pattern: Commit, names: readonly [string, (n: number) => string][]): MakeCommit {
  const text = JSON.stringify(pattern)
  return (n, seq, at) => {
    const named = names.reduce((all, [name, other]) => all.replaceAll(name, other(n)), text)
    const commit = JSON.parse(named) as Commit
    commit.at = at
    for (const [i, entry] of commit.entries.entries()) {
      entry.seq = seq + i
      entry.prev = i === 0 ? null : seq + i - 1
      Object.assign(entry.image, { seq: entry.seq, entered: entry.seq, at })
      if (isKind(entry.image, 'signing') && entry.image.context.signed !== null)
        entry.image.context.signed.signedAt = at
    }
    return commit
  }
}

/** What the API has made is made again byte for byte, or the generator writes something else than the API. */
function checkPattern(make: MakeCommit, pattern: Commit, n: number): void {
  const again = make(n, pattern.entries[0]!.seq, pattern.at)
  if (JSON.stringify(again) !== JSON.stringify(pattern))
    throw new Error('the generator does not write what the API writes')
}

/** Of one that was signed and of one void, as the API writes them. */
async function patternsOf(rig: rigs.Rig): Promise<{ signed: MakeCommit; voided: MakeCommit }> {
  const { attempts, chain, memory, voids } = await openFlooded(rig, { unsigned: UNSIGNED_BOUNDS, limits })
  const template = simple(AMOUNT, 1)
  const intents = [authorised(intent(WITHDRAWAL, AMOUNT))]
  const { context } = await attempts.sign(chain, { transferId: TRANSFER, n: 1, template, intents })
  await voids.declare(chain.name, VOIDED, 1)
  await memory.settled()
  const commits: Commit[] = []
  for await (const { commit } of memory.archive.commits()) commits.push(commit)
  await memory.close()
  const [ofSigned, ofVoid] = [commits.at(-2)!, commits.at(-1)!]
  const [spendKey] = context.spendKeys
  const padded = (n: number) => `${n}`.padStart(64, 'c')
  const numbered = (name: string) => (n: number) => (n < 0 ? name : `${name}-${n}`)
  const signed = like(ofSigned, [
    [TRANSFER, n => (n < 0 ? TRANSFER : padded(n))],
    [WITHDRAWAL, numbered(WITHDRAWAL)],
    [spendKey!, n => (n < 0 ? spendKey! : `${padded(n)}:0`)],
  ])
  const voided = like(ofVoid, [[VOIDED, numbered(VOIDED)]])
  checkPattern(signed, ofSigned, -1)
  checkPattern(voided, ofVoid, -1)
  return { signed, voided }
}

async function write({ journal }: Ledger, count: number, make: MakeCommit, progress: Progress): Promise<void> {
  const from = Date.parse('2026-01-02T00:00:00Z')
  let waiting: Promise<void>[] = []
  let seq = journal.position().sequence
  for (let n = 0; n < count; n++) {
    const commit = make(n, seq + 1, from + n * SECOND_MS * 30)
    seq += commit.entries.length
    waiting.push(journal.append(commit))
    if (n % AT_ONCE < AT_ONCE - 1) continue
    await Promise.all(waiting)
    waiting = []
    if (n % 100_000 === 99_999) progress(`${n + 1} of ${count}`)
  }
  await Promise.all(waiting)
}

/** The memory of such a signer in the rig's directory. */
async function remember(rig: rigs.Rig, { signed, voids, addresses }: RememberedSizes, progress: Progress) {
  const flooded = await openFlooded(rig, { unsigned: UNSIGNED_BOUNDS, limits })
  progress(`a memory of ${addresses} addresses`)
  for (let size = 1000; size <= addresses; size += 1000) await flooded.chain.pool.grow(size, null)
  await flooded.memory.settled()
  await flooded.memory.close()
  await promise(rig, { signed, voids }, progress)
}

async function promise(rig: rigs.Rig, { signed, voids }: Omit<RememberedSizes, 'addresses'>, progress: Progress) {
  const patterns = await patternsOf(rig)
  const engine = lowdbEngine(rig.ports.disk, rig.config.dataDirectory)
  const [upgrade, versions] = [upgradeOf(signerMachines), versionsOf(signerMachines)]
  let live: Instance[] = []
  const memory = { live: () => live, reservations: () => [] }
  const ledger = await engine.open({ ports: rig.ports, memory, upgrade, versions, isIndexed: false })
  live = ledger.opened.live
  progress(`a memory of ${signed} signed withdrawals`)
  await write(ledger, signed, patterns.signed, progress)
  progress(`a memory of ${voids} voids`)
  await write(ledger, voids, patterns.voided, progress)
  await ledger.journal.close()
}

/** In a process of its own, as after a restart: what the start takes, and what is held then. */
interface Started {
  seconds: number
  /** Of the processor: beside other work the rest is waiting. */
  processorSeconds: number
  rssMiB: number
  heldMiB: number
}

const MIB = 2 ** 20

async function startIn(directory: string): Promise<Started> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const ports = {
    clock: createClock(),
    random: { bytes: (length: number) => new Uint8Array(length).fill(7) },
    disk: createDisk(),
    request: () => Promise.reject(new Error('the signer opens no connection')),
    derive,
    work: () => Promise.reject(new Error('the signer does no work')),
    log: () => undefined,
    abort: (reason: string) => {
      throw new Error(reason)
    },
  }
  const config = loadSignerConfig(rigs.configText(''), directory)
  const before = process.memoryUsage()
  const [at, used] = [performance.now(), process.cpuUsage()]
  const signer = await main(ports, config, rigs.PASSPHRASE)
  const seconds = (performance.now() - at) / 1000
  const { user, system } = process.cpuUsage(used)
  const { rss } = process.memoryUsage()
  collect()
  const after = process.memoryUsage()
  await signer.stop()
  const held = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  return {
    seconds,
    processorSeconds: (user + system) / 1e6,
    rssMiB: Math.round(rss / MIB),
    heldMiB: Math.round(held / MIB),
  }
}

/** This file as Node runs it: Vitest runs the source. */
const SELF = fileURLToPath(import.meta.url).replace(/\/(test\/bench\/remembered)\.ts$/, '/dist/$1.js')

/** Such a signer on the disk, written once. */
function startOf(directory: string): Started {
  const { stdout, stderr, status } = spawnSync(process.execPath, [SELF, 'start', directory], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Started
}

/** The first start finds no index of what was written, and learns it from the journal. */
function rowsOf(directory: string, { signed, voids, addresses }: RememberedSizes, progress: Progress): BenchRow[] {
  progress('the first start, which learns from the whole journal')
  const first = startOf(directory)
  progress('the start of a signer with a large memory')
  const started = startOf(directory)
  const count = (n: number) => n.toLocaleString('en')
  const what = `${count(signed)} signed withdrawals, ${count(voids)} voids, ${count(addresses)} addresses`
  const bytesEach = Math.round((started.heldMiB * MIB) / (signed + voids))
  const held = `${started.heldMiB} MiB held, ${bytesEach} bytes a promise`
  const used = `${started.processorSeconds.toFixed(1)} s of the processor`
  const read = `${first.seconds.toFixed(1)} s (${first.processorSeconds.toFixed(1)} s) where the index is lost`
  return [
    benchRow(
      'seconds until a signer that has signed much serves',
      started.seconds,
      { most: 10 },
      `${what}; ${used}; ${read}`,
    ),
    benchRow('its resident memory, MiB', started.rssMiB, { most: 512 }, held),
  ]
}

export async function benchRemembered(sizes: RememberedSizes, progress: Progress): Promise<BenchRow[]> {
  const rig = await rigs.createRig()
  try {
    await remember(rig, sizes, progress)
    return rowsOf(rig.directory, sizes, progress)
  } finally {
    await rigs.discard(rig)
  }
}

/** `start DIRECTORY`: in a process of its own. */
if (process.argv[1] === SELF && process.argv[2] === 'start')
  process.stdout.write(JSON.stringify(await startIn(process.argv[3]!)))
