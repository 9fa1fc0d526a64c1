/**
 * One account that spends: the treasury. Spending is serialised here: it gathers what a plan needs from the outside
 * world, and the plan is then made against the ledger of that very moment, so that two plans can never count on the same
 * coin, nonce or balance.
 */
import { assign, setup } from 'xstate'
import { actions, data, typesOf, unborn, type DataOf } from './messages.ts'
import type { MemoryPosition, Scheduled } from './vocabulary.ts'

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

type Data<T extends string> = DataOf<'account', T>

const machine = setup({
  types: typesOf<'account', AccountContext>(),
  actions: {
    ...actions,
    open: assign((_, opened: Data<'account.opened'>) => ({
      ...opened,
      failures: 0,
      dueAt: null,
      dueHeight: null,
      reason: null,
      seen: null,
    })),
    collect: assign({ dueAt: ({ context, event }) => event.at + context.windowMs }),
    wake: assign({ dueAt: null }),
    rest: assign((_, { reason, retryAt }: Data<'plan.made'>) => ({ reason, dueAt: retryAt })),
    explain: assign((_, { reason }: { reason: string }) => ({ reason, dueAt: null })),
    see: assign((_, seen: Data<'signer.seen'>) => ({ seen })),
    forget: assign({ seen: null }),
    clear: assign({ reason: null, dueAt: null }),
  },
  guards: {
    hasNoWindow: ({ context }) => context.windowMs === 0,
    isCollecting: ({ context }) => context.dueAt !== null && context.reason === null,
    isLater: ({ context }, { sequence }: Data<'signer.seen'>) =>
      context.seen === null || sequence > context.seen.sequence,
    hasSeen: ({ context }) => context.seen !== null,
    isShort: ({ context }) => context.reason !== null,
    isNewReason: ({ context }, { reason }: { reason: string }) => context.reason !== reason,
  },
})

const onSigner = {
  'signer.seen': { guard: { type: 'isLater', params: data }, actions: { type: 'see', params: data } },
  'signer.replaced': { guard: 'hasSeen', actions: 'forget' },
} as const

export const account = machine.createMachine({
  id: 'account',
  version: '1',
  context: unborn<AccountContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: { 'account.opened': { target: 'ready', actions: { type: 'open', params: data } } },
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
        'upkeep.due': { target: 'gathering', actions: 'wake' },
        'time.passed': { target: 'gathering', actions: 'wake' },
      },
    },
    gathering: {
      description: 'Something waits to be paid; owes the reading of what a plan needs from the node.',
      meta: { task: 'gather' },
      on: {
        ...onSigner,
        'plan.made': { target: 'ready', actions: { type: 'rest', params: data } },
        'plan.refused': { target: 'stuck', actions: { type: 'explain', params: data } },
        'task.failed': {
          guard: { type: 'isNewReason', params: data },
          actions: { type: 'explain', params: data },
        },
      },
    },
    stuck: {
      description: 'Its plans contradict the ledger; a person looks and resumes it.',
      on: { ...onSigner, 'account.resumed': { target: 'gathering', actions: 'clear' } },
    },
  },
})
