/** Who hears of what has happened: pure, in order. One function a kind of inbound event. */
import type { DepositContext } from '../../machines/deposit.ts'
import type { Addressed, Id } from '../../machines/vocabulary.ts'
import type { Inbound } from './inbound.ts'
import { chainOf, type LiveMemory } from './memory.ts'
import { policyOf, type Policies } from './policy.ts'
import { onRecalled, toVoided } from './routes/adoption.ts'
import { addressId, tipOf, onConnected, onDisconnected, onFacts, treasuryId, type Ground } from './routes/blocks.ts'
import { onGathered } from './routes/planning.ts'
import { tell } from './routes/tell.ts'
import { kindOf, runOf } from '../kernel/step.ts'

type Of<Type extends Inbound['type']> = Extract<Inbound, { type: Type }>

const chainId = (chain: string): Id => `chain/${chain}`

/** The last messages of a block: who wakes at its height, whoever waits for funds, and that it is applied. */
export function onApplied(
  ground: Ground,
  wakened: readonly Id[],
  block: { height: number; hash: string },
): Addressed[] {
  const { policy, at } = ground
  return [
    ...wakened.map(id => tell(id, 'height.reached', at, { height: block.height })),
    tell(treasuryId(policy.name), 'funds.arrived', at, {}),
    tell(chainId(policy.name), 'block.applied', at, { height: block.height, hash: block.hash }),
  ]
}

/** Unconfirmed change is money that somebody may wait for, and the next block may be far. */
function onPending(ground: Ground, { data, at }: Of<'facts.pending'>): Addressed[] {
  const messages = onFacts(ground, data.facts)
  const hasChange = data.facts.some(fact => fact.kind === 'payment.seen' && fact.own)
  return hasChange ? [...messages, tell(treasuryId(ground.policy.name), 'funds.arrived', at, {})] : messages
}

/** Withdrawals may be asked for before the treasury's account is there: it hears of them when it opens. */
function onGenerated({ memory, policy, at }: Ground, { data }: Of<'addresses.generated'>): Addressed[] {
  return data.addresses.flatMap(address => {
    const generated = tell(addressId(policy.name, address.index), 'address.generated', at, {
      ...address,
      needsImport: false,
    })
    if (address.index !== 0) return [generated]
    const account = { chain: policy.name, index: 0, address: address.address, windowMs: policy.batch.windowMs }
    const opened = tell(treasuryId(policy.name), 'account.opened', at, account)
    const isAwaited = memory.count('withdrawal', policy.name, 'queued') > 0
    return isAwaited
      ? [generated, opened, tell(treasuryId(policy.name), 'withdrawal.queued', at, {})]
      : [generated, opened]
  })
}

/** This ledger is older than the signer's memory: a later one has perhaps given away what is free in it. */
const onRetained = ({ memory, policy, at }: Ground): Addressed[] =>
  memory.list('address', policy.name, 'watched').map(({ id }) => tell(id, 'address.retained', at, {}))

/** A payment that came before the address had an owner is attributed together with it. */
function onAssigned({ memory, at }: Ground, { data }: Of<'address.assigned'>): Addressed[] {
  const { chain, index, reference } = data
  const isUnattributed = (context: DepositContext) => context.index === index && context.reference === null
  const deposits = memory.list('deposit', chain).filter(one => isUnattributed(one.context as unknown as DepositContext))
  const ids = [addressId(chain, index), ...deposits.map(({ id }) => id)]
  return ids.map(id => tell(id, 'address.assigned', at, { reference }))
}

const toQueue = ({ policy, at }: Ground, ids: readonly Id[]): Addressed[] => [
  ...ids.map(id => tell(id, 'withdrawal.accepted', at, {})),
  tell(treasuryId(policy.name), 'withdrawal.queued', at, {}),
]

function onRequested(ground: Ground, { data: { held, ...data } }: Of<'withdrawal.requested'>): Addressed[] {
  const { policy, at } = ground
  const id = `withdrawal/${data.id}`
  const requested = tell(id, 'withdrawal.requested', at, { ...data, required: policy.credit })
  if (held === null) return [requested, ...toQueue(ground, [id])]
  return [requested, tell(id, 'withdrawal.held', at, { reason: held })]
}

function onAuthorised(ground: Ground, { data: { id, isEnough, ...authorisation } }: Of<'authorisation.added'>) {
  const added = tell(id, 'authorisation.added', ground.at, authorisation)
  const isWaiting = ground.memory.get(id)?.value === 'held'
  return isEnough && isWaiting ? [added, ...toQueue(ground, [id])] : [added]
}

/** Only the run that was refused is told, and what follows is told only then: another run may have been signed. */
function onRefused(ground: Ground, run: string, { data: { id, reason, unsignable } }: Of<'signing.refused'>) {
  const { memory, at } = ground
  const attempt = memory.get(id)
  if (attempt === undefined || runOf(attempt) !== run) return []
  const isForGood = unsignable.length > 0
  return [
    tell(id, 'signing.refused', at, { reason, isForGood, height: tipOf(ground) }, run),
    ...unsignable.map(({ id: withdrawal, ...voided }) => toVoided(ground, withdrawal, voided)),
  ]
}

/** A person resumes a chain: what its plans had contradicted is tried again, too. */
const onResumed = (policies: Policies, { data, at }: Of<'chain.resumed'>): Addressed[] => {
  const { name } = policyOf(policies, data.chain)
  const reason = { reason: data.reason }
  return [tell(chainId(name), 'chain.resumed', at, reason), tell(treasuryId(name), 'account.resumed', at, reason)]
}

const groundOf = (policies: Policies, memory: LiveMemory, chain: string, at: number): Ground => ({
  memory,
  policy: policyOf(policies, chain),
  at,
})

function onGatheredFacts(policies: Policies, memory: LiveMemory, { data, at, run }: Of<'facts.gathered'>): Addressed[] {
  const account = memory.get(data.id)
  if (account === undefined || run !== `${account.id}@${account.entered}`) return []
  return onGathered(groundOf(policies, memory, chainOf(account), at), data, run)
}

/** Events that concern exactly the instance that they name. */
function direct(event: { type: string; at: number; run?: string; data: { id: Id } }): Addressed[] {
  const { id, ...data } = event.data
  return [tell(id, event.type, event.at, data, event.run)]
}

const toChain = (event: Inbound & { data: { chain: string } }): Addressed[] => {
  const { chain, ...data } = event.data
  return [tell(chainId(chain), event.type, event.at, data)]
}

function onOpened(policies: Policies, { data, at }: Of<'chain.opened'>): Addressed[] {
  const { name, family, asset, final } = policyOf(policies, data.chain)
  return [tell(chainId(name), 'chain.opened', at, { chain: name, family, asset, final })]
}

/** The highest memory of the signer is kept with the account that it signs for (S3). */
function onSeen(policies: Policies, memory: LiveMemory, event: Inbound): Addressed[] {
  const { data, at } = event
  if (!('seen' in data) || data.seen === null) return []
  const chain = chainOfInbound(memory, event)
  return chain === null ? [] : [tell(treasuryId(policyOf(policies, chain).name), 'signer.seen', at, data.seen)]
}

/** What concerns an instance that has ended concerns nobody any more. */
function onLive(memory: LiveMemory, event: Inbound, messages: (chain: string) => Addressed[]): Addressed[] {
  const chain = chainOfInbound(memory, event)
  return chain === null ? [] : messages(chain)
}

export function route(policies: Policies, memory: LiveMemory, event: Inbound): Addressed[] {
  return [...routed(policies, memory, event), ...onSeen(policies, memory, event)]
}

function routed(policies: Policies, memory: LiveMemory, event: Inbound): Addressed[] {
  const ground = (chain: string) => groundOf(policies, memory, chain, event.at)
  switch (event.type) {
    case 'chain.opened':
      return onOpened(policies, event)
    case 'process.started':
      return Object.keys(policies).map(chain => tell(chainId(chain), event.type, event.at, {}))
    case 'node.identified':
    case 'node.mismatched':
    case 'node.failed':
    case 'node.answered':
    case 'node.caughtUp':
    case 'invariant.violated':
      return toChain(event)
    case 'chain.resumed':
      return onResumed(policies, event)
    case 'block.connected':
      return onConnected(ground(event.data.chain), event.data.block, event.data.nodeHeight, event.data.facts)
    case 'block.disconnected':
      return onDisconnected(ground(event.data.chain), event.data)
    case 'facts.pending':
      return onPending(ground(event.data.chain), event)
    case 'addresses.generated':
      return onGenerated(ground(event.data.chain), event)
    case 'addresses.retained':
      return onRetained(ground(event.data.chain))
    case 'address.assigned':
      return onAssigned(ground(event.data.chain), event)
    case 'withdrawal.requested':
      return onRequested(ground(event.data.chain), event)
    case 'withdrawals.approved':
      return toQueue(ground(event.data.chain), event.data.ids)
    case 'withdrawal.voided':
      return [toVoided(ground(event.data.chain), event.data.id, event.data)]
    case 'authorisation.added':
      return onLive(memory, event, chain => onAuthorised(ground(chain), event))
    case 'signing.refused':
      return onLive(memory, event, chain => onRefused(ground(chain), event.run, event))
    case 'signer.recalled':
      return onRecalled(ground(event.data.chain), event.data)
    case 'signer.replaced':
      return Object.keys(policies).map(chain => tell(treasuryId(chain), event.type, event.at, {}))
    case 'facts.gathered':
      return onGatheredFacts(policies, memory, event)
    case 'signing.completed': {
      const { seen: _, ...data } = event.data
      return direct({ ...event, data })
    }
    case 'time.passed':
      return event.data.ids.map(id => tell(id, event.type, event.at, {}))
    case 'credit.acknowledged':
    case 'decision.made':
    case 'transfer.resumed':
    case 'signing.pended':
    case 'publishing.answered':
    case 'publishing.refused':
    case 'task.failed':
      return direct(event)
  }
}

/** Which chain an event belongs to, so that a violated invariant stops that chain and touches nothing more. */
export function chainOfInbound(memory: LiveMemory, { data }: Inbound): string | null {
  if ('chain' in data) return data.chain
  const id = 'id' in data ? data.id : 'ids' in data ? data.ids[0] : undefined
  const instance = id === undefined ? undefined : memory.get(id)
  return instance === undefined ? null : kindOf(instance.id) === 'chain' ? instance.id.slice(6) : chainOf(instance)
}
