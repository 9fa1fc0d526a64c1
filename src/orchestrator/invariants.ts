/**
 * Money's own conservation, checked at every commit before it is applied: a violation throws an invariant fault, and then
 * nothing has happened. That no spend key is reserved twice is checked by the step itself.
 */
import { invariant } from '../kernel/fault.ts'
import type { CoinContext } from '../../machines/coin.ts'
import type { DepositContext } from '../../machines/deposit.ts'
import type { TransferContext } from '../../machines/transfer.ts'
import type { Commit, Entry, Instance } from '../kernel/entry.ts'
import { kindOf, type Memory } from '../kernel/step.ts'

type Find = (id: string) => Instance | undefined

/**
 * A new transfer pays only withdrawals that are bound to it, and so to no other; and each of them once. (An adopted one is
 * history: its withdrawals may have gone on to a later round.)
 */
function checkTransfer({ image, event }: Entry, find: Find): void {
  if (event !== 'transfer.planned') return
  const { withdrawals } = image.context as unknown as TransferContext
  if (new Set(withdrawals.map(({ id }) => id)).size !== withdrawals.length)
    throw invariant('paid-twice', `${image.id} pays one withdrawal twice`)
  for (const { id } of withdrawals) {
    const bound = find(id)?.context['transfer'] as string | undefined
    if (bound !== image.id)
      throw invariant('paid-twice', `${image.id} wants to pay ${id}, which is bound to ${bound ?? 'nothing'}`)
  }
}

/** A deposit is offered only while the coin that it brought is in the same block, for the same amount. */
function checkDeposit({ image, to }: Entry, find: Find): void {
  if (to !== 'confirmed' && to !== 'credited') return
  const coin = find(image.id.replace('deposit/', 'coin/'))?.context as unknown as CoinContext | undefined
  const deposit = image.context as unknown as DepositContext
  if (coin === undefined) return
  if (coin.amount !== deposit.amount || coin.place?.hash !== deposit.place?.hash)
    throw invariant('credit-without-coin', `${image.id} would be ${to}, but its coin says otherwise`)
}

export function checkCommit(memory: Memory, commit: Commit): void {
  const drafted = new Map(commit.entries.map(({ image }) => [image.id, image]))
  const find: Find = id => drafted.get(id) ?? memory.get(id)
  for (const entry of commit.entries) {
    const kind = kindOf(entry.image.id)
    if (kind === 'transfer') checkTransfer(entry, find)
    if (kind === 'deposit') checkDeposit(entry, find)
  }
}
