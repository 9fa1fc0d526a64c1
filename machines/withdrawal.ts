/**
 * What the backend asked for: so much, of this asset, to that destination, once. It never holds a transaction itself; it
 * is bound to one transfer at a time, in the commit that plans the transfer. `failed` is said only when it is certain
 * that it will never be paid; the backend may then ask again with a higher round.
 */
import { assign, setup } from 'xstate'
import { actions } from './vocabulary.ts'
import type { Amount, Authorisation, Event, Id, Intent, Place, Scheduled, TimePassed } from './vocabulary.ts'

export interface WithdrawalContext extends Scheduled, Intent {
  authorisations: Authorisation[]
  /** Confirmations to be paid. */
  required: number
  reason: string | null
  transfer: Id | null
  transactionId: string | null
  /** This withdrawal's share of the transfer's fee. */
  fee: Amount | null
  place: Place | null
}

type Requested = Intent & { authorisations: Authorisation[]; required: number; expiresAtMs: number | null }

export type WithdrawalEvent =
  | Event<'withdrawal.requested', Requested>
  | Event<'withdrawal.accepted', Record<string, never>>
  | Event<'withdrawal.held', { reason: string }>
  | Event<'withdrawal.delayed', { reason: string }>
  | Event<'withdrawal.rejected', { reason: string }>
  | Event<'withdrawal.adopted', Requested & { transfer: Id }>
  | Event<'authorisation.added', Authorisation>
  | Event<'transfer.bound', { transfer: Id }>
  | Event<'transfer.signed', { transfer: Id; transactionId: string; fee: Amount }>
  | Event<'transfer.mined', { transfer: Id; transactionId: string; fee: Amount; place: Place }>
  | Event<'transfer.unmined', { transfer: Id }>
  | Event<'transfer.confirmed', { transfer: Id }>
  | Event<'transfer.finalised', { transfer: Id }>
  | Event<'transfer.refused', { transfer: Id; reason: string }>
  | Event<'transfer.died', { transfer: Id; reason: string }>
  | TimePassed

type OfTransfer = Event<string, { transfer: Id }>

export const withdrawal = setup({
  types: { context: {} as WithdrawalContext, events: {} as WithdrawalEvent },
  actions: {
    ...actions,
    request: assign(({ event }) => {
      const { expiresAtMs, ...asked } = (event as Event<'withdrawal.requested', Requested>).data
      const blank = {
        failures: 0,
        dueHeight: null,
        reason: null,
        transfer: null,
        transactionId: null,
        fee: null,
        place: null,
      }
      return { ...blank, ...asked, dueAt: expiresAtMs }
    }),
    bind: assign({ transfer: ({ event }) => (event as OfTransfer).data.transfer, dueAt: null, reason: null }),
    sign: assign(({ event }) => {
      const { transactionId, fee } = (event as Extract<WithdrawalEvent, { type: 'transfer.signed' }>).data
      return { transactionId, fee, reason: null }
    }),
    mine: assign(({ event }) => {
      const { transactionId, fee, place } = (event as Extract<WithdrawalEvent, { type: 'transfer.mined' }>).data
      return { transactionId, fee, place, reason: null }
    }),
    unmine: assign({ place: null }),
    explain: assign({ reason: ({ event }) => (event.data as { reason: string }).reason }),
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
    isNewKey: ({ context, event }) => {
      const { key } = (event as Extract<WithdrawalEvent, { type: 'authorisation.added' }>).data
      return context.authorisations.every(known => known.key !== key)
    },
  },
}).createMachine({
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
      description: 'Needs an authorisation, an approval, or a limit to pass.',
      on: {
        'authorisation.added': { guard: 'isNewKey', actions: 'authorise' },
        'withdrawal.accepted': { target: 'queued', actions: 'clearReason' },
        'withdrawal.adopted': { target: 'paying', actions: ['request', 'bind'] },
        'time.passed': { target: 'cancelled', actions: 'expire' },
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
        'transfer.refused': { guard: 'isOurs', actions: 'explain' },
        'transfer.confirmed': { guard: 'isOurs', target: 'paid' },
        'transfer.died': { guard: 'isOurs', target: 'failed', actions: 'explain' },
      },
    },
    paid: {
      description: 'Its transaction is deep enough; a reorg may still take it back to paying.',
      on: {
        'transfer.unmined': { guard: 'isOurs', target: 'paying', actions: 'unmine' },
        'transfer.finalised': { guard: 'isOurs', target: 'final' },
      },
    },
    failed: {
      description: 'It will never be paid, proven by the chain; may be asked for again with a higher round.',
      on: {
        'withdrawal.requested': { guard: 'isNewRound', target: 'requested', actions: 'request' },
        'withdrawal.adopted': { guard: 'isNewRound', target: 'paying', actions: ['request', 'bind'] },
      },
    },
    final: { description: 'Paid, beyond the deepest reorg we accept (end).', type: 'final' },
    rejected: { description: 'Cannot be valid; nothing was ever signed (end).', type: 'final' },
    cancelled: { description: 'Expired or withdrawn before anything was signed (end).', type: 'final' },
  },
})
