/**
 * One unspent output of ours (bitcoin family). Spending what is not ours any more, or what a reorg takes away, would
 * strand a withdrawal; spending it twice would be worse. A coin is reserved by one transfer in the commit that plans it,
 * and it ends only when the transaction that spends it is beyond any reorg.
 */
import { and, assign, not, setup } from 'xstate'
import { actions, heightOf, isSamePlace } from './vocabulary.ts'
import type { Amount, BlockDisconnected, Event, HeightReached, Id, Place, Scheduled, SpendKey } from './vocabulary.ts'

export interface CoinFacts {
  chain: string
  key: SpendKey
  index: number
  address: string
  publicKey: string
  asset: string
  amount: Amount
  transactionId: string
  outputIndex: number
  /** The whole paying transaction, hex. */
  raw: string
  inputs: SpendKey[]
  /** Change or another payment of our own: trusted before it is deep. */
  own: boolean
  /** Confirmations before it may be spent. */
  ripe: number
  final: number
}

export interface CoinContext extends Scheduled, CoinFacts {
  place: Place | null
  /** The transfer that has reserved it; null in `reserved` when a transaction spent it that nobody here made. */
  holder: Id | null
  spent: { transaction: string; place: Place } | null
  conflict: Place | null
}

export type CoinEvent =
  | Event<'payment.seen', CoinFacts & { place: Place | null }>
  | Event<'payment.conflicted', { transaction: string; place: Place }>
  | Event<'coin.reserved', { holder: Id }>
  | Event<'coin.released', { holder: Id; height: number }>
  | Event<'coin.spent', { transaction: string; place: Place }>
  | HeightReached
  | BlockDisconnected

type PaymentSeen = Extract<CoinEvent, { type: 'payment.seen' }>

const ripeHeight = (context: { ripe: number }, place: Place | null) =>
  place === null ? null : heightOf(place.height, context.ripe)

const isRipeAt = (context: CoinContext, height: number) =>
  context.place !== null && height >= heightOf(context.place.height, context.ripe)

const tellHolder = ({ context, event }: { context: CoinContext; event: CoinEvent }) => ({
  messages:
    context.holder === null
      ? []
      : [
          {
            to: context.holder,
            event: {
              type: 'coin.lost',
              at: event.at,
              data: { key: context.key, height: (event as HeightReached).data.height },
            },
          },
        ],
})

export const coin = setup({
  types: { context: {} as CoinContext, events: {} as CoinEvent },
  actions: {
    ...actions,
    see: assign(({ event }) => {
      const { data } = event as PaymentSeen
      const dueHeight = ripeHeight(data, data.place)
      return { ...data, failures: 0, dueAt: null, dueHeight, holder: null, spent: null, conflict: null }
    }),
    place: assign(({ context, event }) => {
      const { place } = (event as PaymentSeen).data
      return { place, conflict: null, dueHeight: ripeHeight(context, place) }
    }),
    placeOnly: assign({ place: ({ event }) => (event as PaymentSeen).data.place, conflict: null }),
    unplace: assign({ place: null, dueHeight: null }),
    unplaceOnly: assign({ place: null }),
    rest: assign({ dueHeight: null }),
    hold: assign({
      holder: ({ event }) => (event as Extract<CoinEvent, { type: 'coin.reserved' }>).data.holder,
      dueHeight: ({ context }) => (context.conflict === null ? null : context.dueHeight),
    }),
    release: assign({
      holder: null,
      dueHeight: ({ context }) => (context.conflict === null ? ripeHeight(context, context.place) : context.dueHeight),
    }),
    handOver: assign({ holder: ({ event }) => (event as Extract<CoinEvent, { type: 'coin.reserved' }>).data.holder }),
    letGo: assign({ holder: null }),
    spend: assign(({ context, event }) => {
      const spent = (event as Extract<CoinEvent, { type: 'coin.spent' }>).data
      return { spent, dueHeight: heightOf(spent.place.height, context.final) }
    }),
    unspend: assign({ spent: null, dueHeight: null }),
    free: assign(({ context, event }) => {
      const place = isSamePlace(context.place, (event as BlockDisconnected).data) ? null : context.place
      return { spent: null, place, dueHeight: ripeHeight(context, place) }
    }),
    conflict: assign(({ context, event }) => {
      const { place } = (event as Extract<CoinEvent, { type: 'payment.conflicted' }>).data
      return { conflict: place, dueHeight: heightOf(place.height, context.final) }
    }),
    unconflict: assign({ conflict: null, dueHeight: null }),
  },
  guards: {
    isInBlock: ({ event }) => (event as PaymentSeen).data.place !== null,
    isRipe: ({ context, event }) => isRipeAt(context, (event as HeightReached).data.height),
    isHolder: ({ context, event }) =>
      context.holder === (event as Extract<CoinEvent, { type: 'coin.released' }>).data.holder,
    isHolderAndRipe: ({ context, event }) => {
      const { holder, height } = (event as Extract<CoinEvent, { type: 'coin.released' }>).data
      return context.holder === holder && isRipeAt(context, height)
    },
    isUnspent: ({ context }) => context.spent === null,
    isSpendFinal: ({ context, event }) =>
      context.spent !== null &&
      (event as HeightReached).data.height >= heightOf(context.spent.place.height, context.final),
    isConflictFinal: ({ context, event }) =>
      context.conflict !== null &&
      (event as HeightReached).data.height >= heightOf(context.conflict.height, context.final),
    isItsBlock: ({ context, event }) => isSamePlace(context.place, (event as BlockDisconnected).data),
    isSpendsBlock: ({ context, event }) => isSamePlace(context.spent?.place ?? null, (event as BlockDisconnected).data),
    isAnothers: ({ context, event }) => {
      const { holder } = (event as Extract<CoinEvent, { type: 'coin.reserved' }>).data
      return context.holder !== null && context.holder !== holder
    },
    isStrangers: ({ context }) => context.holder === null,
    isBothBlocks: ({ context, event }) => {
      const { data } = event as BlockDisconnected
      return isSamePlace(context.place, data) && isSamePlace(context.spent?.place ?? null, data)
    },
    isConflictsBlock: ({ context, event }) => isSamePlace(context.conflict, (event as BlockDisconnected).data),
  },
}).createMachine({
  id: 'coin',
  version: '1',
  context: {} as CoinContext,
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'payment.seen': { target: 'unconfirmed', actions: 'see' },
      },
    },
    unconfirmed: {
      description: 'Not deep enough to be spent; unconfirmed change of ours may be.',
      on: {
        'payment.seen': { guard: 'isInBlock', actions: 'place' },
        'payment.conflicted': { actions: 'conflict' },
        'height.reached': [
          { guard: 'isConflictFinal', target: 'lost' },
          { guard: 'isRipe', target: 'spendable', actions: 'rest' },
        ],
        'block.disconnected': [
          { guard: 'isItsBlock', actions: 'unplace' },
          { guard: 'isConflictsBlock', actions: 'unconflict' },
        ],
        'coin.reserved': { target: 'reserved', actions: 'hold' },
        'coin.spent': { target: 'reserved', actions: 'spend' },
      },
    },
    spendable: {
      description: 'Ours to spend.',
      on: {
        'coin.reserved': { target: 'reserved', actions: 'hold' },
        'coin.spent': { target: 'reserved', actions: 'spend' },
        'block.disconnected': { guard: 'isItsBlock', target: 'unconfirmed', actions: 'unplace' },
      },
    },
    reserved: {
      description: 'Bound to a transfer, or spent by a transaction that a reorg could still undo.',
      on: {
        'payment.seen': { guard: 'isInBlock', actions: 'placeOnly' },
        'payment.conflicted': { guard: 'isUnspent', actions: 'conflict' },
        'coin.reserved': { guard: 'isAnothers', actions: 'handOver' },
        'coin.released': [
          { guard: and(['isHolder', not('isUnspent')]), actions: 'letGo' },
          { guard: 'isHolderAndRipe', target: 'spendable', actions: ['release', 'rest'] },
          { guard: 'isHolder', target: 'unconfirmed', actions: 'release' },
        ],
        'coin.spent': { guard: 'isUnspent', actions: 'spend' },
        'height.reached': [
          { guard: 'isSpendFinal', target: 'spent' },
          { guard: 'isConflictFinal', target: 'lost', actions: { type: 'tell', params: tellHolder } },
        ],
        'block.disconnected': [
          { guard: and(['isSpendsBlock', 'isStrangers']), target: 'unconfirmed', actions: 'free' },
          { guard: 'isBothBlocks', actions: ['unspend', 'unplaceOnly'] },
          { guard: 'isSpendsBlock', actions: 'unspend' },
          { guard: 'isItsBlock', actions: 'unplaceOnly' },
          { guard: 'isConflictsBlock', actions: 'unconflict' },
        ],
      },
    },
    spent: {
      description: 'The transaction that spends it is beyond the deepest reorg we accept (end).',
      type: 'final',
    },
    lost: { description: 'A transaction that conflicts with the one that paid it is final (end).', type: 'final' },
  },
})
