/** What happens to a followed chain itself: opened, blocks on and back, resumed. */
import type { Block, Fact } from '../../../adapters/adapter.ts'
import { chainId, treasuryId, type Id, type IdOf } from '../../../machines/ids.ts'
import { FOLLOWING_STATES, isNextBlock, isStoodOn, isTakenBack } from '../../../machines/chain.ts'
import { tell, type Hearing, type Message } from '../../../machines/messages.ts'
import type { Place } from '../../../machines/vocabulary.ts'
import { stateOf, type InstanceOf } from '../../kernel/entry.ts'
import { blockFacet } from '../../kernel/facets.ts'
import { onFacts } from './facts.ts'
import type { RouteView } from './view.ts'

const isFollowing = (chain: InstanceOf<'chain'> | undefined): chain is InstanceOf<'chain'> =>
  chain !== undefined && FOLLOWING_STATES.includes(stateOf(chain))

export function onOpened({ policy, at }: RouteView): Message[] {
  const { name, family, asset, final } = policy
  return [tell(chainId(name), 'chain.opened', at, { chain: name, family, asset, final })]
}

/**
 * Only a block that the chain's own machine takes back is taken back for those that stand in it; the chain leaves it last, so
 * that a crash between two slices finds it still there. What bore something of ours is kept first: a conflict of it is one of ours.
 */
export function onDisconnected(
  view: RouteView,
  { height, hash, standing }: Place & { standing: readonly Fact[] },
): Message[] {
  const { memory, policy, at } = view
  const id = chainId(policy.name)
  const chain = memory.get(id)
  const isAccepted = isFollowing(chain) && isTakenBack(chain.context, { height, hash })
  const ids = isAccepted ? memory.find(blockFacet(policy.name, hash)) : []
  const bearing = isAccepted ? onFacts(view, standing) : []
  return [...bearing, ...[...ids, id].map(each => tell(each, 'block.disconnected', at, { height, hash }))]
}

/**
 * All that a block sets in motion that brings nothing and wakes nobody, or null where it is another: most blocks of most chains. It is
 * applied at once, in one commit.
 */
export function onUneventful(
  view: RouteView,
  block: Block,
  nodeHeight: number,
  facts: readonly Fact[],
): Message[] | null {
  const { memory, policy, at } = view
  const { height, hash, parent } = block
  const isUneventful = facts.length === 0 && !memory.isAnyoneDue(policy.name, height) && !policy.book.settlesMore(view)
  if (!isUneventful) return null
  const connected = { block: { height, hash }, parent, nodeHeight, applied: true }
  const arrived = height < nodeHeight ? [] : [tell(treasuryId(policy.name), 'funds.arrived', at, {})]
  return [tell(chainId(policy.name), 'block.connected', at, connected), ...arrived]
}

/** Facts of a block that the chain's machine would not accept are facts of nothing. */
export function onConnected(view: RouteView, block: Block, nodeHeight: number, facts: readonly Fact[]): Message[] {
  const { memory, policy, at } = view
  const id = chainId(policy.name)
  const chain = memory.get(id)
  if (!isFollowing(chain) || !isNextBlock(chain.context, block, block.parent)) return []
  const { height, hash, parent } = block
  const connected = { block: { height, hash }, parent, nodeHeight, applied: false }
  return [tell(id, 'block.connected', at, connected), ...onFacts(view, facts)]
}

interface Reread {
  block: Place
  facts: readonly Fact[]
  unheardOf: readonly Id[]
}

/** Who is live hears nothing new, who was never heard of is made, and who has ended is not made anew. */
export function onReread(view: RouteView, { block, facts, unheardOf }: Reread): Message[] {
  const { memory, policy } = view
  const chain = memory.get(chainId(policy.name))
  if (!isFollowing(chain) || !isStoodOn(chain.context, block)) return []
  const unknown = new Set(unheardOf)
  return onFacts(view, facts).filter(({ to }) => memory.get(to) !== undefined || unknown.has(to))
}

/** Looked at in one block: who is left over is looked at with the next. */
const MAXIMUM_REVISITED = 5000

/** The last messages of a block: who wakes at its height, what nobody needs any more, whoever waits for funds, and that it is applied. */
export function onApplied(
  view: RouteView,
  wakened: readonly IdOf<Hearing<'height.reached'>>[],
  { height, hash }: Place,
): Message[] {
  const { memory, policy, at } = view
  // Nothing is planned before it is at its tip, and then it is said.
  const isCatchingUp = memory.count('chain', policy.name, 'following') === 0
  return [
    ...wakened.map(id => tell(id, 'height.reached', at, { height })),
    ...policy.book.settle(view, memory.takeRevisited(policy.name, MAXIMUM_REVISITED)),
    ...(isCatchingUp ? [] : [tell(treasuryId(policy.name), 'funds.arrived', at, {})]),
    tell(chainId(policy.name), 'block.applied', at, { height, hash }),
  ]
}

/** At its tip again: whoever waits may plan. */
export const onCaughtUp = ({ policy, at }: RouteView): Message[] => [
  tell(chainId(policy.name), 'node.caughtUp', at, {}),
  tell(treasuryId(policy.name), 'funds.arrived', at, {}),
]

/** A person resumes a chain: what its plans had contradicted is tried again, too. */
export const onResumed = ({ memory, policy, at }: RouteView, reason: string): Message[] => [
  tell(chainId(policy.name), 'chain.resumed', at, { reason }),
  ...memory.list('account', policy.name, 'stuck').map(({ id }) => tell(id, 'account.resumed', at, { reason })),
]
