/**
 * One account that spends: the treasury, and where a chain keeps balances by account each address that holds something. Spending is serialised here: it gathers what a plan needs from the outside
 * world, and the plan is then made against the ledger of that very moment, so that two plans can never count on the same
 * coin, nonce or balance.
 */
import { assign, setup } from 'xstate'
import { actions, data, typesOf, unborn, type DataOf } from './messages.ts'
import type { Amount, MemoryPosition, Migration, Scheduled } from './vocabulary.ts'

export interface AccountContext extends Scheduled {
  index: number
  address: string
  /** Milliseconds for which withdrawals are collected before they are paid together. */
  windowMs: number
  /** Why the last plan fell short, or why it is stuck. */
  reason: string | null
  /** The highest memory of the signer that an answer has shown: one that shows less was restored from a backup (S3). */
  seen: MemoryPosition | null
  /** By asset, what all its movements that are beyond any reorg come to; empty where the chain keeps coins. Base units. */
  settled: Record<string, Amount>
}

type Data<T extends string> = DataOf<'account', T>

const settledWith = ({ settled }: AccountContext, asset: string, delta: bigint) => ({
  settled: { ...settled, [asset]: String(BigInt(settled[asset] ?? 0) + delta) },
})

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
      settled: {},
    })),
    settle: assign(({ context }, { asset, delta }: Data<'funds.settled'>) =>
      settledWith(context, asset, BigInt(delta)),
    ),
    unsettle: assign(({ context }, { asset, delta }: Data<'funds.unsettled'>) =>
      settledWith(context, asset, -BigInt(delta)),
    ),
    collect: assign({ dueAt: ({ context, event }) => event.at + context.windowMs }),
    wake: assign({ dueAt: null }),
    // What was asked for meanwhile is looked at next; the same reason again and again is counted.
    rest: assign(({ context }, { reason, retryAt }: Data<'plan.made'>) => ({
      reason,
      dueAt: context.dueAt ?? retryAt,
      failures: reason !== null && reason === context.reason ? context.failures + 1 : 0,
    })),
    remember: assign({ dueAt: ({ event }) => event.at }),
    explain: assign((_, { reason }: { reason: string }) => ({ reason, dueAt: null })),
    note: assign((_, { reason }: { reason: string }) => ({ reason })),
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
    isUndisturbed: ({ context }) => context.dueAt === null,
    isNewReason: ({ context }, { reason }: { reason: string }) => context.reason !== reason,
  },
})

/** What every state hears. */
const always = {
  'signer.seen': { guard: { type: 'isLater', params: data }, actions: { type: 'see', params: data } },
  'signer.replaced': { guard: 'hasSeen', actions: 'forget' },
  'funds.settled': { actions: { type: 'settle', params: data } },
  'funds.unsettled': { actions: { type: 'unsettle', params: data } },
} as const

/** Version 1 knew chains that keep coins only. */
const fromVersion1: Migration = ({ value, context }) => ({ value, context: { ...context, settled: {} } })

export const account = machine.createMachine({
  id: 'account',
  version: '2',
  meta: { migrations: [fromVersion1] },
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
        ...always,
        'withdrawal.queued': [
          { guard: 'hasNoWindow', target: 'gathering', actions: 'wake' },
          { guard: 'isCollecting' },
          { actions: 'collect' },
        ],
        'funds.arrived': { guard: 'isShort', target: 'gathering', actions: 'wake' },
        'upkeep.needed': { target: 'gathering', actions: 'wake' },
        'time.passed': { target: 'gathering', actions: 'wake' },
      },
    },
    gathering: {
      description: 'Something waits to be paid; owes the reading of what a plan needs from the node.',
      meta: { task: 'gather' },
      on: {
        ...always,
        'upkeep.needed': { guard: 'isUndisturbed', actions: 'remember' },
        'plan.made': { target: 'ready', actions: { type: 'rest', params: data } },
        'plan.refused': { target: 'stuck', actions: { type: 'explain', params: data } },
        'task.failed': {
          guard: { type: 'isNewReason', params: data },
          actions: { type: 'note', params: data },
        },
      },
    },
    stuck: {
      description: 'Its plans contradict the ledger; a person looks and resumes it.',
      on: { ...always, 'account.resumed': { target: 'gathering', actions: 'clear' } },
    },
  },
})
