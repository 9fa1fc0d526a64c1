/**
 * One account that spends: the treasury. Spending is serialised here: it gathers what a plan needs from the outside
 * world, and the plan is then made against the ledger of that very moment, so that two plans can never count on the same
 * coin, nonce or balance.
 */
import { assign, setup } from 'xstate'
import { actions, type Event, type MemoryPosition, type Scheduled, type TimePassed } from './vocabulary.ts'

export interface AccountContext extends Scheduled {
  index: number
  address: string
  /** Milliseconds for which withdrawals are collected before they are paid together. */
  windowMs: number
  /** Why the last plan fell short, or why it is stuck. */
  reason: string | null
  /** The highest memory of the signer that an answer has shown: one that shows less was restored from a backup (S3). */
  seen: MemoryPosition | null
}

export type AccountEvent =
  | Event<'account.opened', { chain: string; index: number; address: string; windowMs: number }>
  | Event<'withdrawal.queued', Record<string, never>>
  | Event<'funds.arrived', Record<string, never>>
  /** What became of the plan; `retryAt` when something still waits. */
  | Event<'plan.made', { reason: string | null; retryAt: number | null }>
  | Event<'plan.refused', { reason: string }>
  | Event<'account.resumed', { reason: string }>
  | Event<'signer.seen', MemoryPosition>
  /** A person takes the signer's memory as it is, because the later one is lost for good. */
  | Event<'signer.replaced', object>
  | Event<'task.failed', { reason: string; retryAt: number }>
  | TimePassed

const machine = setup({
  types: { context: {} as AccountContext, events: {} as AccountEvent },
  actions: {
    ...actions,
    open: assign(({ event }) => {
      const { data } = event as Extract<AccountEvent, { type: 'account.opened' }>
      return { ...data, failures: 0, dueAt: null, dueHeight: null, reason: null, seen: null }
    }),
    collect: assign({ dueAt: ({ context, event }) => event.at + context.windowMs }),
    wake: assign({ dueAt: null }),
    rest: assign(({ context, event }) => {
      const { reason, retryAt } = (event as Extract<AccountEvent, { type: 'plan.made' }>).data
      return { reason, dueAt: retryAt, failures: reason === null ? 0 : context.failures + 1 }
    }),
    delay: assign(({ context, event }) => {
      const { reason, retryAt } = (event as Extract<AccountEvent, { type: 'task.failed' }>).data
      return { reason, dueAt: retryAt, failures: context.failures + 1 }
    }),
    explain: assign({ reason: ({ event }) => (event.data as { reason: string }).reason, dueAt: null }),
    see: assign({ seen: ({ event }) => (event as Extract<AccountEvent, { type: 'signer.seen' }>).data }),
    forget: assign({ seen: null }),
    clear: assign({ reason: null, failures: 0, dueAt: null }),
  },
  guards: {
    hasNoWindow: ({ context }) => context.windowMs === 0,
    isCollecting: ({ context }) => context.dueAt !== null && context.reason === null,
    isLater: ({ context, event }) => {
      const { sequence } = (event as Extract<AccountEvent, { type: 'signer.seen' }>).data
      return context.seen === null || sequence > context.seen.sequence
    },
    hasSeen: ({ context }) => context.seen !== null,
    isShort: ({ context }) => context.reason !== null,
  },
})

const onSigner = {
  'signer.seen': { guard: 'isLater', actions: 'see' },
  'signer.replaced': { guard: 'hasSeen', actions: 'forget' },
} as const

export const account = machine.createMachine({
  id: 'account',
  version: '1',
  context: {} as AccountContext,
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: { 'account.opened': { target: 'ready', actions: 'open' } },
    },
    ready: {
      description: 'Nothing under way; waits for withdrawals, for the batch window to close, or for funds.',
      on: {
        ...onSigner,
        'withdrawal.queued': [
          { guard: 'hasNoWindow', target: 'gathering', actions: 'wake' },
          { guard: 'isCollecting' },
          { actions: 'collect' },
        ],
        'funds.arrived': { guard: 'isShort', target: 'gathering', actions: 'wake' },
        'time.passed': { target: 'gathering', actions: 'wake' },
      },
    },
    gathering: {
      description: 'Reads what a plan needs from the node.',
      initial: 'due',
      on: onSigner,
      states: {
        due: {
          description: 'Owes the reading.',
          meta: { task: 'gather' },
          on: {
            'plan.made': { target: '#account.ready', actions: 'rest' },
            'plan.refused': { target: '#account.stuck', actions: 'explain' },
            'task.failed': { target: 'delayed', actions: 'delay' },
          },
        },
        delayed: {
          description: 'The node did not answer; waits to read again.',
          on: { 'time.passed': { target: 'due', actions: 'wake' } },
        },
      },
    },
    stuck: {
      description: 'Its plans contradict the ledger; a person looks and resumes it.',
      on: { ...onSigner, 'account.resumed': { target: 'gathering', actions: 'clear' } },
    },
  },
})
