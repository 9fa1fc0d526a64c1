import { describe } from 'vitest'
import { coin } from '../../machines/coin.ts'
import { describeMachine, happened, to, type Subject } from './table.ts'

const block = { height: 100, hash: 'b100' }
const other = { height: 101, hash: 'b101' }
const holder = 'transfer/one'
const seen = {
  chain: 'litecoin',
  key: 'litecoin:aa:1',
  index: 7,
  address: 'rltc1q',
  publicKey: '02',
  asset: 'LTC',
  amount: '5000',
  transactionId: 'aa',
  outputIndex: 1,
  raw: '00',
  inputs: ['litecoin:ff:0'],
  own: false,
  ripe: 3,
  final: 20,
  place: null,
}

const spentAt100 = to('reserved', { dueHeight: 119, spent: { transaction: 'bb', place: block } })
const spentAt101 = to('reserved', { dueHeight: 120, spent: { transaction: 'bb', place: other } })
const conflicted = to('unconfirmed', { dueHeight: 120, conflict: other })

/** Ripe with 3 confirmations, at 102; final with 20, at 119 (what block 101 did: at 120). */
const subject: Subject = {
  machine: coin,
  id: 'coin/litecoin:aa:1',
  events: {
    'payment.seen pending': happened('payment.seen', seen),
    'payment.seen in a block': happened('payment.seen', { ...seen, place: block }),
    'payment.conflicted': happened('payment.conflicted', { transaction: 'ee', place: other }),
    'coin.reserved': happened('coin.reserved', { holder }),
    'coin.released when ripe': happened('coin.released', { holder, height: 102 }),
    'coin.released before it is ripe': happened('coin.released', { holder, height: 101 }),
    'coin.released by another': happened('coin.released', { holder: 'transfer/two', height: 102 }),
    'coin.spent in its own block': happened('coin.spent', { transaction: 'bb', place: block }),
    'coin.spent later': happened('coin.spent', { transaction: 'bb', place: other }),
    'height.reached 101': happened('height.reached', { height: 101 }),
    'height.reached 102': happened('height.reached', { height: 102 }),
    'height.reached 119': happened('height.reached', { height: 119 }),
    'height.reached 120': happened('height.reached', { height: 120 }),
    'block.disconnected its own': happened('block.disconnected', block),
    'block.disconnected the next': happened('block.disconnected', other),
    'block.disconnected another of its height': happened('block.disconnected', { height: 100, hash: 'b100-other' }),
  },
  stands: {
    absent: [],
    unconfirmed: ['payment.seen pending'],
    'unconfirmed, in a block': ['payment.seen pending', 'payment.seen in a block'],
    'unconfirmed, in conflict': ['payment.seen pending', 'payment.conflicted'],
    spendable: ['payment.seen in a block', 'height.reached 102'],
    reserved: ['payment.seen in a block', 'height.reached 102', 'coin.reserved'],
    'reserved, pending': ['payment.seen pending', 'coin.reserved'],
    'reserved, in conflict': ['payment.seen pending', 'coin.reserved', 'payment.conflicted'],
    'reserved, in conflict before': ['payment.seen pending', 'payment.conflicted', 'coin.reserved'],
    'reserved, spent': ['payment.seen in a block', 'height.reached 102', 'coin.reserved', 'coin.spent later'],
    'reserved, spent in its own block': ['payment.seen in a block', 'coin.reserved', 'coin.spent in its own block'],
    'reserved, spent by a stranger in its own block': ['payment.seen in a block', 'coin.spent in its own block'],
    'reserved, spent by a stranger': ['payment.seen in a block', 'height.reached 102', 'coin.spent later'],
    spent: ['payment.seen in a block', 'coin.reserved', 'coin.spent later', 'height.reached 120'],
    lost: ['payment.seen pending', 'payment.conflicted', 'height.reached 120'],
  },
  table: {
    absent: {
      'payment.seen pending': to('unconfirmed'),
      'payment.seen in a block': to('unconfirmed'),
    },
    unconfirmed: {
      'payment.seen in a block': to('unconfirmed', { place: block, dueHeight: 102 }),
      'payment.conflicted': conflicted,
      'coin.reserved': to('reserved', { holder: holder }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': spentAt101,
    },
    'unconfirmed, in a block': {
      'payment.seen in a block': to('unconfirmed'),
      'payment.conflicted': conflicted,
      'coin.reserved': to('reserved', { dueHeight: null, holder: holder }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': spentAt101,
      'height.reached 102': to('spendable', { dueHeight: null }),
      'height.reached 119': to('spendable', { dueHeight: null }),
      'height.reached 120': to('spendable', { dueHeight: null }),
      'block.disconnected its own': to('unconfirmed', { place: null, dueHeight: null }),
    },
    'unconfirmed, in conflict': {
      'payment.seen in a block': to('unconfirmed', { place: block, dueHeight: 102, conflict: null }),
      'payment.conflicted': to('unconfirmed'),
      'coin.reserved': to('reserved', { holder: holder }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': to('reserved', { spent: { transaction: 'bb', place: other } }),
      'height.reached 120': to('lost'),
      'block.disconnected the next': to('unconfirmed', { dueHeight: null, conflict: null }),
    },
    spendable: {
      'coin.reserved': to('reserved', { holder: holder }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': spentAt101,
      'block.disconnected its own': to('unconfirmed', { place: null }),
    },
    reserved: {
      'payment.seen in a block': to('reserved'),
      'payment.conflicted': to('reserved', { dueHeight: 120, conflict: other }),
      'coin.released when ripe': to('spendable', { holder: null }),
      'coin.released before it is ripe': to('unconfirmed', { dueHeight: 102, holder: null }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': spentAt101,
      'block.disconnected its own': to('reserved', { place: null }),
    },
    'reserved, pending': {
      'payment.seen in a block': to('reserved', { place: block }),
      'payment.conflicted': to('reserved', { dueHeight: 120, conflict: other }),
      'coin.released when ripe': to('unconfirmed', { holder: null }),
      'coin.released before it is ripe': to('unconfirmed', { holder: null }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': spentAt101,
    },
    'reserved, in conflict': {
      'payment.seen in a block': to('reserved', { place: block, conflict: null }),
      'payment.conflicted': to('reserved'),
      'coin.released when ripe': to('unconfirmed', { holder: null }),
      'coin.released before it is ripe': to('unconfirmed', { holder: null }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': to('reserved', { spent: { transaction: 'bb', place: other } }),
      'height.reached 120': to('lost', {}, { tells: [[holder, 'coin.lost', { key: 'litecoin:aa:1', height: 120 }]] }),
      'block.disconnected the next': to('reserved', { dueHeight: null, conflict: null }),
    },
    'reserved, in conflict before': {
      'payment.seen in a block': to('reserved', { place: block, conflict: null }),
      'payment.conflicted': to('reserved'),
      'coin.released when ripe': to('unconfirmed', { holder: null }),
      'coin.released before it is ripe': to('unconfirmed', { holder: null }),
      'coin.spent in its own block': spentAt100,
      'coin.spent later': to('reserved', { spent: { transaction: 'bb', place: other } }),
      'height.reached 120': to('lost', {}, { tells: [[holder, 'coin.lost', { key: 'litecoin:aa:1', height: 120 }]] }),
      'block.disconnected the next': to('reserved', { dueHeight: null, conflict: null }),
    },
    'reserved, spent': {
      'payment.seen in a block': to('reserved'),
      'coin.released when ripe': to('reserved', { holder: null }),
      'coin.released before it is ripe': to('reserved', { holder: null }),
      'height.reached 120': to('spent'),
      'block.disconnected its own': to('reserved', { place: null }),
      'block.disconnected the next': to('reserved', { dueHeight: null, spent: null }),
    },
    'reserved, spent in its own block': {
      'payment.seen in a block': to('reserved'),
      'coin.released when ripe': to('reserved', { holder: null }),
      'coin.released before it is ripe': to('reserved', { holder: null }),
      'height.reached 119': to('spent'),
      'height.reached 120': to('spent'),
      'block.disconnected its own': to('reserved', { place: null, dueHeight: null, spent: null }),
    },
    'reserved, spent by a stranger': {
      'payment.seen in a block': to('reserved'),
      'height.reached 120': to('spent'),
      'block.disconnected its own': to('reserved', { place: null }),
      'block.disconnected the next': to('unconfirmed', { dueHeight: 102, spent: null }),
    },
    'reserved, spent by a stranger in its own block': {
      'payment.seen in a block': to('reserved'),
      'height.reached 119': to('spent'),
      'height.reached 120': to('spent'),
      'block.disconnected its own': to('unconfirmed', { place: null, dueHeight: null, spent: null }),
    },
  },
}

describe('coin', () => describeMachine(subject))
