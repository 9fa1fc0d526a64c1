/** What the watcher's tasks do. Each may be repeated at any time: signing answers the same, publishing sends the same. */
import { chainId, nameOf, treasuryId, type IdOf } from '../../machines/ids.ts'
import { chainOf, stateOf, type InstanceOf } from '../kernel/entry.ts'
import type { Node, Published, Question, Signed } from '../../adapters/adapter.ts'
import { Fault, invariant, operating } from '../kernel/fault.ts'
import type { Random } from '../kernel/ports.ts'
import type { AttemptContext } from '../../machines/attempt.ts'
import type { TransferContext } from '../../machines/transfer-telling.ts'
import type { AuthorisedIntent, Json, Place, SpendKey } from '../../machines/vocabulary.ts'
import type { Reason } from '../../machines/messages.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'
import type { ChainPolicy } from '../orchestrator/policy.ts'
import { paymentsFor } from '../orchestrator/routes/planning.ts'
import { isOutbid, replacingFor } from '../orchestrator/routes/replacing.ts'
import { backOffMs, type Outcome, type Performed, type Performers } from '../orchestrator/tasks.ts'
import { describeReasons, refusalOf, voidEach } from './refusals.ts'
import { signerTerms, type AttemptName, type SignerClient, type SigningRules } from './signer-client.ts'

export interface PerformerOptions {
  /** A watching one plans and signs nothing, also of what its ledger was asked for while it was a paying one. */
  role: 'paying' | 'watching'
  memory: () => LiveMemory
  /** Under what name the signer remembers who asked. */
  ledgerId: () => string
  signer: SignerClient
  nodes: Readonly<Record<string, Node>>
  policies: Readonly<Record<string, ChainPolicy>>
  /** Whether the signer's memory has been compared with the ledger since the start: nothing is planned before. */
  isReconciled(chain: string): boolean
  /** The signer has signed what the ledger lacks: compares again before anything more is planned. */
  reconcile(chain: string): void
  /** What the signer wanted of a payment when it was asked last; null before. */
  rulesKnown(chain: string): SigningRules | null
  /** The node has a transaction of ours in this block. */
  found(chain: string, place: Place): void
  random: Random
}

/** An accepted transaction is looked for and published again so often, until it is in a block. */
const REPUBLISH_MS = 60_000
/** An approval or a limit is asked for again so often: at first, and at last. An added authorisation asks at once. */
const FIRST_APPROVAL_MS = 5000
const LAST_APPROVAL_MS = 10 * 60_000

/** A halted chain stands still: a person is looking. */
function refuseHalted({ memory }: PerformerOptions, chain: string): void {
  const instance = memory().get(chainId(chain))
  if (instance !== undefined && stateOf(instance) === 'halted')
    throw operating('halted', `the chain ${chain} is halted`)
}

function refuseWatching({ role }: PerformerOptions): void {
  if (role === 'watching')
    throw operating('watching-only', 'this watcher only watches (role: watching): nothing is planned or signed here')
}

function intentsOf(memory: LiveMemory, transfer: TransferContext): AuthorisedIntent[] {
  return transfer.withdrawals.map(({ id }) => {
    const withdrawal = memory.get(id)?.context
    if (withdrawal === undefined)
      throw invariant('missing-withdrawal', `${transfer.transfer} pays ${id}, which is not live`)
    const { chain, asset, to, dataField, amount, expiresAt, round, memory: least, authorisations } = withdrawal
    return { id: nameOf(id), chain, asset, to, dataField, amount, expiresAt, round, memory: least, authorisations }
  })
}

/** The id of a signed transaction follows from its template, where the family's ids do: another one is another transaction. */
function checkTransactionId(policy: ChainPolicy, template: Json, transactionId: string): void {
  const { transactionId: expected } = policy.signable.inspect(template)
  if (expected !== null && expected !== transactionId)
    throw invariant('signed-differently', `the signer answered ${transactionId} for a template of ${expected}`)
}

/** In whatever order. */
export const isSameKeys = (a: readonly SpendKey[], b: readonly SpendKey[]): boolean =>
  a.length === b.length && a.every(key => b.includes(key))

const done = (outcome: Outcome): Performed => ({ outcome, againMs: null })

/** Asked again more and more seldom; an added authorisation asks at once. */
const askAgainMs = (tries: number): number => Math.min(FIRST_APPROVAL_MS * 2 ** Math.min(tries, 16), LAST_APPROVAL_MS)

const pended = (id: IdOf<'attempt'>, reason: string, tries: number, lacksApprovals = false): Performed => ({
  outcome: { type: 'signing.pended', data: { id, reason, lacksApprovals } },
  againMs: askAgainMs(tries),
})

/** `intents` as they were asked for: their withdrawals may have ended since. */
async function refused(
  options: PerformerOptions,
  instance: InstanceOf<'attempt'>,
  intents: readonly AuthorisedIntent[],
  reasons: readonly Reason[],
  tries: number,
): Promise<Performed> {
  const { signer } = options
  const chain = chainOf(instance)
  const refusal = refusalOf(reasons, intents)
  const reason = describeReasons(reasons)
  if (refusal.kind === 'held') return pended(instance.id, reason, tries)
  const isBound = refusal.kind === 'bound'
  if (isBound) options.reconcile(chain)
  const unsignable = refusal.kind === 'unsignable' ? await voidEach(signer, chain, refusal.never) : []
  if (unsignable.some(({ receipt }) => receipt.signed.length > 0)) options.reconcile(chain)
  return done({
    type: 'signing.refused',
    data: { id: instance.id, reason, unsignable, isBound, position: signer.position() },
  })
}

/** What waited too long for its signature is signed for later blocks, on the same keys: the signer knows it under the same name. */
function renewed({ memory, policies }: PerformerOptions, attempt: AttemptContext) {
  const { chain, template: planned, spendKeys, fee, isCancelling } = attempt
  const height = chainContext(memory(), chain)?.height ?? null
  const template = height === null ? null : (policies[chain]!.planner.renew?.(planned, height) ?? null)
  if (template === null) return { template: planned, earlier: null }
  return { template, earlier: { template, spendKeys, fee, ...(isCancelling ? { isCancelling } : {}) } }
}

async function sign(options: PerformerOptions, instance: InstanceOf<'attempt'>, tries: number): Promise<Performed> {
  const { signer, policies } = options
  const { id } = instance
  const { context: attempt } = instance
  // It has only just said that it waits.
  if (stateOf(instance) === 'awaitingApproval' && tries === 0) return { outcome: null, againMs: askAgainMs(0) }
  refuseWatching(options)
  refuseHalted(options, attempt.chain)
  refuseUnreconciled(options, attempt.chain)
  const owner = options.memory().get(attempt.transfer)!
  // Another attempt of it is in a block; where a reorg takes that back, this one is wanted again.
  if (stateOf(owner) !== 'underway') return { outcome: null, againMs: askAgainMs(tries) }
  const transfer = owner.context
  const name: AttemptName = { chain: attempt.chain, transferId: nameOf(attempt.transfer), n: attempt.n }
  // What pays nobody serves no intent.
  const intents = attempt.isCancelling ? [] : intentsOf(options.memory(), transfer)
  const { template, earlier } = renewed(options, attempt)
  const answer = await signer.sign(name, template, intents, options.ledgerId())
  switch (answer.kind) {
    case 'signed':
      checkTransactionId(policies[attempt.chain]!, template, answer.transactionId)
      return done({
        type: 'signing.completed',
        data: { id, transactionId: answer.transactionId, raw: answer.raw, earlier, position: signer.position() },
      })
    case 'awaitingApproval':
      return pended(id, answer.reason, tries, true)
    case 'refused':
      return refused(options, instance, intents, answer.reasons, tries)
    case 'signedDifferently': {
      const was = await signer.attempt(name)
      const { transactionId, signedTransaction: raw, template, spendKeys, fee } = was
      if (!isSameKeys(attempt.spendKeys, spendKeys)) {
        // For another watcher on the same signer: its further inputs have to be known, too.
        if (attempt.n === 1)
          throw invariant('signed-differently', `the signer has signed other inputs for ${attempt.transfer}`)
        options.reconcile(attempt.chain)
        return { outcome: null, againMs: askAgainMs(tries) }
      }
      const isPlain = was.intents.length > 0 || transfer.withdrawals.length === 0
      const earlier = { template, spendKeys, fee, ...(isPlain ? {} : { isCancelling: true }) }
      return done({ type: 'signing.completed', data: { id, transactionId, raw, earlier, position: signer.position() } })
    }
  }
}

/** What the node still has, or has in a block, needs no second broadcast. What it has lost and does not take again says so. */
async function publishAgain(
  node: Node,
  transaction: Signed,
  found: (place: Place) => void,
): Promise<Published | { kind: 'expired'; at: Place }> {
  const located = await node.locate(transaction)
  if (located.kind === 'placed') found(located.place)
  if (located.kind === 'expired') return located
  if (located.kind !== 'absent') return { kind: 'known' }
  const published = await node.publish(transaction)
  return 'reason' in published ? { ...published, reason: `not in the node's mempool: ${published.reason}` } : published
}

async function publish(options: PerformerOptions, instance: InstanceOf<'attempt'>, tries: number): Promise<Performed> {
  const { nodes, policies, random } = options
  const { id } = instance
  const { context: attempt } = instance
  refuseHalted(options, attempt.chain)
  if (isOutbid(options.memory(), instance)) return { outcome: null, againMs: REPUBLISH_MS }
  const parents = policies[attempt.chain]!.book.before(options.memory(), attempt.spendKeys)
  const transaction = { transactionId: attempt.transactionId!, raw: attempt.raw!, parents }
  const answer = await (attempt.firstBroadcastAt === null
    ? nodes[attempt.chain]!.publish(transaction)
    : publishAgain(nodes[attempt.chain]!, transaction, place => options.found(attempt.chain, place)))
  const soonMs = backOffMs(random, tries)
  switch (answer.kind) {
    case 'refused': {
      const { reason, isUnderpriced = false } = answer
      return { outcome: { type: 'publishing.refused', data: { id, reason, isUnderpriced } }, againMs: soonMs }
    }
    case 'unknown':
      return { outcome: { type: 'publishing.answered', data: { id, reason: answer.reason } }, againMs: soonMs }
    case 'expired':
      return done({ type: 'publishing.expired', data: { id, at: answer.at } })
    default:
      return { outcome: { type: 'publishing.answered', data: { id, reason: null } }, againMs: REPUBLISH_MS }
  }
}

/** What was signed and is not in the ledger yet may be for the same withdrawals, or spend the same coins. */
function refuseUnreconciled(options: PerformerOptions, chain: string): void {
  if (!options.isReconciled(chain))
    throw operating(
      'not-reconciled',
      'the signer has not yet said what it has signed: nothing is planned or signed before',
    )
}

/** As they are now; as they were last where the signer is away: planning waits for nobody, and what is over them is held then. */
const rulesNow = (options: PerformerOptions, chain: string): Promise<SigningRules | null> =>
  options.signer.rules(chain).catch((error: unknown) => {
    if (error instanceof Fault && (error.type === 'operating' || error.type === 'unknownOutcome'))
      return options.rulesKnown(chain)
    throw error
  })

/** What the account of this plan is, and what it would pay. */
function questionOf(memory: LiveMemory, { id, context }: InstanceOf<'account'>): Question {
  const { chain, index, address } = context
  const tip = chainContext(memory, chain)?.blocks.at(-1)
  if (tip === undefined) throw operating('not-following', `no block of ${chain} is known yet`)
  const treasury = memory.get(treasuryId(chain))!.context.address
  const replacing = replacingFor(memory, id)
  return { source: { index, address }, treasury, tip, payments: () => paymentsFor(memory, chain, id), replacing }
}

async function gather(options: PerformerOptions, account: InstanceOf<'account'>): Promise<Performed> {
  const { id, context } = account
  const { chain } = context
  refuseWatching(options)
  refuseHalted(options, chain)
  refuseUnreconciled(options, chain)
  const facts = await options.nodes[chain]!.gather(questionOf(options.memory(), account))
  const rules = await rulesNow(options, chain)
  const terms = signerTerms(rules, options.policies[chain]!.asset)
  return done({ type: 'facts.gathered', data: { id, facts, ...terms } })
}

export const createPerformers = (options: PerformerOptions): Performers => ({
  sign: (instance, tries) => sign(options, instance, tries),
  publish: (instance, tries) => publish(options, instance, tries),
  gather: instance => gather(options, instance),
})
