/**
 * Mixed traffic on a real anvil that reorganises and restarts, while watcher and signer are killed: once right after each thing that a
 * transfer of each purpose can come to, and once more the other way round. Everything that moved is then accounted for by the node, the
 * ledger and the backend's book, to the last unit of every asset.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canonical } from '../../adapters/ethereum/address.ts'
import { ETHER } from '../devnet/ethereum/calls.ts'
import { run } from './daemon.ts'
import { CHAIN, startEvm, TOKEN, type EvmSystem } from './evm.ts'
import { createRandom, pause, type Random } from './soak-traffic.ts'
import type { Resource } from './system.ts'

export interface EvmSoakPlan {
  /** Of each asset. */
  deposits: number
  /** Of both together, asked for at once. */
  withdrawals: number
  addresses: number
  /** At most so many: the rest of the boundaries is passed. */
  kills: number
  seed: number
}

export interface EvmSoakReport {
  deposits: number
  paid: number
  cancelled: number
  replaced: number
  transfers: number
  sweeps: number
  fundings: number
  nonces: number
  blocks: number
  reorganisations: number
  nodeRestarts: number
  rebuilds: number
  /** After what something was killed: `<purpose> <event>`. */
  boundaries: string[]
  kills: number
  seconds: number
}

const CREDIT = 3
const FINAL = 12
const DEEPEST = 8
const ROUNDS = 60
const REORGANISE_EVERY = 3
const RESTART_IN_ROUNDS = [40, 50]
const CANCEL_EVERY = 25
const ASSETS = ['ETH', TOKEN] as const
const PATIENCE_ROUNDS = 400
const PAGE = 1000
/** What is left of ether where it is not worth its gas. */
const DUST = ETHER / 50n

interface Wish {
  to: string
  amountSat: bigint
  asset: string
  isCancelled: boolean
}

interface Soak {
  system: EvmSystem
  plan: EvmSoakPlan
  random: Random
  addresses: Map<string, string>
  sent: { hash: string; asset: string; address: string; amount: bigint }[]
  credited: Map<string, string>
  wishes: Map<string, Wish>
  boundaries: Set<string>
  counts: { kills: number; reorganisations: number; nodeRestarts: number; rebuilds: number }
  /** Where the node writes itself down when it ends. */
  state: string
  /** Of the node: what it knew before is not to be left. */
  restartedAt: number
  isOver: boolean
}

const stranger = (n: number): string => canonical(`0x${(n + 0x1000).toString(16).padStart(4, '0').repeat(10)}`)

async function listed<Item = Resource>({ system }: Soak, list: string): Promise<Item[]> {
  const items: Item[] = []
  for (let after: number | null = 0; after !== null;) {
    const path: string = `/v1/${list}${list.includes('?') ? '&' : '?'}limit=${PAGE}&after=${after}`
    const { body } = await system.insist(() => system.get<{ items: Item[]; next: number | null }>(path))
    items.push(...body.items)
    after = body.next
  }
  return items
}

/** Of its own book what only a backend knows: for whom each address is, and what was asked for. */
async function tell({ system, addresses, wishes }: Soak): Promise<void> {
  for (const [reference, address] of addresses)
    await system.insist(() =>
      system.put(`/v1/chains/${CHAIN}/addresses/${reference}`, address === '' ? {} : { address, dataField: null }),
    )
  for (const [id, wish] of wishes) await system.insist(() => system.withdraw(id, wish))
}

async function credit(soak: Soak): Promise<void> {
  const { system, credited } = soak
  const offered = async (state: string) =>
    (await system
      .get<{ items: (Resource & { asset: string; address: string })[] }>(`/v1/deposits?state=${state}&limit=${PAGE}`)
      .then(({ body }) => body.items)
      .catch(() => [])) as (Resource & { asset: string; address: string })[]
  for (const { id } of await offered('reversed')) credited.delete(id)
  for (const { id, asset, address, amount } of await offered('confirmed')) {
    const line = `${asset} ${address} ${amount}`
    assert.equal(credited.get(id) ?? line, line, `${id} was offered as something else before`)
    credited.set(id, line)
    await system.put(`/v1/deposits/${encodeURIComponent(id)}/credit`).catch(() => undefined)
  }
}

interface FeedEvent {
  kind: string
  id: string
  event: string
  data: { purpose?: string; transferId?: string; isCancelling?: boolean; n?: number }
}

/** What kind of thing an event is about: each is a boundary between two tasks. */
function boundaryOf(purposes: ReadonlyMap<string, string>, { kind, event, id, data }: FeedEvent): string | null {
  if (kind !== 'attempt' && kind !== 'transfer') return null
  const purpose = kind === 'transfer' ? data.purpose : purposes.get(data.transferId ?? id)
  const further = data.isCancelling === true ? 'cancellation' : (data.n ?? 1) > 1 ? 'replacement' : purpose
  return `${further ?? 'transfer'} ${event}`
}

/** Follows the feed, and kills watcher or signer the first two times that something has come to pass. */
async function killAtBoundaries(soak: Soak): Promise<void> {
  const { system, plan, boundaries, counts } = soak
  const purposes = new Map<string, string>()
  for (let after = 0; !soak.isOver && counts.kills < plan.kills;) {
    const path = `/v1/events?after=${after}&limit=50&wait=1`
    const answer = await system.get<{ events: FeedEvent[]; next: number }>(path).catch(() => null)
    if (answer === null || answer.status !== 200) {
      // A ledger that was begun anew counts from the beginning.
      if (answer?.status === 409) after = 0
      await pause(50)
      continue
    }
    for (const event of answer.body.events) {
      if (event.kind === 'transfer' && event.data.purpose !== undefined) purposes.set(event.id, event.data.purpose)
      const found = boundaryOf(purposes, event)
      if (found === null) continue
      const name = (['watcher', 'signer'] as const).find(each => !boundaries.has(`${found} (${each})`))
      if (name === undefined) continue
      boundaries.add(`${found} (${name})`)
      await system[name].kill9()
      await system[name].start()
      counts.kills++
      break
    }
    after = answer.body.next
  }
}

async function depositSome({ system, plan, random, addresses, sent }: Soak, count: number): Promise<void> {
  for (let n = 0; n < count; n++)
    for (const asset of ASSETS) {
      const address = addresses.get(`customer-${random(plan.addresses)}`)!
      // No two amounts are the same, so that each deposit is known by its amount.
      const amount = BigInt(sent.length + 1) + (asset === 'ETH' ? ETHER / 40n : 2_000_000n)
      sent.push({ hash: await system.pay(asset, address, amount), asset, address, amount })
    }
}

async function burst({ system, plan, wishes }: Soak): Promise<void> {
  for (let n = 0; n < plan.withdrawals; n++) {
    const asset = ASSETS[n % 2]!
    const wish = { to: stranger(n), amountSat: 10_000n + BigInt(n), asset, isCancelled: n % CANCEL_EVERY === 1 }
    wishes.set(`w-${n}`, wish)
    await system.insist(() => system.withdraw(`w-${n}`, wish))
  }
}

/** Those that were chosen for it, as soon as they are signed. */
async function cancelSome({ system, wishes }: Soak): Promise<void> {
  const { body } = await system.insist(() =>
    system.get<{ items: Resource[] }>(`/v1/withdrawals?state=paying&limit=${PAGE}`),
  )
  for (const { id, transactionId, receipt } of body.items)
    if (wishes.get(id)?.isCancelled === true && transactionId !== null && receipt === null)
      await system.put(`/v1/withdrawals/${id}/cancellation`).catch(() => undefined)
}

/** Waits for nobody: what is not read yet is read later. */
async function mineSome(soak: Soak, round: number): Promise<void> {
  const { system, random, counts } = soak
  await system.rpc('anvil_mine', '0x1')
  if (round % REORGANISE_EVERY !== REORGANISE_EVERY - 1) return
  const height = Number(await system.rpc('eth_blockNumber'))
  const depth = Math.min(1 + random(DEEPEST), height - soak.restartedAt - 1)
  if (depth < 1) return
  await system.rpc('anvil_reorg', depth, [])
  await system.sendAgain()
  counts.reorganisations++
}

async function rebuild(soak: Soak): Promise<void> {
  const { system, counts } = soak
  const { directory } = system.place
  await system.watcher.kill9()
  rmSync(join(directory, 'data', 'watcher'), { recursive: true })
  const { status, stdout, stderr } = await run(['rebuild', '--config', join(directory, 'watcher.yaml'), '--from', '1'])
  assert.equal(status, 0, `${stdout}${stderr}`)
  await system.watcher.start()
  await tell(soak)
  counts.rebuilds++
}

/** Its pool is gone with it; what is known of its old blocks cannot be taken back any more. */
async function restartNode(soak: Soak): Promise<void> {
  const { system, counts } = soak
  await system.mine(1)
  await system.anvil.restart()
  soak.restartedAt = Number(await system.rpc('eth_blockNumber'))
  await system.sendAgain()
  counts.nodeRestarts++
}

const ENDED = ['final', 'dead', 'failed', 'cancelled', 'rejected']

async function settle(soak: Soak): Promise<void> {
  for (let round = 0, quiet = 0; quiet < 3; round++) {
    if (round > PATIENCE_ROUNDS) throw new Error(`does not come to an end: ${await openOf(soak)}`)
    await soak.system.mine(quiet > 0 ? FINAL + 1 : 2)
    await soak.system.sendAgain()
    await credit(soak)
    await cancelSome(soak)
    quiet = (await openOf(soak)) === '' ? quiet + 1 : 0
    await pause(200)
  }
}

/** What has not ended: the first few of it. */
async function openOf(soak: Soak): Promise<string> {
  const all = [...(await listed(soak, 'withdrawals')), ...(await listed(soak, 'transfers'))]
  const open = all.filter(({ state }) => !ENDED.includes(state))
  return open
    .slice(0, 5)
    .map(({ id, state, reason }) => `${id} ${state} ${reason}`)
    .join('; ')
}

const sorted = (lines: Iterable<string>): string[] => [...lines].sort()

async function checkDeposits(soak: Soak): Promise<number> {
  const { sent, credited } = soak
  const paid = sent.map(({ asset, address, amount }) => `${asset} ${address} ${amount}`)
  assert.deepEqual(sorted(credited.values()), sorted(paid), 'what was paid and what was credited')
  const deposits = await listed<Resource & { asset: string; address: string }>(soak, 'deposits')
  const ledger = deposits.map(({ asset, address, amount, state }) => `${asset} ${address} ${amount} ${state}`)
  assert.deepEqual(sorted(ledger), sorted(paid.map(line => `${line} final`)), "what was paid and the ledger's deposits")
  return deposits.length
}

async function checkWithdrawals(soak: Soak): Promise<{ paid: number; cancelled: number }> {
  const { system, wishes } = soak
  const found = await listed(soak, 'withdrawals')
  assert.equal(found.length, wishes.size)
  let paid = 0
  for (const { id, state, reason } of found) {
    const { to, asset, amountSat, isCancelled } = wishes.get(id)!
    assert.ok(state === 'final' || (isCancelled && state !== 'paying'), `${id} is ${state}: ${reason}`)
    const balance = await system.balance(asset, to)
    assert.equal(balance, state === 'final' ? amountSat : 0n, `${id} of ${amountSat} ${asset} is ${state}`)
    if (state === 'final') paid++
  }
  return { paid, cancelled: found.length - paid }
}

interface ChainTransaction {
  from: string
  nonce: string
}

/** Of each account of ours each nonce was used once, and none is missing; by the blocks themselves. */
async function checkNonces({ system }: Soak, ours: readonly string[]): Promise<{ nonces: number; blocks: number }> {
  const used = new Map(ours.map(address => [address.toLowerCase(), [] as number[]]))
  const blocks = Number(await system.rpc('eth_blockNumber'))
  for (let height = 1; height <= blocks; height++) {
    const block = (await system.rpc('eth_getBlockByNumber', `0x${height.toString(16)}`, true)) as {
      transactions: ChainTransaction[]
    }
    for (const { from, nonce } of block.transactions) used.get(from)?.push(Number(nonce))
  }
  let nonces = 0
  for (const [address, list] of used) {
    assert.deepEqual(
      list,
      list.map((_, n) => n),
      `the nonces of ${address}`,
    )
    nonces += list.length
  }
  return { nonces, blocks }
}

async function checkBalances(soak: Soak, ours: readonly string[]): Promise<void> {
  const { system } = soak
  const { balances } = (await system.get(`/v1/chains/${CHAIN}`)).body
  for (const asset of ASSETS) {
    const { confirmed, pending, reserved } = balances.find(one => one.asset === asset)!
    const amounts: bigint[] = []
    for (const address of ours) amounts.push(await system.balance(asset, address))
    assert.deepEqual(
      [BigInt(confirmed) + BigInt(pending), reserved],
      [amounts.reduce((a, b) => a + b, 0n), '0'],
      `${asset} by the ledger and by the node`,
    )
    const left = amounts.slice(1).filter(amount => amount > (asset === 'ETH' ? DUST : 0n))
    assert.deepEqual(left, [], `${asset} that was not gathered`)
  }
}

interface ShownTransfer extends Resource {
  purpose: string
}

async function account(soak: Soak): Promise<Omit<EvmSoakReport, 'seconds'>> {
  const ours = await soak.system.ours()
  const deposits = await checkDeposits(soak)
  const withdrawals = await checkWithdrawals(soak)
  await checkBalances(soak, ours)
  const nonces = await checkNonces(soak, ours)
  const transfers = await listed<ShownTransfer>(soak, 'transfers')
  const of = (purpose: string) => transfers.filter(each => each.purpose === purpose).length
  const further = await Promise.all(
    transfers.map(async ({ id }) => (await soak.system.get(`/v1/transfers/${id}`)).body.attempts.length),
  )
  return {
    ...{ deposits, ...withdrawals, transfers: transfers.length, sweeps: of('sweep'), fundings: of('funding') },
    replaced: further.filter(count => count > 1).length,
    ...nonces,
    ...soak.counts,
    boundaries: sorted(soak.boundaries),
  }
}

async function begin(plan: EvmSoakPlan): Promise<Soak> {
  const pool = { low: plan.addresses, high: plan.addresses + 10 }
  const state = mkdtempSync(join(tmpdir(), 'lockkeeper-anvil-'))
  const system = await startEvm({
    anvil: ['--state', join(state, 'state.json')],
    chain: { confirmations: { credit: CREDIT, final: FINAL }, addressPool: pool, replaceAfterMs: 3000 },
  })
  return {
    ...{ system, plan, random: createRandom(plan.seed), addresses: new Map(), sent: [], credited: new Map() },
    ...{ wishes: new Map(), boundaries: new Set(), restartedAt: 3, isOver: false, state },
    counts: { kills: 0, reorganisations: 0, nodeRestarts: 0, rebuilds: 0 },
  }
}

async function prepare({ system, plan, addresses }: Soak): Promise<void> {
  const { treasury } = await system.until(`/v1/chains/${CHAIN}`, body => (body.treasury as string | null) !== null)
  for (let n = 0; n < 4; n++) await system.pay('ETH', treasury, 100n * ETHER)
  await system.pay(TOKEN, treasury, 10n ** 12n)
  await system.mine(CREDIT)
  for (let n = 0; n < plan.addresses; n++) addresses.set(`customer-${n}`, await system.address(`customer-${n}`))
}

async function traffic(soak: Soak): Promise<void> {
  const { plan } = soak
  const each = Math.ceil(plan.deposits / ROUNDS)
  const bursting = burst(soak)
  for (let round = 0; round < ROUNDS; round++) {
    await depositSome(soak, Math.min(each, plan.deposits - round * each))
    await mineSome(soak, round)
    await credit(soak)
    await cancelSome(soak)
    await pause(300)
    if (RESTART_IN_ROUNDS.includes(round)) await restartNode(soak)
    if (round === Math.floor(ROUNDS / 2)) {
      await bursting
      await rebuild(soak)
    }
  }
  await bursting
}

/** Rejects with what does not add up. */
export async function soakEvm(plan: EvmSoakPlan, say: (line: string) => void): Promise<EvmSoakReport> {
  const startedAt = performance.now()
  const soak = await begin(plan)
  const { system } = soak
  try {
    await prepare(soak)
    say('begun')
    const killing = killAtBoundaries(soak)
    await traffic(soak)
    say(`traffic over, ${JSON.stringify(soak.counts)}`)
    soak.isOver = true
    await killing
    await settle(soak)
    await restartNode(soak)
    await settle(soak)
    const found = await account(soak)
    await system.close()
    return { ...found, seconds: Math.round((performance.now() - startedAt) / 1000) }
  } catch (error) {
    say(`${JSON.stringify(soak.counts)} ${system.watcher.log().slice(-2000)}`)
    await system.abandon()
    throw error
  } finally {
    rmSync(soak.state, { recursive: true, force: true })
  }
}
