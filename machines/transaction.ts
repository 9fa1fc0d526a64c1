/**
 * One transaction that pays us, or on which such a one stands while it is in no block (of chains that keep coins). What happens to a
 * transaction happens to all that it pays at once, and it may be large: so its bytes and its inputs are kept once, and not with each
 * of its outputs. It is kept for as long as something of it lives.
 */
import { assign, setup } from 'xstate'
import { actions, data, typesOf, unborn, type DataOf, type TransactionFacts } from './messages.ts'
import type { Scheduled } from './vocabulary.ts'

export interface TransactionContext extends Scheduled, TransactionFacts {}

type Data<T extends string> = DataOf<'transaction', T>

export const transaction = setup({
  types: typesOf<'transaction', TransactionContext>(),
  actions: {
    ...actions,
    see: assign((_, seen: Data<'transaction.seen'>) => ({ ...seen, failures: 0, dueAt: null, dueHeight: null })),
    complete: assign((_, { raw }: Data<'transaction.seen'>) => ({ raw })),
  },
  guards: {
    isMissing: ({ context }, { raw }: Data<'transaction.seen'>) => context.raw === null && raw !== null,
  },
}).createMachine({
  id: 'transaction',
  version: '1',
  context: unborn<TransactionContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: { 'transaction.seen': { target: 'known', actions: { type: 'see', params: data } } },
    },
    known: {
      description: 'Something that it has paid, or that stands on it, is live.',
      on: {
        'transaction.seen': {
          guard: { type: 'isMissing', params: data },
          actions: { type: 'complete', params: data },
        },
        'transaction.forgotten': 'forgotten',
      },
    },
    forgotten: {
      description: 'Nothing of it is live any more (end).',
      tags: ['ended'],
      on: { 'ending.revoked': 'known' },
    },
  },
})
