/**
 * What a thief has got out of the signer, read from the signed bytes alone and judged by what the backend authorised
 * and by what is really owned: none of the signer's own code decides here.
 */
import type { Intent } from '../../../machines/vocabulary.ts'

/** What one transaction does, whatever its family. */
export interface Reading {
  id: string
  /** What it consumes: of two that share one only one can confirm. */
  spends: readonly string[]
  /** `to` as `Truth.placeOf` says it. */
  outputs: readonly { to: string; asset: string; amount: bigint }[]
  /** The most that it can be, in the native asset. */
  fee: bigint
  rate: number
}

export interface Signed extends Reading {
  transfer: string
  atMs: number
  /** Those of one step were asked for at the same time. */
  step: number
  /** What the request said it pays. */
  intents: readonly Intent[]
}

export interface Bounds {
  maximumFee: bigint
  maximumFeeRate: number
  /** By asset. */
  limits: Readonly<Record<string, { perTransaction: bigint; perDay: bigint }>>
  /** Whatever the backend says, nothing goes here. */
  blocked: string
}

export interface Truth {
  chain: string
  native: string
  authorised: readonly Intent[]
  /** How outputs name a destination. */
  placeOf: (address: string, dataField: string | null) => string
  /** Whether an output that nobody has asked for is ours all the same. */
  staysOurs: (output: Reading['outputs'][number]) => boolean
  /** Whether what is consumed belongs to one transfer, or is even signed once. */
  binds: 'nothing' | 'transfer' | 'once'
}

/** By asset. */
export type Sums = ReadonlyMap<string, bigint>

const DAY_MS = 24 * 60 * 60 * 1000
const FIELDS = ['id', 'chain', 'asset', 'to', 'dataField', 'amount', 'expiresAt', 'round', 'memory'] as const
const exclude = (a: Signed, b: Signed): boolean => a.spends.some(key => b.spends.includes(key))
const isSame = (a: Intent, b: Intent): boolean => FIELDS.every(field => a[field] === b[field])

/** Every output is one authorised intent, each served once, or stays ours; answers what left. */
export function outflowOf(signed: Signed, { chain, authorised, placeOf, staysOurs }: Truth): Sums {
  const open = signed.intents.map(intent => {
    if (!authorised.some(each => isSame(each, intent)))
      throw new Error(`${signed.id} serves what nobody authorised: ${JSON.stringify(intent)}`)
    if (intent.chain !== chain) throw new Error(`${signed.id} serves an intent for the chain ${intent.chain}`)
    if (intent.memory !== null) throw new Error(`${signed.id} was signed behind the memory that ${intent.id} asks for`)
    return { to: placeOf(intent.to, intent.dataField), asset: intent.asset, amount: BigInt(intent.amount) }
  })
  if (new Set(signed.intents.map(({ id }) => id)).size < open.length)
    throw new Error(`${signed.id} pays one withdrawal twice`)
  const outflow = new Map<string, bigint>()
  for (const output of signed.outputs) {
    const { to, asset, amount } = output
    const served = open.findIndex(each => each.to === to && each.asset === asset && each.amount === amount)
    if (served >= 0) {
      open.splice(served, 1)
      outflow.set(asset, (outflow.get(asset) ?? 0n) + amount)
    } else if (!staysOurs(output)) throw new Error(`${signed.id} pays ${amount} ${asset} to ${to}, unasked`)
  }
  if (open.length > 0) throw new Error(`${signed.id} leaves ${open.length} intents unpaid`)
  return outflow
}

/** Caps of one transaction and of every 24 hours, of a transfer's attempts only the dearest. */
export function checkCaps(all: readonly Signed[], outflows: readonly Sums[], bounds: Bounds, native: string): void {
  for (const signed of all) checkTransaction(signed, bounds)
  for (const [asset, { perTransaction, perDay }] of Object.entries(bounds.limits)) {
    const costs = all.map(({ fee }, n) => (outflows[n]!.get(asset) ?? 0n) + (asset === native ? fee : 0n))
    const over = costs.findIndex(cost => cost > perTransaction)
    if (over >= 0) throw new Error(`over the cap of a transaction: ${all[over]!.id} costs ${costs[over]!} ${asset}`)
    checkDays(all, costs, perDay, asset)
  }
}

function checkDays(all: readonly Signed[], costs: readonly bigint[], perDay: bigint, asset: string): void {
  const dearest = new Map<string, bigint>()
  const increases = all.map(({ transfer, atMs }, n) => {
    const cost = costs[n]!
    const before = dearest.get(transfer) ?? 0n
    if (cost > before) dearest.set(transfer, cost)
    return { atMs, amount: cost > before ? cost - before : 0n }
  })
  for (const { atMs } of increases) {
    const within = increases.filter(each => each.atMs <= atMs && each.atMs > atMs - DAY_MS)
    const total = within.reduce((sum, { amount }) => sum + amount, 0n)
    if (total > perDay) throw new Error(`over the cap of a day: ${total} ${asset}`)
  }
}

function checkTransaction({ id, fee, rate, intents }: Signed, bounds: Bounds): void {
  if (fee < 0n || fee > bounds.maximumFee) throw new Error(`over the cap of fees: ${id} pays ${fee}`)
  if (rate > bounds.maximumFeeRate) throw new Error(`over the cap of fee rates: ${id} pays ${rate}`)
  if (intents.some(({ to }) => to === bounds.blocked)) throw new Error(`${id} pays a blocked destination`)
}

/** What is consumed was signed for one transfer only, and for the same payments, or for none once a receipt says that they are over. */
export function checkBonds(
  all: readonly Signed[],
  { binds }: Truth,
  receipts: ReadonlyMap<string, readonly string[]>,
): void {
  if (binds === 'nothing') return
  const first = new Map<string, Signed>()
  for (const signed of all)
    for (const key of signed.spends) {
      const before = first.get(key)
      if (before === undefined) {
        first.set(key, signed)
        continue
      }
      if (before.transfer !== signed.transfer)
        throw new Error(`${key} serves ${before.transfer} and ${signed.transfer}`)
      if (binds === 'once') throw new Error(`${key} was signed a second time`)
      const names = (one: Signed) =>
        one.intents
          .map(({ id, round }) => `${id}@${round}`)
          .sort()
          .join()
      if (names(before) === names(signed)) continue
      const isOver = before.intents.every(({ id, round }) => [...receipts.keys()].some(name => isUpTo(name, id, round)))
      if (signed.intents.length > 0 || !isOver)
        throw new Error(`${key} pays ${names(before)} and then ${names(signed)}`)
    }
}

function isUpTo(name: string, id: string, round: number): boolean {
  const [of, upTo] = name.split('@')
  return of === id && Number(upTo) >= round
}

/** No withdrawal's round is paid by two transactions that can both confirm; nor has a transfer two such attempts. */
export function checkExclusion(all: readonly Signed[]): void {
  const groups = new Map<string, Signed[]>()
  for (const signed of all) {
    const names = signed.intents.map(({ id, round }) => `${id}@${round}`)
    for (const name of [...names, signed.transfer]) groups.set(name, [...(groups.get(name) ?? []), signed])
  }
  for (const [name, group] of groups)
    for (const [n, a] of group.entries())
      for (const b of group.slice(n + 1))
        if (!exclude(a, b)) throw new Error(`${a.id} and ${b.id} can both confirm for ${name}`)
}

/** What each signature had to respect of those before it: rounds only rise, intents never change, expiry comes first. */
export function checkOrder(all: readonly Signed[]): void {
  for (const { id: transaction, intents, atMs, step } of all)
    for (const { id, round, to, amount, expiresAt } of intents) {
      const earlier = all.filter(other => other.step < step)
      const others = earlier.flatMap(other => other.intents.filter(each => each.id === id))
      if (others.some(each => each.to !== to || each.amount !== amount))
        throw new Error(`${transaction}: the intent of ${id} was another one before`)
      if (others.some(each => each.round > round))
        throw new Error(`${transaction}: round ${round} of ${id} was signed after a higher one`)
      const isFirst = others.every(each => each.round !== round)
      if (isFirst && expiresAt !== null && Date.parse(expiresAt) <= atMs)
        throw new Error(`${transaction}: ${id} was signed after it expired`)
    }
}

/** Receipts by `id@round`: what was signed up to that round, before or after, stands in them. */
export function checkReceipts(all: readonly Signed[], receipts: ReadonlyMap<string, readonly string[]>): void {
  for (const [name, listed] of receipts) {
    const [id, round] = name.split('@') as [string, string]
    const paying = all.filter(({ intents }) => intents.some(each => each.id === id && each.round <= Number(round)))
    const hidden = paying.find(({ id: transaction }) => !listed.includes(transaction))
    if (hidden !== undefined) throw new Error(`${hidden.id} pays ${id}, and the receipt for ${name} does not list it`)
  }
}

/** The most that a chain could confirm of it, taken greedily in one order. */
export function confirmed(all: readonly Signed[], outflows: readonly Sums[]): Sums {
  const taken: Signed[] = []
  const out = new Map<string, bigint>()
  for (const [n, signed] of all.entries()) {
    if (taken.some(other => exclude(other, signed))) continue
    taken.push(signed)
    for (const [asset, amount] of outflows[n]!) out.set(asset, (out.get(asset) ?? 0n) + amount)
  }
  return out
}
