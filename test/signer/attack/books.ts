/**
 * What a thief has got out of the signer, read from the signed bytes alone and judged by what the backend authorised:
 * none of the signer's own code decides here.
 */
import type { Transaction } from 'bitcoinjs-lib'
import type { Intent } from '../../../machines/vocabulary.ts'

export interface Signed {
  transfer: string
  atMs: number
  transaction: Transaction
  id: string
  /** What the request said it pays. */
  intents: readonly Intent[]
  fee: bigint
}

export interface Bounds {
  maximumFee: bigint
  perTransaction: bigint
  perDay: bigint
}

interface Scripts {
  /** Hex of the script that a destination pays to. */
  scriptOf: (address: string) => string
  treasury: string
}

const DAY_MS = 24 * 60 * 60 * 1000
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const spends = ({ transaction }: Signed): string[] => transaction.ins.map(({ hash, index }) => `${hex(hash)}:${index}`)
const exclude = (a: Signed, b: Signed): boolean => spends(a).some(key => spends(b).includes(key))

/** Every output is one authorised intent, each served once, or goes to the treasury; answers what left. */
export function outflowOf(signed: Signed, authorised: readonly Intent[], { scriptOf, treasury }: Scripts): bigint {
  const open = signed.intents.map(intent => {
    const found = authorised.find(({ id, round }) => id === intent.id && round === intent.round)
    if (found?.to !== intent.to || found.amount !== intent.amount)
      throw new Error(`${signed.id} serves what nobody authorised: ${JSON.stringify(intent)}`)
    return { script: scriptOf(found.to), amount: BigInt(found.amount) }
  })
  let outflow = 0n
  for (const { script, value } of signed.transaction.outs) {
    const served = open.findIndex(payment => payment.script === hex(script) && payment.amount === value)
    if (served >= 0) {
      open.splice(served, 1)
      outflow += value
    } else if (hex(script) !== treasury) throw new Error(`${signed.id} pays ${value} to ${hex(script)}`)
  }
  if (open.length > 0) throw new Error(`${signed.id} leaves ${open.length} intents unpaid`)
  return outflow
}

/** Caps of one transaction and of every 24 hours, of a transfer's attempts only the dearest. */
export function checkCaps(all: readonly Signed[], outflows: readonly bigint[], bounds: Bounds): void {
  const dearest = new Map<string, bigint>()
  const increases = all.map(({ transfer, fee, atMs, id }, n) => {
    const cost = outflows[n]! + fee
    if (fee > bounds.maximumFee || cost > bounds.perTransaction) throw new Error(`${id} costs ${cost}, fee ${fee}`)
    const before = dearest.get(transfer) ?? 0n
    if (cost > before) dearest.set(transfer, cost)
    return { atMs, amount: cost > before ? cost - before : 0n }
  })
  for (const { atMs } of increases) {
    const within = increases.filter(each => each.atMs <= atMs && each.atMs > atMs - DAY_MS)
    const total = within.reduce((sum, { amount }) => sum + amount, 0n)
    if (total > bounds.perDay) throw new Error(`${total} within a day`)
  }
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

/** The most that a chain could confirm of it, taken greedily in one order. */
export function confirmed(all: readonly Signed[], outflows: readonly bigint[]): bigint {
  const taken: Signed[] = []
  let out = 0n
  for (const [n, signed] of all.entries()) {
    if (taken.some(other => exclude(other, signed))) continue
    taken.push(signed)
    out += outflows[n]!
  }
  return out
}
