/**
 * One change of one balance of an account by one transaction, where balances are what a chain keeps (not coins). It is taken back with its block,
 * and once it is beyond any reorg it becomes part of what its account holds: so an account's image stays small, whatever strangers send it.
 */
import { assign, setup } from 'xstate'
import {
  actions,
  data,
  tell,
  typesOf,
  unborn,
  type DataOf,
  type MovementEvent,
  type MovementFacts,
} from './messages.ts'
import { isSamePlace, type Place, type Scheduled } from './vocabulary.ts'

export interface MovementContext extends Scheduled, MovementFacts {
  /** The block in which it stands; of one that was taken back, the block that was left. */
  place: Place
}

type Data<T extends string> = DataOf<'movement', T>

/** One block behind `final`: then its own block was surely applied as a whole, and is never read again. */
const settlingHeight = ({ final }: MovementFacts, place: Place): number => place.height + final

interface Hears {
  context: MovementContext
  event: MovementEvent
}

const tellSettled = ({ context: { account, asset, delta }, event: { at } }: Hears) => ({
  messages: [tell(account, 'funds.settled', at, { asset, delta })],
})
const tellUnsettled = ({ context: { account, asset, delta }, event: { at } }: Hears) => ({
  messages: [tell(account, 'funds.unsettled', at, { asset, delta })],
})

export const movement = setup({
  types: typesOf<'movement', MovementContext>(),
  actions: {
    ...actions,
    see: assign((_, seen: Data<'funds.moved'>) => ({
      ...seen,
      failures: 0,
      dueAt: null,
      dueHeight: settlingHeight(seen, seen.place),
    })),
    // In another block the same transaction may cost another fee.
    place: assign(({ context }, { place, delta }: Data<'funds.moved'>) => ({
      place,
      delta,
      dueHeight: settlingHeight(context, place),
    })),
  },
  guards: {
    isElsewhere: ({ context }, { place }: Data<'funds.moved'>) => !isSamePlace(context.place, place),
    isBeyondReorg: ({ context }, { height }: { height: number }) => height >= settlingHeight(context, context.place),
    isItsBlock: ({ context }, block: Place) => isSamePlace(context.place, block),
  },
}).createMachine({
  id: 'movement',
  version: '1',
  context: unborn<MovementContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: { 'funds.moved': { target: 'placed', actions: { type: 'see', params: data } } },
    },
    placed: {
      description: 'In a block; counts in the balance of its account, and may be taken back.',
      on: {
        'funds.moved': {
          guard: { type: 'isElsewhere', params: data },
          actions: { type: 'place', params: data },
        },
        'height.reached': {
          guard: { type: 'isBeyondReorg', params: data },
          target: 'settled',
          actions: { type: 'tell', params: tellSettled },
        },
        'block.disconnected': { guard: { type: 'isItsBlock', params: data }, target: 'displaced' },
      },
    },
    displaced: {
      description: 'Its block has left the chain; it counts for nothing, and may come again.',
      on: {
        'funds.moved': { target: 'placed', actions: { type: 'place', params: data } },
        'height.reached': { guard: { type: 'isBeyondReorg', params: data }, target: 'undone' },
      },
    },
    settled: {
      description: 'Beyond the deepest reorg we accept: part of what its account holds (end).',
      tags: ['ended'],
      on: { 'ending.revoked': { target: 'placed', actions: { type: 'tell', params: tellUnsettled } } },
    },
    undone: {
      description: 'Taken back, and not come again as long as blocks may be taken back (end).',
      tags: ['ended'],
      on: { 'ending.revoked': 'displaced' },
    },
  },
})
