/**
 * Mixed traffic on a real chain that reorganises now and then, while watcher and signer are killed at random moments:
 * everything that moved must be accounted for afterwards by the node, the ledger and the feed, to the base unit.
 */
import { audit, type Audit, type Sent } from './audit.ts'
import { FINAL, startSystem, type Resource, type System } from './system.ts'

export interface SoakPlan {
  deposits: number
  withdrawals: number
  kills: number
  seed?: number
}

export interface SoakReport extends Audit {
  kills: { watcher: number; signer: number }
  /** Milliseconds from each start after a kill to the line that says it serves. */
  readyMs: { watcher: number[]; signer: number[] }
  /** The same in processor time, which other work on the machine does not lengthen. */
  readyUsedMs: { watcher: number[]; signer: number[] }
  reorganisations: number
  seconds: number
}

type Random = (below: number) => number

interface Soak {
  system: System
  plan: SoakPlan
  random: Random
  report: Pick<SoakReport, 'kills' | 'readyMs' | 'readyUsedMs' | 'reorganisations'>
  /** What was paid to our customers' addresses. */
  sent: Sent[]
  isOver: boolean
}

const COIN = 100_000_000n
const FUNDING = Array.from({ length: 30 }, () => 20n * COIN)
const CUSTOMERS = 40
/** Kill after at most so long within a round. */
const KILL_WITHIN_MS = 1200
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
const PAYER_BLOCKS = 20
const MATURING_BLOCKS = 100
/**
 * Until block 432 activates MWEB: from then on the payer's wallet pays some out of the MWEB, under ids it does not tell,
 * and forgets them in reorganisations. (That such payments are read right is tested with the node alone.)
 */
const BLOCKS_AT_MOST = 220

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** mulberry32: the same seed kills at the same moments, as far as a real system has same moments. */
function createRandom(seed: number): Random {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

async function depositSome({ system, random, sent }: Soak, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const address = await system.address(`customer-${random(CUSTOMERS)}`)
    const amountSat = 200_000n + BigInt(random(50_000_000))
    sent.push({ txid: await system.litecoind.pay(address, amountSat), address, amountSat })
  }
}

async function withdrawSome({ system, random }: Soak, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    const to = (await system.litecoind.rpc('getnewaddress', '', 'bech32')) as string
    const amountSat = 10_000n + BigInt(random(40_000_000))
    await system.insist(() => system.withdraw(`soak-${n}`, { to, amountSat }))
  }
}

/** The backend: acknowledges what is offered, for as long as the soak lasts. */
async function creditAll(soak: Soak): Promise<void> {
  const { system } = soak
  while (!soak.isOver) {
    const offered = await system
      .get<{ items: Resource[] }>(`/v1/deposits?state=confirmed&limit=1000`)
      .then(({ body }) => body.items)
      .catch(() => [])
    // A kill may come between; what was not acknowledged is offered again.
    for (const { id } of offered) await system.put(`/v1/deposits/${id}/credit`).catch(() => undefined)
    await pause(CREDIT_PAUSE_MS)
  }
}

/** How many of `total` are due in this round of all rounds. */
const share = (total: number, round: number, rounds: number): [from: number, count: number] => {
  const from = Math.floor((total * round) / rounds)
  return [from, Math.floor((total * (round + 1)) / rounds) - from]
}

/**
 * A wallet locks a payment to the height at which it was made, so a reorganisation makes the node forget young payments.
 * Payers publish theirs again; in their order, because each may spend the change of the one before.
 */
async function publishAgain({ system, sent }: Soak): Promise<void> {
  const { rpc } = system.litecoind
  for (const { txid } of sent.slice(-RECENT)) {
    const { confirmations, hex } = (await rpc('gettransaction', txid)) as { confirmations: number; hex: string }
    // It may be there already, or not final before the next block: then the next time.
    if (confirmations < 1) await rpc('sendrawtransaction', hex).catch(() => undefined)
  }
}

async function mineSome(soak: Soak, round: number): Promise<void> {
  const { system, random, report, plan } = soak
  const { rpc, mine } = system.litecoind
  const [, blocks] = share(Math.min(2 * plan.kills, BLOCKS_AT_MOST), round, plan.kills)
  for (let n = 0; n < blocks; n++) {
    await pause(random(KILL_WITHIN_MS / 2))
    await mine(1)
  }
  if (round % REORGANISE_EVERY !== REORGANISE_EVERY - 1 || report.reorganisations >= REORGANISATIONS_AT_MOST) return
  const depth = 1 + random(DEEPEST)
  const height = (await rpc('getblockcount')) as number
  await rpc('invalidateblock', await rpc('getblockhash', height - depth + 1))
  await mine(depth + 1)
  await publishAgain(soak)
  report.reorganisations++
}

async function killOne({ system, random, report }: Soak): Promise<void> {
  await pause(random(KILL_WITHIN_MS))
  const victim = random(2) === 0 ? 'watcher' : 'signer'
  await system[victim].kill9()
  report.kills[victim]++
  report.readyMs[victim].push(Math.round(await system[victim].start()))
  report.readyUsedMs[victim].push(system[victim].usedMs())
}

async function settle(soak: Soak): Promise<void> {
  const { system, plan } = soak
  await publishAgain(soak)
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

async function churn(soak: Soak): Promise<void> {
  const { plan } = soak
  for (let round = 0; round < plan.kills; round++) {
    const [, deposits] = share(plan.deposits, round, plan.kills)
    const [from, withdrawals] = share(plan.withdrawals, round, plan.kills)
    await Promise.all([
      depositSome(soak, deposits),
      withdrawSome(soak, from, withdrawals),
      mineSome(soak, round),
      killOne(soak),
    ])
  }
}

/** Rejects with what does not add up. */
export async function soak(plan: SoakPlan): Promise<SoakReport> {
  const startedAt = performance.now()
  const chain = { addressPool: { low: 10, high: 30 } }
  const system = await startSystem({ blocks: PAYER_BLOCKS, chain })
  const none = () => ({ watcher: [], signer: [] })
  const times = { readyMs: none(), readyUsedMs: none() }
  const report = { kills: { watcher: 0, signer: 0 }, ...times, reorganisations: 0 }
  const ongoing: Soak = { system, plan, random: createRandom(plan.seed ?? 1), report, sent: [], isOver: false }
  try {
    system.litecoind.mineForNobody()
    await system.mine(MATURING_BLOCKS)
    await system.fund(...FUNDING)
    const crediting = creditAll(ongoing)
    try {
      await churn(ongoing)
      await settle(ongoing)
    } finally {
      ongoing.isOver = true
      await crediting
    }
    const found = await audit(system, { ...plan, sent: ongoing.sent, fundedSat: FUNDING.reduce((a, b) => a + b, 0n) })
    await system.close()
    return { ...found, ...report, seconds: Math.round((performance.now() - startedAt) / 1000) }
  } catch (error) {
    await system.abandon()
    throw error
  }
}
