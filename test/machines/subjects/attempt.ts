import { attempt } from '../../../machines/attempt.ts'
import { at, happened, to, type Subject } from '../table.ts'

const transfer = 'transfer/one'
const place = { height: 100, hash: 'b100' }
const plan = {
  chain: 'litecoin',
  transfer,
  account: 'account/litecoin:0',
  n: 1,
  template: { psbt: 'x' },
  spendKeys: ['litecoin:aa:0'],
  fee: '7',
}
const earlier = { template: { psbt: 'y' }, spendKeys: ['litecoin:ee:0'], fee: '8' }
const retryAt = at + 5000

const died = to(
  'dead',
  { reason: 'its input litecoin:aa:0 was lost to a final conflict' },
  {
    tells: [
      [transfer, 'attempt.died', { n: 1, reason: 'its input litecoin:aa:0 was lost to a final conflict', height: 130 }],
    ],
  },
)
const mined = to(
  'mined',
  { place: place },
  { tells: [[transfer, 'attempt.mined', { n: 1, place: place, transactionId: 'cc', fee: '7' }]] },
)

const pended = to(
  'awaitingApproval',
  { failures: 1, dueAt: retryAt, reason: 'one signature missing' },
  { tells: [[transfer, 'attempt.held', { n: 1, reason: 'one signature missing' }]] },
)
const voided = to(
  'dead',
  { reason: 'voided' },
  { tells: [[transfer, 'attempt.voided', { n: 1, reason: 'voided', height: 130 }]] },
)

export const attemptSubject: Subject = {
  machine: attempt,
  id: 'attempt/one:1',
  events: {
    'attempt.planned': happened('attempt.planned', plan),
    'attempt.adopted': happened('attempt.adopted', { ...plan, transactionId: 'cc', raw: '00cc' }),
    'signing.completed': happened('signing.completed', { transactionId: 'cc', raw: '00cc', earlier: null }),
    'signing.completed with what was signed before': happened('signing.completed', {
      transactionId: 'ff',
      raw: '00ff',
      earlier,
    }),
    'signing.pended': happened('signing.pended', { reason: 'one signature missing', retryAt }),
    'signing.refused': happened('signing.refused', { reason: 'fee-too-high', isForGood: false, height: 130 }),
    'signing.refused for good': happened('signing.refused', { reason: 'voided', isForGood: true, height: 130 }),
    'publishing.answered': happened('publishing.answered', { reason: null, retryAt }),
    'publishing.refused': happened('publishing.refused', { reason: 'too-long-mempool-chain', retryAt }),
    'transaction.mined': happened('transaction.mined', { transactionId: 'cc', place }),
    'coin.lost': happened('coin.lost', { key: 'litecoin:aa:0', height: 130 }),
    'coin.lost, not its input': happened('coin.lost', { key: 'litecoin:bb:0', height: 130 }),
    'transfer.finalised': happened('transfer.finalised', { height: 119 }),
    'transfer.dissolved': happened('transfer.dissolved'),
    'approval.added': happened('approval.added'),
    'withdrawal.expired': happened('withdrawal.expired'),
    'transfer.resumed': happened('transfer.resumed', { reason: 'the limit was raised' }),
    'task.failed': happened('task.failed', { reason: 'unreachable', retryAt }),
    'time.passed': happened('time.passed'),
    'block.disconnected its own': happened('block.disconnected', place),
    'block.disconnected another of its height': happened('block.disconnected', { height: 100, hash: 'b100-other' }),
  },
  stands: {
    absent: [],
    'unsigned.due': ['attempt.planned'],
    'unsigned.due, after a refusal': ['attempt.planned', 'signing.refused', 'transfer.resumed'],
    'unsigned.delayed': ['attempt.planned', 'task.failed'],
    awaitingApproval: ['attempt.planned', 'signing.pended'],
    'signed.due': ['attempt.planned', 'signing.completed'],
    'signed.due, with what was signed before': ['attempt.planned', 'signing.completed with what was signed before'],
    'signed.due, adopted': ['attempt.adopted'],
    'signed.delayed': ['attempt.planned', 'signing.completed', 'task.failed'],
    'published.waiting': ['attempt.planned', 'signing.completed', 'publishing.answered'],
    'published.due': ['attempt.planned', 'signing.completed', 'publishing.answered', 'time.passed'],
    mined: ['attempt.planned', 'signing.completed', 'publishing.answered', 'transaction.mined'],
    refused: ['attempt.planned', 'signing.refused'],
    final: ['attempt.planned', 'signing.completed', 'transaction.mined', 'transfer.finalised'],
    superseded: ['attempt.planned', 'signing.completed', 'transfer.finalised'],
    dead: ['attempt.planned', 'signing.completed', 'coin.lost'],
  },
  table: {
    absent: {
      'attempt.planned': to('unsigned.due'),
      'attempt.adopted': to('signed.due', {}, { tells: [[transfer, 'attempt.signed', { n: 1, transactionId: 'cc' }]] }),
    },
    'unsigned.due': {
      'signing.completed': to(
        'signed.due',
        { transactionId: 'cc', raw: '00cc' },
        { tells: [[transfer, 'attempt.signed', { n: 1, transactionId: 'cc' }]] },
      ),
      'signing.completed with what was signed before': to(
        'signed.due',
        { transactionId: 'ff', raw: '00ff', template: { psbt: 'y' }, spendKeys: ['litecoin:ee:0'], fee: '8' },
        { tells: [[transfer, 'attempt.signed', { n: 1, transactionId: 'ff' }]] },
      ),
      'signing.pended': pended,
      'signing.refused for good': voided,
      'transfer.dissolved': to('dead'),
      'signing.refused': to(
        'refused',
        { reason: 'fee-too-high' },
        { tells: [[transfer, 'attempt.held', { n: 1, reason: 'fee-too-high' }]] },
      ),
      'transaction.mined': to(
        'mined',
        { place: place, transactionId: 'cc' },
        { tells: [[transfer, 'attempt.mined', { n: 1, place: place, transactionId: 'cc', fee: '7' }]] },
      ),
      'coin.lost': died,
      'transfer.finalised': to('superseded'),
      'task.failed': to('unsigned.delayed', { failures: 1, dueAt: retryAt, reason: 'unreachable' }),
    },
    'unsigned.due, after a refusal': {
      'signing.completed': to(
        'signed.due',
        { reason: null, transactionId: 'cc', raw: '00cc' },
        { tells: [[transfer, 'attempt.signed', { n: 1, transactionId: 'cc' }]] },
      ),
      'signing.completed with what was signed before': to(
        'signed.due',
        {
          reason: null,
          transactionId: 'ff',
          raw: '00ff',
          template: { psbt: 'y' },
          spendKeys: ['litecoin:ee:0'],
          fee: '8',
        },
        { tells: [[transfer, 'attempt.signed', { n: 1, transactionId: 'ff' }]] },
      ),
      'signing.pended': pended,
      'signing.refused for good': voided,
      'transfer.dissolved': to('dead'),
      'signing.refused': to('refused', {}, { tells: [[transfer, 'attempt.held', { n: 1, reason: 'fee-too-high' }]] }),
      'transaction.mined': to(
        'mined',
        { place: place, reason: null, transactionId: 'cc' },
        { tells: [[transfer, 'attempt.mined', { n: 1, place: place, transactionId: 'cc', fee: '7' }]] },
      ),
      'coin.lost': died,
      'transfer.finalised': to('superseded'),
      'task.failed': to('unsigned.delayed', { failures: 1, dueAt: retryAt, reason: 'unreachable' }),
    },
    'unsigned.delayed': {
      'transaction.mined': to(
        'mined',
        { failures: 0, dueAt: null, place: place, reason: null, transactionId: 'cc' },
        { tells: [[transfer, 'attempt.mined', { n: 1, place: place, transactionId: 'cc', fee: '7' }]] },
      ),
      'coin.lost': to(
        'dead',
        { dueAt: null, reason: 'its input litecoin:aa:0 was lost to a final conflict' },
        {
          tells: [
            [
              transfer,
              'attempt.died',
              { n: 1, reason: 'its input litecoin:aa:0 was lost to a final conflict', height: 130 },
            ],
          ],
        },
      ),
      'transfer.finalised': to('superseded'),
      'transfer.dissolved': to('dead', { dueAt: null }),
      'time.passed': to('unsigned.due', { dueAt: null }),
    },
    awaitingApproval: {
      'coin.lost': to(
        'dead',
        { dueAt: null, reason: 'its input litecoin:aa:0 was lost to a final conflict' },
        {
          tells: [
            [
              transfer,
              'attempt.died',
              { n: 1, reason: 'its input litecoin:aa:0 was lost to a final conflict', height: 130 },
            ],
          ],
        },
      ),
      'transfer.finalised': to('superseded'),
      'transfer.dissolved': to('dead', { dueAt: null }),
      'approval.added': to('unsigned.due', { dueAt: null }),
      'withdrawal.expired': to('unsigned.due', { dueAt: null }),
      'transfer.resumed': to('unsigned.due', { dueAt: null }),
      'time.passed': to('unsigned.due', { dueAt: null }),
    },
    'signed.due': {
      'publishing.answered': to('published.waiting', { dueAt: retryAt, firstBroadcastAt: at }),
      'publishing.refused': to('signed.delayed', { failures: 1, dueAt: retryAt, reason: 'too-long-mempool-chain' }),
      'transaction.mined': mined,
      'coin.lost': died,
      'transfer.finalised': to('superseded'),
      'task.failed': to('signed.delayed', { failures: 1, dueAt: retryAt, reason: 'unreachable' }),
    },
    'signed.due, with what was signed before': {
      'publishing.answered': to('published.waiting', { dueAt: retryAt, firstBroadcastAt: at }),
      'publishing.refused': to('signed.delayed', { failures: 1, dueAt: retryAt, reason: 'too-long-mempool-chain' }),
      'transaction.mined': to(
        'mined',
        { place: place, transactionId: 'cc' },
        { tells: [[transfer, 'attempt.mined', { n: 1, place: place, transactionId: 'cc', fee: '8' }]] },
      ),
      'transfer.finalised': to('superseded'),
      'task.failed': to('signed.delayed', { failures: 1, dueAt: retryAt, reason: 'unreachable' }),
    },
    'signed.due, adopted': {
      'publishing.answered': to('published.waiting', { dueAt: retryAt, firstBroadcastAt: at }),
      'publishing.refused': to('signed.delayed', { failures: 1, dueAt: retryAt, reason: 'too-long-mempool-chain' }),
      'transaction.mined': mined,
      'coin.lost': died,
      'transfer.finalised': to('superseded'),
      'task.failed': to('signed.delayed', { failures: 1, dueAt: retryAt, reason: 'unreachable' }),
    },
    'signed.delayed': {
      'transaction.mined': to(
        'mined',
        { failures: 0, dueAt: null, place: place, reason: null },
        { tells: [[transfer, 'attempt.mined', { n: 1, place: place, transactionId: 'cc', fee: '7' }]] },
      ),
      'coin.lost': to(
        'dead',
        { dueAt: null, reason: 'its input litecoin:aa:0 was lost to a final conflict' },
        {
          tells: [
            [
              transfer,
              'attempt.died',
              { n: 1, reason: 'its input litecoin:aa:0 was lost to a final conflict', height: 130 },
            ],
          ],
        },
      ),
      'transfer.finalised': to('superseded'),
      'time.passed': to('signed.due', { dueAt: null }),
    },
    'published.waiting': {
      'transaction.mined': to(
        'mined',
        { dueAt: null, place: place },
        { tells: [[transfer, 'attempt.mined', { n: 1, place: place, transactionId: 'cc', fee: '7' }]] },
      ),
      'coin.lost': to(
        'dead',
        { dueAt: null, reason: 'its input litecoin:aa:0 was lost to a final conflict' },
        {
          tells: [
            [
              transfer,
              'attempt.died',
              { n: 1, reason: 'its input litecoin:aa:0 was lost to a final conflict', height: 130 },
            ],
          ],
        },
      ),
      'transfer.finalised': to('superseded'),
      'time.passed': to('published.due', { dueAt: null }),
    },
    'published.due': {
      'publishing.answered': to('published.waiting', { dueAt: retryAt }),
      'publishing.refused': to('published.waiting', { failures: 1, dueAt: retryAt, reason: 'too-long-mempool-chain' }),
      'transaction.mined': mined,
      'coin.lost': died,
      'transfer.finalised': to('superseded'),
      'task.failed': to('published.waiting', { failures: 1, dueAt: retryAt, reason: 'unreachable' }),
    },
    mined: {
      'transfer.finalised': to('final'),
      'block.disconnected its own': to(
        'published.due',
        { place: null },
        { tells: [[transfer, 'attempt.unmined', { n: 1 }]] },
      ),
    },
    refused: {
      'coin.lost': died,
      'transfer.finalised': to('superseded'),
      'transfer.dissolved': to('dead'),
      'transfer.resumed': to('unsigned.due'),
      'withdrawal.expired': to('unsigned.due'),
    },
  },
}
