/**
 * What had ended by blocks that a chain may now leave, because a person lets it go back further than `final`. It is live again
 * before the first of them is left, and then hears of that like everything else: a final deposit is reversed, a final transfer
 * published again. What was dead was told to the backend as failed, and may have been paid in another way since: it is
 * known again, has its coins again where nobody else has them, and is not published.
 */
import { isIdOf, type IdOf } from '../../../machines/ids.ts'
import { tell, type Message } from '../../../machines/messages.ts'
import type { SpendKey } from '../../../machines/vocabulary.ts'
import { isKind, type Instance, type InstanceOf } from '../../kernel/entry.ts'
import type { LiveMemory } from '../memory.ts'
import type { RouteView } from './view.ts'

/** The kinds whose end stands in a block. */
export const ENDING_IN_BLOCKS = ['attempt', 'coin', 'deposit', 'movement', 'transfer', 'withdrawal'] as const

/** They need to hear no more than that they are live again, before or after those who tell them more. */
const FIRST = ['transaction', 'deposit', 'movement'] as const
const LAST = ['attempt', 'withdrawal'] as const

/** Final ones before dead ones, and of these the latest first: what two want belongs to the one that was built later. */
const transfersOf = (ended: readonly Instance[]): InstanceOf<'transfer'>[] =>
  ended
    .filter(instance => isKind(instance, 'transfer'))
    .filter(({ value, context }) => value === 'final' || context.signed.length > 0)
    .sort((a, b) => Number(b.value === 'final') - Number(a.value === 'final') || b.seq - a.seq)

/** Who has each spend key once all of them are live: nobody takes one from whom it is reserved for now. */
function keysOf(memory: LiveMemory, transfers: readonly InstanceOf<'transfer'>[]): Map<SpendKey, IdOf<'transfer'>> {
  const keys = new Map<SpendKey, IdOf<'transfer'>>()
  for (const { id, context } of transfers)
    for (const key of context.spendKeys) if (memory.holder(key) === undefined && !keys.has(key)) keys.set(key, id)
  return keys
}

/** Withdrawals that it would pay and that something else pays, or that have ended without it. */
export const paidElsewhere = (memory: LiveMemory, { id, context }: InstanceOf<'transfer'>): IdOf<'withdrawal'>[] =>
  context.withdrawals.map(each => each.id).filter(withdrawal => memory.get(withdrawal)?.context.transfer !== id)

/** Nobody can have a transfer published whose withdrawals are paid elsewhere. */
export function onTransferResumed({ memory, at }: RouteView, id: IdOf<'transfer'>, reason: string): Message[] {
  const transfer = memory.get(id)
  if (transfer === undefined || paidElsewhere(memory, transfer).length > 0) return []
  return [tell(id, 'transfer.resumed', at, { reason })]
}

/** `ended`: as they ended, none of them live. */
export function onRecovered({ memory, policy, at }: RouteView, ended: readonly Instance[]): Message[] {
  const transfers = transfersOf(ended)
  const keys = keysOf(memory, transfers)
  const holderOf = (key: SpendKey) => keys.get(key) ?? memory.holder(key)
  const coins: InstanceOf<'coin'>[] = ended.filter(instance => isKind(instance, 'coin'))
  return [
    ...ended.flatMap(({ id }) => (isIdOf(FIRST, id) ? [tell(id, 'ending.revoked', at, {})] : [])),
    ...transfers.map(({ id, context }) =>
      tell(id, 'ending.revoked', at, { reserves: context.spendKeys.filter(key => keys.get(key) === id) }),
    ),
    ...coins.map(({ id, context: { key, holder } }) =>
      tell(id, 'ending.revoked', at, { holder: holder !== null && holderOf(key) === holder ? holder : null }),
    ),
    // Of a dead transfer the other coins were free since.
    ...[...keys].flatMap(([key, holder]) =>
      policy.book
        .held([key])
        .filter(id => memory.get(id) !== undefined)
        .map(id => tell(id, 'key.reserved', at, { holder })),
    ),
    ...ended.flatMap(({ id }) => (isIdOf(LAST, id) ? [tell(id, 'ending.revoked', at, {})] : [])),
  ]
}
