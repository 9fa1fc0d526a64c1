/**
 * A run of addresses that the signer has made, one instance per extension of a chain's pool. Keys follow from the seed,
 * so only how many there are and since when must be remembered; what is remembered never changes.
 */
import { assign, setup } from 'xstate'
import { typesOf } from './messages.ts'
import type { Migration, Scheduled } from './vocabulary.ts'

/** One extension of a chain's pool. */
export interface PoolContext extends Scheduled {
  /** The first index of this extension. */
  from: number
  count: number
  /** Milliseconds since 1970 UTC. */
  createdAt: number
  /** The first address of this extension: shows at every start that the seed and the network are still the same. */
  address: string
  /** The ledger that they were made for, and that alone gives them away; null where it was not said. */
  ledgerId: string | null
}

/** From version 1, which did not know for whom addresses are made. */
const forNobody: Migration = ({ value, context }) => ({ value, context: { ...context, ledgerId: null } })

const pool = setup({
  types: typesOf<'pool', PoolContext>(),
  actions: { keep: assign((_, extension: Partial<PoolContext>) => extension) },
})

/** `generated` is all it ever becomes. */
export const poolMachine = pool.createMachine({
  id: 'pool',
  version: '2',
  context: {
    chain: '',
    failures: 0,
    dueAt: null,
    dueHeight: null,
    from: 0,
    count: 0,
    createdAt: 0,
    address: '',
    ledgerId: null,
  },
  meta: { migrations: [forNobody] },
  initial: 'absent',
  states: {
    absent: {
      description: 'These addresses do not exist yet; never stored.',
      on: {
        'pool.extended': {
          target: 'generated',
          actions: { type: 'keep', params: ({ event }) => ({ ...event.data, createdAt: event.at }) },
        },
      },
    },
    generated: { description: 'The addresses exist, and may be given out and paid to for ever.' },
  },
})
