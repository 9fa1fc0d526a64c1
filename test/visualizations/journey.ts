/** One deposit and one withdrawal through a calm simulated world: what is really committed, in order. */
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import type { Intent } from '../../machines/vocabulary.ts'
import { intentBytes, signerOf } from '../../src/canonical.ts'
import { kindOf, nameOf } from '../../machines/ids.ts'
import type { Commit } from '../../src/kernel/entry.ts'
import type { HttpCall, HttpResult } from '../../src/kernel/ports.ts'
import { claimedHash, commitOf } from '../../src/ledger/record.ts'
import type { Change } from '../../visualizations/stories.ts'
import { ASSET, BACKEND_SECRET, CHAIN, CREDIT, FINAL, NETWORK, WALLET } from '../simulation/fixtures.ts'
import type { Machine } from '../simulation/machine.ts'
import { createSystem, prepare, type System } from '../simulation/system.ts'
import { toRequest, toResult } from '../simulation/wire.ts'
import { createWorld } from '../simulation/world.ts'

export const REFERENCE = 'user-1'
export const WITHDRAWAL_ID = 'w-1'

/** Of simulated time. */
const GUARD_MS = 3_600_000
const LOOK_MS = 200
/** Long enough for a watcher that polls each second to see, sign and publish whatever there is. */
const REST_MS = 5000
const DEPOSIT_SAT = 10_000_000n
const WITHDRAWAL_SAT = 5_000_000n

async function until({ world }: System, isOver: () => Promise<boolean>): Promise<void> {
  while (!(await isOver())) await world.sleep(LOOK_MS)
}

const isIn = async ({ ask }: System, path: string, state: string): Promise<boolean> =>
  (await ask('GET', path).catch(() => null))?.body['state'] === state

/** Nothing is planned before every block is followed. */
const atTip = (system: System): Promise<void> => until(system, () => isIn(system, `/v1/chains/${CHAIN}`, 'following'))

async function depositAndCredit(system: System): Promise<string> {
  const { ask, node, world } = system
  const { body: address } = await ask('PUT', `/v1/chains/${CHAIN}/addresses/${REFERENCE}`, {})
  const transactionId = node.pay(address['address'] as string, DEPOSIT_SAT)
  await world.sleep(REST_MS)
  const { items } = (await ask('GET', '/v1/deposits')).body as { items: { id: string }[] }
  const path = `/v1/deposits/${items[0]!.id}`
  node.mine(1)
  await until(system, () => isIn(system, path, 'confirming'))
  node.mine(CREDIT - 1)
  await until(system, () => isIn(system, path, 'confirmed'))
  await ask('PUT', `${path}/credit`, {})
  node.mine(FINAL)
  await until(system, () => isIn(system, path, 'final'))
  return transactionId
}

async function withdraw(system: System): Promise<void> {
  const { ask, node, world } = system
  const to = addressOf(scriptFor('p2wpkh', new Uint8Array(20).fill(3)), NETWORK)!
  const asked = {
    chain: CHAIN,
    asset: ASSET,
    to,
    dataField: null,
    amount: String(WITHDRAWAL_SAT),
    expiresAt: null,
    round: 1,
    memory: null,
  }
  const intent: Intent = { id: WITHDRAWAL_ID, ...asked }
  const path = `/v1/withdrawals/${WITHDRAWAL_ID}`
  await ask('PUT', path, { ...asked, authorisations: [signerOf(BACKEND_SECRET).sign(intentBytes(intent, WALLET))] })
  await until(system, async () => node.pending().length === 1)
  await world.sleep(REST_MS)
  node.mine(1)
  await world.sleep(REST_MS)
  node.mine(CREDIT - 1)
  await until(system, () => isIn(system, path, 'paid'))
  node.mine(FINAL)
  await until(system, () => isIn(system, path, 'final'))
}

/** Ends with the deposit and the withdrawal final. */
export async function travel(): Promise<{ system: System; deposited: string }> {
  const world = createWorld(1)
  const system = createSystem(world, await prepare())
  // No block is late in it.
  system.sky.replaceAfterMs = GUARD_MS
  system.signer.start()
  system.watcher.start()
  const journey: { deposited: string | null } = { deposited: null }
  const run = async () => {
    await atTip(system)
    const transactionId = await depositAndCredit(system)
    await atTip(system)
    await withdraw(system)
    journey.deposited = transactionId
  }
  run().catch((error: unknown) => world.violate(String(error)))
  await world.run(() => journey.deposited !== null, world.now() + GUARD_MS)
  const { deposited } = journey
  if (deposited === null) throw new Error(`the journey did not end: ${world.violation() ?? 'it takes too long'}`)
  return { system, deposited }
}

/** What the watcher answers after the journey: the world goes on for as long as that takes. */
export async function askAfterwards({ world, watcher }: System, call: HttpCall): Promise<HttpResult> {
  const answer = watcher.handler()!(toRequest(call)).then(toResult)
  let isOver = false
  const noteEnd = () => void (isOver = true)
  answer.then(noteEnd, noteEnd)
  await world.run(() => isOver, world.now() + GUARD_MS)
  return answer
}

/** Commits as the journal on a machine's disk has them. */
export function commitsOf(machine: Machine): Commit[] {
  const disk = machine.disk()
  const paths = disk.paths().filter(path => /\/journal\/\d+\.jsonl$/.test(path))
  const lines = paths.flatMap(path => disk.peek(path)!.toString().split('\n'))
  return lines.filter(line => claimedHash(Buffer.from(line)) !== null).map(line => commitOf(Buffer.from(line)))
}

const top = (value: string | null): string => value?.split('.', 1)[0] ?? 'absent'

/** What the commits change in the instances that are asked for, in the machines' order within a commit. */
export function changesIn(commits: readonly Commit[], isWanted: (kind: string, name: string) => boolean): Change[][] {
  const changes = commits.map(({ entries }) =>
    entries
      .filter(({ image, from, to }) => top(from) !== top(to) && isWanted(kindOf(image.id), nameOf(image.id)))
      .map(({ image, from, to, event }) => ({ machine: kindOf(image.id), from: top(from), to: top(to), event })),
  )
  return changes.filter(({ length }) => length > 0)
}
