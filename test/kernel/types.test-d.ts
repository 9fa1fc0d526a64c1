/**
 * What must not compile. Nothing here runs: `npm run types` fails where a line below an expectation has become right, and
 * where anything else is wrong. Each wrong line stands next to the right one that it differs from in one thing.
 */
import { assign, setup } from 'xstate'
import {
  accountId,
  attemptId,
  chainId,
  coinId,
  depositId,
  idOf,
  isIdOf,
  transferId,
  withdrawalId,
  type Id,
} from '../../machines/ids.ts'
import { actions, data, tell, typesOf, unborn, type DataOf, type Message } from '../../machines/messages.ts'
import type { Scheduled } from '../../machines/vocabulary.ts'
import type { Instance, InstanceOf } from '../../src/kernel/entry.ts'
import { isKind } from '../../src/kernel/entry.ts'
import type { Archive } from '../../src/ledger/engine.ts'
import { blockFacet } from '../../src/kernel/facets.ts'
import type { Inbound } from '../../src/orchestrator/inbound.ts'
import type { LiveMemory } from '../../src/orchestrator/memory.ts'
import type { Performers } from '../../src/orchestrator/tasks.ts'

declare const memory: LiveMemory
declare const archive: Archive
declare const instance: Instance
declare const text: string

const at = 1_767_225_600_000
const place = { height: 100, hash: 'b100' }
const [account, chain, coin, deposit] = [accountId('litecoin', 0), chainId('litecoin'), coinId('k'), depositId('d')]
const [transfer, withdrawal] = [transferId('ab'), withdrawalId('w-1')]
const attempt = attemptId(transfer, 1)

export const events: unknown[] = [
  tell(coin, 'coin.spent', at, { transaction: 't', place }) satisfies Message<'coin'>,
  // @ts-expect-error a misspelt event
  tell(coin, 'coin.spend', at, { transaction: 't', place }),
  // @ts-expect-error an event that its receiver does not hear
  tell(deposit, 'coin.spent', at, { transaction: 't', place }),
  // @ts-expect-error a missing field
  tell(coin, 'coin.spent', at, { transaction: 't' }),
  // @ts-expect-error a field of another type
  tell(coin, 'coin.spent', at, { transaction: 't', place: null }),
  // @ts-expect-error a field that the event does not have
  tell(coin, 'coin.spent', at, { transaction: 't', place, height: 100 }),
  // @ts-expect-error data where the type says all
  tell(chain, 'node.answered', at, { height: 100 }),
  // @ts-expect-error an id that is only a string
  tell(text, 'coin.spent', at, { transaction: 't', place }),
  // @ts-expect-error an id of no kind
  tell('coins/k', 'coin.spent', at, { transaction: 't', place }),
  // @ts-expect-error an id of another kind within the data
  tell(coin, 'key.reserved', at, { holder: withdrawal }),
]

/** What a height brings is told to whoever is due, of any kind that hears of it. */
const ofEither = (either: typeof coin | typeof deposit) =>
  tell(either, 'payment.conflicted', at, { transaction: 't', place })

export const several: unknown[] = [
  ofEither(coin) satisfies Message<'coin' | 'deposit'>,
  tell(memory.find(blockFacet('litecoin', 'b100'))[0]!, 'block.disconnected', at, place) satisfies Message,
  // @ts-expect-error of two kinds, one does not hear it: a deposit is not reserved
  tell(coin as typeof coin | typeof deposit, 'key.reserved', at, { holder: transfer }),
  // @ts-expect-error of two kinds that hear it, one needs more: a withdrawal is told which transfer is final
  tell(attempt as typeof attempt | typeof withdrawal, 'transfer.finalised', at, {}),
  // @ts-expect-error of all kinds, most do not hear it
  tell(coin as Id, 'block.disconnected', at, place),
]

export const messages: Message[] = [
  { to: coin, event: { type: 'height.reached', at, data: { height: 1 } } },
  // @ts-expect-error put together by hand, to a kind that does not hear it
  { to: account, event: { type: 'height.reached', at, data: { height: 1 } } },
]

export const inbound: Inbound[] = [
  { type: 'credit.acknowledged', at, data: { id: deposit } },
  // @ts-expect-error of a deposit only
  { type: 'credit.acknowledged', at, data: { id: coin } },
  // @ts-expect-error a result of a task, without its run
  { type: 'publishing.answered', at, data: { id: attempt, reason: null, retryAt: 1 } },
]

export const found: unknown[] = [
  memory.get(coin)?.context.outputIndex,
  memory.get(deposit)?.context.reference,
  // @ts-expect-error a coin used as a deposit
  memory.get(coin)?.context.reference,
  // @ts-expect-error it may not be there
  memory.get(coin).context,
  // @ts-expect-error an id that is only a string
  memory.get(text),
  memory.list('coin', 'litecoin') satisfies InstanceOf<'coin'>[],
  // @ts-expect-error a misspelt kind
  memory.list('coins', 'litecoin'),
  // @ts-expect-error a list of coins used as one of deposits
  memory.list('coin', 'litecoin') satisfies InstanceOf<'deposit'>[],
  archive.list({ kind: 'withdrawal', after: 0, limit: 1 }),
  // @ts-expect-error a misspelt kind
  archive.list({ kind: 'withdrawals', after: 0, limit: 1 }),
  archive.read(withdrawal) satisfies Promise<InstanceOf<'withdrawal'> | null>,
  // @ts-expect-error a withdrawal used as a transfer
  archive.read(withdrawal) satisfies Promise<InstanceOf<'transfer'> | null>,
  isKind(instance, 'coin') ? instance.context.outputIndex : null,
  // @ts-expect-error of a kind that nobody has asked about
  instance.context.outputIndex,
  // @ts-expect-error whose block it is finds attempts, coins and deposits, no transfers
  memory.find(blockFacet('litecoin', 'b100')).map((id: typeof transfer) => id),
]

export const ids: Id[] = [
  idOf('pool', 'litecoin:0'),
  // @ts-expect-error a misspelt kind
  idOf('pools', 'litecoin:0'),
  // @ts-expect-error attempts are of transfers
  attemptId(withdrawal, 1),
]

export const asked: boolean[] = [
  isIdOf(['coin', 'deposit'], instance.id),
  // @ts-expect-error a misspelt kind
  isIdOf(['coin', 'deposits'], instance.id),
]

const publish = (_: InstanceOf<'attempt'>) => Promise.reject(new Error('nobody performs anything here'))
const gather = (_: InstanceOf<'account'>) => Promise.reject(new Error('nobody performs anything here'))

export const performers: Performers[] = [
  { publish, gather },
  // @ts-expect-error attempts are published, not accounts
  { publish: gather },
  // @ts-expect-error no state owes this
  { publishes: publish },
]

interface Context extends Scheduled {
  height: number
}

const machine = setup({
  types: typesOf<'coin', Context>(),
  actions: {
    ...actions,
    rise: assign((_, { height }: DataOf<'coin', 'height.reached'>) => ({ height })),
    rest: assign({ height: 0 }),
  },
  guards: { isHigher: ({ context }, { height }: { height: number }) => height > context.height },
})
const spentKeys = ({ context }: { context: Context }) => ({ keys: [context.chain] })

export const machines: unknown[] = [
  machine.createMachine({
    context: unborn<Context>(),
    on: {
      'height.reached': {
        guard: { type: 'isHigher', params: data },
        actions: [
          { type: 'rise', params: data },
          { type: 'reserve', params: spentKeys },
        ],
      },
    },
  }),
  machine.createMachine({
    context: unborn<Context>(),
    // @ts-expect-error an action that needs what another event brings
    on: { 'coin.spent': { actions: { type: 'rise', params: data } } },
  }),
  machine.createMachine({
    context: unborn<Context>(),
    // @ts-expect-error a guard that needs what another event brings
    on: { 'coin.spent': { guard: { type: 'isHigher', params: data }, actions: 'rest' } },
  }),
  machine.createMachine({
    context: unborn<Context>(),
    // @ts-expect-error an action without what it needs
    on: { 'height.reached': { actions: 'rise' } },
  }),
  machine.createMachine({
    context: unborn<Context>(),
    // @ts-expect-error an action that is not declared
    on: { 'height.reached': { actions: 'fall' } },
  }),
  machine.createMachine({
    context: unborn<Context>(),
    // @ts-expect-error an event that this kind does not hear
    on: { 'credit.acknowledged': { actions: 'rest' } },
  }),
  machine.createMachine({
    context: unborn<Context>(),
    // @ts-expect-error keys are asked for, a count is not
    on: { 'height.reached': { actions: { type: 'reserve', params: { count: 1 } } } },
  }),
]
