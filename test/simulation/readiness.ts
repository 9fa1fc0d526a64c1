/**
 * What `/readyz` promises: as long as it is green, the chain moves, and what can be paid is planned. Whoever is paged by it
 * sleeps otherwise.
 */
import type { Answer, System } from './system.ts'
import { CHAIN } from './fixtures.ts'

const LOOK_MS = 2000
/** A process that falls meanwhile never answers. */
const ANSWER_MS = 20_000
/** Longer than whatever a green watcher may wait for: calls to a node end after half a minute, and are made again. */
const STILL_MS = 120_000

interface Seen {
  hash: unknown
  since: number
}

/** Since when each withdrawal has been waiting without a reason, or for money that is there. */
type Waiting = Map<string, number>

const SHORT = /^not enough spendable funds/
/** Far more than any fee here, in satoshi. */
const MARGIN_SAT = 2_000_000n

/** What the chain's answer says that nobody has reserved, in satoshi. */
function freeSat(chain: Answer['body']): bigint {
  const [balance] = chain['balances'] as { confirmed: string; reserved: string }[]
  return balance === undefined ? 0n : BigInt(balance.confirmed) - BigInt(balance.reserved)
}

async function answerOf({ world, watcher, askDirectly }: System, path: string): Promise<Answer['body'] | null> {
  const silence = world.sleep(ANSWER_MS).then(() => null)
  const answer = await Promise.race([askDirectly(watcher, path).catch(() => null), silence])
  return answer?.status === 200 ? answer.body : null
}

function checkMoving({ world, node }: System, last: Seen | null, hash: unknown): Seen {
  const now = world.now()
  if (last === null || last.hash !== hash || hash === node.tip()) return { hash, since: now }
  if (now - last.since > STILL_MS)
    world.violate(`ready for ${now - last.since} ms, and stands at ${String(hash)} while its node is at ${node.tip()}`)
  return last
}

function checkWaiting({ world }: System, last: Waiting, body: Answer['body'], free: bigint): Waiting {
  const now = world.now()
  const items = body['items'] as { id: string; amount: string; reason: string | null }[]
  const waiting: Waiting = new Map()
  for (const { id, amount, reason } of items) {
    const isFunded = reason !== null && SHORT.test(reason) && free > BigInt(amount) + MARGIN_SAT
    if (reason !== null && !isFunded) continue
    const since = last.get(id) ?? now
    const why = isFunded ? `for money, of which ${free} is free` : 'without a reason'
    if (now - since > STILL_MS) world.violate(`ready, and ${id} waits for ${now - since} ms ${why}`)
    waiting.set(id, since)
  }
  return waiting
}

export async function watchReadiness(system: System): Promise<never> {
  let last: Seen | null = null
  let waiting: Waiting = new Map()
  for (;;) {
    await system.world.sleep(LOOK_MS)
    const ready = await answerOf(system, '/readyz')
    const chain = await answerOf(system, `/v1/chains/${CHAIN}`)
    const queued = await answerOf(system, '/v1/withdrawals?state=queued&limit=100')
    if (ready?.['ready'] !== true || chain === null || queued === null) {
      last = null
      waiting = new Map()
      continue
    }
    last = checkMoving(system, last, chain['blockHash'])
    waiting = checkWaiting(system, waiting, queued, freeSat(chain))
  }
}
