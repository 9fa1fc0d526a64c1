/**
 * From unsigned to signed. A request is decided in one synchronous turn (looked up, judged, signed, committed to
 * memory), so two requests for one attempt cannot both be new; the answer leaves when the commit is durable (audit/audited.ts).
 */
import type { z } from 'zod'
import type { Inspected, Message, Reason, SignedTemplate, SigningEvent } from '../../../machines/messages.ts'
import { signingId, type IdOf } from '../../../machines/ids.ts'
import { boundary, Fault, invariant, reasonOf } from '../../kernel/fault.ts'
import type { Inspection, Opened } from '../../../adapters/adapter.ts'
import type { Log } from '../../kernel/ports.ts'
import type { SigningFamily } from '../../../adapters/family.ts'
import type { Amount, AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import type { InstanceOf } from '../../kernel/entry.ts'
import { tell } from '../../../machines/messages.ts'
import type { Allowance } from './allowance.ts'
import { digestOf, plainIntent } from './digest.ts'
import type { SignerMemory } from '../memory/memory.ts'
import { readKept } from '../memory/read.ts'
import type { Authority } from '../../approvals.ts'
import type { SignedAttempt, storedAttempt } from '../../signer-api/shapes.ts'
import type { Destinations } from './destinations.ts'
import { judge, leftOf, type CostAsset, type Limits, type Policy, type Terms, type Verdict } from './policy.ts'
import type { AddressPool } from '../keys/pool.ts'

/**
 * What may be kept in memory of attempts that are refused or wait for approval: whoever has a token makes them. Beyond it
 * the oldest are forgotten, which binds nobody: they can be asked for again.
 */
export interface AttemptBounds {
  attempts: number
  /** Of what is known of them, as JSON. */
  characters: number
}

/** One that is refused takes about 500 characters, one that waits for the approval of 1,000 intents up to 200,000. */
export const UNSIGNED_BOUNDS: AttemptBounds = { attempts: 20_000, characters: 32 * 1024 * 1024 }

/** Of what an undecodable template is refused for: messages may repeat what was sent. */
const MAXIMUM_MESSAGE = 500

/** A chain that the signer signs for. */
export interface ServedChain {
  name: string
  policy: Policy
  destinations: Destinations
  family: SigningFamily
  pool: AddressPool
}

/** What the watcher asks to have signed: attempt `n`, from 1, of a transfer. */
export interface AttemptRequest {
  transferId: string
  n: number
  template: Json
  intents: AuthorisedIntent[]
  /** The ledger that asks, where it is said. */
  ledgerId?: string | null
}

/** Signs, and shows what was signed. */
export interface Attempts {
  /** The stored answer, or a new one, which is shown to nobody before the memory is settled. Throws boundary `already-signed-differently`. */
  sign(chain: ServedChain, asked: AttemptRequest): Promise<InstanceOf<'signing'>>
  /** As it is stored, in any state, or null. */
  read(id: IdOf<'signing'>): Promise<InstanceOf<'signing'> | null>
  /** What the limit of the day leaves now of an asset, in base units; null where there is none. */
  leftToday(chain: ServedChain, limits: Limits, asset: CostAsset): Amount | null
}

/** `authority` null: intents need no approval. `now`: milliseconds since 1970 UTC. `seed`: the BIP-39 seed, 64 bytes. */
export interface AttemptOptions {
  memory: SignerMemory
  seed: Uint8Array
  authority: Authority | null
  /** The identity key, base64. */
  wallet: string
  bounds: AttemptBounds
  /** Of templates that serve no intent. */
  unasked: Allowance
  /** Of what is stored without being signed: each leaves a line on the disk, and a place in the memory's past. */
  unsigned: Allowance
  now(): number
  log: Log
}

/** Attempts over a memory. The first request for a name decides it for ever once it is signed. */
export function createAttempts(options: AttemptOptions): Attempts {
  const { memory } = options
  /** As it is now, not as it will be once that is durable: others may ask for the same attempt meanwhile. */
  const read: Attempts['read'] = async id => {
    const seq = memory.records.keptAt(id)
    const unsigned = memory.get(id) ?? null
    await memory.settled()
    return seq === null ? unsigned : readKept(memory.archive, id, seq)
  }
  const sign: Attempts['sign'] = async (chain, asked) => {
    const id = signingId(chain.name, asked.transferId, asked.n)
    const digest = digestOf(asked.template, asked.intents)
    if (memory.records.keptAt(id) === null) return decide(options, chain, asked, id, digest)
    const stored = await read(id)
    if (stored === null) throw invariant('signing-lost', `${id} was decided and is not stored`)
    if (stored.context.digest !== digest) {
      throw boundary(
        'already-signed-differently',
        `attempt ${asked.n} of ${asked.transferId} was signed for something else`,
      )
    }
    return stored
  }
  const leftToday: Attempts['leftToday'] = ({ name }, limits, asset) =>
    leftOf(limits, memory.records.historyOf(name), asset, options.now())
  return { sign, read, leftToday }
}

/** What one request leads to, as events of its instance. */
type Outcome = Exclude<SigningEvent, { type: 'request.received' | 'attempt.forgotten' }>

/** The attempt as it now is: durable only when the memory is settled. */
function decide(
  options: AttemptOptions,
  chain: ServedChain,
  asked: AttemptRequest,
  id: IdOf<'signing'>,
  digest: string,
): InstanceOf<'signing'> {
  const at = options.now()
  const outcome = outcomeOf(options, chain, asked, at)
  const before = options.memory.get(id)
  if (before !== undefined && isKnown(options, before, digest, outcome)) return before
  const isSigned = outcome.at(-1)!.type === 'template.signed'
  if (!isSigned) options.unsigned.spend(1)
  const forgotten = isSigned ? [] : overflow(options, id, outcome)
  const { transferId, n, ledgerId = null } = asked
  const data = { chain: chain.name, transferId, n, digest, ledgerId }
  const received: SigningEvent = { type: 'request.received', at, data }
  const told: Message<'signing'>[] = [received, ...outcome].map(event => ({ to: id, event }))
  const messages = [...forgotten.map(oldest => tell(oldest, 'attempt.forgotten', at, {})), ...told]
  const decided = options.memory.change(messages, at).at(-1)
  if (decided === undefined) throw invariant('signing-lost', `${id} was decided and nothing changed`)
  report(options.log, id, outcome.at(-1)!)
  return decided
}

/** The oldest that must go so that one more is within the bounds: whoever provokes refusals must not fill the memory. */
function overflow({ memory, bounds }: AttemptOptions, id: IdOf<'signing'>, outcome: Outcome[]): IdOf<'signing'>[] {
  const unsigned = memory.unsigned()
  let attempts = unsigned.size + (unsigned.has(id) ? 0 : 1)
  let characters = unsigned.characters - (unsigned.get(id) ?? 0) + JSON.stringify(outcome).length
  const forgotten: IdOf<'signing'>[] = []
  for (const [oldest, size] of unsigned.entries()) {
    if (attempts <= bounds.attempts && characters <= bounds.characters) break
    if (oldest === id) continue
    forgotten.push(oldest)
    attempts -= 1
    characters -= size
  }
  return forgotten
}

/** The same refusal again is not written again: whoever asks in a loop must not fill the disk. */
function isKnown(
  { memory }: AttemptOptions,
  before: InstanceOf<'signing'>,
  digest: string,
  outcome: Outcome[],
): boolean {
  if (before.context.digest !== digest) return false
  const { reasons, missing, chain } = before.context
  const history = memory.records.historyOf(chain)
  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
  return outcome.every(event => {
    if (event.type === 'template.refused') return isSame(reasons, event.data.reasons)
    if (event.type === 'approvals.missed') return isSame(missing, event.data.missing)
    if (event.type === 'template.signed') return false
    return Object.entries(event.data.rounds).every(([withdrawal, round]) => round <= history.roundOf(withdrawal))
  })
}

/** What the signer decides is worth a line: an audit trail beside the memory, and the first sign of a hijacked watcher. */
function report(log: Log, attempt: IdOf<'signing'>, outcome: Outcome): void {
  if (outcome.type === 'template.signed') log('info', 'signed', { attempt, transactionId: outcome.data.transactionId })
  else if (outcome.type === 'template.refused') log('warn', 'refused', { attempt, reasons: outcome.data.reasons })
  else log('info', 'approvals are missing', { attempt })
}

function outcomeOf(options: AttemptOptions, chain: ServedChain, asked: AttemptRequest, at: number): Outcome[] {
  const opened = open(chain, asked.template)
  if ('kind' in opened) return [{ type: 'template.refused', at, data: { reasons: [opened] } }]
  const { inspection } = opened
  const terms = termsOf(chain, options)
  const { transferId, intents } = asked
  const { sequence } = options.memory.position()
  const verdict = judge(
    terms,
    { transferId, intents, inspection, at, sequence },
    options.memory.records.historyOf(chain.name),
  )
  return [
    { type: 'template.inspected', at, data: inspectedOf(chain, inspection, verdict) },
    conclude(options, chain, asked, opened, verdict, at),
  ]
}

function inspectedOf(
  { family: { assets } }: ServedChain,
  { spendKeys, bindsSpendKeys, fee }: Inspection,
  { outflows, rounds }: Verdict,
): Inspected {
  const [native] = assets
  const tokens = [...outflows].filter(([asset]) => asset !== native).map(([asset, amount]) => [asset, String(amount)])
  const outflow = String(outflows.get(native) ?? 0n)
  return {
    spendKeys,
    bindsSpendKeys,
    fee,
    outflow,
    tokens: Object.fromEntries(tokens) as Record<string, string>,
    rounds,
  }
}

/** What is not understood entirely is refused; a defect of ours is not a refusal. */
function open(chain: ServedChain, template: Json): Opened | Reason {
  try {
    return chain.family.signable.open(template)
  } catch (error) {
    if (!(error instanceof Fault && error.type === 'boundary')) throw error
    return { kind: 'not-understood', message: reasonOf(error).slice(0, MAXIMUM_MESSAGE) }
  }
}

function termsOf(
  { name, policy, destinations, family, pool }: ServedChain,
  { authority, wallet }: AttemptOptions,
): Terms {
  return {
    chain: name,
    assets: family.assets,
    network: family.network,
    policy,
    destinations,
    authority,
    wallet,
    destination: (to, dataField) => family.signable.destination(to, dataField),
    isOurs: address => pool.indexOf(address) !== undefined,
    treasury: pool.treasury(),
  }
}

function conclude(
  options: AttemptOptions,
  chain: ServedChain,
  asked: AttemptRequest,
  opened: Opened,
  { reasons, missing }: Verdict,
  at: number,
): Outcome {
  if (reasons.length > 0) return { type: 'template.refused', at, data: { reasons } }
  if (missing.length > 0) return { type: 'approvals.missed', at, data: { missing } }
  // What pays a withdrawal is bounded by the backend, which has approved it; nobody has asked for the rest.
  if (asked.intents.length === 0) options.unasked.spend(1)
  return { type: 'template.signed', at, data: signTemplate(options, chain, asked, opened, at) }
}

function signTemplate(
  { seed, authority }: AttemptOptions,
  { family, pool }: ServedChain,
  { template, intents }: AttemptRequest,
  { inspection, payloads, assemble }: Opened,
  signedAt: number,
): SignedTemplate {
  if (payloads.length !== inspection.inputs.length) throw invariant('bad-payload', 'payloads and inputs differ')
  const withKeys = payloads.map(payload => {
    const index = pool.indexOf(payload.address)
    if (index === undefined) throw invariant('bad-payload', `${payload.address} is not ours`)
    return { index, payload }
  })
  const { transactionId, raw } = assemble(family.deriver.sign(seed, withKeys))
  if (inspection.transactionId !== null && inspection.transactionId !== transactionId) {
    throw invariant(
      'wrong-transaction',
      `${transactionId} was assembled where ${inspection.transactionId} was inspected`,
    )
  }
  return { template, intents: intents.map(intent => kept(intent, authority)), transactionId, raw, signedAt }
}

/** Of the approvals those that can count; anybody may have added others. */
function kept(intent: AuthorisedIntent, authority: Authority | null): AuthorisedIntent {
  const counted = intent.authorisations.filter(({ key }) => authority === null || authority.keys.includes(key))
  const authorisations = counted.map(({ key, signature }) => ({ key, signature }))
  return { ...plainIntent(intent), authorisations }
}

type Attempt = z.output<typeof storedAttempt>
type UnsignedState = Exclude<Attempt['state'], 'signed'>

/** What the API shows of an attempt. */
export function attemptAnswer(instance: InstanceOf<'signing'>): Attempt {
  const { chain, transferId, n, reasons, missing, signed } = instance.context
  if (signed !== null) return describeSigned(instance)
  return { chain, transferId, n, state: instance.value as UnsignedState, seq: instance.seq, reasons, missing }
}

/** As `attemptAnswer`, of one that is signed. Throws an invariant fault for any other. */
export function describeSigned(instance: InstanceOf<'signing'>): SignedAttempt {
  const { chain, transferId, n, spendKeys, signed, fee, ledgerId } = instance.context
  if (signed === null) throw invariant('not-signed', `${instance.id} is listed as signed and is not`)
  const { template, intents, transactionId, raw, signedAt } = signed
  const name = { chain, transferId, n, state: 'signed' as const, seq: instance.seq }
  const at = new Date(signedAt).toISOString()
  return { ...name, transactionId, signedTransaction: raw, spendKeys, fee, template, intents, ledgerId, signedAt: at }
}
