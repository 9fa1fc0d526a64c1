/** What the API shows of an instance: facts only, in the field's terms. */
import { createHash } from 'node:crypto'
import { kindOf, nameOf } from '../../machines/ids.ts'
import { isKind, stateOf, type Instance, type InstanceOf, type Recorded } from '../kernel/entry.ts'
import type { Place } from '../../machines/vocabulary.ts'

/** Tip height of each chain, as of which confirmations are counted. */
export type Heights = Readonly<Record<string, number>>

/** How many decimals a person writes one unit of an asset with; null of a chain or an asset that is not configured. */
export type DecimalsOf = (chain: string, asset: string) => number | null

/** What a resource is shown by, beside what its instance holds. */
export interface Scale {
  heights: Heights
  decimals: DecimalsOf
}

const time = (at: number): string => new Date(at).toISOString()

/** Tip − height + 1, 0 when it is in no block. */
const confirmationsOf = (place: Place | null, chain: string, heights: Heights): number =>
  place === null ? 0 : Math.max(0, (heights[chain] ?? place.height) - place.height + 1)

const common = (instance: Instance) => ({ updatedAt: time(instance.at), revision: instance.revision })

function describeAddress(instance: InstanceOf<'address'>) {
  const { chain, reference, note = null, address, dataField, index, publicKey, attestation } = instance.context
  return { chain, reference, address, dataField, index, publicKey, attestation, state: stateOf(instance), note }
}

function describeDeposit(instance: InstanceOf<'deposit'>, heights: Heights) {
  const { context } = instance
  const { chain, asset, address, dataField, reference, amount, required, place, transactionId, outputIndex, reason } =
    context
  const confirmations = confirmationsOf(place, chain, heights)
  const what = {
    id: nameOf(instance.id),
    chain,
    asset,
    address,
    dataField,
    reference,
    amount,
    state: stateOf(instance),
  }
  const where = { transactionId, outputIndex, blockHash: place?.hash ?? null, blockHeight: place?.height ?? null }
  return { ...what, confirmations, required, ...where, reason, ...common(instance) }
}

function describeWithdrawal(instance: InstanceOf<'withdrawal'>, heights: Heights) {
  const { context } = instance
  const {
    chain,
    asset,
    to,
    dataField,
    amount,
    expiresAt,
    round,
    memory,
    note = null,
    reason,
    transfer,
    transactionId,
    fee,
    place,
    required,
    receipt,
  } = context
  const what = {
    id: nameOf(instance.id),
    chain,
    asset,
    to,
    dataField,
    amount,
    expiresAt,
    round,
    memory,
    note,
    state: stateOf(instance),
  }
  const how = { reason, transferId: transfer === null ? null : nameOf(transfer), transactionId, fee }
  const depth = { confirmations: confirmationsOf(place, chain, heights), required }
  return { ...what, ...how, ...depth, receipt, ...common(instance) }
}

function describeTransfer(instance: InstanceOf<'transfer'>, heights: Heights) {
  const { context } = instance
  const { chain, purpose, withdrawals, fee, transactionId, place, reason, credit } = context
  const what = { id: nameOf(instance.id), chain, purpose, state: stateOf(instance), reason }
  const paid = withdrawals.map(({ id }) => nameOf(id))
  const depth = { confirmations: confirmationsOf(place, chain, heights), required: credit }
  const where = { blockHash: place?.hash ?? null, blockHeight: place?.height ?? null }
  const replacement = describeReplacement(instance)
  return { ...what, withdrawals: paid, fee, transactionId, ...where, ...depth, replacement, ...common(instance) }
}

function describeReplacement({ value, context: { askedRate, dueAt } }: InstanceOf<'transfer'>) {
  const [state, its] = value.split('.')
  return state === 'underway' ? { state: its!, feeRate: askedRate, dueAt: dueAt === null ? null : time(dueAt) } : null
}

export function describeAttempt(instance: InstanceOf<'attempt'>) {
  const { context } = instance
  const { chain, transfer, n, transactionId, spendKeys, fee, template, raw, firstBroadcastAt, reason } = context
  const what = {
    chain,
    transferId: nameOf(transfer),
    n,
    state: stateOf(instance),
    transactionId,
    spendKeys,
    fee,
    isCancelling: context.isCancelling,
    reason,
  }
  const first = firstBroadcastAt === null ? null : time(firstBroadcastAt)
  return { ...what, template, signedTransaction: raw, firstBroadcastAt: first, ...common(instance) }
}

/** In the feed and in lists a large document is named; the resource alone shows it. */
const named = (text: string) => ({ sha256: createHash('sha256').update(text).digest('hex'), characters: text.length })

/** The attempt without its documents: the template by the hash of its JSON, the signed transaction by that of its text. */
function describeAttemptBriefly(instance: InstanceOf<'attempt'>) {
  const { template, signedTransaction, ...rest } = describeAttempt(instance)
  const signed = signedTransaction === null ? null : named(signedTransaction)
  return { ...rest, template: named(JSON.stringify(template)), signedTransaction: signed }
}

/** What only the machine needs, or what is too large to be shown with every event. */
const UNSHOWN: readonly string[] = ['failures', 'dueAt', 'dueHeight', 'raw', 'inputs', 'blocks']

/** Kinds without a resource of their own: what they hold; of a chain's blocks the tip. */
function describeOther(instance: Instance) {
  const { dueAt, dueHeight } = instance.context
  const shown = Object.fromEntries(Object.entries(instance.context).filter(([name]) => !UNSHOWN.includes(name)))
  const due = dueAt === null ? null : time(dueAt)
  const tip = isKind(instance, 'chain') ? { blockHash: instance.context.blocks.at(-1)?.hash ?? null } : {}
  return {
    ...shown,
    ...tip,
    id: nameOf(instance.id),
    state: stateOf(instance),
    dueAt: due,
    dueHeight,
    ...common(instance),
  }
}

/** An asset is never named without its decimals. */
function withDecimals(shown: Record<string, unknown>, { decimals }: Scale): Record<string, unknown> {
  const { chain, asset } = shown
  return typeof chain === 'string' && typeof asset === 'string' ? { ...shown, decimals: decimals(chain, asset) } : shown
}

/** The resource that the API shows of an instance; confirmations are counted as of the scale's heights. */
export const describe = (instance: Instance, scale: Scale): Record<string, unknown> =>
  withDecimals(describeBare(instance, scale.heights), scale)

function describeBare(instance: Instance, heights: Heights): Record<string, unknown> {
  if (isKind(instance, 'address')) return describeAddress(instance)
  if (isKind(instance, 'deposit')) return describeDeposit(instance, heights)
  if (isKind(instance, 'withdrawal')) return describeWithdrawal(instance, heights)
  if (isKind(instance, 'transfer')) return describeTransfer(instance, heights)
  if (isKind(instance, 'attempt')) return describeAttemptBriefly(instance)
  return describeOther(instance)
}

const topLevel = (value: string | null): string | null => value?.split('.', 1)[0] ?? null

export const describeHistory = (recorded: readonly Recorded[]) =>
  recorded.map(({ at, entry }) => ({
    at: time(at),
    seq: entry.seq,
    from: topLevel(entry.from),
    event: entry.event,
    to: topLevel(entry.to),
  }))

/** One transition, as the feed tells it: `data` is the resource as of that event. */
export function describeEvent({ at, heights, entry }: Recorded, decimals: DecimalsOf) {
  const { image, seq, event, from, to } = entry
  const { chain } = image.context
  const what = { seq, at: time(at), kind: kindOf(image.id), id: nameOf(image.id), chain, event }
  return {
    ...what,
    from: topLevel(from),
    to: topLevel(to),
    revision: image.revision,
    data: describe(image, { heights, decimals }),
  }
}
