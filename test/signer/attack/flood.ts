/** What can be pushed into a signer's memory, past HTTP, which only makes it slower: how much it is, and where it ends. */
import { stat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Fault } from '../../../src/kernel/fault.ts'
import { signingFamilyOf } from '../../../adapters/signing.ts'
import {
  createAttempts,
  UNSIGNED_BOUNDS,
  type AttemptBounds,
  type Attempts,
  type ServedChain,
} from '../../../src/signer/signing/attempts.ts'
import { createAllowance } from '../../../src/signer/signing/allowance.ts'
import type { SignerConfig } from '../../../src/config.ts'
import { openDestinations } from '../../../src/signer/signing/destinations.ts'
import { memoryIn, openMemory, type SignerMemory } from '../../../src/signer/memory/memory.ts'
import { openPool } from '../../../src/signer/keys/pool.ts'
import { createVoids, type Voids } from '../../../src/signer/signing/voids.ts'
import type { Policy } from '../../../src/signer/signing/policy.ts'
import { publicKeyOf } from '../../../src/canonical.ts'
import * as rigs from '../rig.ts'

export interface Flooded {
  memory: SignerMemory
  chain: ServedChain
  attempts: Attempts
  voids: Voids
}

export interface FloodBounds {
  unsigned: AttemptBounds
  limits: SignerConfig['limits']
}

/** What decides and remembers in a signer, with bounds as said; its rates go by the rig's time. */
export async function openFlooded(
  rig: rigs.Rig,
  bounds: FloodBounds = { unsigned: UNSIGNED_BOUNDS, limits: rig.config.limits },
): Promise<Flooded> {
  const ports = { ...rig.ports, log: () => undefined }
  const clock = { ...ports.clock, monotonic: () => rig.now.ms }
  const allowed = (key: keyof FloodBounds['limits']) => createAllowance(`limits.${key}`, key, bounds.limits[key], clock)
  const memory = await openMemory(ports, rig.config.dataDirectory, await ledgerIdOf(rig), { seed: rigs.SEED })
  const configured = rig.config.chains.litecoin!
  const family = signingFamilyOf('litecoin', configured)
  const named = {
    chain: 'litecoin',
    deriver: family.deriver,
    seed: rigs.SEED,
    memory,
    clock,
    growth: allowed('addresses'),
  }
  const pool = await openPool(named)
  await pool.grow(5, null)
  const destinations = openDestinations('litecoin', undefined, family.signable)
  const policy = configured.policy as Policy
  const chain: ServedChain = { name: 'litecoin', policy, destinations, family, pool }
  const authority = { keys: [publicKeyOf(rigs.BACKEND)], approvals: 1 }
  const common = { memory, now: () => rig.now.ms, log: ports.log }
  // Receipts are made at each answer and kept nowhere.
  const unsealed = { key: '', attestVoid: () => ({ key: '', signature: '' }) } as never
  return {
    memory,
    chain,
    attempts: createAttempts({
      ...common,
      seed: rigs.SEED,
      authority,
      wallet: rigs.WALLET,
      bounds: bounds.unsigned,
      unasked: allowed('ownTransfers'),
      unsigned: allowed('refusals'),
    }),
    voids: createVoids({ ...common, identity: unsealed, unseen: allowed('voids') }),
  }
}

const ledgerIdOf = async ({ ports, config }: rigs.Rig): Promise<string> =>
  (await memoryIn(ports.disk, config.dataDirectory))!

export type FloodKind = 'unsigned' | 'waiting' | 'voids'

/** One more of that kind; `n` makes it another. Rejects when the signer takes no more. */
export async function floodOnce(flooded: Flooded, kind: FloodKind, n: number): Promise<void> {
  const { attempts, voids, chain, memory } = flooded
  if (kind === 'voids') await voids.declare('litecoin', `unseen-${n}`, 1)
  else if (kind === 'unsigned')
    await attempts.sign(chain, { transferId: `t${n}`, n: 1, template: { psbt: String(n) }, intents: [] })
  else {
    const intents = [{ ...rigs.intent(`w-${n}`, 1_000_000n), authorisations: [] }]
    await attempts.sign(chain, { transferId: `t${n}`, n: 1, template: WAITING, intents })
  }
  await memory.settled()
}

const WAITING = rigs.simple()
const AT_ONCE = 500

export interface FloodFigures {
  kind: FloodKind
  /** How many the signer took, and how it refused the next one. */
  taken: number
  refusal: string | null
  seconds: number
  heapBytesEach: number
  rssMiB: number
  diskBytesEach: number
  /** Until the next start has read it all. */
  startSeconds: number
}

/** So many of one kind, or as many as there is room for. */
export async function flood(kind: FloodKind, count: number): Promise<FloodFigures> {
  const rig = await rigs.createRig()
  const flooded = await openFlooded(rig)
  const before = heapBytes()
  const startedAt = performance.now()
  const { taken, refusal } = await fill(flooded, kind, count)
  const seconds = (performance.now() - startedAt) / 1000
  const heapBytesEach = Math.round((heapBytes() - before) / taken)
  const rssMiB = Math.round(process.memoryUsage().rss / 2 ** 20)
  await flooded.memory.close()
  const diskBytesEach = Math.round((await bytesIn(rig.config.dataDirectory)) / taken)
  const restartedAt = performance.now()
  const again = await openMemory(
    { ...rig.ports, log: () => undefined },
    rig.config.dataDirectory,
    await ledgerIdOf(rig),
    { seed: rigs.SEED },
  )
  const startSeconds = (performance.now() - restartedAt) / 1000
  await again.close()
  await rigs.discard(rig)
  return { kind, taken, refusal, seconds, heapBytesEach, rssMiB, diskBytesEach, startSeconds }
}

async function fill(flooded: Flooded, kind: FloodKind, count: number) {
  let taken = 0
  let refusal: string | null = null
  for (let n = 0; n < count && refusal === null; n += AT_ONCE) {
    const group = Array.from({ length: Math.min(AT_ONCE, count - n) }, (_, i) => floodOnce(flooded, kind, n + i))
    for (const outcome of await Promise.allSettled(group)) {
      if (outcome.status === 'fulfilled') taken++
      else if (outcome.reason instanceof Fault && outcome.reason.type === 'operating') refusal = outcome.reason.message
      else throw outcome.reason
    }
  }
  return { taken, refusal }
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true })
  const sizes = await Promise.all(names.map(async name => (await stat(join(directory, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
