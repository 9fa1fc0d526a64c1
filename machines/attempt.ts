/**
 * One transaction of a transfer, from template to block. This is where a coin could leave twice: so the template and its
 * spend keys are durable before it is signed, the bytes and the transaction id before it is published, and an unknown
 * outcome is answered by looking and by publishing the same bytes again, never by building anew.
 */
import { assign, setup } from 'xstate'
import { actions, isSamePlace } from './vocabulary.ts'
import type {
  Addressed,
  Amount,
  BlockDisconnected,
  Event,
  Id,
  Json,
  Place,
  Scheduled,
  SpendKey,
  TimePassed,
} from './vocabulary.ts'

export interface AttemptContext extends Scheduled {
  transfer: Id
  account: Id
  n: number
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
  transactionId: string | null
  /** Signed bytes, hex. */
  raw: string | null
  /** Milliseconds since 1970 UTC. */
  firstBroadcastAt: number | null
  place: Place | null
  reason: string | null
}

interface Planned {
  chain: string
  transfer: Id
  account: Id
  n: number
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
}

interface Signed {
  transactionId: string
  raw: string
  /** What the signer has signed earlier under this name, where it is not what was asked for now: it is adopted. */
  earlier: { template: Json; spendKeys: SpendKey[]; fee: Amount } | null
}

export type AttemptEvent =
  | Event<'attempt.planned', Planned>
  | Event<'attempt.adopted', Planned & { transactionId: string; raw: string }>
  | Event<'signing.completed', Signed>
  | Event<'signing.pended', { reason: string; retryAt: number }>
  | Event<'signing.refused', { reason: string; isForGood: boolean; height: number }>
  | Event<'publishing.answered', { reason: string | null; retryAt: number }>
  | Event<'publishing.refused', { reason: string; retryAt: number }>
  | Event<'transaction.mined', { transactionId: string; place: Place }>
  | Event<'coin.lost', { key: SpendKey; height: number }>
  | Event<'transfer.finalised', object>
  | Event<'transfer.resumed', { reason: string }>
  | Event<'transfer.dissolved', object>
  | Event<'approval.added', object>
  | Event<'withdrawal.expired', object>
  | Event<'task.failed', { reason: string; retryAt: number }>
  | TimePassed
  | BlockDisconnected

interface Args {
  context: AttemptContext
  event: AttemptEvent
}

const told = ({ context, event }: Args, type: string, data: object): { messages: Addressed[] } => ({
  messages: [{ to: context.transfer, event: { type, at: event.at, data: { n: context.n, ...data } } }],
})

const signed = (args: Args) =>
  told(args, 'attempt.signed', { transactionId: (args.event.data as { transactionId: string }).transactionId })
const held = (args: Args) => told(args, 'attempt.held', { reason: (args.event.data as { reason: string }).reason })
const voided = (args: Args) => {
  const { reason, height } = (args.event as Extract<AttemptEvent, { type: 'signing.refused' }>).data
  return told(args, 'attempt.voided', { reason, height })
}
const mined = (args: Args) => {
  const { place, transactionId } = (args.event as Extract<AttemptEvent, { type: 'transaction.mined' }>).data
  return told(args, 'attempt.mined', { place, transactionId, fee: args.context.fee })
}
const unmined = (args: Args) => told(args, 'attempt.unmined', {})
const died = (args: Args) => {
  const { key, height } = (args.event as Extract<AttemptEvent, { type: 'coin.lost' }>).data
  return told(args, 'attempt.died', { reason: `its input ${key} was lost to a final conflict`, height })
}

const onMined = { target: '#attempt.mined', actions: ['mine', { type: 'tell', params: mined }] } as const
const onLost = {
  guard: 'isInput',
  target: '#attempt.dead',
  actions: ['lose', { type: 'tell', params: died }],
} as const

/** Its transfer was given up unsigned: the signer never signs it. */
const onDissolved = { target: '#attempt.dead', actions: 'giveUp' } as const

/** Another attempt of the same transfer is beyond any reorg: this one never will be mined. */
const onSuperseded = '#attempt.superseded'

export const attempt = setup({
  types: { context: {} as AttemptContext, events: {} as AttemptEvent },
  actions: {
    ...actions,
    plan: assign(({ event }) => {
      const blank = { failures: 0, dueAt: null, dueHeight: null, firstBroadcastAt: null, place: null, reason: null }
      return { ...blank, transactionId: null, raw: null, ...(event.data as Planned) }
    }),
    sign: assign(({ event }) => {
      const { transactionId, raw, earlier } = (event as Extract<AttemptEvent, { type: 'signing.completed' }>).data
      return { ...earlier, transactionId, raw, failures: 0, dueAt: null, reason: null }
    }),
    publish: assign(({ context, event }) => {
      const { reason, retryAt } = (event as Extract<AttemptEvent, { type: 'publishing.answered' }>).data
      return { firstBroadcastAt: context.firstBroadcastAt ?? event.at, dueAt: retryAt, failures: 0, reason }
    }),
    delay: assign(({ context, event }) => {
      const { reason, retryAt } = event.data as { reason: string; retryAt: number }
      return { reason, dueAt: retryAt, failures: context.failures + 1 }
    }),
    wake: assign({ dueAt: null }),
    mine: assign({
      place: ({ event }) => (event as Extract<AttemptEvent, { type: 'transaction.mined' }>).data.place,
      transactionId: ({ event }) => (event as Extract<AttemptEvent, { type: 'transaction.mined' }>).data.transactionId,
      dueAt: null,
      failures: 0,
      reason: null,
    }),
    unmine: assign({ place: null }),
    refuse: assign({ reason: ({ event }) => (event.data as { reason: string }).reason, dueAt: null }),
    giveUp: assign({ dueAt: null }),
    lose: assign({
      reason: ({ event }) =>
        `its input ${(event as Extract<AttemptEvent, { type: 'coin.lost' }>).data.key} was lost to a final conflict`,
      dueAt: null,
    }),
  },
  guards: {
    isItsBlock: ({ context, event }) => isSamePlace(context.place, (event as BlockDisconnected).data),
    isForGood: ({ event }) => (event as Extract<AttemptEvent, { type: 'signing.refused' }>).data.isForGood,
    isInput: ({ context, event }) =>
      context.spendKeys.includes((event as Extract<AttemptEvent, { type: 'coin.lost' }>).data.key),
  },
}).createMachine({
  id: 'attempt',
  version: '1',
  context: {} as AttemptContext,
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'attempt.planned': { target: 'unsigned', actions: 'plan' },
        'attempt.adopted': { target: 'signed', actions: ['plan', { type: 'tell', params: signed }] },
      },
    },
    unsigned: {
      description: 'Planned; the signer has it or will be asked.',
      initial: 'due',
      on: {
        'coin.lost': onLost,
        'transaction.mined': onMined,
        'transfer.finalised': onSuperseded,
        'transfer.dissolved': onDissolved,
      },
      states: {
        due: {
          description: 'Owes the question to the signer.',
          meta: { task: 'sign' },
          on: {
            'signing.completed': { target: '#attempt.signed', actions: ['sign', { type: 'tell', params: signed }] },
            'signing.pended': {
              target: '#attempt.awaitingApproval',
              actions: ['delay', { type: 'tell', params: held }],
            },
            'signing.refused': [
              {
                guard: 'isForGood',
                target: '#attempt.dead',
                actions: ['refuse', { type: 'tell', params: voided }],
              },
              { target: '#attempt.refused', actions: ['refuse', { type: 'tell', params: held }] },
            ],
            'task.failed': { target: 'delayed', actions: 'delay' },
          },
        },
        delayed: {
          description: 'The signer could not be asked; waits to ask again.',
          on: { 'time.passed': { target: 'due', actions: 'wake' } },
        },
      },
    },
    awaitingApproval: {
      description: 'The signer wants more approvals, or a limit to pass; asked again on a schedule.',
      on: {
        'time.passed': { target: 'unsigned', actions: 'wake' },
        'approval.added': { target: 'unsigned', actions: 'wake' },
        'withdrawal.expired': { target: 'unsigned', actions: 'wake' },
        'transfer.resumed': { target: 'unsigned', actions: 'wake' },
        'coin.lost': onLost,
        'transfer.finalised': onSuperseded,
        'transfer.dissolved': onDissolved,
      },
    },
    signed: {
      description: 'The signed bytes are durable; they were not yet accepted by a node.',
      initial: 'due',
      on: { 'coin.lost': onLost, 'transaction.mined': onMined, 'transfer.finalised': onSuperseded },
      states: {
        due: {
          description: 'Owes the broadcast.',
          meta: { task: 'publish' },
          on: {
            'publishing.answered': { target: '#attempt.published', actions: 'publish' },
            'publishing.refused': { target: 'delayed', actions: 'delay' },
            'task.failed': { target: 'delayed', actions: 'delay' },
          },
        },
        delayed: {
          description: 'The node could not be reached or refused; waits to publish the same bytes again.',
          on: { 'time.passed': { target: 'due', actions: 'wake' } },
        },
      },
    },
    published: {
      description:
        'Handed to the network, perhaps; looked for and published again on a schedule until it is in a block.',
      initial: 'waiting',
      on: { 'coin.lost': onLost, 'transaction.mined': onMined, 'transfer.finalised': onSuperseded },
      states: {
        waiting: {
          description: 'Waits for a block, or for the next look.',
          on: { 'time.passed': { target: 'due', actions: 'wake' } },
        },
        due: {
          description: 'Owes another look and broadcast.',
          meta: { task: 'publish' },
          on: {
            'publishing.answered': { target: 'waiting', actions: 'publish' },
            'publishing.refused': { target: 'waiting', actions: 'delay' },
            'task.failed': { target: 'waiting', actions: 'delay' },
          },
        },
      },
    },
    mined: {
      description: 'In a block.',
      on: {
        'block.disconnected': {
          guard: 'isItsBlock',
          target: '#attempt.published.due',
          actions: ['unmine', { type: 'tell', params: unmined }],
        },
        'transfer.finalised': 'final',
      },
    },
    refused: {
      description: 'The signer will not sign it; a person looks at the reason and resumes the transfer.',
      on: {
        'transfer.resumed': 'unsigned',
        'withdrawal.expired': 'unsigned',
        'coin.lost': onLost,
        'transfer.finalised': onSuperseded,
        'transfer.dissolved': onDissolved,
      },
    },
    final: { description: 'Beyond the deepest reorg we accept (end).', type: 'final' },
    superseded: { description: 'Another attempt of its transfer is final (end).', type: 'final' },
    dead: {
      description: 'A spend key of it went to a stranger, finally, or the signer never signs it: never mined (end).',
      type: 'final',
    },
  },
})
