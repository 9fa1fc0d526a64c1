/**
 * One transaction of a transfer, from template to block. This is where a coin could leave twice: so the template and its
 * spend keys are durable before it is signed, the bytes and the transaction id before it is published, and an unknown
 * outcome is answered by looking and by publishing the same bytes again, never by building anew.
 */
import { assign, setup } from 'xstate'
import type { IdOf } from './ids.ts'
import { actions, data, tell, typesOf, unborn, type DataOf, type EventOf } from './messages.ts'
import {
  isSamePlace,
  type Amount,
  type Json,
  type Migration,
  type Place,
  type Scheduled,
  type SpendKey,
} from './vocabulary.ts'

export interface AttemptContext extends Scheduled {
  transfer: IdOf<'transfer'>
  account: IdOf<'account'>
  n: number
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
  /** It pays nobody, in the place of what would have paid withdrawals that are voided. */
  isCancelling: boolean
  transactionId: string | null
  /** Signed bytes, hex. */
  raw: string | null
  /** Milliseconds since 1970 UTC. */
  firstBroadcastAt: number | null
  place: Place | null
  reason: string | null
  /** A node has turned it down for its fee alone: a higher one would help. */
  isUnderpriced: boolean
}

type Data<T extends string> = DataOf<'attempt', T>

interface Hears<T extends string> {
  context: AttemptContext
  event: EventOf<'attempt', T>
}

const lostBy = (key: SpendKey): string => `its input ${key} was lost to a final conflict`

const signed = ({ context, event }: Hears<'signing.completed' | 'attempt.adopted'>) => {
  const { transfer, n, fee } = context
  const { transactionId } = event.data
  return { messages: [tell(transfer, 'attempt.signed', event.at, { n, transactionId, fee })] }
}

const held = ({ context, event }: Hears<'signing.pended' | 'signing.refused'>) => {
  const { reason } = event.data
  return { messages: [tell(context.transfer, 'attempt.held', event.at, { n: context.n, reason })] }
}

const delayed = ({ context, event }: Hears<'publishing.answered' | 'publishing.refused'>) => {
  const { reason } = event.data
  return { messages: [tell(context.transfer, 'attempt.delayed', event.at, { n: context.n, reason })] }
}

const voided = ({ context, event }: Hears<'signing.refused'>) => {
  const { reason, height } = event.data
  return { messages: [tell(context.transfer, 'attempt.voided', event.at, { n: context.n, reason, height })] }
}

const mined = ({ context, event }: Hears<'transaction.mined'>) => {
  const { transfer, n, fee, isCancelling } = context
  const { place, transactionId, executed } = event.data
  const told = { n, place, transactionId, fee, executed: executed && !isCancelling }
  const mined = isCancelling ? { ...told, isCancelling } : told
  return { messages: [tell(transfer, 'attempt.mined', event.at, mined)] }
}

const unmined = ({ context, event }: Hears<'block.disconnected'>) => ({
  messages: [tell(context.transfer, 'attempt.unmined', event.at, { n: context.n })],
})

const died = ({ context, event }: Hears<'key.lost'>) => {
  const { key, height } = event.data
  return {
    messages: [tell(context.transfer, 'attempt.died', event.at, { n: context.n, reason: lostBy(key), height })],
  }
}

const onMined = {
  target: '#attempt.mined',
  actions: [
    { type: 'mine', params: data },
    { type: 'tell', params: mined },
  ],
} as const
const onLost = {
  guard: { type: 'isItsKey', params: data },
  target: '#attempt.dead',
  actions: [
    { type: 'lose', params: data },
    { type: 'tell', params: died },
  ],
} as const

/** Proven by the block in which what it would have spent is still there, behind the last one that it could be in. */
const EXPIRED = 'it has expired: no block that could hold it does'

const expired = ({ context: { transfer, n }, event }: Hears<'publishing.expired'>) => ({
  messages: [tell(transfer, 'attempt.expired', event.at, { n, reason: EXPIRED, ...event.data })],
})

/** Its transfer knows what becomes of it now, and tells it in the same commit that it never pays. */
const onExpired = { actions: ['age', { type: 'tell', params: expired }] } as const

/** Its transfer was given up unsigned: the signer never signs it. */
const onDissolved = '#attempt.dead'

/** What the signer answers for good, and what it has signed under this name for somebody else. */
const onAnswer = {
  'attempt.adopted': {
    target: '#attempt.signed',
    actions: [
      { type: 'plan', params: data },
      { type: 'tell', params: signed },
    ],
  },
  'signing.completed': {
    target: '#attempt.signed',
    actions: [
      { type: 'sign', params: data },
      { type: 'tell', params: signed },
    ],
  },
  'signing.refused': [
    {
      guard: { type: 'isForGood', params: data },
      target: '#attempt.dead',
      actions: [
        { type: 'explain', params: data },
        { type: 'tell', params: voided },
      ],
    },
    {
      target: '#attempt.refused',
      actions: [
        { type: 'explain', params: data },
        { type: 'tell', params: held },
      ],
    },
  ],
} as const

/** The task is tried again without an entry; why it did not go is written once. */
const onTrouble = {
  guard: { type: 'isNewReason', params: data },
  actions: { type: 'explain', params: data },
} as const

/** Somebody waits for what the node has not taken, has lost or has found again. */
const onTurnedDown = {
  guard: { type: 'isNewReason', params: data },
  actions: [
    { type: 'turnDown', params: data },
    { type: 'tell', params: delayed },
  ],
} as const
const onAnswered = {
  guard: { type: 'isNewReason', params: data },
  actions: [
    { type: 'publish', params: data },
    { type: 'tell', params: delayed },
  ],
} as const

/** Version 1 did not know why a node had turned it down. */
const fromVersion1: Migration = ({ value, context }) => ({ value, context: { ...context, isUnderpriced: false } })

/** Version 2 replaced what was stuck by what does the same, and by nothing else. */
const fromVersion2: Migration = ({ value, context }) => ({ value, context: { ...context, isCancelling: false } })

/** It was signed, so it may be mined: what has never been signed never is. */
const isSigned = ({ transactionId }: AttemptContext): boolean => transactionId !== null

const mayBeMined = (transactionId: string): string =>
  `what had proved that ${transactionId} can never be mined has left the chain: it may be mined after all, and is published again only when a person resumes the transfer`

const revived = ({ context: { transfer, n, transactionId }, event }: Hears<'ending.revoked'>) => ({
  messages: [
    tell(transfer, 'attempt.revived', event.at, {
      n,
      transactionId: transactionId!,
      reason: mayBeMined(transactionId!),
    }),
  ],
})

const releasedByPerson = ({ context: { transfer, n, transactionId, fee }, event }: Hears<'transfer.resumed'>) => ({
  messages: [tell(transfer, 'attempt.signed', event.at, { n, transactionId: transactionId!, fee })],
})

/** Another attempt of the same transfer is beyond any reorg: this one never will be mined. */
const onSuperseded = '#attempt.superseded'

/** One of its transfer's attempts failed in its block, for good, and none of them pays any more; or it has expired itself. */
const onFailed = '#attempt.dead'

export const attempt = setup({
  types: typesOf<'attempt', AttemptContext>(),
  actions: {
    ...actions,
    plan: assign((_, planned: Data<'attempt.planned' | 'attempt.adopted'>) => {
      const blank = { failures: 0, dueAt: null, dueHeight: null, firstBroadcastAt: null, place: null, reason: null }
      return { ...blank, isCancelling: false, isUnderpriced: false, transactionId: null, raw: null, ...planned }
    }),
    sign: assign((_, { transactionId, raw, earlier }: Data<'signing.completed'>) => ({
      // Whatever this ledger had planned under the name: what was signed under it says itself whether it pays.
      ...(earlier === null ? {} : { isCancelling: false, ...earlier }),
      transactionId,
      raw,
      reason: null,
    })),
    publish: assign(({ context, event }, { reason }: Data<'publishing.answered'>) => ({
      firstBroadcastAt: context.firstBroadcastAt ?? event.at,
      reason,
      isUnderpriced: false,
    })),
    turnDown: assign((_, { reason, isUnderpriced }: Data<'publishing.refused'>) => ({ reason, isUnderpriced })),
    explain: assign((_, { reason }: { reason: string | null }) => ({ reason })),
    mine: assign(({ context }, { place, transactionId, fee }: Data<'transaction.mined'>) => ({
      place,
      transactionId,
      fee: fee ?? context.fee,
      reason: null,
      isUnderpriced: false,
    })),
    unmine: assign({ place: null }),
    age: assign({ reason: EXPIRED }),
    lose: assign((_, { key }: Data<'key.lost'>) => ({ reason: lostBy(key) })),
    revive: assign({ place: null, reason: ({ context }) => mayBeMined(context.transactionId!) }),
    clearReason: assign({ reason: null }),
  },
  guards: {
    isItsBlock: ({ context }, block: Place) => isSamePlace(context.place, block),
    isNewReason: ({ context }, { reason }: { reason: string | null }) => context.reason !== reason,
    isForGood: (_, { isForGood }: Data<'signing.refused'>) => isForGood,
    isItsKey: ({ context }, { key }: Data<'key.lost'>) => context.spendKeys.includes(key),
    isSigned: ({ context }) => isSigned(context),
    isUnsigned: ({ context }) => !isSigned(context),
  },
}).createMachine({
  id: 'attempt',
  version: '3',
  meta: { migrations: [fromVersion1, fromVersion2] },
  context: unborn<AttemptContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'attempt.planned': { target: 'unsigned', actions: { type: 'plan', params: data } },
        'attempt.adopted': {
          target: 'signed',
          actions: [
            { type: 'plan', params: data },
            { type: 'tell', params: signed },
          ],
        },
      },
    },
    unsigned: {
      description: 'Planned; owes the question to the signer, again and again until it answers.',
      meta: { task: 'sign' },
      on: {
        ...onAnswer,
        'signing.pended': {
          target: 'awaitingApproval',
          actions: [
            { type: 'explain', params: data },
            { type: 'tell', params: held },
          ],
        },
        'task.failed': onTrouble,
        'key.lost': onLost,
        'transaction.mined': onMined,
        'transfer.finalised': onSuperseded,
        'transfer.failed': onFailed,
        'transfer.dissolved': onDissolved,
      },
    },
    awaitingApproval: {
      description: 'The signer wants more approvals, or a limit to pass; asked again, more and more seldom.',
      meta: { task: 'sign' },
      on: {
        ...onAnswer,
        'signing.pended': {
          guard: { type: 'isNewReason', params: data },
          actions: [
            { type: 'explain', params: data },
            { type: 'tell', params: held },
          ],
        },
        'approval.added': 'unsigned',
        'withdrawal.expired': 'unsigned',
        'transfer.resumed': 'unsigned',
        'key.lost': onLost,
        'transfer.finalised': onSuperseded,
        'transfer.failed': onFailed,
        'transfer.dissolved': onDissolved,
      },
    },
    signed: {
      description: 'The signed bytes are durable; owes the broadcast, again and again until a node takes them.',
      meta: { task: 'publish' },
      on: {
        'publishing.answered': [
          { ...onAnswered, target: 'published' },
          { target: 'published', actions: { type: 'publish', params: data } },
        ],
        'publishing.refused': onTurnedDown,
        'task.failed': onTrouble,
        'key.lost': onLost,
        'transaction.mined': onMined,
        'transfer.finalised': onSuperseded,
        'transfer.failed': onFailed,
      },
    },
    published: {
      description:
        'Handed to the network, perhaps; looked for, and published again where it is missing, until it is in a block.',
      meta: { task: 'publish' },
      on: {
        'publishing.answered': onAnswered,
        'publishing.refused': onTurnedDown,
        'publishing.expired': onExpired,
        'key.lost': onLost,
        'transaction.mined': onMined,
        'transfer.finalised': onSuperseded,
        'transfer.failed': onFailed,
      },
    },
    mined: {
      description: 'In a block.',
      on: {
        'block.disconnected': {
          guard: { type: 'isItsBlock', params: data },
          target: '#attempt.published',
          actions: ['unmine', { type: 'tell', params: unmined }],
        },
        'transfer.finalised': 'final',
        'transfer.failed': 'dead',
      },
    },
    refused: {
      description: 'The signer will not sign it; a person looks at the reason and resumes the transfer.',
      on: {
        'attempt.adopted': onAnswer['attempt.adopted'],
        'transfer.resumed': 'unsigned',
        'withdrawal.expired': 'unsigned',
        'key.lost': onLost,
        'transfer.finalised': onSuperseded,
        'transfer.failed': onFailed,
        'transfer.dissolved': onDissolved,
      },
    },
    final: {
      description: 'Beyond the deepest reorg we accept (end).',
      tags: ['ended'],
      on: { 'ending.revoked': 'mined' },
    },
    superseded: {
      description: 'Another attempt of its transfer is final (end).',
      tags: ['ended'],
      on: { 'ending.revoked': { guard: 'isSigned', target: 'published' } },
    },
    dead: {
      description:
        'A spend key of it went to a stranger, finally, or it has expired, or the signer never signs it, or its transfer failed in a block, finally: it never pays (end).',
      tags: ['ended'],
      on: {
        'ending.revoked': {
          guard: 'isSigned',
          target: 'withheld',
          actions: ['revive', { type: 'tell', params: revived }],
        },
        'attempt.adopted': { guard: 'isUnsigned', ...onAnswer['attempt.adopted'] },
      },
    },
    withheld: {
      description:
        'Had been dead, and its proof has left the chain: it may be mined, but whoever was told that it failed may have acted on it, so only a person has it published again.',
      on: {
        'transfer.resumed': {
          target: 'published',
          actions: ['clearReason', { type: 'tell', params: releasedByPerson }],
        },
        'key.lost': onLost,
        'transaction.mined': onMined,
        'transfer.finalised': onSuperseded,
        'transfer.failed': onFailed,
      },
    },
  },
})
