/** What the ledger knows of the account that spends; what the network knows of it comes from the server. */
import { addressId, attemptId, treasuryId } from '../../machines/ids.ts'
import { invariant } from '../../src/kernel/fault.ts'
import { committedBy } from '../accounts.ts'
import type { SourceAccount } from '../adapter.ts'
import type { BookView } from '../book.ts'
import { placeKey } from './signable.ts'

export interface RippleFunds {
  /** Of the tip of our ledger. */
  height: number
  /** Of the account's key, in capitals. */
  publicKey: string
  /** A ticket or the sequence: in no transfer under way. */
  isFree: (place: number) => boolean
  /** What transfers under way will cost; drops. */
  committed: bigint
  /** One that demands tags is on its way. */
  isDemandingTags: boolean
}

/** Invariant fault `no-treasury` where the signer's first address is not known: nothing is planned before. */
export function fundsOf(view: BookView, { index, address }: SourceAccount): RippleFunds {
  const { memory, policy } = view
  const treasury = memory.get(addressId(policy.name, index))
  if (treasury === undefined) throw invariant('no-treasury', `${address} is not known to the ledger`)
  const committed = committedBy(view, treasuryId(policy.name)).get(policy.asset) ?? 0n
  return {
    height: memory.heights[policy.name] ?? -1,
    publicKey: treasury.context.publicKey.toUpperCase(),
    isFree: place => memory.holder(placeKey(policy.name, address, place)) === undefined,
    committed,
    isDemandingTags: isDemandingTags(view),
  }
}

function isDemandingTags({ memory, policy }: BookView): boolean {
  const upkeep = memory.list('transfer', policy.name, 'underway').filter(({ context }) => context.purpose === 'upkeep')
  return upkeep.some(({ context: { transfer, attempts } }) => {
    const template = memory.get(attemptId(transfer, attempts))?.context.template
    return isDemand(template)
  })
}

const isDemand = (template: unknown): boolean => {
  const { transaction } = Object(template) as { transaction?: unknown }
  return (Object(transaction) as { TransactionType?: unknown }).TransactionType === 'AccountSet'
}
