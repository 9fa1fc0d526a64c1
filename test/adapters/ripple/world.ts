/** A simulated ledger, and our account on it, as the family's tests need them. */
import { createDeriver } from '../../../adapters/ripple/deriver.ts'
import { networkOf } from '../../../adapters/ripple/network.ts'
import { createRippleNode } from '../../../adapters/ripple/node.ts'
import { createReserve } from '../../../adapters/ripple/reserve.ts'
import { createWatch } from '../../../adapters/ripple/watch.ts'
import type { Next } from '../../../adapters/adapter.ts'
import type { RippleFact } from '../../../adapters/ripple/facts.ts'
import type { Json, Place } from '../../../machines/vocabulary.ts'
import { createSimulatedRipple, type SimulatedRipple } from '../../../src/devnet/ripple/node.ts'
import { createSignable } from '../../../adapters/ripple/signable.ts'

export const NOW_MS = Date.UTC(2026, 0, 1)
export const network = networkOf({ networkId: 0 })
const SEED = new Uint8Array(64).fill(9)
const deriver = createDeriver(network)
export const { address: treasury, publicKey } = deriver.derive(SEED, 0)
export const TAGS = [1, 2, 3]
export const signable = createSignable('xrp', 'XRP', network, { maximumTickets: 50 })

export interface World {
  simulated: SimulatedRipple
  node: ReturnType<typeof createRippleNode>
  watch: ReturnType<typeof createWatch>
}

/** With one ledger behind the first, and nobody but its faucet and market. */
export function createWorld(rules = {}, networkId = 0): World {
  const simulated = createSimulatedRipple({ networkId, now: () => NOW_MS, rules })
  simulated.mine(1)
  const watch = createWatch()
  watch.addAddress(0, treasury)
  for (const tag of TAGS) watch.addAddress(tag, treasury)
  const access = { url: 'http://server' }
  const node = createRippleNode({
    ...{
      chain: 'xrp',
      asset: 'XRP',
      network,
      watch,
      reserve: createReserve(),
      request: simulated.request,
      node: access,
    },
    maximumFee: 1000n,
  })
  return { simulated, node, watch }
}

/** Follows to the server's last ledger from the one at a height. */
export async function followFrom(
  { simulated, node }: World,
  height: number,
): Promise<{ steps: Next<RippleFact>[]; facts: RippleFact[]; recent: Place[] }> {
  const recent: Place[] = [{ height, hash: simulated.hashAt(height) }]
  const steps: Next<RippleFact>[] = []
  for (let turn = 0; turn < 1000; turn++) {
    const step = await node.next(recent)
    if (step.kind !== 'connected') break
    steps.push(step)
    recent.push({ height: step.block.height, hash: step.block.hash })
  }
  return { steps, facts: steps.flatMap(step => (step.kind === 'connected' ? step.facts : [])), recent }
}

/** Signed by our key, as the signer would. */
export function signed(transaction: Record<string, Json>): { transactionId: string; raw: string; parents: string[] } {
  const common = { Account: treasury, Fee: '10', Flags: 0, SigningPubKey: publicKey.toUpperCase() }
  const template = { network: network.name, transaction: { ...common, ...transaction } }
  const opened = signable.open(template)
  const payloads = opened.payloads.map(payload => ({ index: 0, payload }))
  return { ...opened.assemble(deriver.sign(SEED, payloads)), parents: [] }
}
