/**
 * How long the event loop stands still while payments are planned: a real watcher's orchestrator with very many coins and very
 * many queued withdrawals, whose plans are made one after the other until all are under way, and then once more for those that
 * the funds cannot pay.
 */
import { NO_CAPS } from '../../src/orchestrator/routes/replacing.ts'
import { performance } from 'node:perf_hooks'
import type { Fact, PaymentSeen } from '../../adapters/adapter.ts'
import { transactionOf as built } from '../adapters/bitcoin/build.ts'
import { keyOf } from '../adapters/bitcoin/wallet.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { bytesToHex } from '@noble/hashes/utils.js'
import { treasuryId } from '../../machines/ids.ts'
import { benchRow, type BenchRow, type Progress } from './measure.ts'
import { AT, CHAIN, connect, DEPTHS, hashOf, inFolder, openWorld, type World } from './world.ts'

export interface TurnSizes {
  coins: number
  withdrawals: number
}

const network = networkOf('litecoin-regtest')
const PER_BLOCK = 500
const COIN_SAT = 100_000
/** Of the queued withdrawals, in satoshi: about five coins each. */
const AMOUNT_SAT = 500_000n

/** Of the turns of the event loop while something went on, each of them the longest, in milliseconds. */
interface Longest {
  /** Of the processor, the helpers of the engine included: whatever else the machine does is not counted. */
  processor: number
  wall: number
}

async function longestTurn(run: () => Promise<unknown>): Promise<Longest> {
  const longest: Longest = { processor: 0, wall: 0 }
  let last = { processor: process.cpuUsage(), wall: performance.now() }
  let isOver = false
  const look = () => {
    const { user, system } = process.cpuUsage(last.processor)
    const now = performance.now()
    longest.processor = Math.max(longest.processor, (user + system) / 1000)
    longest.wall = Math.max(longest.wall, now - last.wall)
    last = { processor: process.cpuUsage(), wall: now }
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  await run()
  isOver = true
  look()
  return longest
}

const addressAt = (index: number) => {
  const { address, publicKey } = keyOf(index, network)
  return {
    ...{
      chain: CHAIN,
      index,
      address,
      dataField: null,
      publicKey: bytesToHex(publicKey),
      path: `m/84'/1'/0'/0/${index}`,
    },
    createdAt: '2025-01-01T00:00:00.000Z',
    attestation: { key: `${'a'.repeat(43)}=`, signature: `${'b'.repeat(86)}==` },
    isFormer: false,
  }
}

async function open({ orchestrator }: World): Promise<void> {
  const data = { chain: CHAIN }
  void orchestrator.dispatch({ type: 'chain.opened', at: AT, data })
  const base = { height: 0, hash: hashOf(0) }
  void orchestrator.dispatch({ type: 'node.identified', at: AT, data: { chain: CHAIN, base, syncing: false } })
  const addresses = [addressAt(0), addressAt(1)]
  await orchestrator.dispatch({
    type: 'addresses.generated',
    at: AT,
    data: { chain: CHAIN, addresses, position: null },
  })
}

/** Of transactions that can be read, of many sizes in no order. */
function paymentTo(index: number, n: number, height: number): PaymentSeen {
  const { address, script } = keyOf(index, network)
  const amountSat = BigInt(COIN_SAT + ((n * 7919) % COIN_SAT))
  const spent = { txid: hashOf(0xe0000000 + n), vout: 0 }
  const transaction = built([spent], [{ script, amountSat }])
  const id = transaction.getId()
  return {
    ...{ kind: 'payment.seen', id: `${CHAIN}:${id}:0`, transaction: id, output: 0, address, dataField: null, index },
    ...{ asset: 'LTC', amount: String(amountSat), place: { height, hash: hashOf(height) }, own: false, doubt: null },
    ...{ maturity: 0, raw: transaction.toHex(), inputs: [`${CHAIN}:${spent.txid}:0`] },
  }
}

async function fund(world: World, coins: number): Promise<void> {
  let height = 1
  for (let n = 0; n < coins; n += PER_BLOCK, height++) {
    const facts: Fact[] = []
    for (let i = n; i < Math.min(n + PER_BLOCK, coins); i++) facts.push(paymentTo(1, i, height))
    await connect(world, height, facts)
  }
  for (let depth = 0; depth < DEPTHS.final; depth++) await connect(world, height++, [])
  await world.orchestrator.dispatch({ type: 'node.caughtUp', at: AT, data: { chain: CHAIN } })
}

function request({ orchestrator }: World, id: string, amountSat: bigint, n: number): Promise<void> {
  const intent = { id, chain: CHAIN, to: keyOf(2 + (n % 200), network).address, dataField: null }
  const data = {
    ...{ ...intent, asset: 'LTC', amount: String(amountSat), expiresAt: null },
    ...{ round: 1, memory: null, authorisations: [], expiresAtMs: null, held: null },
  }
  return orchestrator.dispatch({ type: 'withdrawal.requested', at: AT + n, data })
}

/** Plans until nothing more is planned; answers how many plans that took. */
async function planAll({ orchestrator }: World): Promise<number> {
  const id = treasuryId(CHAIN)
  for (let plans = 0; ; plans++) {
    const account = orchestrator.memory.get(id)!
    if (account.value === 'ready' && account.context.dueAt !== null)
      await orchestrator.dispatch({ type: 'time.passed', at: account.context.dueAt, data: { ids: [id] } })
    const { entered, value } = orchestrator.memory.get(id)!
    if (value === 'stuck') throw new Error(account.context.reason ?? 'stuck')
    if (value !== 'gathering') return plans
    const data = { id, facts: { feeRate: 2, floorRate: 1 }, limits: {}, caps: NO_CAPS }
    await orchestrator.dispatch({ type: 'facts.gathered', at: AT, run: `${id}@${entered}`, data })
  }
}

export const benchTurns = ({ coins, withdrawals }: TurnSizes, progress: Progress): Promise<BenchRow[]> =>
  inFolder(async directory => {
    const all = `${coins.toLocaleString('en')} coins and ${withdrawals.toLocaleString('en')} queued`
    progress(`planning among ${all}: making them`)
    const world = await openWorld(directory)
    await open(world)
    await fund(world, coins)
    const queue = async (name: string, amountSat: bigint) => {
      const requests = Array.from({ length: withdrawals }, (_, n) => request(world, `${name}-${n}`, amountSat, n))
      await Promise.all(requests)
    }
    await queue('beyond', BigInt(coins) * BigInt(COIN_SAT) * 10n)
    progress('planning what cannot be paid')
    let shortPlans = 0
    const short = await longestTurn(async () => {
      shortPlans = await planAll(world)
    })
    await queue('paid', AMOUNT_SAT)
    progress('planning what can be paid')
    let plans = 0
    const startMs = performance.now()
    const paid = await longestTurn(async () => {
      await world.orchestrator.dispatch({ type: 'time.passed', at: AT, data: { ids: [treasuryId(CHAIN)] } })
      plans = await planAll(world)
    })
    const wholeMs = performance.now() - startMs
    const left = world.orchestrator.memory.list('withdrawal', CHAIN, 'queued').length
    await world.close()
    if (left !== withdrawals) throw new Error(`${left} of ${2 * withdrawals} withdrawals are queued`)
    const row = (what: string, { processor, wall }: Longest, figures: string) =>
      benchRow(
        `longest turn, ${all}, ${what}, ms of processor`,
        processor,
        { most: 50 },
        `${wall.toFixed(0)} ms by the clock; ${figures}`,
      )
    return [
      row('that can be paid', paid, `${plans} plans in ${wholeMs.toFixed(0)} ms`),
      row('that cannot', short, `${shortPlans} plans`),
    ]
  })
