/** What must hold when nothing goes wrong any more: everything has come to its end, and every coin is accounted for. */
import { claim } from '../../src/kernel/untyped.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { Commit } from '../../src/kernel/entry.ts'
import { upgradeOf } from '../../src/kernel/migration.ts'
import { verifyLedger } from '../../src/ledger/lowdb/verify.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { signerMachines as signersMachines } from '../../src/signer/memory/machines.ts'
import { toldOf, type Books, type Told } from './books.ts'
import { CHAIN, FINAL, MINIMUM_DEPOSIT } from './fixtures.ts'
import { simulatedDisk } from './disk.ts'
import type { Machine } from './machine.ts'
import type { System } from './system.ts'
import { minedOn, unspentOf } from './truth.ts'

const MAXIMUM_TRIES = 60
const RETRY_MS = 1000

/** The deposits that there must be: every payment on the best chain to an assigned address, from the minimum on. */
function expectedDeposits({ node }: System, books: Books): Map<string, bigint> {
  const assigned = new Set([...books.addresses.values()].map(({ address }) => address))
  const expected = new Map<string, bigint>()
  for (const { outputs } of minedOn(node))
    for (const { txid, vout, address, amount } of outputs)
      if (assigned.has(address) && amount >= MINIMUM_DEPOSIT) expected.set(`${CHAIN}:${txid}:${vout}`, amount)
  return expected
}

const LIVE_STATES: Record<string, readonly string[]> = {
  deposit: ['confirming', 'confirmed', 'credited', 'reversed', 'detected', 'quarantined'],
  withdrawal: ['requested', 'held', 'queued', 'paying', 'paid', 'failed'],
  transfer: ['underway', 'confirming', 'confirmed'],
  attempt: ['unsigned', 'awaitingApproval', 'signed', 'published', 'mined', 'refused'],
  coin: ['unconfirmed'],
  account: ['gathering', 'stuck'],
}

/** Who got another backend's money or failed to is none of this one's business. */
const isAnothers = (books: Books, { kind, id, state, data }: Told): boolean =>
  books.isShared &&
  ((kind === 'deposit' && state === 'quarantined' && data['reference'] === null) ||
    (kind === 'withdrawal' && state === 'failed' && !books.withdrawals.has(id)))

/** Liveness: what has not come to its end. Empty when all is done. */
export function unsettled(system: System, books: Books): string[] {
  const { node } = system
  const open = Object.entries(LIVE_STATES).flatMap(([kind, states]) =>
    toldOf(books, kind)
      .filter(
        ({ id, state }) => states.includes(state) && !(['failed', 'held'].includes(state) && books.refunded.has(id)),
      )
      .filter(told => !isAnothers(books, told))
      .map(({ id, state, data }) => `${kind} ${id} is ${state} (${JSON.stringify(data['reason'])})`),
  )
  const missing = [...books.withdrawals.values()].filter(
    ({ id }) => books.told.get(`withdrawal/${id}`)?.state !== 'final' && !books.refunded.has(id),
  )
  const uncredited = [...expectedDeposits(system, books).keys()].filter(
    id => books.told.get(`deposit/${id}`)?.state !== 'final',
  )
  const chain = books.told.get(`chain/${CHAIN}`)
  return [
    ...(chain?.state === 'following'
      ? []
      : [`the chain is ${chain?.state ?? 'unknown'} (${JSON.stringify(chain?.data['reason'])})`]),
    ...(chain?.data['height'] === node.height() ? [] : ['the chain is behind its node']),
    ...open,
    ...missing.map(({ id }) => `withdrawal ${id} is not final`),
    ...uncredited.map(id => `deposit ${id} is not final`),
    ...(node.pending().length === 0 ? [] : ['the mempool is not empty']),
  ]
}

/** Never lose or invent a deposit: what is credited is what the best chain has paid, each under its id, once. */
function checkDeposits(system: System, books: Books): void {
  const { world } = system
  const expected = expectedDeposits(system, books)
  for (const [id, amount] of expected)
    if (books.credited.get(id) !== amount)
      world.violate(`the deposit ${id} of ${amount} is credited with ${books.credited.get(id) ?? 0}`)
  for (const id of books.credited.keys())
    if (!expected.has(id)) world.violate(`${id} is credited, and is not on the chain`)
}

/** Every withdrawal is paid on the best chain, once and exactly, by the transaction that the watcher names. */
function checkPaid({ node, world }: System, books: Books): void {
  const mined = minedOn(node)
  for (const { id, to, amount } of books.withdrawals.values()) {
    if (books.refunded.has(id)) continue
    const paid = mined.filter(({ outputs }) => outputs.some(one => one.address === to && one.amount === amount))
    const named = books.told.get(`withdrawal/${id}`)?.data['transactionId']
    if (paid.length !== 1 || paid[0]!.txid !== named)
      world.violate(`${id} is final with ${String(named)}, and paid by ${JSON.stringify(paid.map(({ txid }) => txid))}`)
  }
}

/** A disk may fail late, in the very end: what fell comes back, and is asked again. */
async function insist({ world, askDirectly }: System, ...[machine, path]: Parameters<System['askDirectly']>) {
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    const answer = await askDirectly(machine, path)
    if (answer?.status === 200) return answer
    await world.sleep(RETRY_MS)
  }
  throw new Error(`${machine.name} does not come back`)
}

/** Conservation: the coins that the ledger has are the node's unspent outputs of our addresses, to the satoshi. */
async function checkCoins(system: System, books: Books): Promise<void> {
  const { world, node, watcher, signer } = system
  const listed = await insist(system, signer, `/v1/chains/${CHAIN}/addresses?from=0&limit=1000`)
  const addresses = new Set(claim<{ address: string }[]>(listed.body).map(({ address }) => address))
  const unspent = unspentOf(minedOn(node), addresses)
  const coins = new Map(
    toldOf(books, 'coin')
      .filter(({ state, data }) => state !== 'spent' && state !== 'lost' && data['spent'] === null)
      .map(({ data }): [string, bigint] => [
        (data['key'] as string).slice(CHAIN.length + 1),
        BigInt(data['amount'] as string),
      ]),
  )
  for (const outpoint of coins.keys())
    if (!unspent.has(outpoint)) world.violate(`the ledger has ${outpoint}, which is not there`)
  // What was paid to the other's addresses before they were known here is not.
  if (books.isShared) return
  for (const [outpoint, amount] of unspent)
    if (coins.get(outpoint) !== amount)
      world.violate(`our unspent ${outpoint} of ${amount} is ${coins.get(outpoint) ?? 'nothing'} in the ledger`)
  const chain = await insist(system, watcher, `/v1/chains/${CHAIN}`)
  const [balance] = chain.body['balances'] as [{ confirmed: string; pending: string; reserved: string }]
  const sum = [...unspent.values()].reduce((a, b) => a + b, 0n)
  if (BigInt(balance.confirmed) + BigInt(balance.pending) !== sum)
    world.violate(`the balance is ${JSON.stringify(balance)}, our coins are ${sum}`)
  if (balance.reserved !== '0') world.violate(`${balance.reserved} are reserved, for nothing`)
}

/** Fees: what our final transfers say they cost is what their transactions cost, and the shares add up to it. */
function checkFees({ node, world }: System, books: Books): void {
  const mined = minedOn(node)
  const values = new Map(
    mined.flatMap(({ outputs }) => outputs.map(({ txid, vout, amount }) => [`${txid}:${vout}`, amount])),
  )
  for (const { id, state, data } of toldOf(books, 'transfer')) {
    if (state !== 'final') continue
    const transaction = mined.find(({ txid }) => txid === data['transactionId'])
    if (transaction === undefined) return world.violate(`the transfer ${id} is final, and not on the chain`)
    const paidIn = transaction.spends.reduce((sum, outpoint) => sum + (values.get(outpoint) ?? 0n), 0n)
    const fee = paidIn - transaction.outputs.reduce((sum, { amount }) => sum + amount, 0n)
    const shares = (data['withdrawals'] as string[]).reduce(
      (sum, name) => sum + BigInt(books.told.get(`withdrawal/${name}`)!.data['fee'] as string),
      0n,
    )
    const isShared = (data['withdrawals'] as string[]).length > 0
    if (String(fee) !== data['fee'] || (isShared && shares !== fee))
      world.violate(`the transfer ${id} cost ${fee}, says ${String(data['fee'])}, shares ${shares}`)
  }
}

interface SignedRecord {
  transferId: string
  transactionId: string
  spendKeys: string[]
  /** Absent where it is a void. */
  intents?: { id: string; round: number }[]
}

/** Never pay twice, at its root: any two transactions ever signed for one round of a withdrawal share an input. */
async function checkSigner(system: System, books: Books): Promise<void> {
  const { world, signer } = system
  const records: SignedRecord[] = []
  for (let after: number | null = 0; after !== null;) {
    const page = await insist(system, signer, `/v1/chains/${CHAIN}/transfers?after=${after}&limit=200`)
    const { items, next } = claim<{ items: SignedRecord[]; next: number | null }>(page.body)
    records.push(...items)
    after = next
  }
  const rounds = new Map<string, SignedRecord[]>()
  for (const record of records)
    for (const { id } of record.intents ?? [])
      if (books.refunded.get(id) === 'receipt') world.violate(`${id} was signed, and a receipt says that nothing was`)
  for (const record of records)
    for (const { id, round } of record.intents ?? [])
      rounds.set(`${id}@${round}`, [...(rounds.get(`${id}@${round}`) ?? []), record])
  for (const [name, signed] of rounds)
    for (const a of signed)
      for (const b of signed)
        if (!a.spendKeys.some(key => b.spendKeys.includes(key)))
          world.violate(`${name} was signed as ${a.transactionId} and as ${b.transactionId}, which can both confirm`)
}

function commitsOf(machine: Machine, directory: string): Commit[] {
  const disk = machine.disk()
  const first = (path: string) => Number(/(\d+)\.jsonl$/.exec(path)![1])
  const segments = disk
    .paths()
    .filter(path => path.startsWith(directory) && path.endsWith('.jsonl') && path.includes('/journal/'))
  return segments
    .sort((a, b) => first(a) - first(b))
    .flatMap(path => disk.peek(path)!.toString('utf8').split('\n').slice(0, -1))
    .map(line => (JSON.parse(line) as { commit: Commit }).commit)
}

/** A spend key is reserved by one holder at a time, and given back before another may have it. */
function checkReservations({ world, watcher }: System): void {
  const holders = new Map<SpendKey, string>()
  for (const { reserve, release } of commitsOf(watcher, '/home/ledger')) {
    for (const key of release) holders.delete(key)
    for (const [key, id] of reserve) {
      const holder = holders.get(key)
      if (holder !== undefined && holder !== id) world.violate(`${key} was reserved by ${holder} and by ${id}`)
      holders.set(key, id)
    }
  }
}

/** What `lockkeeper verify` reads of the ledger and of the signer's memory is sound. */
async function checkStores({ world, watcher, signer }: System): Promise<void> {
  for (const [machine, directory, upgrade] of [
    [watcher, '/home/ledger', upgradeOf(watcherMachines)],
    [signer, '/home/memory', upgradeOf(signersMachines)],
  ] as const) {
    const copy = simulatedDisk({ seed: 0 })
    for (const path of machine.disk().paths()) copy.poke(path, machine.disk().peek(path))
    const { findings } = await verifyLedger(copy, directory, upgrade)
    for (const finding of findings) if (finding.damage) world.violate(`${machine.name}: ${JSON.stringify(finding)}`)
  }
}

/** No reference, no withdrawal that was acknowledged is missing; nothing final is less deep than final. */
function checkDepths({ node, world }: System, books: Books): void {
  for (const { id, state, data } of toldOf(books, 'deposit'))
    if (state === 'final' && node.height() - (data['blockHeight'] as number) + 1 < FINAL)
      world.violate(`${id} is final too early`)
}

export async function checkEnd(system: System, books: Books): Promise<void> {
  checkDeposits(system, books)
  checkPaid(system, books)
  checkFees(system, books)
  checkDepths(system, books)
  await checkCoins(system, books)
  await checkSigner(system, books)
  checkReservations(system)
  await checkStores(system)
}
