import { describe } from 'vitest'
import { withdrawal } from '../../machines/withdrawal.ts'
import { at, describeMachine, happened, to, type Subject } from './table.ts'

const place = { height: 100, hash: 'b100' }
const transfer = 'transfer/one'
const stranger = 'transfer/two'
const asked = {
  id: 'w-1',
  chain: 'litecoin',
  asset: 'LTC',
  to: 'rltc1q',
  dataField: null,
  amount: '5000',
  expiresAt: null,
  round: 1,
  authorisations: [{ key: 'k1', signature: 's1' }],
  required: 3,
  expiresAtMs: at + 1000,
}

const both = [
  { key: 'k1', signature: 's1' },
  { key: 'k2', signature: 's2' },
]

const subject: Subject = {
  machine: withdrawal,
  id: 'withdrawal/w-1',
  events: {
    'withdrawal.requested': happened('withdrawal.requested', asked),
    'withdrawal.requested with a new round': happened('withdrawal.requested', {
      ...asked,
      round: 2,
      expiresAtMs: null,
    }),
    'withdrawal.accepted': happened('withdrawal.accepted'),
    'withdrawal.held': happened('withdrawal.held', { reason: 'needs 2 signatures' }),
    'withdrawal.delayed': happened('withdrawal.delayed', { reason: 'not enough funds' }),
    'withdrawal.rejected': happened('withdrawal.rejected', { reason: 'dust' }),
    'withdrawal.adopted': happened('withdrawal.adopted', { ...asked, expiresAtMs: null, transfer }),
    'withdrawal.adopted in a new round': happened('withdrawal.adopted', {
      ...asked,
      round: 2,
      expiresAtMs: null,
      transfer,
    }),
    'authorisation.added': happened('authorisation.added', { key: 'k2', signature: 's2' }),
    'authorisation.added by a known key': happened('authorisation.added', { key: 'k1', signature: 's3' }),
    'transfer.bound': happened('transfer.bound', { transfer }),
    'transfer.signed': happened('transfer.signed', { transfer, transactionId: 'aa', fee: '7' }),
    'transfer.signed, another': happened('transfer.signed', { transfer: stranger, transactionId: 'bb', fee: '8' }),
    'transfer.mined': happened('transfer.mined', { transfer, transactionId: 'aa', fee: '7', place }),
    'transfer.mined, another': happened('transfer.mined', { transfer: stranger, transactionId: 'bb', fee: '8', place }),
    'transfer.unmined': happened('transfer.unmined', { transfer }),
    'transfer.unmined, another': happened('transfer.unmined', { transfer: stranger }),
    'transfer.confirmed': happened('transfer.confirmed', { transfer }),
    'transfer.confirmed, another': happened('transfer.confirmed', { transfer: stranger }),
    'transfer.finalised': happened('transfer.finalised', { transfer }),
    'transfer.finalised, another': happened('transfer.finalised', { transfer: stranger }),
    'transfer.refused': happened('transfer.refused', { transfer, reason: 'fee-too-high' }),
    'transfer.refused, another': happened('transfer.refused', { transfer: stranger, reason: 'fee-too-high' }),
    'transfer.died': happened('transfer.died', { transfer, reason: 'its input was lost' }),
    'transfer.died, another': happened('transfer.died', { transfer: stranger, reason: 'its input was lost' }),
    'time.passed': happened('time.passed'),
  },
  stands: {
    absent: [],
    requested: ['withdrawal.requested'],
    held: ['withdrawal.requested', 'withdrawal.held'],
    queued: ['withdrawal.requested', 'withdrawal.accepted'],
    'queued, delayed': ['withdrawal.requested', 'withdrawal.accepted', 'withdrawal.delayed'],
    paying: ['withdrawal.requested', 'withdrawal.accepted', 'transfer.bound'],
    'paying, mined': [
      'withdrawal.requested',
      'withdrawal.accepted',
      'transfer.bound',
      'transfer.signed',
      'transfer.mined',
    ],
    'paying, adopted': ['withdrawal.adopted'],
    paid: ['withdrawal.adopted', 'transfer.mined', 'transfer.confirmed'],
    failed: ['withdrawal.adopted', 'transfer.died'],
    final: ['withdrawal.adopted', 'transfer.mined', 'transfer.confirmed', 'transfer.finalised'],
    rejected: ['withdrawal.requested', 'withdrawal.rejected'],
    cancelled: ['withdrawal.requested', 'withdrawal.accepted', 'time.passed'],
  },
  table: {
    absent: {
      'withdrawal.requested': to('requested'),
      'withdrawal.requested with a new round': to('requested'),
      'withdrawal.adopted': to('paying'),
      'withdrawal.adopted in a new round': to('paying'),
    },
    requested: {
      'withdrawal.accepted': to('queued'),
      'withdrawal.held': to('held', { reason: 'needs 2 signatures' }),
      'withdrawal.rejected': to('rejected', { reason: 'dust' }),
    },
    held: {
      'withdrawal.accepted': to('queued', { reason: null }),
      'withdrawal.adopted': to('paying', { reason: null, transfer: transfer, dueAt: null }),
      'withdrawal.adopted in a new round': to('paying', { reason: null, transfer: transfer, dueAt: null, round: 2 }),
      'authorisation.added': to('held', { authorisations: both }),
      'time.passed': to('cancelled', { reason: 'expired', dueAt: null }),
    },
    queued: {
      'withdrawal.held': to('held', { reason: 'needs 2 signatures' }),
      'withdrawal.delayed': to('queued', { reason: 'not enough funds' }),
      'withdrawal.adopted': to('paying', { transfer: transfer, dueAt: null }),
      'withdrawal.adopted in a new round': to('paying', { transfer: transfer, dueAt: null, round: 2 }),
      'authorisation.added': to('queued', { authorisations: both }),
      'transfer.bound': to('paying', { transfer: transfer, dueAt: null }),
      'time.passed': to('cancelled', { reason: 'expired', dueAt: null }),
    },
    'queued, delayed': {
      'withdrawal.held': to('held', { reason: 'needs 2 signatures' }),
      'withdrawal.adopted': to('paying', { reason: null, transfer: transfer, dueAt: null }),
      'withdrawal.adopted in a new round': to('paying', { reason: null, transfer: transfer, dueAt: null, round: 2 }),
      'authorisation.added': to('queued', { authorisations: both }),
      'transfer.bound': to('paying', { reason: null, transfer: transfer, dueAt: null }),
      'time.passed': to('cancelled', { reason: 'expired', dueAt: null }),
    },
    paying: {
      'withdrawal.adopted in a new round': to('paying', { round: 2 }),
      'authorisation.added': to('paying', { authorisations: both }),
      'transfer.signed': to('paying', { transactionId: 'aa', fee: '7' }),
      'transfer.mined': to('paying', { transactionId: 'aa', fee: '7', place: place }),
      'transfer.unmined': to('paying'),
      'transfer.confirmed': to('paid'),
      'transfer.refused': to('paying', { reason: 'fee-too-high' }),
      'transfer.died': to('failed', { reason: 'its input was lost' }),
    },
    'paying, mined': {
      'withdrawal.adopted in a new round': to('paying', { round: 2, transactionId: null, fee: null, place: null }),
      'authorisation.added': to('paying', { authorisations: both }),
      'transfer.signed': to('paying'),
      'transfer.mined': to('paying'),
      'transfer.unmined': to('paying', { place: null }),
      'transfer.confirmed': to('paid'),
      'transfer.refused': to('paying', { reason: 'fee-too-high' }),
      'transfer.died': to('failed', { reason: 'its input was lost' }),
    },
    'paying, adopted': {
      'withdrawal.adopted in a new round': to('paying', { round: 2 }),
      'authorisation.added': to('paying', { authorisations: both }),
      'transfer.signed': to('paying', { transactionId: 'aa', fee: '7' }),
      'transfer.mined': to('paying', { transactionId: 'aa', fee: '7', place: place }),
      'transfer.unmined': to('paying'),
      'transfer.confirmed': to('paid'),
      'transfer.refused': to('paying', { reason: 'fee-too-high' }),
      'transfer.died': to('failed', { reason: 'its input was lost' }),
    },
    paid: {
      'transfer.unmined': to('paying', { place: null }),
      'transfer.finalised': to('final'),
    },
    failed: {
      'withdrawal.requested with a new round': to('requested', { reason: null, transfer: null, round: 2 }),
      'withdrawal.adopted in a new round': to('paying', { reason: null, round: 2 }),
    },
  },
}

describe('withdrawal', () => describeMachine(subject))
