/**
 * One unspent output of ours (of a chain that keeps coins). Spending what is not ours any more, or what a reorg takes away, would
 * strand a withdrawal; spending it twice would be worse. A coin is reserved by one transfer in the commit that plans it,
 * and it ends only when the transaction that spends it is beyond any reorg.
 */
import { assign, setup } from 'xstate'
import type { IdOf } from './ids.ts'
import { actions, data, tell, typesOf, unborn, type CoinFacts, type DataOf } from './messages.ts'
import { heightOf, isSamePlace, type HeightReached, type Place, type Scheduled } from './vocabulary.ts'

export interface CoinContext extends Scheduled, CoinFacts {
  place: Place | null
  /** The transfer that has reserved it; null in `reserved` when a transaction spent it that nobody here made. */
  holder: IdOf<'transfer'> | null
  /** Transfers that were signed for it before the holder was: they hear, too, that it is gone. */
  rivals: IdOf<'transfer'>[]
  spent: { transaction: string; place: Place } | null
  conflict: Place | null
}

type Data<T extends string> = DataOf<'coin', T>

const ripeHeight = (context: { ripe: number }, place: Place | null) =>
  place === null ? null : heightOf(place.height, context.ripe)

const isRipeAt = (context: CoinContext, height: number) =>
  context.place !== null && height >= heightOf(context.place.height, context.ripe)

const isSpendsBlock = (context: CoinContext, block: Place) => isSamePlace(context.spent?.place ?? null, block)

/** Each knows whether what has spent it is its own. */
const tellHolders = ({ context, event }: { context: CoinContext; event: HeightReached }) => {
  const { holder, rivals, key, spent } = context
  const { height } = event.data
  const lost = { key, height, transaction: spent?.transaction ?? null }
  const transfers = holder === null ? rivals : [holder, ...rivals]
  return { messages: transfers.map(id => tell(id, 'key.lost', event.at, lost)) }
}

export const coin = setup({
  types: typesOf<'coin', CoinContext>(),
  actions: {
    ...actions,
    see: assign((_, seen: Data<'payment.seen'>) => {
      const dueHeight = ripeHeight(seen, seen.place)
      return { ...seen, failures: 0, dueAt: null, dueHeight, holder: null, rivals: [], spent: null, conflict: null }
    }),
    place: assign(({ context }, { place }: Data<'payment.seen'>) => ({
      place,
      conflict: null,
      dueHeight: ripeHeight(context, place),
    })),
    placeOnly: assign((_, { place }: Data<'payment.seen'>) => ({ place, conflict: null })),
    unplace: assign({ place: null, dueHeight: null }),
    unplaceOnly: assign({ place: null }),
    rest: assign({ dueHeight: null }),
    hold: assign(({ context }, { holder }: Data<'key.reserved'>) => ({
      holder,
      dueHeight: context.conflict === null ? null : context.dueHeight,
    })),
    release: assign({
      holder: null,
      dueHeight: ({ context }) => (context.conflict === null ? ripeHeight(context, context.place) : context.dueHeight),
    }),
    handOver: assign(({ context }, { holder }: Data<'key.reserved'>) => ({
      holder,
      rivals: [...context.rivals.filter(id => id !== holder), ...(context.holder === null ? [] : [context.holder])],
    })),
    forgetRival: assign(({ context }, { holder }: Data<'key.released'>) => ({
      rivals: context.rivals.filter(id => id !== holder),
    })),
    letGo: assign({ holder: null }),
    spend: assign(({ context }, spent: Data<'coin.spent'>) => ({
      spent,
      dueHeight: heightOf(spent.place.height, context.final),
    })),
    unspend: assign({ spent: null, dueHeight: null }),
    free: assign(({ context }, block: Place) => {
      const place = isSamePlace(context.place, block) ? null : context.place
      return { spent: null, place, dueHeight: ripeHeight(context, place) }
    }),
    conflict: assign(({ context }, { place }: Data<'payment.conflicted'>) => ({
      conflict: place,
      dueHeight: heightOf(place.height, context.final),
    })),
    unconflict: assign({ conflict: null, dueHeight: null }),
    recover: assign((_, { holder }: Data<'ending.revoked'>) => ({ holder })),
  },
  guards: {
    isInBlock: (_, { place }: Data<'payment.seen'>) => place !== null,
    isRipe: ({ context }, { height }: { height: number }) => isRipeAt(context, height),
    isRival: ({ context }, { holder }: Data<'key.released'>) => context.rivals.includes(holder),
    isHolder: ({ context }, { holder }: Data<'key.released'>) => context.holder === holder,
    isHolderAndRipe: ({ context }, { holder, height }: Data<'key.released'>) =>
      context.holder === holder && isRipeAt(context, height),
    isHolderAndSpent: ({ context }, { holder }: Data<'key.released'>) =>
      context.holder === holder && context.spent !== null,
    isHolderAndUnspentAndRipe: ({ context }, { holder, height }: Data<'key.unused'>) =>
      context.holder === holder && context.spent === null && isRipeAt(context, height),
    isHolderAndUnspent: ({ context }, { holder }: Data<'key.unused'>) =>
      context.holder === holder && context.spent === null,
    isUnspent: ({ context }) => context.spent === null,
    isSpendFinal: ({ context }, { height }: { height: number }) =>
      context.spent !== null && height >= heightOf(context.spent.place.height, context.final),
    isConflictFinal: ({ context }, { height }: { height: number }) =>
      context.conflict !== null && height >= heightOf(context.conflict.height, context.final),
    isItsBlock: ({ context }, block: Place) => isSamePlace(context.place, block),
    isSpendsBlock: ({ context }, block: Place) => isSpendsBlock(context, block),
    isAnothers: ({ context }, { holder }: Data<'key.reserved'>) => context.holder !== null && context.holder !== holder,
    isStrangersAndSpendsBlock: ({ context }, block: Place) => context.holder === null && isSpendsBlock(context, block),
    isBothBlocks: ({ context }, block: Place) => isSamePlace(context.place, block) && isSpendsBlock(context, block),
    isConflictsBlock: ({ context }, block: Place) => isSamePlace(context.conflict, block),
    isHeld: (_, { holder }: Data<'ending.revoked'>) => holder !== null,
  },
}).createMachine({
  id: 'coin',
  version: '1',
  context: unborn<CoinContext>(),
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'payment.seen': { target: 'unconfirmed', actions: { type: 'see', params: data } },
      },
    },
    unconfirmed: {
      description: 'Not deep enough to be spent; unconfirmed change of ours may be.',
      on: {
        'payment.seen': { guard: { type: 'isInBlock', params: data }, actions: { type: 'place', params: data } },
        'payment.conflicted': { actions: { type: 'conflict', params: data } },
        'height.reached': [
          { guard: { type: 'isConflictFinal', params: data }, target: 'lost' },
          { guard: { type: 'isRipe', params: data }, target: 'spendable', actions: 'rest' },
        ],
        'block.disconnected': [
          { guard: { type: 'isItsBlock', params: data }, actions: 'unplace' },
          { guard: { type: 'isConflictsBlock', params: data }, actions: 'unconflict' },
        ],
        'key.reserved': { target: 'reserved', actions: { type: 'hold', params: data } },
        'coin.spent': { target: 'reserved', actions: { type: 'spend', params: data } },
      },
    },
    spendable: {
      description: 'Ours to spend.',
      on: {
        'key.reserved': { target: 'reserved', actions: { type: 'hold', params: data } },
        'coin.spent': { target: 'reserved', actions: { type: 'spend', params: data } },
        'block.disconnected': {
          guard: { type: 'isItsBlock', params: data },
          target: 'unconfirmed',
          actions: 'unplace',
        },
      },
    },
    reserved: {
      description: 'Bound to a transfer, or spent by a transaction that a reorg could still undo.',
      on: {
        'payment.seen': { guard: { type: 'isInBlock', params: data }, actions: { type: 'placeOnly', params: data } },
        'payment.conflicted': { guard: 'isUnspent', actions: { type: 'conflict', params: data } },
        'key.reserved': { guard: { type: 'isAnothers', params: data }, actions: { type: 'handOver', params: data } },
        'key.released': [
          { guard: { type: 'isHolderAndSpent', params: data }, actions: 'letGo' },
          { guard: { type: 'isHolderAndRipe', params: data }, target: 'spendable', actions: ['release', 'rest'] },
          { guard: { type: 'isHolder', params: data }, target: 'unconfirmed', actions: 'release' },
          { guard: { type: 'isRival', params: data }, actions: { type: 'forgetRival', params: data } },
        ],
        'key.unused': [
          {
            guard: { type: 'isHolderAndUnspentAndRipe', params: data },
            target: 'spendable',
            actions: ['release', 'rest'],
          },
          { guard: { type: 'isHolderAndUnspent', params: data }, target: 'unconfirmed', actions: 'release' },
          { guard: { type: 'isRival', params: data }, actions: { type: 'forgetRival', params: data } },
        ],
        'coin.spent': { guard: 'isUnspent', actions: { type: 'spend', params: data } },
        'height.reached': [
          {
            guard: { type: 'isSpendFinal', params: data },
            target: 'spent',
            actions: { type: 'tell', params: tellHolders },
          },
          {
            guard: { type: 'isConflictFinal', params: data },
            target: 'lost',
            actions: { type: 'tell', params: tellHolders },
          },
        ],
        'block.disconnected': [
          {
            guard: { type: 'isStrangersAndSpendsBlock', params: data },
            target: 'unconfirmed',
            actions: { type: 'free', params: data },
          },
          { guard: { type: 'isBothBlocks', params: data }, actions: ['unspend', 'unplaceOnly'] },
          { guard: { type: 'isSpendsBlock', params: data }, actions: 'unspend' },
          { guard: { type: 'isItsBlock', params: data }, actions: 'unplaceOnly' },
          { guard: { type: 'isConflictsBlock', params: data }, actions: 'unconflict' },
        ],
      },
    },
    spent: {
      description: 'The transaction that spends it is beyond the deepest reorg we accept (end).',
      tags: ['ended'],
      on: { 'ending.revoked': { target: 'reserved', actions: { type: 'recover', params: data } } },
    },
    lost: {
      description: 'A transaction that conflicts with the one that paid it is final (end).',
      tags: ['ended'],
      on: {
        'ending.revoked': [
          {
            guard: { type: 'isHeld', params: data },
            target: 'reserved',
            actions: { type: 'recover', params: data },
          },
          { target: 'unconfirmed', actions: { type: 'recover', params: data } },
        ],
      },
    },
  },
})
