/**
 * What the signer agrees to sign. Pure: a template is judged by what its bytes do, by the intents it claims to serve,
 * by what was signed before and by the configured caps. Whoever controls the watcher controls every input of this
 * file but the configuration, the history and the clock.
 */
import type { Missing, Reason } from '../../../machines/messages.ts'
import type { Destination, Inspection } from '../../../adapters/adapter.ts'
import type { Amount, AuthorisedIntent, Intent, SpendKey } from '../../../machines/vocabulary.ts'
import { missingOf, type Authority } from '../../approvals.ts'
import { appendTo } from '../../kernel/multimap.ts'
import type { Destinations } from './destinations.ts'

/** What may leave of one asset, as configured. An absent one is no limit. Base units. */
export interface Limits {
  /** What one transaction may cost us; of the native asset fee included. */
  perTransaction?: Amount | undefined
  /** What all transactions of any 24 hours may cost us; of the native asset fees included. */
  perDay?: Amount | undefined
}

/** The caps of one chain, as configured; the limits are those of its native asset. */
export interface Policy extends Limits {
  /** In the family's unit: sat/vB, wei per gas. */
  maximumFeeRate: number
  /** Of one transaction. Base units. */
  maximumFee: Amount
  /** By symbol. */
  tokens?: Readonly<Record<string, Limits>> | undefined
  /** The most that one output may bring to an address of ours that is not the treasury, for its fees; base units. */
  gasFunding?: Amount | undefined
}

/** A token's symbol; null stands for the native asset, whatever it is called. */
export type CostAsset = string | null

/** What was signed for a withdrawal before. */
export interface Remembered {
  /** Whether an intent asks for the same, whatever its round. */
  isSame(intent: Intent): boolean
  templates: readonly { round: number; attempt: number }[]
}

/** Whom a signed attempt pays. */
export interface Paid {
  /** So many withdrawals. */
  count: number
  pays(withdrawal: string, round: number): boolean
  /** Nothing more is ever signed for any of them. */
  areVoided: boolean
}

/** What the memory knows that bears on a decision. Signatures count, confirmations do not: each may be mined. */
export interface SigningHistory {
  /** The highest round of which an authorised intent was seen; 0 when none was. */
  roundOf(withdrawal: string): number
  /** Nothing is signed any more for this round and those below; 0 when nothing was voided. */
  voidedRoundOf(withdrawal: string): number
  withdrawal(id: string): Remembered | undefined
  /** The attempts of a transfer that were signed, by their numbers among all. */
  attemptsOf(transferId: string): readonly number[]
  /** Whether an attempt that was signed spends one of these keys. */
  sharing(spendKeys: readonly SpendKey[]): (attempt: number) => boolean
  /** The attempt for which a spend key was signed first, where that bound it to its transfer. */
  boundBy(spendKey: SpendKey): number | undefined
  paidBy(attempt: number): Paid
  /** What the dearest attempt of a transfer costs of an asset; 0 when none was signed. Base units; of the native asset fee included. */
  costOf(transferId: string, asset: CostAsset): bigint
  /** What was signed since then adds up to, of an asset; of a replacement its increase. Base units; of the native asset fees included. */
  spentSince(at: number, asset: CostAsset): bigint
}

/** The chain as it is configured in the signer; the watcher's word counts for nothing here. */
export interface Terms {
  chain: string
  /** All that can be moved there; the first is the native one. */
  assets: readonly [string, ...string[]]
  /** As the chain's `Signable` names it in its inspections. */
  network: string
  policy: Policy
  destinations: Destinations
  /** Null when authorisation is not required. */
  authority: Authority | null
  /** This signer's identity key, base64: an intent for another wallet is authorised by nobody. */
  wallet: string
  destination: (to: string, dataField: string | null) => Destination
  /** Whether the address is one that this signer has generated. Canonical form. */
  isOurs: (address: string) => boolean
  /** Index 0, canonical form; null as long as no address exists. */
  treasury: string | null
}

/** A template, decoded, and the intents that it claims to serve. */
export interface SigningRequest {
  transferId: string
  intents: readonly AuthorisedIntent[]
  inspection: Inspection
  /** Milliseconds since 1970 UTC. */
  at: number
  /** How far the memory is durable: what the outside has been shown of it. */
  sequence: number
}

/** What is decided of a request: it is signed when nothing is wrong and nothing is missing. */
export interface Verdict {
  reasons: Reason[]
  missing: Missing[]
  /** What leaves for others of each asset, without the fee; those of which nothing does are missing. Base units. */
  outflows: ReadonlyMap<string, bigint>
  /** The rounds of the intents that are authorised. */
  rounds: Record<string, number>
}

/** Of a template with thousands of wrong outputs the first few say enough. */
const MAXIMUM_REASONS = 20
const DAY_MS = 24 * 60 * 60 * 1000

const reason = (kind: string, message: string): Reason => ({ kind, message })
const about = (withdrawal: string, kind: string, message: string): Reason => ({ kind, message, withdrawal })
interface Overlap {
  sharesOne: ReturnType<SigningHistory['sharing']>
}

/** To sign: no reasons and nothing missing. Reasons come before approvals: what is wrong needs no approval. */
export function judge(terms: Terms, request: SigningRequest, history: SigningHistory): Verdict {
  const missing = missingOf(terms.authority, request.intents, terms.wallet)
  const lacking = new Set(missing.map(({ id }) => id))
  const authorised = request.intents.filter(({ id }) => !lacking.has(id))
  const paid = matchOutputs(terms, request)
  const sharesOne = history.sharing(request.inspection.spendKeys)
  const reasons = [
    ...checkSpending(terms, request),
    ...checkFee(terms, request),
    ...request.intents.flatMap(intent => checkIntent(terms, intent, { ...request, sharesOne }, history)),
    ...checkTwice(request.intents),
    ...paid.reasons,
    ...checkAttempts(request.transferId, sharesOne, history),
    ...checkBinding(request, history),
    ...checkLimits(terms, request, paid.outflows, history),
  ]
  const rounds = Object.fromEntries(authorised.map(({ id, round }) => [id, round]))
  return { reasons: reasons.slice(0, MAXIMUM_REASONS), missing, outflows: paid.outflows, rounds }
}

/** Whose money it is, on which network. */
function checkSpending(terms: Terms, { inspection }: SigningRequest): Reason[] {
  const { network, inputs, spendKeys } = inspection
  const reasons: Reason[] = []
  if (network !== terms.network) {
    reasons.push(reason('wrong-network', `the template is for ${network}, this chain is ${terms.network}`))
  }
  for (const { address } of inputs) {
    if (!terms.isOurs(address)) reasons.push(reason('foreign-input', `${address} is no address of this signer`))
  }
  if (inputs.length === 0 || spendKeys.length === 0)
    reasons.push(reason('nothing-spent', 'the template spends nothing'))
  if (new Set(spendKeys).size !== spendKeys.length) {
    reasons.push(reason('repeated-spend-key', 'the template spends the same thing twice'))
  }
  return reasons
}

function checkFee(terms: Terms, { inspection }: SigningRequest): Reason[] {
  const { fee, feeRate } = inspection
  const { maximumFee, maximumFeeRate } = terms.policy
  const reasons: Reason[] = []
  if (BigInt(fee) > BigInt(maximumFee))
    reasons.push(reason('fee-too-high', `the fee ${fee} is over the cap of ${maximumFee}`))
  // Written so that NaN is refused too.
  if (!(feeRate <= maximumFeeRate)) {
    reasons.push(reason('fee-rate-too-high', `the fee rate ${feeRate} is over the cap of ${maximumFeeRate}`))
  }
  return reasons
}

function checkIntent(
  terms: Terms,
  intent: AuthorisedIntent,
  request: SigningRequest & Overlap,
  history: SigningHistory,
): Reason[] {
  const { id, round } = intent
  const before = history.withdrawal(id)
  const templates = before?.templates.filter(template => template.round === round) ?? []
  const reasons: Reason[] = []
  if (intent.chain !== terms.chain) reasons.push(about(id, 'wrong-chain', `${id} is for the chain ${intent.chain}`))
  if (!terms.assets.includes(intent.asset)) reasons.push(about(id, 'wrong-asset', `${id} asks for ${intent.asset}`))
  if (before !== undefined && !before.isSame(intent)) {
    reasons.push(
      about(id, 'intent-changed', `${id} was signed for another destination, data field, amount, chain or asset`),
    )
  }
  if (round < history.roundOf(id)) {
    reasons.push(about(id, 'old-round', `round ${round} of ${id} is over: round ${history.roundOf(id)} was seen`))
  }
  if (round <= history.voidedRoundOf(id)) {
    reasons.push(about(id, 'voided', `${id} was voided up to round ${history.voidedRoundOf(id)}`))
  }
  if (templates.some(({ attempt }) => !request.sharesOne(attempt))) {
    const message = `a template for round ${round} of ${id} was signed that shares no spend key with this one`
    reasons.push(about(id, 'could-pay-twice', message))
  }
  // Without the sequence itself, which moves: the same refusal again is to be the same words.
  if (intent.memory !== null && intent.memory > request.sequence) {
    const message = `${id} is for a memory of at least ${intent.memory}, and this one is behind it: import the newer memory`
    reasons.push(about(id, 'memory-behind', message))
  }
  if (templates.length === 0 && hasExpired(intent, request.at)) {
    reasons.push(about(id, 'expired', `${id} expired at ${String(intent.expiresAt)} before anything was signed for it`))
  }
  return reasons
}

/** A time that cannot be read has passed. */
const hasExpired = ({ expiresAt }: Intent, at: number): boolean => expiresAt !== null && !(Date.parse(expiresAt) > at)

function checkTwice(intents: readonly Intent[]): Reason[] {
  const seen = new Set<string>()
  const twice = intents.map(({ id }) => id).filter(id => seen.size === seen.add(id).size)
  return twice.map(id => reason('repeated-intent', `${id} stands twice in one request`))
}

/**
 * Every output is exactly one intent or goes to the treasury, every intent is exactly one output. Two intents of the
 * same destination and amount need two outputs.
 */
function matchOutputs(
  terms: Terms,
  { intents, inspection }: SigningRequest,
): { reasons: Reason[]; outflows: Map<string, bigint> } {
  const reasons: Reason[] = []
  const unserved = new Map<string, string[]>()
  for (const { id, to, dataField, asset, amount } of intents) {
    const destination = terms.destination(to, dataField)
    if ('refused' in destination) {
      reasons.push(about(id, 'invalid-destination', `${id} cannot be paid: ${destination.refused}`))
      continue
    }
    const refusal = terms.destinations.refusalOf(destination.canonical)
    if (refusal !== null) reasons.push(about(id, 'destination-not-allowed', `${destination.canonical} ${refusal}`))
    const key = paymentKey(destination.canonical, destination.dataField, asset, amount)
    appendTo(unserved, key, id)
  }
  const outflows = new Map<string, bigint>()
  for (const { to, dataField, asset, amount } of inspection.outputs) {
    if (unserved.get(paymentKey(to, dataField, asset, amount))?.pop() !== undefined)
      outflows.set(asset, (outflows.get(asset) ?? 0n) + BigInt(amount))
    else if (!staysOurs(terms, to, asset, amount)) {
      reasons.push(reason('unexplained-output', `${amount} ${asset} to ${to} is no intent and not our treasury`))
    }
  }
  for (const id of [...unserved.values()].flat()) {
    reasons.push(reason('intent-not-paid', `no output pays ${id} exactly`))
  }
  return { reasons, outflows }
}

/**
 * Change, consolidation and sweeps go to the treasury; another address of ours gets no more than the fees that it will need, and
 * nothing at all where a spend key is given up.
 */
function staysOurs(
  { assets: [native], treasury, policy, isOurs }: Terms,
  to: string,
  asset: string,
  amount: Amount,
): boolean {
  if (to === treasury) return true
  return asset === native && isOurs(to) && BigInt(amount) <= BigInt(policy.gasFunding ?? 0)
}

const paymentKey = (to: string, dataField: string | null, asset: string, amount: Amount): string =>
  JSON.stringify([to, dataField, asset, amount])

/** The attempts of one transfer exclude each other, so that of them only one can ever cost anything. */
function checkAttempts(transferId: string, sharesOne: Overlap['sharesOne'], history: SigningHistory): Reason[] {
  const isSeparate = history.attemptsOf(transferId).some(attempt => !sharesOne(attempt))
  return isSeparate
    ? [reason('not-an-attempt', 'it shares no spend key with an earlier attempt of the same transfer')]
    : []
}

/**
 * Where a spend key belongs to one transfer (a nonce, a previous block), whatever else is signed on it makes the same payments;
 * or none at all, once all of them are voided, so that what was signed and will not be mined is in nobody's way (E10).
 */
function checkBinding({ transferId, intents, inspection }: SigningRequest, history: SigningHistory): Reason[] {
  const attempts = history.attemptsOf(transferId)
  return inspection.spendKeys.flatMap(key => {
    const first = history.boundBy(key)
    if (first === undefined) return []
    if (!attempts.includes(first)) return [reason('spend-key-bound', `${key} was signed for another transfer`)]
    if (!inspection.isReplaceable) return [reason('spend-key-bound', `${key} was signed, and is signed once`)]
    const paid = history.paidBy(first)
    const isSame = intents.length === paid.count && intents.every(({ id, round }) => paid.pays(id, round))
    if (isSame || (intents.length === 0 && paid.areVoided)) return []
    const message = `${key} was signed for other payments: it takes the same, or none once all of them are voided`
    return [reason('other-payments', message)]
  })
}

/** What the limit of the day leaves of an asset at this time, in base units; null where there is none. */
export function leftOf({ perDay }: Limits, history: SigningHistory, asset: CostAsset, at: number): Amount | null {
  if (perDay === undefined) return null
  const left = BigInt(perDay) - history.spentSince(at - DAY_MS, asset)
  return String(left > 0n ? left : 0n)
}

function checkLimits(
  { assets: [native], policy }: Terms,
  request: SigningRequest,
  outflows: ReadonlyMap<string, bigint>,
  history: SigningHistory,
): Reason[] {
  const fee = BigInt(request.inspection.fee)
  const tokens = [...outflows].filter(([asset]) => asset !== native)
  return [
    ...checkLimitsOf(policy, null, (outflows.get(native) ?? 0n) + fee, request, history),
    ...tokens.flatMap(([asset, cost]) => checkLimitsOf(limitsOf(policy, asset), asset, cost, request, history)),
  ]
}

/** A token without limits of its own has none. */
export const limitsOf = ({ tokens = {} }: Policy, asset: string): Limits =>
  Object.hasOwn(tokens, asset) ? tokens[asset]! : {}

function checkLimitsOf(
  { perTransaction, perDay }: Limits,
  asset: CostAsset,
  cost: bigint,
  { transferId, at }: SigningRequest,
  history: SigningHistory,
): Reason[] {
  const named = asset === null ? '' : ` ${asset}`
  const reasons: Reason[] = []
  if (perTransaction !== undefined && cost > BigInt(perTransaction)) {
    const message = `${cost}${named} is over the limit of ${perTransaction} per transaction`
    reasons.push(reason('limit-per-transaction', message))
  }
  if (perDay === undefined) return reasons
  // Of a transfer's attempts only one can confirm: a further one costs what it adds to the dearest before.
  const before = history.costOf(transferId, asset)
  const total = history.spentSince(at - DAY_MS, asset) + (cost > before ? cost - before : 0n)
  if (total > BigInt(perDay)) {
    reasons.push(reason('limit-per-day', `${total}${named} within 24 hours is over the limit of ${perDay} per day`))
  }
  return reasons
}
