/**
 * Who hears of what has happened: pure, in order. This file only says which function answers which inbound event; the
 * functions stand in routes/, one file for each of what the events are about.
 */
import { chainId, nameOf, treasuryId, type IdOf } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import { chainOf, isKind, runOf } from '../kernel/entry.ts'
import type { Inbound } from './inbound.ts'
import type { LiveMemory } from './memory.ts'
import { policyOf, type Policies } from './policy.ts'
import { onRecalled } from './routes/adoption.ts'
import { onAssigned, onGenerated, onRetained } from './routes/addresses.ts'
import { onCaughtUp, onConnected, onDisconnected, onOpened, onReread, onResumed } from './routes/chains.ts'
import { onPending } from './routes/facts.ts'
import { onGathered } from './routes/planning.ts'
import { onExpired } from './routes/replacing.ts'
import { viewOf } from './routes/view.ts'
import { onTransferResumed } from './routes/recovery.ts'
import { onApproved, onAuthorised, onPended, onRefused, onRequested, onVoided } from './routes/withdrawals.ts'

/** The messages that an event sets in motion. Throws an invariant fault for a chain that is not configured. */
export function route(policies: Policies, memory: LiveMemory, event: Inbound): Message[] {
  return [...routed(policies, memory, event), ...onPosition(policies, memory, event)]
}

/** The highest memory of the signer is kept with the account that it signs for (S3). */
function onPosition(policies: Policies, memory: LiveMemory, event: Inbound): Message[] {
  const { data, at } = event
  if (!('position' in data) || data.position === null) return []
  const chain = chainOfInbound(memory, event)
  return chain === null ? [] : [tell(treasuryId(policyOf(policies, chain).name), 'signer.seen', at, data.position)]
}

function routed(policies: Policies, memory: LiveMemory, event: Inbound): Message[] {
  const { at } = event
  const view = (chain: string) => viewOf(policies, memory, chain, at)
  /** What concerns an instance that has ended concerns nobody any more. */
  const ifLive = (messages: (chain: string) => Message[]): Message[] => {
    const chain = chainOfInbound(memory, event)
    return chain === null ? [] : messages(chain)
  }
  switch (event.type) {
    case 'chain.opened':
      return onOpened(view(event.data.chain))
    case 'process.started':
      return Object.keys(policies).map(chain => tell(chainId(chain), 'process.started', at, {}))
    case 'node.identified': {
      const { chain, base, syncing } = event.data
      return [tell(chainId(chain), 'node.identified', at, { base, syncing })]
    }
    case 'node.answered':
      return [tell(chainId(event.data.chain), event.type, at, {})]
    case 'node.caughtUp':
      return onCaughtUp(view(event.data.chain))
    case 'node.mismatched':
    case 'node.failed':
    case 'invariant.violated':
      return [tell(chainId(event.data.chain), event.type, at, { reason: event.data.reason })]
    case 'chain.resumed':
      return onResumed(view(event.data.chain), event.data.reason)
    case 'block.connected':
      return onConnected(view(event.data.chain), event.data.block, event.data.nodeHeight, event.data.facts)
    case 'block.reread':
      return onReread(view(event.data.chain), event.data)
    case 'block.disconnected':
      return onDisconnected(view(event.data.chain), event.data)
    case 'facts.pending':
      return onPending(view(event.data.chain), event.data.facts)
    case 'addresses.generated':
      return onGenerated(view(event.data.chain), event.data.addresses)
    case 'addresses.retained':
      return onRetained(view(event.data.chain))
    case 'address.assigned':
      return onAssigned(view(event.data.chain), event.data)
    case 'credit.acknowledged':
      return [tell(event.data.id, 'credit.acknowledged', at, {})]
    case 'decision.made': {
      const { id, ...decision } = event.data
      return [tell(id, 'decision.made', at, decision)]
    }
    case 'withdrawal.requested':
      return onRequested(view(event.data.chain), event.data)
    case 'withdrawals.approved':
      return onApproved(view(event.data.chain), event.data.ids)
    case 'withdrawals.unapproved':
      return event.data.items.map(({ id, reason }) => tell(id, 'withdrawal.held', at, { reason }))
    case 'withdrawal.voided':
      return [onVoided(view(event.data.chain), event.data.id, event.data)]
    case 'authorisation.added': {
      const { id, isEnough, ...authorisation } = event.data
      return ifLive(chain => onAuthorised(view(chain), id, authorisation, isEnough))
    }
    case 'transfer.resumed':
      return ifLive(chain => onTransferResumed(view(chain), event.data.id, event.data.reason))
    case 'replacement.requested':
      return [tell(event.data.id, 'replacement.requested', at, { feeRate: event.data.feeRate })]
    case 'signer.recalled':
      return onRecalled(view(event.data.chain), event.data)
    case 'signer.replaced':
      return Object.keys(policies).map(chain => tell(treasuryId(chain), 'signer.replaced', at, {}))
    case 'time.passed':
      return event.data.ids.map(id => tell(id, 'time.passed', at, {}))
    default:
      return onTaskResult(policies, memory, event, ifLive)
  }
}

type ResultOf<E extends Inbound> = E extends { run: string } ? E : never

/** Where one transaction stands on the other, the next is planned when this one is signed, and when the node has it. */
function toWaiting(memory: LiveMemory, { at, data }: { at: number; data: { id: IdOf<'attempt'> } }): Message[] {
  const attempt = memory.get(data.id)
  return attempt === undefined ? [] : [tell(attempt.context.account, 'funds.arrived', at, {})]
}

function onTaskResult(
  policies: Policies,
  memory: LiveMemory,
  event: ResultOf<Inbound>,
  ifLive: (messages: (chain: string) => Message[]) => Message[],
): Message[] {
  const { at, run } = event
  switch (event.type) {
    case 'signing.completed': {
      const { transactionId, raw, earlier } = event.data
      return [
        tell(event.data.id, 'signing.completed', at, { transactionId, raw, earlier }, run),
        ...toWaiting(memory, event),
      ]
    }
    case 'signing.pended':
      return ifLive(chain => onPended(viewOf(policies, memory, chain, at), event.data.id, run, event.data))
    case 'signing.refused':
      return ifLive(chain => onRefused(viewOf(policies, memory, chain, at), event.data.id, run, event.data))
    case 'publishing.answered': {
      const { id, ...answered } = event.data
      const isOver = answered.reason === null && memory.get(id)?.context.reason !== null
      return [tell(id, 'publishing.answered', at, answered, run), ...(isOver ? toWaiting(memory, event) : [])]
    }
    case 'publishing.expired':
      return ifLive(chain => onExpired(viewOf(policies, memory, chain, at), event.data.id, event.data.at, run))
    case 'publishing.refused': {
      const { id, ...refused } = event.data
      return [tell(id, 'publishing.refused', at, refused, run)]
    }
    case 'facts.gathered': {
      const account = memory.get(event.data.id)
      if (account === undefined || run !== runOf(account)) return []
      return onGathered(viewOf(policies, memory, chainOf(account), at), event.data, run)
    }
    case 'task.failed': {
      const { id, ...failed } = event.data
      return [tell(id, 'task.failed', at, failed, run)]
    }
  }
}

/** Which chain an event belongs to, so that a violated invariant stops that chain and touches nothing more. */
export function chainOfInbound(memory: LiveMemory, { data }: Inbound): string | null {
  if ('chain' in data) return data.chain
  const id = 'id' in data ? data.id : 'ids' in data ? data.ids[0] : undefined
  const instance = id === undefined ? undefined : memory.get(id)
  if (instance === undefined) return null
  return isKind(instance, 'chain') ? nameOf(instance.id) : chainOf(instance)
}
