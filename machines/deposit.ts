/**
 * One payment to one of our addresses. The danger is crediting what does not last, or twice, or not at all: it is
 * offered only deep in the chain, under an id that is a fact of the chain, and it is taken back loudly when its block
 * leaves. A small or doubtful payment is never silently lost: it has a state of its own.
 */
import { and, assign, setup } from 'xstate'
import { actions, heightOf, isSamePlace } from './vocabulary.ts'
import type { Amount, BlockDisconnected, Event, HeightReached, Place, Scheduled, SpendKey } from './vocabulary.ts'

export interface DepositFacts {
  chain: string
  asset: string
  address: string
  dataField: string | null
  index: number
  reference: string | null
  amount: Amount
  transactionId: string
  outputIndex: number
  /** What the paying transaction spends: a spend of one of these by another is a conflict. */
  inputs: SpendKey[]
  /** Confirmations to be offered. */
  required: number
  /** Confirmations that no accepted reorg undoes. */
  final: number
}

export interface DepositContext extends Scheduled, DepositFacts {
  place: Place | null
  /** The place of a transaction that spends the same inputs. */
  conflict: Place | null
  reason: string | null
}

export type DepositEvent =
  | Event<'payment.seen', DepositFacts & { place: Place | null; doubt: string | null; isTooSmall: boolean }>
  | Event<'payment.conflicted', { transaction: string; place: Place }>
  | Event<'credit.acknowledged', Record<string, never>>
  | Event<'decision.made', { accept: boolean; reference: string | null; reason: string; height: number }>
  | Event<'address.assigned', { reference: string }>
  | HeightReached
  | BlockDisconnected

type PaymentSeen = Extract<DepositEvent, { type: 'payment.seen' }>

const placed = (context: DepositContext, place: Place | null) => ({
  place,
  conflict: null,
  dueHeight: place === null ? null : heightOf(place.height, context.required),
})

export const deposit = setup({
  types: { context: {} as DepositContext, events: {} as DepositEvent },
  actions: {
    ...actions,
    see: assign(({ event }) => {
      const { place, doubt, isTooSmall, ...facts } = (event as PaymentSeen).data
      const reason = doubt ?? (isTooSmall ? 'below the minimum deposit' : null)
      const depth = isTooSmall ? facts.final : facts.required
      const dueHeight = place === null ? null : heightOf(place.height, depth)
      return { ...facts, failures: 0, dueAt: null, dueHeight, place, conflict: null, reason }
    }),
    place: assign(({ context, event }) => placed(context, (event as PaymentSeen).data.place)),
    placeToFinal: assign(({ context, event }) => {
      const { place } = (event as PaymentSeen).data
      return { place, dueHeight: place === null ? null : heightOf(place.height, context.final) }
    }),
    unplace: assign({ place: null, dueHeight: null }),
    conflict: assign(({ context, event }) => {
      const { place, transaction } = (event as Extract<DepositEvent, { type: 'payment.conflicted' }>).data
      return {
        conflict: place,
        dueHeight: heightOf(place.height, context.final),
        reason: `its inputs were spent by ${transaction}`,
      }
    }),
    unconflict: assign({ conflict: null, dueHeight: null, reason: null }),
    awaitFinal: assign({
      dueHeight: ({ context }) => (context.place === null ? null : heightOf(context.place.height, context.final)),
    }),
    rest: assign({ dueHeight: null }),
    clearReason: assign({ reason: null }),
    explainReversal: assign({
      place: null,
      dueHeight: null,
      reason: ({ event }) => `block ${(event as BlockDisconnected).data.hash} left the chain`,
    }),
    decide: assign(({ context, event }) => {
      const { reference, reason } = (event as Extract<DepositEvent, { type: 'decision.made' }>).data
      const dueHeight = context.place === null ? null : heightOf(context.place.height, context.required)
      return { reference: reference ?? context.reference, reason, dueHeight }
    }),
    attribute: assign({
      reference: ({ event }) => (event as Extract<DepositEvent, { type: 'address.assigned' }>).data.reference,
    }),
  },
  guards: {
    isDoubtful: ({ event }) => (event as PaymentSeen).data.doubt !== null,
    isTooSmall: ({ event }) => (event as PaymentSeen).data.isTooSmall,
    isInBlock: ({ event }) => (event as PaymentSeen).data.place !== null,
    isCreditable: ({ context, event }) =>
      context.place !== null &&
      (event as HeightReached).data.height >= heightOf(context.place.height, context.required),
    isBeyondReorg: ({ context, event }) =>
      context.place !== null && (event as HeightReached).data.height >= heightOf(context.place.height, context.final),
    isConflictFinal: ({ context, event }) =>
      context.conflict !== null &&
      (event as HeightReached).data.height >= heightOf(context.conflict.height, context.final),
    isItsBlock: ({ context, event }) => isSamePlace(context.place, (event as BlockDisconnected).data),
    isConflictsBlock: ({ context, event }) => isSamePlace(context.conflict, (event as BlockDisconnected).data),
    isAccepted: ({ event }) => (event as Extract<DepositEvent, { type: 'decision.made' }>).data.accept,
    hasPlace: ({ context }) => context.place !== null,
    isUnattributed: ({ context }) => context.reference === null,
  },
}).createMachine({
  id: 'deposit',
  version: '1',
  context: {} as DepositContext,
  initial: 'absent',
  on: { 'address.assigned': { guard: 'isUnattributed', actions: 'attribute' } },
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'address.assigned': {},
        'payment.seen': [
          { guard: 'isDoubtful', target: 'quarantined', actions: 'see' },
          { guard: and(['isTooSmall', 'isInBlock']), target: 'ignored', actions: 'see' },
          { guard: 'isTooSmall' },
          { guard: 'isInBlock', target: 'confirming', actions: 'see' },
          { target: 'detected', actions: 'see' },
        ],
      },
    },
    detected: {
      description: 'Seen unconfirmed; never creditable.',
      on: {
        'payment.seen': { guard: 'isInBlock', target: 'confirming', actions: ['place', 'clearReason'] },
        'payment.conflicted': { actions: 'conflict' },
        'height.reached': { guard: 'isConflictFinal', target: 'dropped' },
        'block.disconnected': { guard: 'isConflictsBlock', actions: 'unconflict' },
      },
    },
    confirming: {
      description: 'In a block, not deep enough.',
      on: {
        'height.reached': { guard: 'isCreditable', target: 'confirmed', actions: 'rest' },
        'block.disconnected': { guard: 'isItsBlock', target: 'detected', actions: 'unplace' },
      },
    },
    confirmed: {
      description: 'Deep enough on the canonical chain; offered to the backend.',
      on: {
        'credit.acknowledged': { target: 'credited', actions: 'awaitFinal' },
        'block.disconnected': { guard: 'isItsBlock', target: 'reversed', actions: 'explainReversal' },
      },
    },
    credited: {
      description: 'The backend has acknowledged it.',
      on: {
        'height.reached': { guard: 'isBeyondReorg', target: 'final' },
        'block.disconnected': { guard: 'isItsBlock', target: 'reversed', actions: 'explainReversal' },
      },
    },
    reversed: {
      description: 'Was offered or credited and its block left the chain: undo the credit.',
      on: {
        'payment.seen': { guard: 'isInBlock', target: 'confirming', actions: ['place', 'clearReason'] },
        'payment.conflicted': { actions: 'conflict' },
        'height.reached': { guard: 'isConflictFinal', target: 'lost' },
        'block.disconnected': { guard: 'isConflictsBlock', actions: 'unconflict' },
      },
    },
    quarantined: {
      description: 'Arrived but not attributable or not trusted; a person decides.',
      on: {
        'payment.seen': { guard: 'isInBlock', actions: 'place' },
        'block.disconnected': { guard: 'isItsBlock', actions: 'unplace' },
        'decision.made': [
          { guard: and(['isAccepted', 'hasPlace']), target: 'confirming', actions: 'decide' },
          { guard: 'isAccepted', target: 'detected', actions: 'decide' },
          { target: 'ignored', actions: ['decide', 'awaitFinal'] },
        ],
      },
    },
    ignored: {
      description: 'Below the configured minimum, or turned down by a person; never offered.',
      initial: 'recent',
      states: {
        recent: {
          description: 'Its block may still leave the chain.',
          on: {
            'payment.seen': { guard: 'isInBlock', actions: 'placeToFinal' },
            'block.disconnected': { guard: 'isItsBlock', actions: 'unplace' },
            'height.reached': { guard: 'isBeyondReorg', target: 'settled' },
          },
        },
        settled: { description: 'Beyond the deepest reorg we accept (end).', tags: ['ended'] },
      },
    },
    final: { description: 'Credited, and beyond the deepest reorg we accept (end).', type: 'final' },
    dropped: { description: 'A conflicting transaction is final; it never counted (end).', type: 'final' },
    lost: {
      description: 'Had been offered, and a conflicting transaction is final: the backend must know (end).',
      type: 'final',
    },
  },
})
