/** Very many withdrawals at once, against the fees that they would pay one by one. */
import { benchRow, timedAsync, type BenchRow, type Progress } from '../../bench/measure.ts'
import { everything } from '../audit.ts'
import { startSystem, type Resource, type System } from '../system.ts'
import { someAtOnce } from './discovering.ts'

export interface BurstSizes {
  withdrawals: number
  /** Sent one by one before, for comparison. */
  singles: number
}

const COINS = 30
const COIN_SAT = 2_000_000_000n
const AMOUNT_SAT = 10_000_000n
const TRANSACTIONS_MAXIMUM = 12
const MILLISECONDS_PER_SECOND = 1000
const PAUSE_MS = 200
const GENEROUS_MS = 10 * 60_000

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function destinations({ node }: System, count: number): Promise<string[]> {
  const all: string[] = []
  while (all.length < count) all.push((await node.rpc('getnewaddress', '', 'bech32')) as string)
  return all
}

async function ask(system: System, id: string, to: string): Promise<void> {
  const { status, body } = await system.withdraw(id, { to, amountSat: AMOUNT_SAT })
  if (status >= 300) throw new Error(`${id} was refused: ${JSON.stringify(body)}`)
}

/** Of each a transaction of its own, and mined. */
async function payOneByOne(system: System, count: number): Promise<bigint> {
  let feesSat = 0n
  for (const [n, to] of (await destinations(system, count)).entries()) {
    const id = `single-${n}`
    await ask(system, id, to)
    await system.until(`/v1/withdrawals/${id}`, ({ transactionId }) => transactionId !== null)
    await system.mine(1)
    feesSat += BigInt((await system.until(`/v1/withdrawals/${id}`, ({ fee }) => Boolean(fee))).fee)
  }
  return feesSat
}

/** Asks for the list, because each one by itself comes with its history. */
async function untilAll(system: System, count: number, accept: (one: Resource) => boolean): Promise<Resource[]> {
  const deadline = performance.now() + GENEROUS_MS
  for (;;) {
    const all = (await everything(system, '/v1/withdrawals')).filter(({ id }) => id.startsWith('burst-'))
    if (all.length === count && all.every(accept)) return all
    if (performance.now() > deadline)
      throw new Error(`${all.filter(accept).length} of ${count} withdrawals came so far`)
    await pause(PAUSE_MS)
  }
}

export async function measureBurst({ withdrawals, singles }: BurstSizes, progress: Progress): Promise<BenchRow[]> {
  progress(`a treasury of ${COINS} coins`)
  const system = await startSystem()
  try {
    await system.fund(...Array.from({ length: COINS }, () => COIN_SAT))
    progress(`${singles} withdrawals one by one`)
    const singlesSat = await payOneByOne(system, singles)
    progress(`${withdrawals} withdrawals at once`)
    const wanted = (await destinations(system, withdrawals)).map((to, n) => ({ id: `burst-${n}`, to }))
    const ms = await timedAsync(async () => {
      await someAtOnce(wanted, ({ id, to }) => ask(system, id, to))
      await untilAll(system, withdrawals, ({ transactionId }) => transactionId !== null)
    })
    await system.mine(2)
    const all = await untilAll(system, withdrawals, ({ state }) => state === 'paid')
    const transactions = new Set(all.map(({ transactionId }) => transactionId)).size
    const feesSat = all.reduce((sum, { fee }) => sum + BigInt(fee), 0n)
    const [each, single] = [Number(feesSat) / withdrawals, Number(singlesSat) / singles]
    const seconds = (ms / MILLISECONDS_PER_SECOND).toFixed(1)
    return [
      benchRow(
        `transactions of ${withdrawals} withdrawals at once`,
        transactions,
        { most: TRANSACTIONS_MAXIMUM },
        `${seconds} s from the first request until all are signed`,
      ),
      benchRow(
        'their fees / of single transactions',
        each / single,
        { most: 0.35 },
        `${each.toFixed(0)} sat / ${single.toFixed(0)} sat a withdrawal`,
      ),
    ]
  } finally {
    await system.abandon()
  }
}
