/** What a transfer knows, what it tells whom, and which spend keys it takes or gives back: transfer.ts says when. */
import { attemptId, type IdOf } from './ids.ts'
import { tell, type EventOf, type Message, type PaidShare, type TransferEvent, type TransferPlan } from './messages.ts'
import type { Amount, Place, Scheduled, SpendKey } from './vocabulary.ts'

export interface TransferContext extends Scheduled, TransferPlan {
  /** The latest attempt's number. */
  attempts: number
  /** Attempts that can provably never be mined. */
  dead: number[]
  /** Ids of the transactions that were signed for it. */
  signed: string[]
  spendKeys: SpendKey[]
  fee: Amount
  transactionId: string | null
  place: Place | null
  /** The highest fee rate that a person has asked for, in the family's unit. */
  askedRate: number | null
  reason: string | null
}

type MinedAttempt = EventOf<'transfer', 'attempt.mined'>['data']

export interface Hears<T extends string> {
  context: TransferContext
  event: EventOf<'transfer', T>
}

const toHeld = ({ transfer, held }: Pick<TransferPlan, 'transfer' | 'held'>, at: number) =>
  held.map(id => tell(id, 'key.reserved', at, { holder: transfer }))

const toThose = ({ transfer, held, withdrawals }: TransferPlan, at: number) => [
  ...toHeld({ transfer, held }, at),
  ...withdrawals.map(({ id }) => tell(id, 'transfer.bound', at, { transfer })),
]

export const tellPlanned = ({ event: { data: plan, at } }: Hears<'transfer.planned'>) => {
  const { attempt, transfer, chain, account } = plan
  const to = attemptId(transfer, attempt.n)
  return {
    messages: [...toThose(plan, at), tell(to, 'attempt.planned', at, { ...attempt, chain, transfer, account })],
  }
}

export const tellAdopted = ({ event: { data: plan, at } }: Hears<'transfer.adopted'>) => {
  const { attempt, transfer, chain, account } = plan
  const to = attemptId(transfer, attempt.n)
  return {
    messages: [...toThose(plan, at), tell(to, 'attempt.adopted', at, { ...attempt, chain, transfer, account })],
  }
}

export const tellAttemptAdopted = ({ context, event: { data: adoptee, at } }: Hears<'attempt.adopted'>) => {
  const { transfer, chain, account } = context
  const { held, reserves: _, ...attempt } = adoptee
  const to = attemptId(transfer, attempt.n)
  return {
    messages: [
      ...toHeld({ transfer, held }, at),
      tell(to, 'attempt.adopted', at, { ...attempt, chain, transfer, account }),
    ],
  }
}

/** The keys that it had before are its own already: who reserves again what it holds changes nothing. */
export const tellReplacement = ({ context, event: { data: planned, at } }: Hears<'replacement.planned'>) => {
  const { transfer, chain, account } = context
  const { attempt, held } = planned
  const to = attemptId(transfer, attempt.n)
  return {
    messages: [
      ...toHeld({ transfer, held }, at),
      tell(to, 'attempt.planned', at, { ...attempt, chain, transfer, account }),
    ],
  }
}

/** Why nothing of it is paid, with one of its transactions in a block. */
export const failureOf = ({
  transactionId,
  isCancelling,
}: Pick<MinedAttempt, 'transactionId' | 'isCancelling'>): string =>
  isCancelling === true
    ? `${transactionId} is in a block in the place of what would have paid it: it is never paid once that is final`
    : `${transactionId} is in a block, where what it was to do failed: nothing of it can be paid once that is final`

const toWithdrawals = (
  { withdrawals }: Pick<TransferContext, 'withdrawals'>,
  message: (share: PaidShare) => Message<'withdrawal'>,
) => ({
  messages: withdrawals.map(message),
})
export const tellSigned = ({
  context: { transfer, ...context },
  event: { at, data: signed },
}: Hears<'attempt.signed'>) => {
  const { transactionId } = signed
  return toWithdrawals(context, ({ id, fee }) => tell(id, 'transfer.signed', at, { transfer, transactionId, fee }))
}
export const tellHeld = ({ context: { transfer, ...context }, event: { at, data: held } }: Hears<'attempt.held'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.held', at, { transfer, reason: held.reason }))
/** Whoever waits knows why it takes longer; what holds up a later attempt holds up nobody, because an earlier one is on its way. */
export const tellDelayed = ({
  context: { transfer, ...context },
  event: { at, data: delayed },
}: Hears<'attempt.delayed' | 'attempt.held' | 'attempt.expired' | 'replacement.declined'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.delayed', at, { transfer, reason: delayed.reason }))
export const tellMined = ({
  context: { transfer, ...context },
  event: { at, data: mined },
}: Hears<'attempt.mined'>) => {
  const { transactionId, place } = mined
  return toWithdrawals(context, ({ id, fee }) =>
    tell(id, 'transfer.mined', at, { transfer, transactionId, fee, place }),
  )
}
export const tellUnmined = ({ context: { transfer, ...context }, event: { at } }: Hears<'attempt.unmined'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.unmined', at, { transfer }))
export const tellConfirmed = ({ context: { transfer, ...context }, event: { at } }: Hears<'height.reached'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.confirmed', at, { transfer }))
export const tellFinalised = ({ context: { transfer, ...context }, event: { at } }: Hears<'height.reached'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.finalised', at, { transfer }))
export const tellDissolved = ({ context, event }: { context: TransferContext; event: TransferEvent }) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.dissolved', event.at, { transfer: context.transfer }))
/** It cannot do any more what it was to: whoever waits for it knows, though a reorg may still take it back. */
export const tellFailing = ({
  context: { transfer, ...context },
  event: { at, data: mined },
}: Hears<'attempt.mined'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.delayed', at, { transfer, reason: failureOf(mined) }))
export const tellUnfailing = ({ context: { transfer, ...context }, event: { at } }: Hears<'attempt.unmined'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.delayed', at, { transfer, reason: null }))
/** Its keys are spent, so no other attempt of it can be mined. */
export const tellFailed = ({ context, event: { at } }: Hears<'height.reached'>) => {
  const { transfer, signed } = context
  const reason = context.reason!
  return toWithdrawals(context, ({ id }) => tell(id, 'transfer.died', at, { transfer, reason, signed }))
}
export const tellDeath = ({
  context,
  event,
}: Hears<'attempt.voided' | 'attempt.died' | 'attempt.expired' | 'transfer.lapsed'>) => {
  const { transfer, signed } = context
  const { reason } = event.data
  return toWithdrawals(context, ({ id }) => tell(id, 'transfer.died', event.at, { transfer, reason, signed }))
}

export const tellRevived = ({ context, event: { at, data } }: Hears<'attempt.revived'>) => {
  const { transactionId, reason } = data
  return toWithdrawals(context, ({ id, fee }) =>
    tell(id, 'transfer.revived', at, { transfer: context.transfer, transactionId, fee, reason }),
  )
}

const toAttempts = (context: TransferContext, message: (id: IdOf<'attempt'>) => Message<'attempt'>) => ({
  messages: Array.from({ length: context.attempts }, (_, i) => message(attemptId(context.transfer, i + 1))),
})
export const tellKeyLost = ({ context, event: { at, data: lost } }: Hears<'key.lost'>) =>
  toAttempts(context, id => tell(id, 'key.lost', at, lost))
export const tellResumed = ({ context, event: { at, data: resumed } }: Hears<'transfer.resumed'>) =>
  toAttempts(context, id => tell(id, 'transfer.resumed', at, resumed))
export const tellAttemptsFinal = ({ context, event: { at, data: reached } }: Hears<'height.reached'>) =>
  toAttempts(context, id => tell(id, 'transfer.finalised', at, reached))
export const tellAttemptsFailed = ({ context, event: { at, data: reached } }: Hears<'height.reached'>) =>
  toAttempts(context, id => tell(id, 'transfer.failed', at, reached))
export const tellAged = ({
  context: { transfer },
  event: {
    at,
    data: { n, height },
  },
}: Hears<'attempt.expired'>) => ({
  messages: [tell(attemptId(transfer, n), 'transfer.failed', at, { height })],
})
export const tellApproval = ({ context, event }: Hears<'authorisation.added'>) =>
  toAttempts(context, id => tell(id, 'approval.added', event.at, {}))
export const tellExpiry = ({ context, event }: Hears<'withdrawal.expired'>) =>
  toAttempts(context, id => tell(id, 'withdrawal.expired', event.at, {}))
export const tellAttemptsDissolved = ({ context, event }: { context: TransferContext; event: TransferEvent }) =>
  toAttempts(context, id => tell(id, 'transfer.dissolved', event.at, {}))

export const tellReleased = ({
  context,
  event,
}: {
  context: TransferContext
  event: { at: number; data: { height: number } }
}) => {
  const { transfer: holder, held } = context
  const { height } = event.data
  return { messages: held.map(id => tell(id, 'key.released', event.at, { holder, height })) }
}

/** What only the attempts that have lost had spent is free again. */
export const tellUnused = ({ context, event }: Hears<'height.reached'>) => {
  const { transfer: holder, held } = context
  const { height } = event.data
  return { messages: held.map(id => tell(id, 'key.unused', event.at, { holder, height })) }
}

/** The account that spends plans the replacement, as it plans everything. */
export const tellDue = ({ context, event }: { context: TransferContext; event: TransferEvent }) => ({
  messages: [tell(context.account, 'upkeep.needed', event.at, {})],
})

/** Money is free again, and withdrawals may be waiting anew. */
export const tellAccount = ({ context, event }: { context: TransferContext; event: TransferEvent }) => ({
  messages: [tell(context.account, 'withdrawal.queued', event.at, {})],
})

export const plannedKeys = ({ event }: Hears<'transfer.planned'>) => ({ keys: event.data.attempt.spendKeys })
/** A key that was signed for twice belongs to the later transfer. */
export const ownKeys = ({ event }: Hears<'transfer.adopted'>) => ({ keys: event.data.reserves })
export const lostKeys = ({ event }: Hears<'transfer.displaced'>) => ({ keys: event.data.keys })
export const replacementKeys = ({ event }: Hears<'replacement.planned'>) => ({ keys: event.data.attempt.spendKeys })
export const adoptedKeys = ({ event }: Hears<'attempt.adopted'>) => ({ keys: event.data.reserves })
export const revivedKeys = ({ event }: Hears<'ending.revoked'>) => ({ keys: event.data.reserves })
export const allKeys = ({ context }: { context: TransferContext }) => ({ keys: context.spendKeys })
