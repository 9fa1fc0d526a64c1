/**
 * One thing that the chain owes us: it pays one or many withdrawals, or moves our own coins. It reserves the spend keys
 * in the commit that plans it and keeps them until it is beyond any reorg or provably dead, so that nothing else can be
 * built on them meanwhile. It owes no task; its attempts do.
 */
import { assign, setup } from 'xstate'
import { attemptId, type IdOf } from './ids.ts'
import {
  actions,
  data,
  tell,
  typesOf,
  unborn,
  type DataOf,
  type EventOf,
  type Message,
  type PaidShare,
  type TransferEvent,
  type TransferPlan,
} from './messages.ts'
import {
  heightOf,
  shareFee,
  type Amount,
  type Migration,
  type Place,
  type Scheduled,
  type SpendKey,
} from './vocabulary.ts'

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

interface Hears<T extends string> {
  context: TransferContext
  event: EventOf<'transfer', T>
}

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

const toHeld = ({ transfer, held }: Pick<TransferPlan, 'transfer' | 'held'>, at: number) =>
  held.map(id => tell(id, 'key.reserved', at, { holder: transfer }))

const toThose = ({ transfer, held, withdrawals }: TransferPlan, at: number) => [
  ...toHeld({ transfer, held }, at),
  ...withdrawals.map(({ id }) => tell(id, 'transfer.bound', at, { transfer })),
]

const planned = ({ event: { data: plan, at } }: Hears<'transfer.planned'>) => {
  const { attempt, transfer, chain, account } = plan
  const to = attemptId(transfer, attempt.n)
  return {
    messages: [...toThose(plan, at), tell(to, 'attempt.planned', at, { ...attempt, chain, transfer, account })],
  }
}

const adopted = ({ event: { data: plan, at } }: Hears<'transfer.adopted'>) => {
  const { attempt, transfer, chain, account } = plan
  const to = attemptId(transfer, attempt.n)
  return {
    messages: [...toThose(plan, at), tell(to, 'attempt.adopted', at, { ...attempt, chain, transfer, account })],
  }
}

const attemptAdopted = ({ context, event: { data: adoptee, at } }: Hears<'attempt.adopted'>) => {
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
const replacementPlanned = ({ context, event: { data: planned, at } }: Hears<'replacement.planned'>) => {
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

const failureOf = (transactionId: string): string =>
  `${transactionId} is in a block, where what it was to do failed: nothing of it can be paid once that is final`

const toWithdrawals = (
  { withdrawals }: Pick<TransferContext, 'withdrawals'>,
  message: (share: PaidShare) => Message<'withdrawal'>,
) => ({
  messages: withdrawals.map(message),
})
const tellSigned = ({ context: { transfer, ...context }, event: { at, data: signed } }: Hears<'attempt.signed'>) => {
  const { transactionId } = signed
  return toWithdrawals(context, ({ id, fee }) => tell(id, 'transfer.signed', at, { transfer, transactionId, fee }))
}
const tellHeld = ({ context: { transfer, ...context }, event: { at, data: held } }: Hears<'attempt.held'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.held', at, { transfer, reason: held.reason }))
/** Whoever waits knows why it takes longer; what holds up a later attempt holds up nobody, because an earlier one is on its way. */
const tellDelayed = ({
  context: { transfer, ...context },
  event: { at, data: delayed },
}: Hears<'attempt.delayed' | 'attempt.held' | 'attempt.expired' | 'replacement.declined'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.delayed', at, { transfer, reason: delayed.reason }))
const tellMined = ({ context: { transfer, ...context }, event: { at, data: mined } }: Hears<'attempt.mined'>) => {
  const { transactionId, place } = mined
  return toWithdrawals(context, ({ id, fee }) =>
    tell(id, 'transfer.mined', at, { transfer, transactionId, fee, place }),
  )
}
const tellUnmined = ({ context: { transfer, ...context }, event: { at } }: Hears<'attempt.unmined'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.unmined', at, { transfer }))
const tellConfirmed = ({ context: { transfer, ...context }, event: { at } }: Hears<'height.reached'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.confirmed', at, { transfer }))
const tellFinalised = ({ context: { transfer, ...context }, event: { at } }: Hears<'height.reached'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.finalised', at, { transfer }))
const tellDissolved = ({ context, event }: { context: TransferContext; event: TransferEvent }) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.dissolved', event.at, { transfer: context.transfer }))
/** It cannot do any more what it was to: whoever waits for it knows, though a reorg may still take it back. */
const tellFailing = ({ context: { transfer, ...context }, event: { at, data: mined } }: Hears<'attempt.mined'>) =>
  toWithdrawals(context, ({ id }) =>
    tell(id, 'transfer.delayed', at, { transfer, reason: failureOf(mined.transactionId) }),
  )
const tellUnfailing = ({ context: { transfer, ...context }, event: { at } }: Hears<'attempt.unmined'>) =>
  toWithdrawals(context, ({ id }) => tell(id, 'transfer.delayed', at, { transfer, reason: null }))
/** Its keys are spent, so no other attempt of it can be mined. */
const tellFailed = ({ context, event: { at } }: Hears<'height.reached'>) => {
  const { transfer, transactionId, signed } = context
  const reason = failureOf(transactionId!)
  return toWithdrawals(context, ({ id }) => tell(id, 'transfer.died', at, { transfer, reason, signed }))
}
const tellDeath = ({
  context,
  event,
}: Hears<'attempt.voided' | 'attempt.died' | 'attempt.expired' | 'transfer.lapsed'>) => {
  const { transfer, signed } = context
  const { reason } = event.data
  return toWithdrawals(context, ({ id }) => tell(id, 'transfer.died', event.at, { transfer, reason, signed }))
}

const tellRevived = ({ context, event: { at, data } }: Hears<'attempt.revived'>) => {
  const { transactionId, reason } = data
  return toWithdrawals(context, ({ id, fee }) =>
    tell(id, 'transfer.revived', at, { transfer: context.transfer, transactionId, fee, reason }),
  )
}

const toAttempts = (context: TransferContext, message: (id: IdOf<'attempt'>) => Message<'attempt'>) => ({
  messages: Array.from({ length: context.attempts }, (_, i) => message(attemptId(context.transfer, i + 1))),
})
const tellKeyLost = ({ context, event: { at, data: lost } }: Hears<'key.lost'>) =>
  toAttempts(context, id => tell(id, 'key.lost', at, lost))
const tellResumed = ({ context, event: { at, data: resumed } }: Hears<'transfer.resumed'>) =>
  toAttempts(context, id => tell(id, 'transfer.resumed', at, resumed))
const tellAttemptsFinal = ({ context, event: { at, data: reached } }: Hears<'height.reached'>) =>
  toAttempts(context, id => tell(id, 'transfer.finalised', at, reached))
const tellAttemptsFailed = ({ context, event: { at, data: reached } }: Hears<'height.reached'>) =>
  toAttempts(context, id => tell(id, 'transfer.failed', at, reached))
const tellAged = ({
  context: { transfer },
  event: {
    at,
    data: { n, height },
  },
}: Hears<'attempt.expired'>) => ({
  messages: [tell(attemptId(transfer, n), 'transfer.failed', at, { height })],
})
const tellApproval = ({ context, event }: Hears<'authorisation.added'>) =>
  toAttempts(context, id => tell(id, 'approval.added', event.at, {}))
const tellExpiry = ({ context, event }: Hears<'withdrawal.expired'>) =>
  toAttempts(context, id => tell(id, 'withdrawal.expired', event.at, {}))
const tellAttemptsDissolved = ({ context, event }: { context: TransferContext; event: TransferEvent }) =>
  toAttempts(context, id => tell(id, 'transfer.dissolved', event.at, {}))

const tellReleased = ({
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
const tellUnused = ({ context, event }: Hears<'height.reached'>) => {
  const { transfer: holder, held } = context
  const { height } = event.data
  return { messages: held.map(id => tell(id, 'key.unused', event.at, { holder, height })) }
}

/** The account that spends plans the replacement, as it plans everything. */
const tellDue = ({ context, event }: { context: TransferContext; event: TransferEvent }) => ({
  messages: [tell(context.account, 'upkeep.needed', event.at, {})],
})

/** Money is free again, and withdrawals may be waiting anew. */
const tellAccount = ({ context, event }: { context: TransferContext; event: TransferEvent }) => ({
  messages: [tell(context.account, 'withdrawal.queued', event.at, {})],
})

const plannedKeys = ({ event }: Hears<'transfer.planned'>) => ({ keys: event.data.attempt.spendKeys })
/** A key that was signed for twice belongs to the later transfer. */
const ownKeys = ({ event }: Hears<'transfer.adopted'>) => ({ keys: event.data.reserves })
const lostKeys = ({ event }: Hears<'transfer.displaced'>) => ({ keys: event.data.keys })
const replacementKeys = ({ event }: Hears<'replacement.planned'>) => ({ keys: event.data.attempt.spendKeys })
const adoptedKeys = ({ event }: Hears<'attempt.adopted'>) => ({ keys: event.data.reserves })
const revivedKeys = ({ event }: Hears<'ending.revoked'>) => ({ keys: event.data.reserves })
const allKeys = ({ context }: { context: TransferContext }) => ({ keys: context.spendKeys })

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
    mine: assign(({ context }, { place, transactionId, fee, executed }: Data<'attempt.mined'>) => ({
      ...known(context, transactionId, fee),
      place,
      reason: executed ? null : failureOf(transactionId),
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
    isStrangers: ({ context }, { transaction }: Data<'key.lost'>) =>
      transaction === null || !context.signed.includes(transaction),
    isUnknownAttempt: ({ context }, { n, transactionId }: Data<'attempt.adopted'>) =>
      n > context.attempts || !context.signed.includes(transactionId),
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

/** What the signer has signed and this ledger had lost: it may be mined, whichever of the others is in a block now. */
const onAdopted = {
  guard: { type: 'isUnknownAttempt', params: data },
  actions: [
    { type: 'adopt', params: data },
    { type: 'reserve', params: adoptedKeys },
    { type: 'tell', params: attemptAdopted },
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
      { type: 'tell', params: replacementPlanned },
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
            { type: 'tell', params: planned },
          ],
        },
        'transfer.adopted': {
          target: 'underway',
          actions: [
            { type: 'plan', params: withoutReserves },
            { type: 'reserve', params: ownKeys },
            { type: 'tell', params: adopted },
          ],
        },
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
      },
    },
  },
})
