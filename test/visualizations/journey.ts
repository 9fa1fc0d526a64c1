/** One deposit and one withdrawal through a calm simulated world: what is really committed and said, in order. */
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import type { Intent } from '../../machines/vocabulary.ts'
import { intentBytes, signerOf } from '../../src/canonical.ts'
import { ASSET, BACKEND_SECRET, CHAIN, CREDIT, FINAL, NETWORK } from '../simulation/fixtures.ts'
import { createSystem, prepare, type System } from '../simulation/system.ts'
import { createWorld } from '../simulation/world.ts'

const LONG_MS = 600_000
const AMOUNT_SAT = 10_000_000n

async function until(system: System, isOver: () => Promise<boolean> | boolean): Promise<void> {
  const { world } = system
  for (;;) {
    if (await isOver()) return
    await world.sleep(200)
  }
}

async function stateOf({ ask }: System, path: string): Promise<unknown> {
  const { status, body } = await ask('GET', path)
  return status === 200 ? body['state'] : null
}

async function travel(system: System): Promise<void> {
  const { ask, node, world } = system
  await until(system, async () => (await ask('GET', '/v1/chains/litecoin').catch(() => null))?.body['state'] === 'following')
  const treasury = (await ask('GET', '/v1/chains/litecoin')).body['treasury'] as string
  node.pay(treasury, 10n * AMOUNT_SAT)
  node.mine(FINAL)
  const { body: address } = await ask('PUT', `/v1/chains/${CHAIN}/addresses/user-1`, {})
  await world.sleep(5000)
  world.trace('MARK deposit')
  const txid = node.pay(address['address'] as string, AMOUNT_SAT)
  const items = async () => (await ask('GET', '/v1/deposits')).body['items'] as { id: string; state: string }[]
  await until(system, async () => (await items()).length === 1)
  const { id } = (await items())[0]!
  for (const state of ['confirming', 'confirmed']) {
    node.mine(state === 'confirming' ? 1 : CREDIT - 1)
    await until(system, async () => (await stateOf(system, `/v1/deposits/${id}`)) === state)
  }
  await ask('PUT', `/v1/deposits/${id}/credit`, {})
  node.mine(FINAL)
  await until(system, async () => (await stateOf(system, `/v1/deposits/${id}`)) === 'final')
  world.trace(`MARK withdrawal after ${txid}`)
  const to = addressOf(scriptFor('p2wpkh', new Uint8Array(20).fill(3)), NETWORK)!
  const intent: Intent = { id: 'w-1', chain: CHAIN, asset: ASSET, to, dataField: null, amount: '5000000', expiresAt: null, round: 1 }
  const { id: _, ...asked } = intent
  await ask('PUT', '/v1/withdrawals/w-1', { ...asked, authorisations: [signerOf(BACKEND_SECRET).sign(intentBytes(intent))] })
  await until(system, () => node.pending().length === 1)
  await world.sleep(5000)
  for (const [state, blocks] of [['paying', 1], ['paid', CREDIT - 1], ['final', FINAL]] as const) {
    node.mine(blocks)
    await until(system, async () => (await stateOf(system, '/v1/withdrawals/w-1')) === state)
    await world.sleep(5000)
  }
}

export async function journey() {
  const world = createWorld(1)
  const system = createSystem(world, await prepare())
  system.signer.start()
  system.watcher.start()
  let isOver = false
  const done = travel(system).then(() => (isOver = true), (error: unknown) => world.violate(String(error)))
  const ended = await world.run(() => isOver, world.now() + LONG_MS)
  if (!ended) throw new Error(`the journey did not end: ${world.violation()}`)
  await done
  return system
}
