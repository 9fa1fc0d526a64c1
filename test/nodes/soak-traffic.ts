/** What goes on while processes fall: payers pay to our addresses, customers withdraw, blocks are mined and taken back. */
import type { Sent } from './audit.ts'
import type { Backend } from './soak-backend.ts'
import { FINAL, type Resource, type System } from './system.ts'

export type Random = (below: number) => number

export interface TrafficPlan {
  deposits: number
  withdrawals: number
  seed: number
}

export interface Traffic {
  system: System
  backend: Backend
  plan: TrafficPlan
  /** Both are spread evenly over so many rounds. */
  rounds: number
  random: Random
  /** What was paid to our customers' addresses. */
  sent: Sent[]
  reorganisations: number
  isOver: boolean
}

const COIN = 100_000_000n
export const FUNDING = Array.from({ length: 30 }, () => 20n * COIN)
export const CUSTOMERS = 40
/** A round takes at most so long, until something falls. */
export const ROUND_MS = 1200
const REORGANISATIONS_AT_MOST = 30
const REORGANISE_EVERY = 5
const DEEPEST = 3
/** Longer than the longest back-off after a kill. */
const SETTLING_ROUNDS = 90
const SETTLING_PAUSE_MS = 1000
const CREDIT_PAUSE_MS = 50
/** More than can be young when a reorganisation comes. */
const RECENT = 200
/** The payer's own, and then enough to make them mature; none of his coinbases is young when the payments begin. */
export const PAYER_BLOCKS = 20
const MATURING_BLOCKS = 100
/**
 * Until block 432 activates Litecoin's MWEB: from then on the payer's wallet pays some out of the MWEB, under ids it does not tell,
 * and forgets them in reorganisations. (That such payments are read right is tested with the node alone.)
 */
const BLOCKS_AT_MOST = 220

export const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** mulberry32: the same seed falls at the same moments, as far as a real system has same moments. */
export function createRandom(seed: number): Random {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** How many of `total` are due in this round of all rounds. */
const share = (total: number, round: number, rounds: number): [from: number, count: number] => {
  const from = Math.floor((total * round) / rounds)
  return [from, Math.floor((total * (round + 1)) / rounds) - from]
}

async function depositSome({ system, backend, random, sent }: Traffic, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const address = await backend.address(`customer-${random(CUSTOMERS)}`)
    const amountSat = 200_000n + BigInt(random(50_000_000))
    sent.push({ txid: await system.node.pay(address, amountSat), address, amountSat })
  }
}

async function withdrawSome({ system, backend, random }: Traffic, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    const to = (await system.node.rpc('getnewaddress', '', 'bech32')) as string
    await backend.withdraw(`soak-${n}`, { to, amountSat: 10_000n + BigInt(random(40_000_000)) })
  }
}

/**
 * A wallet locks a payment to the height at which it was made, so a reorganisation makes the node forget young payments.
 * Payers publish theirs again; in their order, because each may spend the change of the one before.
 */
async function publishAgain({ system, sent }: Traffic): Promise<void> {
  const { rpc } = system.node
  for (const { txid } of sent.slice(-RECENT)) {
    const { confirmations, hex } = (await rpc('gettransaction', txid)) as { confirmations: number; hex: string }
    // It may be there already, or not final before the next block: then the next time.
    if (confirmations < 1) await rpc('sendrawtransaction', hex).catch(() => undefined)
  }
}

async function mineSome(traffic: Traffic, round: number): Promise<void> {
  const { system, random, rounds } = traffic
  const { rpc, mine } = system.node
  const [, blocks] = share(Math.min(2 * rounds, BLOCKS_AT_MOST), round, rounds)
  for (let n = 0; n < blocks; n++) {
    await pause(random(ROUND_MS / 2))
    await mine(1)
  }
  const every = Math.min(REORGANISE_EVERY, rounds)
  if (round % every !== every - 1 || traffic.reorganisations >= REORGANISATIONS_AT_MOST) return
  const depth = 1 + random(DEEPEST)
  const height = (await rpc('getblockcount')) as number
  await rpc('invalidateblock', await rpc('getblockhash', height - depth + 1))
  await mine(depth + 1)
  await publishAgain(traffic)
  traffic.reorganisations++
}

async function creditAll(traffic: Traffic): Promise<void> {
  while (!traffic.isOver) {
    await traffic.backend.creditOffered()
    await pause(CREDIT_PAUSE_MS)
  }
}

async function settle(traffic: Traffic): Promise<void> {
  const { system, plan } = traffic
  await publishAgain(traffic)
  const count = async (kind: string, total: number) => {
    let final = 0
    for (let after: number | null = 0; after !== null;) {
      const { body }: { body: { items: Resource[]; next: number | null } } = await system.get(
        `/v1/${kind}?state=final&limit=1000&after=${after}`,
      )
      final += body.items.length
      after = body.next
    }
    return final >= total
  }
  for (let round = 0; round < SETTLING_ROUNDS; round++) {
    await system.mine(round === 0 ? FINAL : 1)
    if ((await count('deposits', plan.deposits)) && (await count('withdrawals', plan.withdrawals))) return
    await pause(SETTLING_PAUSE_MS)
  }
}

/**
 * All of the traffic, while `fall` makes something fall once a round; then until nothing is under way any more.
 * The system must have been started with `PAYER_BLOCKS`.
 */
export async function run(traffic: Traffic, fall: (round: number) => Promise<void>): Promise<void> {
  const { system, plan, rounds } = traffic
  system.node.mineForNobody()
  await system.mine(MATURING_BLOCKS)
  await system.fund(...FUNDING)
  const crediting = creditAll(traffic)
  try {
    for (let round = 0; round < rounds; round++) {
      const [, deposits] = share(plan.deposits, round, rounds)
      const [from, withdrawals] = share(plan.withdrawals, round, rounds)
      await Promise.all([
        depositSome(traffic, deposits),
        withdrawSome(traffic, from, withdrawals),
        mineSome(traffic, round),
        fall(round),
      ])
    }
    await settle(traffic)
  } finally {
    traffic.isOver = true
    await crediting
  }
}
