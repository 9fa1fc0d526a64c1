/** A person who looks at a halted chain, and resumes it when the reason is known and gone. */
import { CHAIN } from './fixtures.ts'
import type { System } from './system.ts'

const ROUND_MS = 10_000
/** The one reason for which a run may halt a chain: another network's node stood in our node's place. */
const KNOWN_REASON = /^the node is on another network/

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
