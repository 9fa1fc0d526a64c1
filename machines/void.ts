/**
 * One void: the signer's promise that no template is signed any more for a withdrawal up to a round, and the list of
 * what it had signed before. Whoever holds the receipt may pay the money out otherwise, so nothing ever takes it back;
 * a mistake here would pay twice.
 */
import { assign, setup } from 'xstate'
import { data, typesOf, type VoidEvent } from './messages.ts'
import type { Scheduled } from './vocabulary.ts'

/** One void. */
export interface VoidContext extends Scheduled {
  /** The id that the backend gave the withdrawal. */
  withdrawal: string
  /** Templates of this round and of every lower one are forbidden. */
  round: number
  /** Ids of every transaction signed for the withdrawal before, of any round, in the order of signing. */
  signed: string[]
}

const voiding = setup({
  types: typesOf<'void', VoidContext>(),
  actions: { keep: assign((_, told: VoidEvent['data']) => told) },
})

/** A withdrawal that is never signed again up to a round. Nothing undoes it. */
export const voidMachine = voiding.createMachine({
  id: 'void',
  version: '1',
  context: { chain: '', failures: 0, dueAt: null, dueHeight: null, withdrawal: '', round: 0, signed: [] },
  initial: 'absent',
  states: {
    absent: {
      description: 'Nobody has asked to void this round; never stored.',
      on: { 'withdrawal.voided': { target: 'voided', actions: { type: 'keep', params: data } } },
    },
    voided: {
      type: 'final',
      description:
        'Forbidden for ever: no further template for this round or a lower one, and one receipt that says so.',
    },
  },
})
