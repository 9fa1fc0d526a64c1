/**
 * One payment to one of our addresses. The danger is crediting what does not last, or twice, or not at all: it is
 * offered only deep in the chain, under an id that is a fact of the chain, and it is taken back loudly when its block
 * leaves. A small or doubtful payment is never silently lost: it has a state of its own.
 */
import { assign, setup } from 'xstate'
import { actions, data, typesOf, unborn, type DataOf, type DepositFacts } from './messages.ts'
import { heightOf, isSamePlace, type Place, type Scheduled } from './vocabulary.ts'

export interface DepositContext extends Scheduled, DepositFacts {
  place: Place | null
  /** The place of a transaction that spends the same inputs. */
  conflict: Place | null
  reason: string | null
}

type Data<T extends string> = DataOf<'deposit', T>

/** Why a payment to an address that was given to nobody waits: it goes on when somebody has it. */
export const UNASSIGNED = 'its address was given to nobody yet'

const heightIn = (place: Place | null, depth: number) => (place === null ? null : heightOf(place.height, depth))

/** What wakes it on its way to be offered, or to be dropped. */
const wakeOf = ({ place, conflict, required, final }: DepositContext) =>
  heightIn(place, required) ?? heightIn(conflict, final)

const isDeep = (place: Place | null, height: number, depth: number) =>
  place !== null && height >= heightOf(place.height, depth)

export const deposit = setup({
  types: typesOf<'deposit', DepositContext>(),
  actions: {
    ...actions,
    see: assign((_, { place, doubt, isTooSmall, ...facts }: Data<'payment.seen'>) => {
      const reason = doubt ?? (isTooSmall ? 'below the minimum deposit' : null)
      const dueHeight = heightIn(place, isTooSmall ? facts.final : facts.required)
      return { ...facts, failures: 0, dueAt: null, dueHeight, place, conflict: null, reason }
    }),
    place: assign(({ context }, { place }: Data<'payment.seen'>) => ({
      place,
      conflict: null,
      dueHeight: heightIn(place, context.required),
    })),
    placeToFinal: assign(({ context }, { place }: Data<'payment.seen'>) => ({
      place,
      dueHeight: heightIn(place, context.final),
    })),
    unplace: assign({ place: null, dueHeight: null }),
    conflict: assign(({ context }, { place, transaction }: Data<'payment.conflicted'>) => ({
      conflict: place,
      dueHeight: heightOf(place.height, context.final),
      reason: `its inputs were spent by ${transaction}`,
    })),
    // Nothing follows from it as long as a person has not decided, and the reason stays that of the quarantine.
    rememberConflict: assign((_, { place }: Data<'payment.conflicted'>) => ({ conflict: place })),
    forgetConflict: assign({ conflict: null }),
    unconflict: assign({ conflict: null, dueHeight: null, reason: null }),
    awaitFinal: assign({ dueHeight: ({ context }) => heightIn(context.place, context.final) }),
    rest: assign({ dueHeight: null }),
    clearReason: assign({ reason: null }),
    explainReversal: assign((_, { hash }: Place) => ({
      place: null,
      dueHeight: null,
      reason: `block ${hash} left the chain`,
    })),
    decide: assign(({ context }, { reference, reason }: Data<'decision.made'>) => ({
      reference: reference ?? context.reference,
      reason,
      dueHeight: wakeOf(context),
    })),
    attribute: assign((_, { reference }: Data<'address.assigned'>) => ({ reference })),
    admit: assign(({ context }, { reference }: Data<'address.assigned'>) => ({
      reference,
      reason: null,
      dueHeight: wakeOf(context),
    })),
  },
  guards: {
    isDoubtful: (_, { doubt }: Data<'payment.seen'>) => doubt !== null,
    isTooSmall: (_, { isTooSmall }: Data<'payment.seen'>) => isTooSmall,
    isTooSmallAndInBlock: (_, { isTooSmall, place }: Data<'payment.seen'>) => isTooSmall && place !== null,
    isUnplaced: ({ context }) => context.place === null,
    isInBlock: (_, { place }: Data<'payment.seen'>) => place !== null,
    isCreditable: ({ context }, { height }: { height: number }) => isDeep(context.place, height, context.required),
    isBeyondReorg: ({ context }, { height }: { height: number }) => isDeep(context.place, height, context.final),
    isConflictFinal: ({ context }, { height }: { height: number }) => isDeep(context.conflict, height, context.final),
    isItsBlock: ({ context }, block: Place) => isSamePlace(context.place, block),
    isConflictsBlock: ({ context }, block: Place) => isSamePlace(context.conflict, block),
    isAccepted: (_, { accept }: Data<'decision.made'>) => accept,
    isAcceptedAndPlaced: ({ context }, { accept }: Data<'decision.made'>) => accept && context.place !== null,
    isUnattributed: ({ context }) => context.reference === null,
    isUnassigned: ({ context }) => context.reference === null && context.reason === UNASSIGNED,
    isUnassignedAndPlaced: ({ context }) =>
      context.reference === null && context.reason === UNASSIGNED && context.place !== null,
  },
}).createMachine({
  id: 'deposit',
  version: '1',
  context: unborn<DepositContext>(),
  initial: 'absent',
  on: { 'address.assigned': { guard: 'isUnattributed', actions: { type: 'attribute', params: data } } },
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'address.assigned': {},
        'payment.seen': [
          {
            guard: { type: 'isDoubtful', params: data },
            target: 'quarantined',
            actions: { type: 'see', params: data },
          },
          {
            guard: { type: 'isTooSmallAndInBlock', params: data },
            target: 'ignored',
            actions: { type: 'see', params: data },
          },
          { guard: { type: 'isTooSmall', params: data } },
          { guard: { type: 'isInBlock', params: data }, target: 'confirming', actions: { type: 'see', params: data } },
          { target: 'detected', actions: { type: 'see', params: data } },
        ],
      },
    },
    detected: {
      description: 'Seen unconfirmed; never creditable.',
      on: {
        'payment.seen': {
          guard: { type: 'isInBlock', params: data },
          target: 'confirming',
          actions: [{ type: 'place', params: data }, 'clearReason'],
        },
        'payment.conflicted': { actions: { type: 'conflict', params: data } },
        'height.reached': { guard: { type: 'isConflictFinal', params: data }, target: 'dropped' },
        'block.disconnected': { guard: { type: 'isConflictsBlock', params: data }, actions: 'unconflict' },
      },
    },
    confirming: {
      description: 'In a block, not deep enough.',
      on: {
        'height.reached': { guard: { type: 'isCreditable', params: data }, target: 'confirmed', actions: 'rest' },
        'block.disconnected': { guard: { type: 'isItsBlock', params: data }, target: 'detected', actions: 'unplace' },
      },
    },
    confirmed: {
      description: 'Deep enough on the canonical chain; offered to the backend.',
      on: {
        'credit.acknowledged': { target: 'credited', actions: 'awaitFinal' },
        'block.disconnected': {
          guard: { type: 'isItsBlock', params: data },
          target: 'reversed',
          actions: { type: 'explainReversal', params: data },
        },
      },
    },
    credited: {
      description: 'The backend has acknowledged it.',
      on: {
        'height.reached': { guard: { type: 'isBeyondReorg', params: data }, target: 'final' },
        'block.disconnected': {
          guard: { type: 'isItsBlock', params: data },
          target: 'reversed',
          actions: { type: 'explainReversal', params: data },
        },
      },
    },
    reversed: {
      description: 'Was offered or credited and its block left the chain: undo the credit.',
      on: {
        'payment.seen': {
          guard: { type: 'isInBlock', params: data },
          target: 'confirming',
          actions: [{ type: 'place', params: data }, 'clearReason'],
        },
        'payment.conflicted': { actions: { type: 'conflict', params: data } },
        'height.reached': { guard: { type: 'isConflictFinal', params: data }, target: 'lost' },
        'block.disconnected': { guard: { type: 'isConflictsBlock', params: data }, actions: 'unconflict' },
      },
    },
    quarantined: {
      description: 'Arrived but not attributable or not trusted; a person decides.',
      on: {
        'payment.seen': { guard: { type: 'isInBlock', params: data }, actions: { type: 'place', params: data } },
        'payment.conflicted': { guard: 'isUnplaced', actions: { type: 'rememberConflict', params: data } },
        'block.disconnected': [
          { guard: { type: 'isItsBlock', params: data }, actions: 'unplace' },
          { guard: { type: 'isConflictsBlock', params: data }, actions: 'forgetConflict' },
        ],
        'address.assigned': [
          { guard: 'isUnassignedAndPlaced', target: 'confirming', actions: { type: 'admit', params: data } },
          { guard: 'isUnassigned', target: 'detected', actions: { type: 'admit', params: data } },
          { guard: 'isUnattributed', actions: { type: 'attribute', params: data } },
        ],
        'decision.made': [
          {
            guard: { type: 'isAcceptedAndPlaced', params: data },
            target: 'confirming',
            actions: { type: 'decide', params: data },
          },
          {
            guard: { type: 'isAccepted', params: data },
            target: 'detected',
            actions: { type: 'decide', params: data },
          },
          { target: 'ignored', actions: [{ type: 'decide', params: data }, 'awaitFinal'] },
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
            'payment.seen': {
              guard: { type: 'isInBlock', params: data },
              actions: { type: 'placeToFinal', params: data },
            },
            'block.disconnected': { guard: { type: 'isItsBlock', params: data }, actions: 'unplace' },
            'height.reached': { guard: { type: 'isBeyondReorg', params: data }, target: 'settled' },
          },
        },
        settled: {
          description: 'Beyond the deepest reorg we accept (end).',
          tags: ['ended'],
          on: { 'ending.revoked': 'recent' },
        },
      },
    },
    final: {
      description: 'Credited, and beyond the deepest reorg we accept (end).',
      tags: ['ended'],
      on: { 'address.assigned': {}, 'ending.revoked': 'credited' },
    },
    dropped: {
      description: 'A conflicting transaction is final; it never counted (end).',
      tags: ['ended'],
      on: { 'address.assigned': {}, 'ending.revoked': 'detected' },
    },
    lost: {
      description: 'Had been offered, and a conflicting transaction is final: the backend must know (end).',
      tags: ['ended'],
      on: { 'address.assigned': {}, 'ending.revoked': 'reversed' },
    },
  },
})
