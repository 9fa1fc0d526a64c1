/**
 * One thing that the chain owes us: it pays one or many withdrawals, or moves our own coins. It reserves the spend keys
 * in the commit that plans it and keeps them until it is beyond any reorg or provably dead, so that nothing else can be
 * built on them meanwhile. It owes no task; its attempts do.
 */
import { and, assign, setup } from 'xstate'
import { actions, heightOf } from './vocabulary.ts'
import type {
  Addressed,
  Amount,
  Event,
  HeightReached,
  Id,
  Json,
  Place,
  Purpose,
  Scheduled,
  SpendKey,
} from './vocabulary.ts'

export interface PaidShare {
  id: Id
  /** Its share of the fee; the shares add up to the fee. */
  fee: Amount
}

export interface PlannedAttempt {
  n: number
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
}

/** What the signer has signed and this ledger had lost. */
export interface AdoptedAttempt extends PlannedAttempt {
  transactionId: string
  raw: string
}

export interface TransferPlan {
  chain: string
  /** The transfer's own id. */
  transfer: Id
  purpose: Purpose
  account: Id
  withdrawals: PaidShare[]
  coins: Id[]
  /** Confirmations to be paid. */
  credit: number
  /** Confirmations that no accepted reorg undoes. */
  final: number
}

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
  reason: string | null
}

export type TransferEvent =
  | Event<'transfer.planned', TransferPlan & { attempt: PlannedAttempt }>
  | Event<'transfer.adopted', TransferPlan & { attempt: AdoptedAttempt; reserves: SpendKey[] }>
  | Event<'transfer.displaced', { keys: SpendKey[]; reason: string; height: number }>
  | Event<'attempt.adopted', AdoptedAttempt>
  | Event<'attempt.signed', { n: number; transactionId: string }>
  | Event<'attempt.held', { n: number; reason: string }>
  | Event<'attempt.voided', { n: number; reason: string; height: number }>
  | Event<'attempt.mined', { n: number; place: Place; transactionId: string; fee: Amount }>
  | Event<'attempt.unmined', { n: number }>
  | Event<'attempt.died', { n: number; reason: string; height: number }>
  | Event<'coin.lost', { key: SpendKey; height: number }>
  | Event<'transfer.resumed', { reason: string }>
  | Event<'authorisation.added', object>
  | Event<'withdrawal.expired', object>
  | Event<'withdrawal.voided', { reason: string; height: number }>
  | HeightReached

interface Args {
  context: TransferContext
  event: TransferEvent
}

/** The attempts of `transfer/<hash>` are `attempt/<hash>:<n>`. */
export const attemptId = (transfer: Id, n: number): Id => `attempt/${transfer.slice(transfer.indexOf('/') + 1)}:${n}`

const message = (to: Id, type: string, at: number, data: object): Addressed => ({ to, event: { type, at, data } })

function planned({ event }: Args): { messages: Addressed[] } {
  const { data, at, type } = event as Extract<TransferEvent, { type: 'transfer.planned' | 'transfer.adopted' }>
  const { attempt, transfer, chain } = data
  const verb = type === 'transfer.planned' ? 'attempt.planned' : 'attempt.adopted'
  return {
    messages: [
      ...data.coins.map(id => message(id, 'coin.reserved', at, { holder: transfer })),
      ...data.withdrawals.map(({ id }) => message(id, 'transfer.bound', at, { transfer })),
      message(attemptId(transfer, attempt.n), verb, at, { ...attempt, chain, transfer, account: data.account }),
    ],
  }
}

function adopted({ context, event }: Args): { messages: Addressed[] } {
  const { data, at } = event as Extract<TransferEvent, { type: 'attempt.adopted' }>
  const { transfer, chain, account } = context
  return {
    messages: [message(attemptId(transfer, data.n), 'attempt.adopted', at, { ...data, chain, transfer, account })],
  }
}

const tellWithdrawals =
  (type: string) =>
  ({ context, event }: Args): { messages: Addressed[] } => {
    const { transfer } = context
    const data = event.data
    return {
      messages: context.withdrawals.map(({ id, fee }) => message(id, type, event.at, { ...data, fee, transfer })),
    }
  }

const tellAttempts =
  (type: string) =>
  ({ context, event }: Args): { messages: Addressed[] } => ({
    messages: Array.from({ length: context.attempts }, (_, i) =>
      message(attemptId(context.transfer, i + 1), type, event.at, event.data),
    ),
  })

const tellAttemptsAs =
  (type: string) =>
  (args: Args): { messages: Addressed[] } => ({
    messages: tellAttempts(type)(args).messages.map(({ to, event: { at } }) => message(to, type, at, {})),
  })

const tellCoins = ({ context, event }: Args): { messages: Addressed[] } => {
  const { height } = event.data as { height: number }
  return {
    messages: context.coins.map(id => message(id, 'coin.released', event.at, { holder: context.transfer, height })),
  }
}

/** Coins are free again, and withdrawals may be waiting anew. */
const tellAccount = ({ context, event }: Args): { messages: Addressed[] } => ({
  messages: [message(context.account, 'withdrawal.queued', event.at, {})],
})

const tellDissolved = ({ context, event }: Args): { messages: Addressed[] } => {
  const data = { transfer: context.transfer }
  return { messages: context.withdrawals.map(({ id }) => message(id, 'transfer.dissolved', event.at, data)) }
}

const tellDeath = ({ context, event }: Args): { messages: Addressed[] } => {
  const { transfer, signed } = context
  const { reason } = event.data as { reason: string }
  return {
    messages: context.withdrawals.map(({ id }) => message(id, 'transfer.died', event.at, { transfer, reason, signed })),
  }
}

const newKeys = ({ event }: Args) => ({ keys: (event.data as { attempt: PlannedAttempt }).attempt.spendKeys })
/** A coin that was signed for twice belongs to the later transfer. */
const ownKeys = ({ event }: Args) => ({
  keys: (event as Extract<TransferEvent, { type: 'transfer.adopted' }>).data.reserves,
})
const lostKeys = ({ event }: Args) => ({
  keys: (event as Extract<TransferEvent, { type: 'transfer.displaced' }>).data.keys,
})
const adoptedKeys = ({ event }: Args) => ({ keys: (event.data as AdoptedAttempt).spendKeys })
const allKeys = ({ context }: Args) => ({ keys: context.spendKeys })

const machine = setup({
  types: { context: {} as TransferContext, events: {} as TransferEvent },
  actions: {
    ...actions,
    plan: assign(({ event }) => {
      const { attempt, ...data } = (event as Extract<TransferEvent, { type: 'transfer.planned' }>).data
      const { reserves: _, ...plan } = data as TransferPlan & { reserves?: SpendKey[] }
      const { spendKeys, fee, n } = attempt
      const blank = {
        failures: 0,
        dueAt: null,
        dueHeight: null,
        dead: [],
        signed: [],
        transactionId: null,
        place: null,
        reason: null,
      }
      return { ...blank, ...plan, attempts: n, spendKeys, fee }
    }),
    adopt: assign(({ context, event }) => {
      const { n, spendKeys } = (event as Extract<TransferEvent, { type: 'attempt.adopted' }>).data
      const keys = [...new Set([...context.spendKeys, ...spendKeys])]
      return { attempts: Math.max(context.attempts, n), spendKeys: keys }
    }),
    sign: assign(({ context, event }) => {
      const { transactionId } = (event as Extract<TransferEvent, { type: 'attempt.signed' }>).data
      return { transactionId, signed: [...new Set([...context.signed, transactionId])], reason: null }
    }),
    mine: assign(({ context, event }) => {
      const { place, transactionId, fee } = (event as Extract<TransferEvent, { type: 'attempt.mined' }>).data
      const signed = [...new Set([...context.signed, transactionId])]
      return { place, transactionId, signed, fee, reason: null, dueHeight: heightOf(place.height, context.credit) }
    }),
    unmine: assign({ place: null, dueHeight: null }),
    awaitFinal: assign({
      dueHeight: ({ context }) => (context.place === null ? null : heightOf(context.place.height, context.final)),
    }),
    explain: assign({ reason: ({ event }) => (event.data as { reason: string }).reason }),
    bury: assign({
      dead: ({ context, event }) => [
        ...context.dead,
        (event as Extract<TransferEvent, { type: 'attempt.died' }>).data.n,
      ],
    }),
  },
  guards: {
    isPaid: ({ context, event }) =>
      context.place !== null && (event as HeightReached).data.height >= heightOf(context.place.height, context.credit),
    isBeyondReorg: ({ context, event }) =>
      context.place !== null && (event as HeightReached).data.height >= heightOf(context.place.height, context.final),
    isNewDeath: ({ context, event }) =>
      !context.dead.includes((event as Extract<TransferEvent, { type: 'attempt.died' }>).data.n),
    isLastDeath: ({ context }) => context.dead.length + 1 >= context.attempts,
    /** No attempt of it was ever signed, so that none ever is once the signer has voided it. */
    isUnsigned: ({ context }) => context.signed.length === 0,
    isUnknownAttempt: ({ context, event }) =>
      (event as Extract<TransferEvent, { type: 'attempt.adopted' }>).data.n > context.attempts,
  },
})

const onDied = {
  target: 'dead',
  actions: [
    'bury',
    'explain',
    { type: 'release', params: allKeys },
    { type: 'tell', params: tellCoins },
    { type: 'tell', params: tellDeath },
  ],
} as const

/** Nothing of it was signed and nothing ever is: its withdrawals are planned anew, on other coins or the same. */
const onDissolved = {
  target: 'dead',
  actions: [
    'explain',
    { type: 'release', params: allKeys },
    { type: 'tell', params: tellCoins },
    { type: 'tell', params: tellAttemptsAs('transfer.dissolved') },
    { type: 'tell', params: tellDissolved },
    { type: 'tell', params: tellAccount },
  ],
} as const

export const transfer = machine.createMachine({
  id: 'transfer',
  version: '1',
  context: {} as TransferContext,
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'transfer.planned': {
          target: 'underway',
          actions: ['plan', { type: 'reserve', params: newKeys }, { type: 'tell', params: planned }],
        },
        'transfer.adopted': {
          target: 'underway',
          actions: ['plan', { type: 'reserve', params: ownKeys }, { type: 'tell', params: planned }],
        },
      },
    },
    underway: {
      description: 'Planned, signed or published; not in a block.',
      on: {
        'attempt.adopted': {
          guard: 'isUnknownAttempt',
          actions: ['adopt', { type: 'reserve', params: adoptedKeys }, { type: 'tell', params: adopted }],
        },
        'attempt.signed': { actions: ['sign', { type: 'tell', params: tellWithdrawals('transfer.signed') }] },
        'attempt.held': { actions: ['explain', { type: 'tell', params: tellWithdrawals('transfer.held') }] },
        'attempt.voided': [
          { guard: and(['isNewDeath', 'isLastDeath', 'isUnsigned']), ...onDissolved },
          { guard: and(['isNewDeath', 'isLastDeath']), ...onDied },
          { guard: 'isNewDeath', actions: 'bury' },
        ],
        'withdrawal.voided': { guard: 'isUnsigned', ...onDissolved },
        'transfer.displaced': [
          { guard: 'isUnsigned', ...onDissolved },
          { actions: { type: 'release', params: lostKeys } },
        ],
        'authorisation.added': { actions: { type: 'tell', params: tellAttemptsAs('approval.added') } },
        'withdrawal.expired': { actions: { type: 'tell', params: tellAttemptsAs('withdrawal.expired') } },
        'attempt.mined': {
          target: 'confirming',
          actions: ['mine', { type: 'tell', params: tellWithdrawals('transfer.mined') }],
        },
        'coin.lost': { actions: { type: 'tell', params: tellAttempts('coin.lost') } },
        'attempt.died': [
          { guard: and(['isNewDeath', 'isLastDeath']), ...onDied },
          { guard: 'isNewDeath', actions: 'bury' },
        ],
        'transfer.resumed': { actions: ['explain', { type: 'tell', params: tellAttempts('transfer.resumed') }] },
      },
    },
    confirming: {
      description: 'In a block, not deep enough for its withdrawals to be paid.',
      on: {
        'height.reached': {
          guard: 'isPaid',
          target: 'confirmed',
          actions: ['awaitFinal', { type: 'tell', params: tellWithdrawals('transfer.confirmed') }],
        },
        'attempt.unmined': {
          target: 'underway',
          actions: ['unmine', { type: 'tell', params: tellWithdrawals('transfer.unmined') }],
        },
      },
    },
    confirmed: {
      description: 'Deep enough for its withdrawals to be paid; a reorg may still take it back.',
      on: {
        'height.reached': {
          guard: 'isBeyondReorg',
          target: 'final',
          actions: [
            { type: 'release', params: allKeys },
            { type: 'tell', params: tellWithdrawals('transfer.finalised') },
            { type: 'tell', params: tellAttempts('transfer.finalised') },
          ],
        },
        'attempt.unmined': {
          target: 'underway',
          actions: ['unmine', { type: 'tell', params: tellWithdrawals('transfer.unmined') }],
        },
      },
    },
    final: { description: 'Beyond the deepest reorg we accept (end).', type: 'final' },
    dead: {
      description: "No attempt of it can ever be mined, proven by the chain or by the signer's void (end).",
      type: 'final',
    },
  },
})
