/** A person who looks at a halted chain, and resumes it when the reason is known and gone. */
import { toldOf, type Books } from './books.ts'
import { CHAIN } from './fixtures.ts'
import type { Season } from './season.ts'
import type { System } from './system.ts'

const ROUND_MS = 10_000
/** The one reason for which a run may halt a chain: another network's node stood in our node's place. */
const KNOWN_REASON = /^the node is on another network/

/** What may be answered to whoever wants a fee to be raised: done; too low, or in a block by now; over a cap, bound, or short of funds. */
const BUMP_ANSWERS = [200, 201, 404, 409, 422, 503]
const RATES = [3, 5, 9, 20, 60, 200, 499, 900]

/** A person who cannot wait, and wants higher fees for what is under way. */
export async function runBumper({ world, ask }: System, books: Books, season: Season): Promise<void> {
  const { bumpMs } = season.script
  if (bumpMs === null) return
  while (season.isStormy) {
    await world.sleep(world.dice.between(...bumpMs))
    const underway = toldOf(books, 'transfer').filter(({ state }) => state === 'underway')
    if (underway.length === 0) continue
    const { id } = world.dice.pick(underway)
    const feeRate = world.dice.pick(RATES)
    const answer = await ask('PUT', `/v1/transfers/${id}/replacement`, { feeRate }).catch(() => null)
    if (answer === null) continue
    world.trace(`operator wants ${id} at ${feeRate}: ${answer.status}`)
    if (!BUMP_ANSWERS.includes(answer.status))
      world.violate(`a replacement of ${id} is answered ${answer.status} ${JSON.stringify(answer.body)}`)
  }
}

export async function runOperator({ world, sky, ask }: System): Promise<never> {
  for (;;) {
    await world.sleep(ROUND_MS)
    const answer = await ask('GET', `/v1/chains/${CHAIN}`).catch(() => null)
    if (answer?.status !== 200 || answer.body['state'] !== 'halted') continue
    const reason = String(answer.body['reason'])
    if (!KNOWN_REASON.test(reason)) world.violate(`the chain is halted: ${reason}`)
    if (sky.node === 'foreign') continue
    await ask('PUT', `/v1/chains/${CHAIN}/resumption`, { reason: 'our own node is back' }).catch(() => null)
  }
}
