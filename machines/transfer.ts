/**
 * One thing that the chain owes us: it pays one or many withdrawals, or moves our own coins. It reserves the spend keys
 * in the commit that plans it and keeps them until it is beyond any reorg or provably dead, so that nothing else can be
 * built on them meanwhile. It owes no task; its attempts do.
 */
import { assign, setup } from 'xstate'
import { actions, data, typesOf, unborn, type DataOf, type TransferPlan } from './messages.ts'
import {
  tellAdopted,
  adoptedKeys,
  allKeys,
  tellAttemptAdopted,
  failureOf,
  lostKeys,
  ownKeys,
  tellPlanned,
  plannedKeys,
  replacementKeys,
  tellReplacement,
  revivedKeys,
  tellAccount,
  tellAged,
  tellApproval,
  tellAttemptsDissolved,
  tellAttemptsFailed,
  tellAttemptsFinal,
  tellConfirmed,
  tellDeath,
  tellDelayed,
  tellDissolved,
  tellDue,
  tellExpiry,
  tellFailed,
  tellFailing,
  tellFinalised,
  tellHeld,
  tellKeyLost,
  tellMined,
  tellReleased,
  tellResumed,
  tellRevived,
  tellSigned,
  tellUnfailing,
  tellUnmined,
  tellUnused,
  type Hears,
  type TransferContext,
} from './transfer-telling.ts'
import { heightOf, shareFee, type Amount, type Migration } from './vocabulary.ts'

type Data<T extends string> = DataOf<'transfer', T>

const isDeep = ({ place }: TransferContext, height: number, depth: number) =>
  place !== null && height >= heightOf(place.height, depth)
/** Of one that was never signed, no block can ever hold anything. */
const isSigned = ({ signed }: TransferContext): boolean => signed.length > 0
const isNewDeath = ({ dead }: TransferContext, n: number) => !dead.includes(n)
const isLastDeath = (context: TransferContext, n: number) =>
  isNewDeath(context, n) && context.dead.length + 1 >= context.attempts
/** No attempt of it was ever signed, so that none ever is once the signer has voided it. */
const isUnsigned = ({ signed }: TransferContext) => signed.length === 0

const isUnknownAttempt = ({ attempts, signed }: TransferContext, n: number, transactionId: string) =>
  n > attempts || !signed.includes(transactionId)

/** When what is signed, and in no block, is to be replaced; null where the family or the configuration replaces nothing. */
const replacedAt = ({ replaceAfterMs }: Pick<TransferPlan, 'replaceAfterMs'>, at: number): number | null =>
  replaceAfterMs === null ? null : at + replaceAfterMs

/** So many times as long at most: what cannot be replaced now is looked at more and more seldom. */
const MAXIMUM_PATIENCE = 8

/** Of what has expired nothing is on its way: it is looked at sooner. */
const RENEWAL_MS = 5000

function triedAgainAt({ replaceAfterMs, failures, dead, attempts }: TransferContext, at: number): number | null {
  const patience = dead.length >= attempts ? RENEWAL_MS : replaceAfterMs
  return patience === null ? null : at + patience * Math.min(2 ** failures, MAXIMUM_PATIENCE)
}

/** The reservations are the ledger's, not the transfer's. */
const withoutReserves = ({ event }: Hears<'transfer.adopted'>) => {
  const { reserves: _, ...plan } = event.data
  return plan
}

/** The one of its transactions that counts now, and what each of its withdrawals bears of that one's fee. */
const known = ({ signed, withdrawals }: TransferContext, transactionId: string, fee: Amount) => ({
  transactionId,
  signed: [...new Set([...signed, transactionId])],
  fee,
  withdrawals: shareFee(
    fee,
    withdrawals.map(({ id }) => id),
  ),
})

const unplanned = { failures: 0, dueAt: null, dueHeight: null, askedRate: null, dead: [], signed: [] }

const union = <T>(before: readonly T[], more: readonly T[]): T[] => [...new Set([...before, ...more])]

const machine = setup({
  types: typesOf<'transfer', TransferContext>(),
  actions: {
    ...actions,
    plan: assign((_, { attempt: { n, spendKeys, fee }, ...plan }: Data<'transfer.planned'>) => ({
      ...unplanned,
      ...{ transactionId: null, place: null, reason: null },
      ...plan,
      ...{ attempts: n, spendKeys, fee },
    })),
    adopt: assign(({ context }, { n, spendKeys, held }: Data<'attempt.adopted'>) => ({
      attempts: Math.max(context.attempts, n),
      spendKeys: union(context.spendKeys, spendKeys),
      held: union(context.held, held),
    })),
    replace: assign(({ context }, { attempt, held }: Data<'replacement.planned'>) => ({
      attempts: attempt.n,
      spendKeys: union(context.spendKeys, attempt.spendKeys),
      held: union(context.held, held),
      failures: 0,
      reason: null,
    })),
    ask: assign((_, { feeRate }: Data<'replacement.requested'>) => ({ askedRate: feeRate, dueAt: null })),
    decline: assign(({ context, event }, { reason }: Data<'replacement.declined'>) => ({
      reason,
      failures: context.failures + 1,
      dueAt: triedAgainAt(context, event.at),
    })),
    /** Asked for again it is tried again. */
    forget: assign({ askedRate: null }),
    stopClock: assign({ dueAt: null }),
    sign: assign(({ context, event }, { transactionId, fee }: Data<'attempt.signed'>) => ({
      ...known(context, transactionId, fee),
      dueAt: replacedAt(context, event.at),
      reason: null,
    })),
    /** Another attempt is in a block: that one counts. */
    note: assign(({ context }, { transactionId }: Data<'attempt.signed'>) => ({
      signed: union(context.signed, [transactionId]),
    })),
    mine: assign(({ context }, { place, transactionId, fee, executed, ...rest }: Data<'attempt.mined'>) => ({
      ...known(context, transactionId, fee),
      place,
      reason: executed ? null : failureOf({ transactionId, ...rest }),
      dueAt: null,
      dueHeight: heightOf(place.height, executed ? context.credit : context.final),
    })),
    unmine: assign(({ context, event }) => ({
      place: null,
      dueAt: replacedAt(context, event.at),
      dueHeight: null,
      reason: null,
    })),
    awaitFinal: assign({
      dueHeight: ({ context }) => (context.place === null ? null : heightOf(context.place.height, context.final)),
    }),
    explain: assign((_, { reason }: { reason: string | null }) => ({ reason })),
    bury: assign(({ context }, { n }: { n: number }) => ({ dead: [...context.dead, n] })),
    unbury: assign(({ context }, { n }: { n: number }) => ({ dead: context.dead.filter(each => each !== n) })),
    restart: assign({ reason: null, place: null, dueHeight: null }),
  },
  guards: {
    isPaid: ({ context }, { height }: { height: number }) => isDeep(context, height, context.credit),
    isBeyondReorg: ({ context }, { height }: { height: number }) => isDeep(context, height, context.final),
    isNewDeath: ({ context }, { n }: { n: number }) => isNewDeath(context, n),
    isLastDeathAndNotGivenUp: ({ context }, { n, isGivenUp }: Data<'attempt.expired'>) =>
      isLastDeath(context, n) && !isGivenUp,
    isLastDeath: ({ context }, { n }: { n: number }) => isLastDeath(context, n),
    isLastDeathOfUnsigned: ({ context }, { n }: { n: number }) => isLastDeath(context, n) && isUnsigned(context),
    isUnsigned: ({ context }) => isUnsigned(context),
    isExecuted: (_, { executed }: Data<'attempt.mined'>) => executed,
    isSigned: ({ context }) => isSigned(context),
    isSignedAndReplaced: ({ context }) => isSigned(context) && context.replaceAfterMs !== null,
    isStrangers: ({ context }, { transaction }: Data<'key.lost'>) =>
      transaction === null || !context.signed.includes(transaction),
    isUnknownAttempt: ({ context }, { n, transactionId }: Data<'attempt.adopted'>) =>
      isUnknownAttempt(context, n, transactionId),
    isUnknownOfSigned: ({ context }, { n, transactionId }: Data<'attempt.adopted'>) =>
      isSigned(context) && context.place === null && isUnknownAttempt(context, n, transactionId),
    isNextAttempt: ({ context }, { attempt }: Data<'replacement.planned'>) => attempt.n === context.attempts + 1,
    isHigherRate: ({ context }, { feeRate }: Data<'replacement.requested'>) =>
      isSigned(context) && feeRate > (context.askedRate ?? 0),
    isNewReason: ({ context }, { reason }: { reason: string | null }) => context.reason !== reason,
    isNewlySigned: ({ context }, { transactionId }: Data<'attempt.signed'>) => !context.signed.includes(transactionId),
  },
})

const onLapsed = {
  target: 'dead',
  actions: [
    { type: 'explain', params: data },
    { type: 'release', params: allKeys },
    { type: 'tell', params: tellReleased },
    { type: 'tell', params: tellDeath },
  ],
} as const
const onDied = { target: 'dead', actions: [{ type: 'bury', params: data }, ...onLapsed.actions] } as const

/** Nothing of it was signed and nothing ever is: its withdrawals are planned anew, on other coins or the same. */
const onDissolved = {
  target: 'dead',
  actions: [
    { type: 'explain', params: data },
    { type: 'release', params: allKeys },
    { type: 'tell', params: tellReleased },
    { type: 'tell', params: tellAttemptsDissolved },
    { type: 'tell', params: tellDissolved },
    { type: 'tell', params: tellAccount },
  ],
} as const

/** Its block has left the chain. */
const onUnmined = {
  target: 'underway',
  actions: ['unmine', { type: 'tell', params: tellUnmined }],
} as const

/** The signer has signed it, and this ledger had lost it or had given it up unsigned. */
const onTransferAdopted = {
  target: 'underway',
  actions: [
    { type: 'plan', params: withoutReserves },
    { type: 'reserve', params: ownKeys },
    { type: 'tell', params: tellAdopted },
  ],
} as const

/** What the signer has signed and this ledger had lost: it may be mined, whichever of the others is in a block now. */
const onAdopted = {
  guard: { type: 'isUnknownAttempt', params: data },
  actions: [
    { type: 'adopt', params: data },
    { type: 'reserve', params: adoptedKeys },
    { type: 'tell', params: tellAttemptAdopted },
  ],
} as const

/** What an attempt in a block leaves to be heard of the others: a reorg may bring each of them in. */
const whileMined = {
  'attempt.adopted': onAdopted,
  'attempt.signed': {
    guard: { type: 'isNewlySigned', params: data },
    actions: { type: 'note', params: data },
  },
  'attempt.revived': { actions: { type: 'unbury', params: data } },
} as const

const onRequested = {
  guard: { type: 'isHigherRate', params: data },
  actions: [
    { type: 'ask', params: data },
    { type: 'tell', params: tellDue },
  ],
} as const

const declined = [
  { type: 'decline', params: data },
  { type: 'tell', params: tellDelayed },
] as const

/** Nothing of it is on its way: it is to be made again. */
const onExpired = {
  guard: { type: 'isLastDeathAndNotGivenUp', params: data },
  actions: [
    { type: 'bury', params: data },
    { type: 'explain', params: data },
    'stopClock',
    { type: 'tell', params: tellAged },
    { type: 'tell', params: tellDelayed },
    { type: 'tell', params: tellDue },
  ],
} as const

/** What came of a plan for it. */
const onPlanned = {
  'replacement.planned': {
    guard: { type: 'isNextAttempt', params: data },
    target: 'waiting',
    actions: [
      { type: 'replace', params: data },
      { type: 'reserve', params: replacementKeys },
      { type: 'tell', params: tellReplacement },
    ],
  },
  'replacement.declined': { target: 'waiting', actions: declined },
} as const

/** Version 1 knew no other thing than a coin that stands for a spend key. */
const fromVersion1: Migration = ({ value, context: { coins, ...context } }) => ({
  value,
  context: { ...context, held: coins! },
})

/** Version 2 replaced nothing by itself, and its transfers stay as they were planned: a person may have them replaced. */
const fromVersion2: Migration = ({ value, context }) => ({
  value: value === 'underway' ? 'underway.waiting' : value,
  context: { ...context, replaceAfterMs: null, askedRate: null },
})

export const transfer = machine.createMachine({
  id: 'transfer',
  version: '3',
  meta: { migrations: [fromVersion1, fromVersion2] },
  context: unborn<TransferContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'transfer.planned': {
          target: 'underway',
          actions: [
            { type: 'plan', params: data },
            { type: 'reserve', params: plannedKeys },
            { type: 'tell', params: tellPlanned },
          ],
        },
        'transfer.adopted': onTransferAdopted,
      },
    },
    underway: {
      description: 'Planned, signed or published; not in a block.',
      initial: 'waiting',
      states: {
        waiting: {
          description: 'Its latest attempt is to be mined; once that is signed, not for longer than configured.',
          on: {
            'time.passed': {
              guard: 'isSigned',
              target: 'due',
              actions: ['stopClock', { type: 'tell', params: tellDue }],
            },
            'replacement.requested': { ...onRequested, target: 'asked' },
            'attempt.expired': { ...onExpired, target: 'due' },
            'withdrawal.voided': {
              guard: 'isSignedAndReplaced',
              target: 'due',
              actions: ['stopClock', { type: 'tell', params: tellDue }],
            },
          },
        },
        due: {
          description:
            'Not mined for long, or expired: its account plans a further attempt, with a higher fee or for later blocks.',
          on: {
            'replacement.requested': { ...onRequested, target: 'asked' },
            'attempt.expired': onExpired,
            ...onPlanned,
          },
        },
        asked: {
          description: 'A person wants a higher fee rate: its account plans a further attempt.',
          on: {
            'replacement.requested': onRequested,
            'attempt.expired': { ...onExpired, target: 'due' },
            ...onPlanned,
            'replacement.declined': { target: 'waiting', actions: [...declined, 'forget'] },
          },
        },
      },
      on: {
        'attempt.adopted': onAdopted,
        'attempt.signed': {
          actions: [
            { type: 'sign', params: data },
            { type: 'tell', params: tellSigned },
          ],
        },
        'attempt.held': [
          {
            guard: 'isSigned',
            actions: [
              { type: 'explain', params: data },
              { type: 'tell', params: tellDelayed },
            ],
          },
          {
            actions: [
              { type: 'explain', params: data },
              { type: 'tell', params: tellHeld },
            ],
          },
        ],
        'attempt.delayed': {
          guard: { type: 'isNewReason', params: data },
          actions: [
            { type: 'explain', params: data },
            { type: 'tell', params: tellDelayed },
          ],
        },
        'attempt.voided': [
          { guard: { type: 'isLastDeathOfUnsigned', params: data }, ...onDissolved },
          { guard: { type: 'isLastDeath', params: data }, ...onDied },
          { guard: { type: 'isNewDeath', params: data }, actions: { type: 'bury', params: data } },
        ],
        'withdrawal.voided': { guard: 'isUnsigned', ...onDissolved },
        'transfer.displaced': [
          { guard: 'isUnsigned', ...onDissolved },
          { actions: { type: 'release', params: lostKeys } },
        ],
        'authorisation.added': { actions: { type: 'tell', params: tellApproval } },
        'withdrawal.expired': { actions: { type: 'tell', params: tellExpiry } },
        'attempt.mined': [
          {
            guard: { type: 'isExecuted', params: data },
            target: 'confirming',
            actions: [
              { type: 'mine', params: data },
              { type: 'tell', params: tellMined },
            ],
          },
          {
            target: 'failing',
            actions: [
              { type: 'mine', params: data },
              { type: 'tell', params: tellMined },
              { type: 'tell', params: tellFailing },
            ],
          },
        ],
        'key.lost': {
          guard: { type: 'isStrangers', params: data },
          actions: { type: 'tell', params: tellKeyLost },
        },
        'attempt.revived': {
          actions: [
            { type: 'unbury', params: data },
            { type: 'explain', params: data },
            { type: 'tell', params: tellRevived },
          ],
        },
        'attempt.expired': [
          {
            guard: { type: 'isLastDeath', params: data },
            target: 'dead',
            actions: [{ type: 'tell', params: tellAged }, ...onDied.actions],
          },
          {
            guard: { type: 'isNewDeath', params: data },
            actions: [
              { type: 'bury', params: data },
              { type: 'tell', params: tellAged },
            ],
          },
        ],
        'transfer.lapsed': onLapsed,
        'attempt.died': [
          { guard: { type: 'isLastDeath', params: data }, ...onDied },
          { guard: { type: 'isNewDeath', params: data }, actions: { type: 'bury', params: data } },
        ],
        'transfer.resumed': {
          actions: [
            { type: 'explain', params: data },
            { type: 'tell', params: tellResumed },
          ],
        },
      },
    },
    confirming: {
      description: 'In a block, not deep enough for its withdrawals to be paid.',
      on: {
        ...whileMined,
        'height.reached': {
          guard: { type: 'isPaid', params: data },
          target: 'confirmed',
          actions: ['awaitFinal', { type: 'tell', params: tellConfirmed }],
        },
        'attempt.unmined': onUnmined,
      },
    },
    confirmed: {
      description: 'Deep enough for its withdrawals to be paid; a reorg may still take it back.',
      on: {
        ...whileMined,
        'height.reached': {
          guard: { type: 'isBeyondReorg', params: data },
          target: 'final',
          actions: [
            { type: 'release', params: allKeys },
            { type: 'tell', params: tellUnused },
            { type: 'tell', params: tellFinalised },
            { type: 'tell', params: tellAttemptsFinal },
          ],
        },
        'attempt.unmined': onUnmined,
      },
    },
    failing: {
      description: 'In a block, where what it was to do failed; a reorg may still take that back.',
      on: {
        ...whileMined,
        'height.reached': {
          guard: { type: 'isBeyondReorg', params: data },
          target: 'dead',
          actions: [
            { type: 'release', params: allKeys },
            { type: 'tell', params: tellUnused },
            { type: 'tell', params: tellFailed },
            { type: 'tell', params: tellAttemptsFailed },
          ],
        },
        'attempt.unmined': {
          target: 'underway',
          actions: ['unmine', { type: 'tell', params: tellUnmined }, { type: 'tell', params: tellUnfailing }],
        },
      },
    },
    final: {
      description: 'Beyond the deepest reorg we accept (end).',
      tags: ['ended'],
      on: { 'ending.revoked': { target: 'confirmed', actions: { type: 'reserve', params: revivedKeys } } },
    },
    dead: {
      description:
        "It never pays: no attempt of it can ever be mined, proven by the chain or by the signer's void, or one failed in its block, finally (end).",
      tags: ['ended'],
      on: {
        'ending.revoked': {
          guard: 'isSigned',
          target: 'underway',
          actions: ['restart', { type: 'reserve', params: revivedKeys }],
        },
        'transfer.adopted': { guard: 'isUnsigned', ...onTransferAdopted },
        'attempt.adopted': {
          guard: { type: 'isUnknownOfSigned', params: data },
          target: 'underway',
          actions: ['restart', ...onAdopted.actions],
        },
      },
    },
  },
})
