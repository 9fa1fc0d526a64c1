/**
 * What the watcher wants of the signer besides signatures, again and again: its rules, at the start all that it has signed
 * and this ledger lacks, from then on enough free addresses.
 */
import { operating } from '../kernel/fault.ts'
import { createWatchman, type Watchman } from '../kernel/trouble.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'
import { attesterOf, refillPool, type AddressPoolOptions } from './address-pool.ts'
import { healthOf } from './health.ts'
import { startLoop, type Loop } from './loop.ts'
import { noteOtherLedger, reconcile, type ReconciliationOptions } from './reconciliation.ts'
import { heldFor, type SigningRules } from './signer-client.ts'

export interface SignerLoopOptions extends AddressPoolOptions, ReconciliationOptions {
  /** A watching one asks for no address, and looks again and again for what the other has had made and signed. */
  role: 'paying' | 'watching'
}

const CHECK_MS = 1000
const RULES_MS = 5000
const RETRY_MS = 2000

/** What is left of the day changes with every signature. */
const lasting = (rules: SigningRules | null): string =>
  JSON.stringify(rules === null ? null : { ...rules, leftToday: null })

type Holding = Pick<SignerLoopOptions, 'chain' | 'orchestrator' | 'clock'>

/** Nothing is planned that would only wait for approvals: the signer may have been away when it was asked for. */
async function hold({ chain, orchestrator, clock }: Holding, rules: SigningRules | null): Promise<void> {
  const items = orchestrator.memory.list('withdrawal', chain, 'queued').flatMap(({ id, context }) => {
    const reason = heldFor(rules, context)
    return reason === null ? [] : [{ id, reason }]
  })
  if (items.length === 0) return
  await orchestrator.dispatch({ type: 'withdrawals.unapproved', at: clock.now(), data: { chain, items } })
}

/**
 * What the signer wants of a payment may be changed by its operator; whoever was held for what is wanted no more is paid, and whoever
 * lacks what is wanted now is held. Also tells readiness whether it answers.
 */
async function askRules({ chain, signer, orchestrator, health, clock }: SignerLoopOptions): Promise<void> {
  const rules = await signer.rules(chain)
  const attester = attesterOf(orchestrator.memory, chain)
  if (rules !== null && attester !== null && rules.wallet !== attester)
    throw operating(
      'other-signer',
      `the signer's identity is ${rules.wallet}, the ledger's addresses are ${attester}'s: is signer.url right?`,
    )
  if (lasting(rules) === lasting(healthOf(health, chain).rules)) return
  health.trigger.noted({ chain, rules })
  const ids = orchestrator.memory
    .list('withdrawal', chain, 'held')
    .filter(({ context }) => heldFor(rules, context) === null && context.transfer === null)
    .map(({ id }) => id)
  if (ids.length > 0)
    await orchestrator.dispatch({ type: 'withdrawals.approved', at: clock.now(), data: { chain, ids } })
  await hold({ chain, orchestrator, clock }, rules)
}

/** When the signer is asked next although nothing is wanted of it; each question is a line in its audit log. */
interface Asking {
  /** On the clock that only goes forward. */
  at: number
}

async function turn(options: SignerLoopOptions, asking: Asking, watchman: Watchman): Promise<number> {
  const { chain, orchestrator, health, clock, role } = options
  const context = chainContext(orchestrator.memory, chain)
  if (context === null) return CHECK_MS / 10
  try {
    const isAsking = clock.monotonic() >= asking.at || !healthOf(health, chain).isReconciled
    if (isAsking) {
      await askRules(options)
      asking.at = clock.monotonic() + RULES_MS
    }
    const isWatching = role === 'watching'
    if (!healthOf(health, chain).isReconciled || (isWatching && isAsking)) await reconcile(options)
    if (context.blocks.length > 0 && !isWatching && (await refillPool(options))) await noteOtherLedger(options)
    watchman.worked()
    return context.blocks.length > 0 ? CHECK_MS : CHECK_MS / 10
  } catch (error) {
    asking.at = -Infinity
    return watchman.failed(error)
  }
}

export function startSignerLoop(options: SignerLoopOptions): Loop {
  const { chain, health, clock, log } = options
  const asking: Asking = { at: -Infinity }
  const watchman = createWatchman({
    what: 'signer trouble',
    over: 'the signer can be used again',
    fields: { chain },
    ...{ firstMs: RETRY_MS, longestMs: RETRY_MS, clock, log },
    note: trouble => health.trigger.noted({ chain, signerProblem: trouble?.reason ?? null }),
  })
  return startLoop(clock, () => turn(options, asking, watchman))
}
