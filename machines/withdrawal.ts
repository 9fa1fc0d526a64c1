/**
 * What the backend asked for: so much, of this asset, to that destination, once. It never holds a transaction itself; it
 * is bound to one transfer at a time, in the commit that plans the transfer. That it will never be paid is said only with
 * proof: the signer's receipt that nothing was signed for it (`cancelled`, `rejected`), or the chain's that nothing of
 * what was signed can be mined (`failed`; the backend may then ask again with a higher round).
 */
import { assign, setup } from 'xstate'
import type { IdOf } from './ids.ts'
import {
  actions,
  data,
  tell,
  typesOf,
  unborn,
  type DataOf,
  type EventOf,
  type RequestedWithdrawal,
  type VoidedWithdrawal,
} from './messages.ts'
import type { Amount, Authorisation, Intent, Migration, Place, Scheduled, SignedReceipt } from './vocabulary.ts'

export interface WithdrawalContext extends Scheduled, Intent {
  authorisations: Authorisation[]
  /** The backend's own words: no part of the intent, and nothing here reads them. Absent of what was adopted. */
  note?: string | null
  /** Confirmations to be paid. */
  required: number
  /** Milliseconds since 1970 UTC: when this round was asked for. The oldest is paid first. */
  requestedAt: number
  /** Milliseconds since 1970 UTC. */
  expiresAtMs: number | null
  reason: string | null
  transfer: IdOf<'transfer'> | null
  transactionId: string | null
  /** This withdrawal's share of the transfer's fee. */
  fee: Amount | null
  place: Place | null
  /** Transactions that were signed for it and can provably never be mined, of all rounds. */
  dead: string[]
  /** Of this round: nothing more is signed for it. */
  receipt: SignedReceipt | null
}

type Data<T extends string> = DataOf<'withdrawal', T>

interface Hears<T extends string> {
  context: WithdrawalContext
  event: EventOf<'withdrawal', T>
}

const strangeTo = ({ signed }: SignedReceipt): string =>
  `the signer has signed ${signed.join(', ')} for it, which is not known here`

/** By the receipt and by all that is known here: what the signer does not list, but this ledger has seen, counts too. */
function signedFor(context: WithdrawalContext, { signed }: SignedReceipt): string[] {
  const { transactionId, receipt } = context
  return [...signed, ...(receipt?.signed ?? []), ...(transactionId === null ? [] : [transactionId])]
}

const isNothingSigned = (context: WithdrawalContext, { receipt }: VoidedWithdrawal) =>
  signedFor(context, receipt).length === 0
/** Whatever was signed for it can never be mined. */
const isNothingOutstanding = (context: WithdrawalContext, { receipt }: VoidedWithdrawal) =>
  signedFor(context, receipt).every(id => context.dead.includes(id))
const isOurRound = (context: WithdrawalContext, { receipt }: VoidedWithdrawal) => receipt.round >= context.round
const isNewReceipt = (context: WithdrawalContext, voided: VoidedWithdrawal) =>
  isOurRound(context, voided) && context.receipt === null
const isFree = ({ transfer, receipt }: WithdrawalContext) => transfer === null && receipt === null
const isOurs = (context: WithdrawalContext, { transfer }: { transfer: IdOf<'transfer'> }) =>
  context.transfer === transfer

/** The signer decides whether it has expired, and its word is needed that nothing was signed: it is asked at once. */
const tellExpiry = ({ context: { transfer }, event }: Hears<'time.passed'>) => ({
  messages: transfer === null ? [] : [tell(transfer, 'withdrawal.expired', event.at, {})],
})

const tellAuthorised = ({ context: { transfer }, event }: Hears<'authorisation.added'>) => ({
  messages: transfer === null ? [] : [tell(transfer, 'authorisation.added', event.at, event.data)],
})

const tellVoided = ({ context: { transfer }, event }: Hears<'withdrawal.voided'>) => ({
  messages: transfer === null ? [] : [tell(transfer, 'withdrawal.voided', event.at, event.data)],
})

const machine = setup({
  types: typesOf<'withdrawal', WithdrawalContext>(),
  actions: {
    ...actions,
    request: assign(({ context, event }, requested: RequestedWithdrawal) => {
      const blank = { failures: 0, dueHeight: null, reason: null, receipt: null }
      const unbound = { transfer: null, transactionId: null, fee: null, place: null }
      // What was signed in earlier rounds stays known; before the first there is nothing yet.
      const earlier: Partial<WithdrawalContext> = context
      return {
        ...blank,
        ...unbound,
        ...requested,
        requestedAt: event.at,
        dueAt: requested.expiresAtMs,
        dead: earlier.dead ?? [],
      }
    }),
    bind: assign(({ context }, { transfer }: { transfer: IdOf<'transfer'> }) => ({
      transfer,
      dueAt: context.expiresAtMs,
      reason: null,
    })),
    unbind: assign({ transfer: null, dueAt: ({ context }) => context.expiresAtMs, reason: null }),
    /** It would be refused for ever. */
    unbindVoided: assign({
      transfer: null,
      reason: ({ context: { receipt } }) => (receipt === null ? null : strangeTo(receipt)),
    }),
    sign: assign((_, { transactionId, fee }: Data<'transfer.signed'>) => ({
      transactionId,
      fee,
      dueAt: null,
      reason: null,
    })),
    mine: assign((_, { transactionId, fee, place }: Data<'transfer.mined'>) => ({
      transactionId,
      fee,
      place,
      dueAt: null,
      reason: null,
    })),
    unmine: assign({ place: null }),
    explain: assign((_, { reason }: { reason: string | null }) => ({ reason })),
    keepReceipt: assign((_, { receipt }: VoidedWithdrawal) => ({ receipt })),
    end: assign((_, { receipt, reason }: VoidedWithdrawal) => ({ receipt, reason, dueAt: null })),
    distrust: assign((_, { receipt }: VoidedWithdrawal) => ({ receipt, reason: strangeTo(receipt), dueAt: null })),
    bury: assign(({ context }, { reason, signed }: Data<'transfer.died'>) => ({
      reason,
      dead: [...new Set([...context.dead, ...signed])],
    })),
    /** What was signed for it may be mined after all: nothing else may be paid meanwhile. */
    rebind: assign(({ context }, { transfer, transactionId, fee, reason }: Data<'transfer.revived'>) => ({
      ...{ transfer, transactionId, fee, reason, place: null, dueAt: null },
      dead: context.dead.filter(id => id !== transactionId),
    })),
    unbury: assign(({ context }, { transactionId, reason }: Data<'transfer.revived'>) => ({
      reason,
      dead: context.dead.filter(id => id !== transactionId),
    })),
    stopClock: assign({ dueAt: null }),
    expire: assign({ reason: 'expired', dueAt: null }),
    clearReason: assign({ reason: null }),
    authorise: assign(({ context }, { key, signature }: Authorisation) => ({
      authorisations: [...context.authorisations, { key, signature }],
    })),
  },
  guards: {
    isOurs: ({ context }, bound: { transfer: IdOf<'transfer'> }) => isOurs(context, bound),
    isOursAndVoided: ({ context }, bound: { transfer: IdOf<'transfer'> }) =>
      isOurs(context, bound) && context.receipt !== null,
    isOursAndNewReason: ({ context }, told: { transfer: IdOf<'transfer'>; reason: string | null }) =>
      isOurs(context, told) && context.reason !== told.reason,
    isNewRound: ({ context }, { round }: RequestedWithdrawal) => round > context.round,
    isNotEarlierRound: ({ context }, { round }: RequestedWithdrawal) => round >= context.round,
    /** What the signer has promised never to sign, it has not. */
    isNotOver: ({ context: { round: before, receipt } }, { round }: RequestedWithdrawal) =>
      round >= before && round > (receipt?.round ?? 0),
    isNewReason: ({ context }, { reason }: { reason: string }) => context.reason !== reason,
    isInvalid: ({ context }, voided: VoidedWithdrawal) =>
      isOurRound(context, voided) && isNothingSigned(context, voided) && voided.verdict === 'rejected',
    isNothingSigned: ({ context }, voided: VoidedWithdrawal) =>
      isOurRound(context, voided) && isNothingSigned(context, voided),
    isNothingOutstanding: ({ context }, voided: VoidedWithdrawal) =>
      isOurRound(context, voided) && isNothingOutstanding(context, voided),
    isNewReceipt: ({ context }, voided: VoidedWithdrawal) => isNewReceipt(context, voided),
    isNewReceiptOfSigned: ({ context }, voided: VoidedWithdrawal) =>
      isNewReceipt(context, voided) && context.transactionId !== null && context.place === null,
    isNewReceiptAndFree: ({ context }, voided: VoidedWithdrawal) => isNewReceipt(context, voided) && isFree(context),
    isUnbound: ({ context }) => context.transfer === null,
    isAnothers: ({ context }, bound: { transfer: IdOf<'transfer'> }) => !isOurs(context, bound),
    isUnsigned: ({ context }) => context.transfer !== null && context.transactionId === null,
    isFree: ({ context }) => isFree(context),
    isNewKey: ({ context }, { key }: Authorisation) => context.authorisations.every(known => known.key !== key),
  },
})

/** Nothing can ever be mined for it; the transfer that it was bound to is told, because it can never be signed now. */
const onEnded = (guard: 'isInvalid' | 'isNothingSigned' | 'isNothingOutstanding', target: string) =>
  ({
    guard: { type: guard, params: data },
    target,
    actions: [
      { type: 'tell', params: tellVoided },
      { type: 'end', params: data },
    ],
  }) as const
const onVoided = [
  onEnded('isInvalid', 'rejected'),
  onEnded('isNothingSigned', 'cancelled'),
  onEnded('isNothingOutstanding', 'failed'),
] as const
/** It is not bound to what was signed: planning it again would be refused for ever. */
const onVoidedElsewhere = {
  guard: { type: 'isNewReceiptAndFree', params: data },
  actions: { type: 'distrust', params: data },
} as const
const onUnbound = { guard: { type: 'isOurs', params: data }, target: 'queued', actions: 'unbind' } as const
const onDissolved = [
  { guard: { type: 'isOursAndVoided', params: data }, target: 'held', actions: 'unbindVoided' },
  onUnbound,
] as const
const onExpired = { guard: 'isUnsigned', actions: ['stopClock', { type: 'tell', params: tellExpiry }] } as const
const onReceipt = {
  guard: { type: 'isNewReceipt', params: data },
  actions: { type: 'keepReceipt', params: data },
} as const

/** What was signed is kept from being mined, as far as that can be. What is not known as signed is another matter: it may be signed now. */
const onReceiptOfSigned = {
  guard: { type: 'isNewReceiptOfSigned', params: data },
  actions: [
    { type: 'keepReceipt', params: data },
    { type: 'tell', params: tellVoided },
  ],
} as const

/** The signer has signed for it, and it is on its way. */
const onAdopted = {
  target: 'paying',
  actions: [
    { type: 'request', params: data },
    { type: 'bind', params: data },
  ],
} as const
/** It had ended here without what somebody else on the same signer had signed for it. */
const onAdoptedAfterAll = { guard: { type: 'isNotOver', params: data }, ...onAdopted } as const

/** Its earlier transaction may be mined, so that no other may pay it. */
const onRevived = { target: 'held', actions: { type: 'rebind', params: data } } as const
/** It is bound to a later one: a person has to know that both may be mined. */
const onAnotherRevived = {
  guard: { type: 'isAnothers', params: data },
  actions: { type: 'unbury', params: data },
} as const

/** Version 1 did not know that an intent may name the memory of the signer that it is for. */
const fromVersion1: Migration = ({ value, context }) => ({ value, context: { ...context, memory: null } })

export const withdrawal = machine.createMachine({
  id: 'withdrawal',
  version: '2',
  meta: { migrations: [fromVersion1] },
  context: unborn<WithdrawalContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'withdrawal.requested': { target: 'requested', actions: { type: 'request', params: data } },
        'withdrawal.adopted': onAdopted,
      },
    },
    requested: {
      description: 'Asked for; nothing decided yet.',
      on: {
        'withdrawal.accepted': 'queued',
        'withdrawal.held': { target: 'held', actions: { type: 'explain', params: data } },
        'withdrawal.rejected': { target: 'rejected', actions: { type: 'explain', params: data } },
        'transfer.revived': onRevived,
      },
    },
    held: {
      description: 'Needs an authorisation, an approval, a limit to pass, or a person; bound to a transfer or not yet.',
      on: {
        'authorisation.added': {
          guard: { type: 'isNewKey', params: data },
          actions: [
            { type: 'authorise', params: data },
            { type: 'tell', params: tellAuthorised },
          ],
        },
        'withdrawal.accepted': { guard: 'isFree', target: 'queued', actions: 'clearReason' },
        'withdrawal.adopted': onAdopted,
        'withdrawal.voided': [...onVoided, onVoidedElsewhere, onReceipt],
        'transfer.held': {
          guard: { type: 'isOursAndNewReason', params: data },
          actions: { type: 'explain', params: data },
        },
        'transfer.signed': {
          guard: { type: 'isOurs', params: data },
          target: 'paying',
          actions: { type: 'sign', params: data },
        },
        'transfer.mined': {
          guard: { type: 'isOurs', params: data },
          target: 'paying',
          actions: { type: 'mine', params: data },
        },
        'transfer.dissolved': [
          { guard: { type: 'isOursAndVoided', params: data }, actions: 'unbindVoided' },
          onUnbound,
        ],
        'transfer.died': {
          guard: { type: 'isOurs', params: data },
          target: 'failed',
          actions: { type: 'bury', params: data },
        },
        'transfer.revived': [{ guard: 'isUnbound', actions: onRevived.actions }, onAnotherRevived],
        'time.passed': [{ guard: 'isFree', target: 'cancelled', actions: 'expire' }, onExpired],
      },
    },
    queued: {
      description: 'Waits for funds or for the batch window.',
      on: {
        'authorisation.added': {
          guard: { type: 'isNewKey', params: data },
          actions: { type: 'authorise', params: data },
        },
        'transfer.bound': { target: 'paying', actions: { type: 'bind', params: data } },
        'withdrawal.delayed': {
          guard: { type: 'isNewReason', params: data },
          actions: { type: 'explain', params: data },
        },
        'withdrawal.held': { target: 'held', actions: { type: 'explain', params: data } },
        'withdrawal.adopted': onAdopted,
        'withdrawal.voided': [...onVoided, { ...onVoidedElsewhere, target: 'held' }],
        'transfer.revived': onRevived,
        'time.passed': { target: 'cancelled', actions: 'expire' },
      },
    },
    paying: {
      description: 'Bound to a transfer, which is on its way.',
      on: {
        'authorisation.added': {
          guard: { type: 'isNewKey', params: data },
          actions: { type: 'authorise', params: data },
        },
        'withdrawal.adopted': {
          guard: { type: 'isNewRound', params: data },
          actions: [
            { type: 'request', params: data },
            { type: 'bind', params: data },
          ],
        },
        'transfer.signed': { guard: { type: 'isOurs', params: data }, actions: { type: 'sign', params: data } },
        'transfer.mined': { guard: { type: 'isOurs', params: data }, actions: { type: 'mine', params: data } },
        'transfer.unmined': { guard: { type: 'isOurs', params: data }, actions: 'unmine' },
        'transfer.held': {
          guard: { type: 'isOurs', params: data },
          target: 'held',
          actions: { type: 'explain', params: data },
        },
        'transfer.delayed': {
          guard: { type: 'isOursAndNewReason', params: data },
          actions: { type: 'explain', params: data },
        },
        'transfer.dissolved': onDissolved,
        'transfer.confirmed': { guard: { type: 'isOurs', params: data }, target: 'paid' },
        'transfer.died': {
          guard: { type: 'isOurs', params: data },
          target: 'failed',
          actions: { type: 'bury', params: data },
        },
        'transfer.revived': onAnotherRevived,
        'withdrawal.voided': [...onVoided, onReceiptOfSigned, onReceipt],
        'time.passed': onExpired,
      },
    },
    paid: {
      description: 'Its transaction is deep enough; a reorg may still take it back to paying.',
      on: {
        'transfer.unmined': { guard: { type: 'isOurs', params: data }, target: 'paying', actions: 'unmine' },
        'transfer.finalised': { guard: { type: 'isOurs', params: data }, target: 'final' },
        'transfer.revived': onAnotherRevived,
        'withdrawal.voided': onReceipt,
      },
    },
    failed: {
      description:
        'It will never be paid: nothing that was signed for it can be mined; may be asked for again with a higher round.',
      on: {
        'withdrawal.requested': {
          guard: { type: 'isNewRound', params: data },
          target: 'requested',
          actions: { type: 'request', params: data },
        },
        'withdrawal.adopted': { guard: { type: 'isNotEarlierRound', params: data }, ...onAdopted },
        'transfer.revived': onRevived,
        'withdrawal.voided': onReceipt,
      },
    },
    final: {
      description: 'Paid, beyond the deepest reorg we accept (end).',
      tags: ['ended'],
      on: { 'ending.revoked': 'paid' },
    },
    rejected: {
      description: "Cannot be valid; by the signer's receipt nothing was ever signed (end).",
      tags: ['ended'],
      on: { 'withdrawal.adopted': onAdoptedAfterAll },
    },
    cancelled: {
      description: "Expired, or withdrawn with the signer's receipt that nothing was ever signed for it (end).",
      tags: ['ended'],
      on: { 'withdrawal.adopted': onAdoptedAfterAll },
    },
  },
})
