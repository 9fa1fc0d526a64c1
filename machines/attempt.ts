/**
 * One transaction of a transfer, from template to block. This is where a coin could leave twice: so the template and its
 * spend keys are durable before it is signed, the bytes and the transaction id before it is published, and an unknown
 * outcome is answered by looking and by publishing the same bytes again, never by building anew.
 */
import { assign, setup } from 'xstate'
import type { IdOf } from './ids.ts'
import { actions, data, tell, typesOf, unborn, type DataOf, type EventOf } from './messages.ts'
import { isSamePlace, type Amount, type Json, type Place, type Scheduled, type SpendKey } from './vocabulary.ts'

export interface AttemptContext extends Scheduled {
  transfer: IdOf<'transfer'>
  account: IdOf<'account'>
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

type Data<T extends string> = DataOf<'attempt', T>

interface Hears<T extends string> {
  context: AttemptContext
  event: EventOf<'attempt', T>
}

const lostBy = (key: SpendKey): string => `its input ${key} was lost to a final conflict`

const signed = ({ context, event }: Hears<'signing.completed' | 'attempt.adopted'>) => {
  const { transactionId } = event.data
  return { messages: [tell(context.transfer, 'attempt.signed', event.at, { n: context.n, transactionId })] }
}

const held = ({ context, event }: Hears<'signing.pended' | 'signing.refused'>) => {
  const { reason } = event.data
  return { messages: [tell(context.transfer, 'attempt.held', event.at, { n: context.n, reason })] }
}

const voided = ({ context, event }: Hears<'signing.refused'>) => {
  const { reason, height } = event.data
  return { messages: [tell(context.transfer, 'attempt.voided', event.at, { n: context.n, reason, height })] }
}

const mined = ({ context, event }: Hears<'transaction.mined'>) => {
  const { transfer, n, fee } = context
  const { place, transactionId } = event.data
  return { messages: [tell(transfer, 'attempt.mined', event.at, { n, place, transactionId, fee })] }
}

const unmined = ({ context, event }: Hears<'block.disconnected'>) => ({
  messages: [tell(context.transfer, 'attempt.unmined', event.at, { n: context.n })],
})

const died = ({ context, event }: Hears<'coin.lost'>) => {
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
  guard: { type: 'isInput', params: data },
  target: '#attempt.dead',
  actions: [
    { type: 'lose', params: data },
    { type: 'tell', params: died },
  ],
} as const

/** Its transfer was given up unsigned: the signer never signs it. */
const onDissolved = { target: '#attempt.dead', actions: 'giveUp' } as const

/** Another attempt of the same transfer is beyond any reorg: this one never will be mined. */
const onSuperseded = '#attempt.superseded'

export const attempt = setup({
  types: typesOf<'attempt', AttemptContext>(),
  actions: {
    ...actions,
    plan: assign((_, planned: Data<'attempt.planned' | 'attempt.adopted'>) => {
      const blank = { failures: 0, dueAt: null, dueHeight: null, firstBroadcastAt: null, place: null, reason: null }
      return { ...blank, transactionId: null, raw: null, ...planned }
    }),
    sign: assign((_, { transactionId, raw, earlier }: Data<'signing.completed'>) => ({
      ...earlier,
      transactionId,
      raw,
      failures: 0,
      dueAt: null,
      reason: null,
    })),
    publish: assign(({ context, event }, { reason, retryAt }: Data<'publishing.answered'>) => ({
      firstBroadcastAt: context.firstBroadcastAt ?? event.at,
      dueAt: retryAt,
      failures: 0,
      reason,
    })),
    delay: assign(({ context }, { reason, retryAt }: { reason: string; retryAt: number }) => ({
      reason,
      dueAt: retryAt,
      failures: context.failures + 1,
    })),
    wake: assign({ dueAt: null }),
    mine: assign((_, { place, transactionId }: Data<'transaction.mined'>) => ({
      place,
      transactionId,
      dueAt: null,
      failures: 0,
      reason: null,
    })),
    unmine: assign({ place: null }),
    refuse: assign((_, { reason }: Data<'signing.refused'>) => ({ reason, dueAt: null })),
    giveUp: assign({ dueAt: null }),
    lose: assign((_, { key }: Data<'coin.lost'>) => ({ reason: lostBy(key), dueAt: null })),
  },
  guards: {
    isItsBlock: ({ context }, block: Place) => isSamePlace(context.place, block),
    isForGood: (_, { isForGood }: Data<'signing.refused'>) => isForGood,
    isInput: ({ context }, { key }: Data<'coin.lost'>) => context.spendKeys.includes(key),
  },
}).createMachine({
  id: 'attempt',
  version: '1',
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
            'signing.completed': {
              target: '#attempt.signed',
              actions: [
                { type: 'sign', params: data },
                { type: 'tell', params: signed },
              ],
            },
            'signing.pended': {
              target: '#attempt.awaitingApproval',
              actions: [
                { type: 'delay', params: data },
                { type: 'tell', params: held },
              ],
            },
            'signing.refused': [
              {
                guard: { type: 'isForGood', params: data },
                target: '#attempt.dead',
                actions: [
                  { type: 'refuse', params: data },
                  { type: 'tell', params: voided },
                ],
              },
              {
                target: '#attempt.refused',
                actions: [
                  { type: 'refuse', params: data },
                  { type: 'tell', params: held },
                ],
              },
            ],
            'task.failed': { target: 'delayed', actions: { type: 'delay', params: data } },
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
            'publishing.answered': { target: '#attempt.published', actions: { type: 'publish', params: data } },
            'publishing.refused': { target: 'delayed', actions: { type: 'delay', params: data } },
            'task.failed': { target: 'delayed', actions: { type: 'delay', params: data } },
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
            'publishing.answered': { target: 'waiting', actions: { type: 'publish', params: data } },
            'publishing.refused': { target: 'waiting', actions: { type: 'delay', params: data } },
            'task.failed': { target: 'waiting', actions: { type: 'delay', params: data } },
          },
        },
      },
    },
    mined: {
      description: 'In a block.',
      on: {
        'block.disconnected': {
          guard: { type: 'isItsBlock', params: data },
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
