/**
 * What the backend asked for: so much, of this asset, to that destination, once. It never holds a transaction itself; it
 * is bound to one transfer at a time, in the commit that plans the transfer. That it will never be paid is said only with
 * proof: the signer's receipt that nothing was signed for it (`cancelled`, `rejected`), or the chain's that nothing of
 * what was signed can be mined (`failed`; the backend may then ask again with a higher round).
 */
import { and, assign, setup } from 'xstate'
import { actions } from './vocabulary.ts'
import type {
  Addressed,
  Amount,
  Authorisation,
  Event,
  Id,
  Intent,
  Place,
  Scheduled,
  SignedReceipt,
  TimePassed,
} from './vocabulary.ts'

export interface WithdrawalContext extends Scheduled, Intent {
  authorisations: Authorisation[]
  /** Confirmations to be paid. */
  required: number
  /** Milliseconds since 1970 UTC. */
  expiresAtMs: number | null
  reason: string | null
  transfer: Id | null
  transactionId: string | null
  /** This withdrawal's share of the transfer's fee. */
  fee: Amount | null
  place: Place | null
  /** Transactions that were signed for it and can provably never be mined, of all rounds. */
  dead: string[]
  /** Of this round: nothing more is signed for it. */
  receipt: SignedReceipt | null
}

type Requested = Intent & { authorisations: Authorisation[]; required: number; expiresAtMs: number | null }

interface Voided {
  receipt: SignedReceipt
  /** `rejected`: it could never be valid. */
  verdict: 'cancelled' | 'rejected'
  reason: string
  /** Of the chain's tip, for coins that are given back. */
  height: number
}

export type WithdrawalEvent =
  | Event<'withdrawal.requested', Requested>
  | Event<'withdrawal.accepted', Record<string, never>>
  | Event<'withdrawal.held', { reason: string }>
  | Event<'withdrawal.delayed', { reason: string }>
  | Event<'withdrawal.rejected', { reason: string }>
  | Event<'withdrawal.adopted', Requested & { transfer: Id }>
  | Event<'withdrawal.voided', Voided>
  | Event<'authorisation.added', Authorisation>
  | Event<'transfer.bound', { transfer: Id }>
  | Event<'transfer.signed', { transfer: Id; transactionId: string; fee: Amount }>
  | Event<'transfer.mined', { transfer: Id; transactionId: string; fee: Amount; place: Place }>
  | Event<'transfer.unmined', { transfer: Id }>
  | Event<'transfer.confirmed', { transfer: Id }>
  | Event<'transfer.finalised', { transfer: Id }>
  | Event<'transfer.held', { transfer: Id; reason: string }>
  | Event<'transfer.dissolved', { transfer: Id }>
  | Event<'transfer.died', { transfer: Id; reason: string; signed: string[] }>
  | TimePassed

type OfTransfer = Event<string, { transfer: Id }>

interface Args {
  context: WithdrawalContext
  event: WithdrawalEvent
}

const receiptOf = (event: WithdrawalEvent): SignedReceipt => (event as Event<'withdrawal.voided', Voided>).data.receipt

const strangeTo = ({ signed }: SignedReceipt): string =>
  `the signer has signed ${signed.join(', ')} for it, which is not known here`

/** By the receipt and by all that is known here: what the signer does not list, but this ledger has seen, counts too. */
function signedFor(context: WithdrawalContext, { signed }: SignedReceipt): string[] {
  const { transactionId, receipt } = context
  return [...signed, ...(receipt?.signed ?? []), ...(transactionId === null ? [] : [transactionId])]
}

/** The signer decides whether it has expired, and its word is needed that nothing was signed: it is asked at once. */
const tellExpiry = ({ context, event }: Args): { messages: Addressed[] } => ({
  messages: [{ to: context.transfer!, event: { type: 'withdrawal.expired', at: event.at, data: {} } }],
})

const tellTransfer = ({ context, event }: Args): { messages: Addressed[] } => {
  const { transfer } = context
  const message = { type: event.type, at: event.at, data: event.data }
  return { messages: transfer === null ? [] : [{ to: transfer, event: message }] }
}

const machine = setup({
  types: { context: {} as WithdrawalContext, events: {} as WithdrawalEvent },
  actions: {
    ...actions,
    request: assign(({ context, event }) => {
      const { data } = event as Event<'withdrawal.requested', Requested>
      const blank = { failures: 0, dueHeight: null, reason: null, receipt: null }
      const unbound = { transfer: null, transactionId: null, fee: null, place: null }
      return {
        ...blank,
        ...unbound,
        ...data,
        dueAt: data.expiresAtMs,
        dead: (context as Partial<WithdrawalContext>).dead ?? [],
      }
    }),
    bind: assign(({ context, event }) => {
      const { transfer } = (event as OfTransfer).data
      return { transfer, dueAt: context.expiresAtMs, reason: null }
    }),
    unbind: assign({ transfer: null, dueAt: ({ context }) => context.expiresAtMs, reason: null }),
    /** It would be refused for ever. */
    unbindVoided: assign({ transfer: null, reason: ({ context }) => strangeTo(context.receipt!) }),
    sign: assign(({ event }) => {
      const { transactionId, fee } = (event as Extract<WithdrawalEvent, { type: 'transfer.signed' }>).data
      return { transactionId, fee, dueAt: null, reason: null }
    }),
    mine: assign(({ event }) => {
      const { transactionId, fee, place } = (event as Extract<WithdrawalEvent, { type: 'transfer.mined' }>).data
      return { transactionId, fee, place, dueAt: null, reason: null }
    }),
    unmine: assign({ place: null }),
    explain: assign({ reason: ({ event }) => (event.data as { reason: string }).reason }),
    keepReceipt: assign({ receipt: ({ event }) => receiptOf(event) }),
    end: assign({
      receipt: ({ event }) => receiptOf(event),
      reason: ({ event }) => (event.data as Voided).reason,
      dueAt: null,
    }),
    distrust: assign({
      receipt: ({ event }) => receiptOf(event),
      reason: ({ event }) => strangeTo(receiptOf(event)),
      dueAt: null,
    }),
    bury: assign({
      reason: ({ event }) => (event.data as { reason: string }).reason,
      dead: ({ context, event }) => [...new Set([...context.dead, ...(event.data as { signed: string[] }).signed])],
    }),
    stopClock: assign({ dueAt: null }),
    expire: assign({ reason: 'expired', dueAt: null }),
    clearReason: assign({ reason: null }),
    authorise: assign({
      authorisations: ({ context, event }) => {
        const { key, signature } = (event as Extract<WithdrawalEvent, { type: 'authorisation.added' }>).data
        return [...context.authorisations, { key, signature }]
      },
    }),
  },
  guards: {
    isOurs: ({ context, event }) => context.transfer === (event as OfTransfer).data.transfer,
    isNewRound: ({ context, event }) => (event as Event<'withdrawal.requested', Requested>).data.round > context.round,
    isNewReason: ({ context, event }) => context.reason !== (event.data as { reason: string }).reason,
    isNothingSigned: ({ context, event }) => signedFor(context, receiptOf(event)).length === 0,
    isInvalid: ({ event }) => (event.data as Voided).verdict === 'rejected',
    /** Whatever was signed for it can never be mined. */
    isNothingOutstanding: ({ context, event }) =>
      signedFor(context, receiptOf(event)).every(id => context.dead.includes(id)),
    isOurRound: ({ context, event }) => receiptOf(event).round >= context.round,
    isNewReceipt: ({ context, event }) => receiptOf(event).round >= context.round && context.receipt === null,
    isVoided: ({ context }) => context.receipt !== null,
    isUnsigned: ({ context }) => context.transfer !== null && context.transactionId === null,
    isFree: ({ context }) => context.transfer === null && context.receipt === null,
    isNewKey: ({ context, event }) => {
      const { key } = (event as Extract<WithdrawalEvent, { type: 'authorisation.added' }>).data
      return context.authorisations.every(known => known.key !== key)
    },
  },
})

/** Nothing can ever be mined for it; the transfer that it was bound to is told, because it can never be signed now. */
const onEnded = (guard: 'isNothingSigned' | 'isNothingOutstanding', target: string) =>
  ({ guard: and(['isOurRound', guard]), target, actions: [{ type: 'tell', params: tellTransfer }, 'end'] }) as const
const onInvalid = {
  guard: and(['isOurRound', 'isNothingSigned', 'isInvalid']),
  target: 'rejected',
  actions: [{ type: 'tell', params: tellTransfer }, 'end'],
} as const
const onVoided = [
  onInvalid,
  onEnded('isNothingSigned', 'cancelled'),
  onEnded('isNothingOutstanding', 'failed'),
] as const
/** It is not bound to what was signed: planning it again would be refused for ever. */
const onVoidedElsewhere = { guard: and(['isNewReceipt', 'isFree']), actions: 'distrust' } as const
const onDissolved = [
  { guard: and(['isOurs', 'isVoided']), target: 'held', actions: 'unbindVoided' },
  { guard: 'isOurs', target: 'queued', actions: 'unbind' },
] as const
const onExpired = {
  guard: 'isUnsigned',
  actions: ['stopClock', { type: 'tell', params: tellExpiry }],
} as const
const onReceipt = { guard: 'isNewReceipt', actions: 'keepReceipt' } as const

export const withdrawal = machine.createMachine({
  id: 'withdrawal',
  version: '1',
  context: {} as WithdrawalContext,
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'withdrawal.requested': { target: 'requested', actions: 'request' },
        'withdrawal.adopted': { target: 'paying', actions: ['request', 'bind'] },
      },
    },
    requested: {
      description: 'Asked for; nothing decided yet.',
      on: {
        'withdrawal.accepted': 'queued',
        'withdrawal.held': { target: 'held', actions: 'explain' },
        'withdrawal.rejected': { target: 'rejected', actions: 'explain' },
      },
    },
    held: {
      description: 'Needs an authorisation, an approval, a limit to pass, or a person; bound to a transfer or not yet.',
      on: {
        'authorisation.added': { guard: 'isNewKey', actions: ['authorise', { type: 'tell', params: tellTransfer }] },
        'withdrawal.accepted': { guard: 'isFree', target: 'queued', actions: 'clearReason' },
        'withdrawal.adopted': { target: 'paying', actions: ['request', 'bind'] },
        'withdrawal.voided': [...onVoided, onVoidedElsewhere, onReceipt],
        'transfer.held': { guard: and(['isOurs', 'isNewReason']), actions: 'explain' },
        'transfer.signed': { guard: 'isOurs', target: 'paying', actions: 'sign' },
        'transfer.mined': { guard: 'isOurs', target: 'paying', actions: 'mine' },
        'transfer.dissolved': [{ guard: and(['isOurs', 'isVoided']), actions: 'unbindVoided' }, onDissolved[1]],
        'transfer.died': { guard: 'isOurs', target: 'failed', actions: 'bury' },
        'time.passed': [{ guard: 'isFree', target: 'cancelled', actions: 'expire' }, onExpired],
      },
    },
    queued: {
      description: 'Waits for funds or for the batch window.',
      on: {
        'authorisation.added': { guard: 'isNewKey', actions: 'authorise' },
        'transfer.bound': { target: 'paying', actions: 'bind' },
        'withdrawal.delayed': { guard: 'isNewReason', actions: 'explain' },
        'withdrawal.held': { target: 'held', actions: 'explain' },
        'withdrawal.adopted': { target: 'paying', actions: ['request', 'bind'] },
        'withdrawal.voided': [...onVoided, { ...onVoidedElsewhere, target: 'held' }],
        'time.passed': { target: 'cancelled', actions: 'expire' },
      },
    },
    paying: {
      description: 'Bound to a transfer, which is on its way.',
      on: {
        'authorisation.added': { guard: 'isNewKey', actions: 'authorise' },
        'withdrawal.adopted': { guard: 'isNewRound', actions: ['request', 'bind'] },
        'transfer.signed': { guard: 'isOurs', actions: 'sign' },
        'transfer.mined': { guard: 'isOurs', actions: 'mine' },
        'transfer.unmined': { guard: 'isOurs', actions: 'unmine' },
        'transfer.held': { guard: 'isOurs', target: 'held', actions: 'explain' },
        'transfer.dissolved': onDissolved,
        'transfer.confirmed': { guard: 'isOurs', target: 'paid' },
        'transfer.died': { guard: 'isOurs', target: 'failed', actions: 'bury' },
        'withdrawal.voided': [...onVoided, onReceipt],
        'time.passed': onExpired,
      },
    },
    paid: {
      description: 'Its transaction is deep enough; a reorg may still take it back to paying.',
      on: {
        'transfer.unmined': { guard: 'isOurs', target: 'paying', actions: 'unmine' },
        'transfer.finalised': { guard: 'isOurs', target: 'final' },
        'withdrawal.voided': onReceipt,
      },
    },
    failed: {
      description:
        'It will never be paid: nothing that was signed for it can be mined; may be asked for again with a higher round.',
      on: {
        'withdrawal.requested': { guard: 'isNewRound', target: 'requested', actions: 'request' },
        'withdrawal.adopted': { guard: 'isNewRound', target: 'paying', actions: ['request', 'bind'] },
        'withdrawal.voided': onReceipt,
      },
    },
    final: { description: 'Paid, beyond the deepest reorg we accept (end).', type: 'final' },
    rejected: { description: "Cannot be valid; by the signer's receipt nothing was ever signed (end).", type: 'final' },
    cancelled: {
      description: "Expired, or withdrawn with the signer's receipt that nothing was ever signed for it (end).",
      type: 'final',
    },
  },
})
