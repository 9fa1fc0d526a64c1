/** A watcher's orchestrator with its real ledger on a real disk, and payments for it: what the benchmarks drive. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fact } from '../../adapters/adapter.ts'
import { createBook } from '../../adapters/bitcoin/book.ts'
import type { OutputSeen } from '../../adapters/bitcoin/facts.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { createPlanner } from '../../adapters/bitcoin/planner.ts'
import { coinsOf, createSignable } from '../../adapters/bitcoin/signable.ts'
import type { IdOf } from '../../machines/ids.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { upgradeOf, versionsOf } from '../../src/kernel/migration.ts'
import { lowdbEngine, type LowdbLedger } from '../../src/ledger/lowdb/engine.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { createOrchestrator, type Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import type { Policies } from '../../src/orchestrator/policy.ts'
import { createPorts } from '../../src/shell/ports.ts'

export const CHAIN = 'litecoin'
const ASSET = 'LTC'
const FEES = { target: 3, fallbackRate: 2, maximumRate: 500 }
export const DEPTHS = { credit: 3, final: 20 }
export const AT = 1_700_000_000_000

export interface World {
  ledger: LowdbLedger
  orchestrator: Orchestrator
  close(): Promise<void>
}

const network = networkOf('litecoin-regtest')

export const policies: Policies = {
  [CHAIN]: {
    name: CHAIN,
    family: 'bitcoin',
    asset: ASSET,
    ...DEPTHS,
    batch: { windowMs: 0, maximum: 100 },
    replaceAfterMs: null,
    planner: createPlanner(CHAIN, network, { asset: ASSET, maximumRate: FEES.maximumRate }),
    signable: createSignable(CHAIN, ASSET, network),
    book: createBook({
      coinsOf: template => coinsOf(CHAIN, network, template),
      hasMalleableIds: false,
      spendsUnconfirmedChange: true,
    }),
    assets: { [ASSET]: { minimumDeposit: '1000', decimals: 8 } },
  },
}

/** `what` gets a folder of its own, which is gone afterwards. */
export async function inFolder<T>(what: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'lockkeeper-bench-'))
  try {
    return await what(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Opens what is there, or makes it. Nothing is performed: the benchmarks are of what is decided and stored. */
export async function openWorld(directory: string): Promise<World> {
  const ports = createPorts('error')
  const memory = { live: () => orchestrator.memory.all(), reservations: () => orchestrator.memory.reservations() }
  const ledger = await lowdbEngine(ports.disk, directory).open({
    ports,
    memory,
    upgrade: upgradeOf(watcherMachines),
    versions: versionsOf(watcherMachines),
  })
  const orchestrator: Orchestrator = createOrchestrator({
    ports,
    machines: watcherMachines,
    policies,
    ledger,
    performers: {},
  })
  orchestrator.start()
  const close = async () => {
    await orchestrator.stop()
    await ledger.journal.close()
    ports.close()
  }
  return { ledger, orchestrator, close }
}

const generated = (index: number) => ({
  chain: CHAIN,
  index,
  address: `rltc1q${String(index).padStart(38, '0')}`,
  dataField: null,
  publicKey: `02${'ab'.repeat(32)}`,
  path: `m/84'/1'/0'/0/${index}`,
  createdAt: '2025-01-01T00:00:00.000Z',
  attestation: { key: 'a'.repeat(43) + '=', signature: 'b'.repeat(86) + '==' },
  isFormer: false,
})

/** A chain that stands on block 0, with its treasury and `addresses` assigned deposit addresses. */
export async function openChain({ orchestrator }: World, addresses: number): Promise<void> {
  const base: Place = { height: 0, hash: hashOf(0) }
  const all = Array.from({ length: addresses + 1 }, (_, index) => generated(index))
  void orchestrator.dispatch({ type: 'chain.opened', at: AT, data: { chain: CHAIN } })
  void orchestrator.dispatch({ type: 'node.identified', at: AT, data: { chain: CHAIN, base, syncing: false } })
  void orchestrator.dispatch({
    type: 'addresses.generated',
    at: AT,
    data: { chain: CHAIN, addresses: all, position: null },
  })
  for (let index = 1; index <= addresses; index++) {
    const data = { chain: CHAIN, index, reference: `customer-${index}` }
    void orchestrator.dispatch({ type: 'address.assigned', at: AT, data })
  }
  await orchestrator.settled()
}

export const hashOf = (n: number): string => n.toString(16).padStart(64, '0')

/** Of an ordinary payment: one input, two outputs. */
const RAW_BYTES = 222

/** The `n`-th payment to one of `addresses` addresses. */
export function payment(n: number, addresses: number, place: Place | null): OutputSeen {
  const transaction = hashOf(0xd0000000 + n)
  const index = 1 + (n % addresses)
  return {
    kind: 'payment.seen',
    id: `${CHAIN}:${transaction}:0`,
    transaction,
    output: 0,
    address: generated(index).address,
    dataField: null,
    index,
    asset: ASSET,
    amount: String(100_000 + n),
    place,
    own: false,
    doubt: null,
    maturity: 0,
    raw: n.toString(16).padStart(2 * RAW_BYTES, '0'),
    inputs: [`${CHAIN}:${hashOf(0xe0000000 + n)}:0`],
  }
}

/** Block `height` brings these facts; its node knows no higher one. */
export function connect({ orchestrator }: World, height: number, facts: Fact[]): Promise<void> {
  const block = { height, hash: hashOf(height), parent: hashOf(height - 1), time: AT / 1000 + 60 * height }
  return orchestrator.dispatch({
    type: 'block.connected',
    at: AT,
    data: { chain: CHAIN, block, facts, nodeHeight: height },
  })
}

const PAYMENTS_PER_BLOCK = 500

/** Blocks from `height` on with `count` payments in all. Answers the height behind them. */
export async function connectPayments(world: World, height: number, count: number, addresses: number): Promise<number> {
  for (let n = 0; n < count; n += PAYMENTS_PER_BLOCK) {
    const place = { height, hash: hashOf(height) }
    const length = Math.min(PAYMENTS_PER_BLOCK, count - n)
    await connect(
      world,
      height++,
      Array.from({ length }, (_, i) => payment(n + i, addresses, place)),
    )
  }
  return height
}

/** Payments, and blocks on top until all are deep enough. Answers the ids of the confirmed deposits. */
export async function confirmDeposits(world: World, count: number, addresses: number): Promise<IdOf<'deposit'>[]> {
  const height = await connectPayments(world, 1, count, addresses)
  for (let depth = 1; depth < DEPTHS.credit; depth++) await connect(world, height + depth - 1, [])
  const ids = world.orchestrator.memory.list('deposit', CHAIN, 'confirmed').map(({ id }) => id)
  if (ids.length !== count) throw new Error(`${ids.length} of ${count} deposits are confirmed`)
  return ids
}
