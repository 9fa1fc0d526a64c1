/**
 * What a person has to look at, worst first. Each alarm says what is wrong, since when where that is known, and leads to the
 * instances and to the paragraph of the operator's guide that says what to do.
 */
import { countIn, type Counts } from './counts.ts'
import type { ApiChain, Readiness } from './shapes.ts'
import { inUnits, plural, span } from './words.ts'

export type Severity = 'bad' | 'warning'

/** As the page's addresses name it: router.ts. */
interface View {
  path: readonly string[]
  query: Readonly<Record<string, string>>
}

const view = (path: readonly string[], query: Readonly<Record<string, string>> = {}): View => ({ path, query })

export interface Alarm {
  /** Equal for the same trouble, so that it keeps its place. */
  key: string
  severity: Severity
  title: string
  detail: string
  /** The view that shows what it is about, or null. */
  view: View | null
  /** A heading of docs/operations.md. */
  guide: string
}

/** States in which an instance waits for a person. `guide` is a heading of docs/operations.md. */
interface Watched {
  kind: string
  state: string
  severity: Severity
  noun: string
  says: string
  guide: string
}

export const WATCHED: readonly Watched[] = [
  {
    kind: 'deposit',
    state: 'reversed',
    severity: 'bad',
    noun: 'deposit',
    says: 'reversed: the block left the chain after it was offered. Undo the credit.',
    guide: 'a-deposit-is-reversed-or-lost',
  },
  {
    kind: 'attempt',
    state: 'refused',
    severity: 'bad',
    noun: 'transaction',
    says: 'refused by the signer: correct policy or intent, then resume the transfer.',
    guide: 'the-signer-refuses-or-waits-for-approval',
  },
  {
    kind: 'attempt',
    state: 'withheld',
    severity: 'bad',
    noun: 'transaction',
    says: 'was dead, and may be mined after all: see what was done for its withdrawals meanwhile, then resume the transfer or leave it.',
    guide: 'a-halted-chain',
  },
  {
    kind: 'account',
    state: 'stuck',
    severity: 'bad',
    noun: 'account',
    says: 'stuck: its plans contradict the ledger, nothing is paid from it.',
    guide: 'an-account-is-stuck',
  },
  {
    kind: 'deposit',
    state: 'quarantined',
    severity: 'warning',
    noun: 'deposit',
    says: 'quarantined: a person decides whether it is credited.',
    guide: 'a-deposit-is-quarantined',
  },
  {
    kind: 'withdrawal',
    state: 'held',
    severity: 'warning',
    noun: 'withdrawal',
    says: 'held: an authorisation, an approval or a limit is missing.',
    guide: 'a-withdrawal-is-held',
  },
  {
    kind: 'attempt',
    state: 'awaitingApproval',
    severity: 'warning',
    noun: 'transaction',
    says: 'waiting for more approvals at the signer.',
    guide: 'the-signer-refuses-or-waits-for-approval',
  },
  {
    kind: 'withdrawal',
    state: 'failed',
    severity: 'warning',
    noun: 'withdrawal',
    says: 'failed, with proof: refund it, or ask again with a higher round.',
    guide: 'a-withdrawal-has-failed',
  },
]

/** What is asked of the lists besides the counts. */
export interface Details {
  /** By chain: the queued withdrawal that has waited longest. */
  oldestQueued: Readonly<Record<string, { id: string; reason: string | null; since: number } | undefined>>
  /** Deposits that were lost within the last day. */
  lost: readonly { id: string; chain: string; reason: string | null }[]
}

export interface Facts {
  chains: readonly ApiChain[]
  readiness: Readiness
  counts: Counts
  details: Details
  now: number
}

const LAG_BLOCKS = 2
const OLD_QUEUE_MS = 10 * 60_000
const chainView = (chain: string): View => view(['chains', chain])

/** States of a chain in which it takes no blocks, or not yet. */
function stateAlarm({ chain, state, reason }: ApiChain): Alarm[] {
  const common = { key: `${chain}-state`, view: chainView(chain) }
  const detail = reason ?? ''
  if (state === 'halted')
    return [{ ...common, severity: 'bad', title: `${chain} is halted`, detail, guide: 'a-halted-chain' }]
  if (state === 'unreachable')
    return [{ ...common, severity: 'bad', title: `${chain}: the node is down`, detail, guide: 'the-node-is-down' }]
  return []
}

function lagAlarm({ chain, state, lag, height, nodeHeight }: ApiChain): Alarm[] {
  const common = { key: `${chain}-lag`, view: chainView(chain), guide: 'a-chain-lags', severity: 'warning' } as const
  if (lag !== null && lag > LAG_BLOCKS)
    return [
      {
        ...common,
        title: `${chain} is ${plural(lag, 'block')} behind its node`,
        detail: `It is ${state} at ${height} of ${nodeHeight}; deposits and confirmations come late.`,
      },
    ]
  if (nodeHeight === null || height === null || nodeHeight >= height) return []
  return [
    {
      ...common,
      title: `${chain}: the node is behind the ledger`,
      detail: `The node is at ${nodeHeight}, the ledger at ${height}: nothing new is seen until it has caught up.`,
    },
  ]
}

function poolAlarm({ chain, addressPool: { free }, height }: ApiChain): Alarm[] {
  if (free > 0 || height === null) return []
  const detail = 'Users who ask for an address get none until the signer has made more.'
  const title = `${chain} has no free address`
  return [{ key: `${chain}-pool`, severity: 'bad', title, detail, view: chainView(chain), guide: 'no-address-is-free' }]
}

/** Nothing is left to pay with, although something wants to be paid. */
function treasuryAlarm({ chain, balances }: ApiChain, counts: Counts): Alarm[] {
  const isWanted = countIn(counts, 'withdrawal', 'queued', chain) > 0
  return balances.flatMap(({ asset, decimals, confirmed, pending, reserved }): Alarm[] => {
    if (!isWanted || BigInt(confirmed) > BigInt(reserved)) return []
    const detail = `${inUnits(pending, decimals)} ${asset} are on their way in; the rest is bound to transfers under way.`
    const title = `${chain} has no ${asset} left to pay with`
    const shown = view(['withdrawals'], { chain, state: 'queued' })
    return [
      { key: `${chain}-treasury-${asset}`, severity: 'warning', title, detail, view: shown, guide: 'funds-are-low' },
    ]
  })
}

function queueAlarm({ chain }: ApiChain, { details, now }: Facts): Alarm[] {
  const oldest = details.oldestQueued[chain]
  if (oldest === undefined || now - oldest.since < OLD_QUEUE_MS) return []
  const title = `${chain}: a withdrawal has been queued for ${span(now - oldest.since)}`
  const detail = oldest.reason ?? 'It waits for the batch window, or the chain is not at its tip.'
  const shown = view(['withdrawals', oldest.id])
  return [
    { key: `${chain}-queue`, severity: 'warning', title, detail, view: shown, guide: 'withdrawals-wait-in-the-queue' },
  ]
}

function watchedAlarms({ counts, details }: Facts): Alarm[] {
  const alarms = WATCHED.flatMap(({ kind, state, severity, noun, says, guide }): Alarm[] => {
    const count = countIn(counts, kind, state)
    if (count === 0) return []
    const title = `${plural(count, noun)} ${says.split(':')[0]!.replace(/\.$/, '')}`
    const detail = says.includes(': ') ? says.slice(says.indexOf(': ') + 2) : ''
    const shown = view(['machines', kind], { state })
    return [{ key: `${kind}-${state}`, severity, title, detail: capital(detail), view: shown, guide }]
  })
  const lost = details.lost.map(({ id, chain, reason }): Alarm => ({
    key: `lost-${id}`,
    severity: 'bad',
    title: `A deposit on ${chain} is lost`,
    detail: `It had been offered; take the credit back. ${reason ?? ''}`,
    view: view(['deposits', id]),
    guide: 'a-deposit-is-reversed-or-lost',
  }))
  return [...lost, ...alarms]
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** What the watcher itself says is not ready, where no other alarm says the same of that chain's state. */
function readinessAlarms({ readiness, chains }: Facts, others: readonly Alarm[]): Alarm[] {
  const isSaid = (problem: string) =>
    chains.some(
      ({ chain, state }) =>
        problem.startsWith(`${chain} is ${state}`) && others.some(({ key }) => key === `${chain}-state`),
    ) ||
    (problem.includes('the node is at block') && others.some(({ key }) => key.endsWith('-lag')))
  return readiness.problems
    .filter(problem => !isSaid(problem))
    .map(problem => {
      const parts = problem.split(': ')
      const titled = chains.some(({ chain }) => chain === parts[0]) ? 2 : 1
      return {
        key: `ready-${problem}`,
        severity: 'warning',
        title: parts.slice(0, titled).join(': '),
        detail: capital(parts.slice(titled).join(': ')),
        view: null,
        guide: problem.includes('signer') ? 'the-signer-cannot-be-used' : 'the-watcher-is-not-ready',
      }
    })
}

/** Worst first; among equals those that concern a whole chain. */
export function alarmsOf(facts: Facts): Alarm[] {
  const { chains, counts } = facts
  const ofChains = chains.flatMap(chain => [
    ...stateAlarm(chain),
    ...lagAlarm(chain),
    ...poolAlarm(chain),
    ...treasuryAlarm(chain, counts),
    ...queueAlarm(chain, facts),
  ])
  const known = [...ofChains, ...watchedAlarms(facts)]
  const all = [...known, ...readinessAlarms(facts, known)]
  return [...all.filter(({ severity }) => severity === 'bad'), ...all.filter(({ severity }) => severity === 'warning')]
}

/** How a state is shown wherever it is named. */
export function severityOf(kind: string, state: string): Severity | null {
  if (kind === 'chain' && ['halted', 'unreachable'].includes(state)) return 'bad'
  if (kind === 'deposit' && state === 'lost') return 'bad'
  return WATCHED.find(one => one.kind === kind && one.state === state)?.severity ?? null
}

/** Every heading that an alarm may lead to. */
export const GUIDES: readonly string[] = [
  ...new Set([
    ...WATCHED.map(({ guide }) => guide),
    'a-halted-chain',
    'the-node-is-down',
    'a-chain-lags',
    'no-address-is-free',
    'funds-are-low',
    'withdrawals-wait-in-the-queue',
    'the-signer-cannot-be-used',
    'the-watcher-is-not-ready',
  ]),
]
