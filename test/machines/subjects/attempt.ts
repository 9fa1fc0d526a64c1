import { attempt } from '../../../machines/attempt.ts'
import { at, happened, to, type Effect, type Subject, type Told } from '../table.ts'

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
const cancelling = { n: 2, isCancelling: true }
const earlier = { template: { psbt: 'y' }, spendKeys: ['litecoin:ee:0'], fee: '8' }

const lostInput = 'its input litecoin:aa:0 was lost to a final conflict'
const mayBeMined =
  'what had proved that cc can never be mined has left the chain: it may be mined after all, and is published again only when a person resumes the transfer'
const died = to(
  'dead',
  { reason: lostInput },
  { tells: [[transfer, 'attempt.died', { n: 1, reason: lostInput, height: 130 }]] },
)
const mined = (set: object = {}, fee = '7') =>
  to(
    'mined',
    { place, ...set },
    { tells: [[transfer, 'attempt.mined', { n: 1, place, transactionId: 'cc', fee, executed: true }]] },
  )
const inVain = (set: object = {}) =>
  to(
    'mined',
    { place, ...set, fee: '6' },
    { tells: [[transfer, 'attempt.mined', { n: 1, place, transactionId: 'cc', fee: '6', executed: false }]] },
  )
const placed = (set: object = {}, fee = '7') => ({
  'transaction.mined': mined(set, fee),
  'transaction.mined in vain, for less': inVain(set),
})
const signed = (transactionId: string, set: object = {}, fee = '7') =>
  to('signed', { transactionId, ...set }, { tells: [[transfer, 'attempt.signed', { n: 1, transactionId, fee }]] })
const held = (value: string, reason: string, set: object = { reason }) =>
  to(value, set, { tells: [[transfer, 'attempt.held', { n: 1, reason }]] })
const delayed = (reason: string | null, set: object = {}, value = 'published') =>
  to(value, { reason, ...set }, { tells: [[transfer, 'attempt.delayed', { n: 1, reason }]] })
/** `value`: where it stands; `set`: what changes besides. */
const turnedDown = (value: string) => ({
  'publishing.refused': delayed('too-long-mempool-chain', {}, value),
  'publishing.refused for its fee': delayed('insufficient fee', { isUnderpriced: true }, value),
})
const voided = to(
  'dead',
  { reason: 'voided' },
  { tells: [[transfer, 'attempt.voided', { n: 1, reason: 'voided', height: 130 }]] },
)

/** What the signer answers, and what else ends the question; `set`: what it clears besides. */
const answered = (set: object = {}) => ({
  'attempt.adopted': signed('cc', { raw: '00cc', ...set }),
  'signing.completed': signed('cc', { raw: '00cc', ...set }),
  'signing.completed with what was signed before': signed('ff', { raw: '00ff', ...earlier, ...set }, '8'),
  'signing.refused': held('refused', 'fee-too-high'),
  'signing.refused for good': voided,
  'key.lost': died,
  'transfer.finalised': to('superseded'),
  'transfer.failed': to('dead'),
  'transfer.dissolved': to('dead'),
})
const pended = {
  'signing.pended': held('awaitingApproval', 'one signature missing'),
  'signing.pended for a limit': held('awaitingApproval', 'a limit'),
}
const lapsed = 'it has expired: no block that could hold it does'
const expired = {
  'publishing.expired': to(
    'published',
    { reason: lapsed },
    { tells: [[transfer, 'attempt.expired', { n: 1, reason: lapsed, height: 130, isGivenUp: false }]] },
  ),
}
const broadcast = {
  'publishing.answered': to('published', { firstBroadcastAt: at }),
  'publishing.answered in doubt': delayed('no answer', { firstBroadcastAt: at }),
  'transfer.finalised': to('superseded'),
  'transfer.failed': to('dead'),
}
const troubled = {
  ...turnedDown('signed'),
  'task.failed': to('signed', { reason: 'unreachable' }),
}

/** The same of the second attempt. */
const ofSecond = ({ tells = [], ...effect }: Effect): Effect => ({
  ...effect,
  tells: tells.map(([receiver, type, said]): Told => [receiver, type, { ...said, n: 2 }]),
})
/** In a block it does not do what its transfer is for. */
const paysNobody = (fee: string, set: object = {}) =>
  to(
    'mined',
    { place, ...set },
    {
      tells: [
        [transfer, 'attempt.mined', { n: 2, place, transactionId: 'cc', fee, executed: false, isCancelling: true }],
      ],
    },
  )

export const attemptSubject: Subject = {
  machine: attempt,
  id: 'attempt/one:1',
  events: {
    'attempt.planned': happened('attempt.planned', plan),
    'attempt.planned, to cancel': happened('attempt.planned', { ...plan, ...cancelling }),
    'attempt.adopted': happened('attempt.adopted', { ...plan, transactionId: 'cc', raw: '00cc' }),
    'signing.completed': happened('signing.completed', { transactionId: 'cc', raw: '00cc', earlier: null }),
    'signing.completed with what was signed before': happened('signing.completed', {
      transactionId: 'ff',
      raw: '00ff',
      earlier,
    }),
    'signing.pended': happened('signing.pended', { reason: 'one signature missing' }),
    'signing.pended for a limit': happened('signing.pended', { reason: 'a limit' }),
    'signing.refused': happened('signing.refused', { reason: 'fee-too-high', isForGood: false, height: 130 }),
    'signing.refused for good': happened('signing.refused', { reason: 'voided', isForGood: true, height: 130 }),
    'publishing.answered': happened('publishing.answered', { reason: null }),
    'publishing.answered in doubt': happened('publishing.answered', { reason: 'no answer' }),
    'publishing.refused for its fee': happened('publishing.refused', {
      reason: 'insufficient fee',
      isUnderpriced: true,
    }),
    'publishing.refused': happened('publishing.refused', {
      reason: 'too-long-mempool-chain',
      isUnderpriced: false,
    }),
    'publishing.expired': happened('publishing.expired', { height: 130, isGivenUp: false }),
    'transaction.mined': happened('transaction.mined', { transactionId: 'cc', place, executed: true, fee: null }),
    'transaction.mined in vain, for less': happened('transaction.mined', {
      transactionId: 'cc',
      place,
      executed: false,
      fee: '6',
    }),
    'key.lost': happened('key.lost', { key: 'litecoin:aa:0', height: 130, transaction: null }),
    'key.lost, not its input': happened('key.lost', { key: 'litecoin:bb:0', height: 130, transaction: null }),
    'transfer.finalised': happened('transfer.finalised', { height: 119 }),
    'transfer.failed': happened('transfer.failed', { height: 119 }),
    'transfer.dissolved': happened('transfer.dissolved'),
    'approval.added': happened('approval.added'),
    'withdrawal.expired': happened('withdrawal.expired'),
    'transfer.resumed': happened('transfer.resumed', { reason: 'the limit was raised' }),
    'task.failed': happened('task.failed', { reason: 'unreachable' }),
    'block.disconnected its own': happened('block.disconnected', place),
    'block.disconnected another of its height': happened('block.disconnected', { height: 100, hash: 'b100-other' }),
    'ending.revoked': happened('ending.revoked'),
  },
  stands: {
    absent: [],
    unsigned: ['attempt.planned'],
    'unsigned, after a refusal': ['attempt.planned', 'signing.refused', 'transfer.resumed'],
    'unsigned, in trouble': ['attempt.planned', 'task.failed'],
    awaitingApproval: ['attempt.planned', 'signing.pended'],
    signed: ['attempt.planned', 'signing.completed'],
    'signed, with what was signed before': ['attempt.planned', 'signing.completed with what was signed before'],
    'signed, adopted': ['attempt.adopted'],
    'signed, in trouble': ['attempt.planned', 'signing.completed', 'task.failed'],
    'signed, turned down': ['attempt.planned', 'signing.completed', 'publishing.refused'],
    published: ['attempt.planned', 'signing.completed', 'publishing.answered'],
    'published, in doubt': ['attempt.planned', 'signing.completed', 'publishing.answered in doubt'],
    'published, turned down': [
      'attempt.planned',
      'signing.completed',
      'publishing.answered',
      'publishing.refused for its fee',
    ],
    mined: ['attempt.planned', 'signing.completed', 'publishing.answered', 'transaction.mined'],
    'published, to cancel': ['attempt.planned, to cancel', 'signing.completed', 'publishing.answered'],
    'unsigned, to cancel': ['attempt.planned, to cancel'],
    refused: ['attempt.planned', 'signing.refused'],
    final: ['attempt.planned', 'signing.completed', 'transaction.mined', 'transfer.finalised'],
    superseded: ['attempt.planned', 'signing.completed', 'transfer.finalised'],
    'superseded, never signed': ['attempt.planned', 'transfer.finalised'],
    dead: ['attempt.planned', 'signing.completed', 'key.lost'],
    'dead, expired': [
      ...['attempt.planned', 'signing.completed', 'publishing.answered'],
      ...['publishing.expired', 'transfer.failed'],
    ],
    'dead, never signed': ['attempt.planned', 'key.lost'],
    'dead, failed in its block': ['attempt.planned', 'signing.completed', 'transaction.mined', 'transfer.failed'],
    withheld: ['attempt.planned', 'signing.completed', 'key.lost', 'ending.revoked'],
  },
  table: {
    absent: {
      'attempt.planned': to('unsigned'),
      'attempt.planned, to cancel': to('unsigned'),
      'attempt.adopted': to(
        'signed',
        {},
        { tells: [[transfer, 'attempt.signed', { n: 1, transactionId: 'cc', fee: '7' }]] },
      ),
    },
    unsigned: {
      ...answered(),
      ...pended,
      'task.failed': to('unsigned', { reason: 'unreachable' }),
      ...placed({ transactionId: 'cc' }),
    },
    'unsigned, after a refusal': {
      ...answered({ reason: null }),
      ...pended,
      'signing.refused': held('refused', 'fee-too-high', {}),
      'task.failed': to('unsigned', { reason: 'unreachable' }),
      ...placed({ transactionId: 'cc', reason: null }),
    },
    'unsigned, in trouble': {
      ...answered({ reason: null }),
      ...pended,
      ...placed({ transactionId: 'cc', reason: null }),
    },
    awaitingApproval: {
      ...answered({ reason: null }),
      'signing.pended for a limit': held('awaitingApproval', 'a limit'),
      'approval.added': to('unsigned'),
      'withdrawal.expired': to('unsigned'),
      'transfer.resumed': to('unsigned'),
    },
    signed: { ...broadcast, ...troubled, ...placed(), 'key.lost': died },
    'signed, with what was signed before': {
      ...broadcast,
      ...troubled,
      ...placed({ transactionId: 'cc' }, '8'),
    },
    'signed, adopted': { ...broadcast, ...troubled, ...placed(), 'key.lost': died },
    'signed, in trouble': {
      ...broadcast,
      'publishing.answered': delayed(null, { firstBroadcastAt: at }),
      ...turnedDown('signed'),
      ...placed({ reason: null }),
      'key.lost': died,
    },
    'signed, turned down': {
      ...broadcast,
      'publishing.answered': delayed(null, { firstBroadcastAt: at }),
      'publishing.refused for its fee': delayed('insufficient fee', { isUnderpriced: true }, 'signed'),
      'task.failed': to('signed', { reason: 'unreachable' }),
      ...placed({ reason: null }),
      'key.lost': died,
    },
    published: {
      ...expired,
      'publishing.answered in doubt': delayed('no answer'),
      ...turnedDown('published'),
      ...placed(),
      'key.lost': died,
      'transfer.finalised': to('superseded'),
      'transfer.failed': to('dead'),
    },
    'published, in doubt': {
      ...expired,
      'publishing.answered': delayed(null),
      ...turnedDown('published'),
      ...placed({ reason: null }),
      'key.lost': died,
      'transfer.finalised': to('superseded'),
      'transfer.failed': to('dead'),
    },
    'published, turned down': {
      ...expired,
      'publishing.answered': delayed(null, { isUnderpriced: false }),
      'publishing.answered in doubt': delayed('no answer', { isUnderpriced: false }),
      'publishing.refused': delayed('too-long-mempool-chain', { isUnderpriced: false }),
      ...placed({ reason: null, isUnderpriced: false }),
      'key.lost': died,
      'transfer.finalised': to('superseded'),
      'transfer.failed': to('dead'),
    },
    mined: {
      'transfer.finalised': to('final'),
      'transfer.failed': to('dead'),
      'block.disconnected its own': to(
        'published',
        { place: null },
        { tells: [[transfer, 'attempt.unmined', { n: 1 }]] },
      ),
    },
    'published, to cancel': {
      'publishing.expired': to(
        'published',
        { reason: lapsed },
        { tells: [[transfer, 'attempt.expired', { n: 2, reason: lapsed, height: 130, isGivenUp: false }]] },
      ),
      'publishing.answered in doubt': ofSecond(delayed('no answer')),
      'publishing.refused': ofSecond(turnedDown('published')['publishing.refused']),
      'publishing.refused for its fee': ofSecond(turnedDown('published')['publishing.refused for its fee']),
      'transaction.mined': paysNobody('7'),
      'transaction.mined in vain, for less': paysNobody('6', { fee: '6' }),
      'key.lost': ofSecond(died),
      'transfer.finalised': to('superseded'),
      'transfer.failed': to('dead'),
    },
    // What was signed under its name says itself whether it pays: here it does.
    'unsigned, to cancel': {
      ...answered(),
      'signing.completed': ofSecond(signed('cc', { raw: '00cc' })),
      'signing.completed with what was signed before': ofSecond(
        signed('ff', { raw: '00ff', ...earlier, isCancelling: false }, '8'),
      ),
      'attempt.adopted': signed('cc', { raw: '00cc', n: 1, isCancelling: false }),
      'signing.refused': ofSecond(held('refused', 'fee-too-high')),
      'signing.refused for good': ofSecond(voided),
      'signing.pended': ofSecond(pended['signing.pended']),
      'signing.pended for a limit': ofSecond(pended['signing.pended for a limit']),
      'key.lost': ofSecond(died),
      'task.failed': to('unsigned', { reason: 'unreachable' }),
      'transaction.mined': paysNobody('7', { transactionId: 'cc' }),
      'transaction.mined in vain, for less': paysNobody('6', { transactionId: 'cc', fee: '6' }),
    },
    refused: {
      'attempt.adopted': signed('cc', { raw: '00cc', reason: null }),
      'key.lost': died,
      'transfer.finalised': to('superseded'),
      'transfer.failed': to('dead'),
      'transfer.dissolved': to('dead'),
      'transfer.resumed': to('unsigned'),
      'withdrawal.expired': to('unsigned'),
    },
    final: { 'ending.revoked': to('mined') },
    superseded: { 'ending.revoked': to('published') },
    dead: {
      'ending.revoked': to(
        'withheld',
        { reason: mayBeMined },
        { tells: [[transfer, 'attempt.revived', { n: 1, transactionId: 'cc', reason: mayBeMined }]] },
      ),
    },
    'dead, never signed': { 'attempt.adopted': signed('cc', { raw: '00cc', reason: null }) },
    'dead, expired': {
      'ending.revoked': to(
        'withheld',
        { reason: mayBeMined },
        { tells: [[transfer, 'attempt.revived', { n: 1, transactionId: 'cc', reason: mayBeMined }]] },
      ),
    },
    'dead, failed in its block': {
      'ending.revoked': to(
        'withheld',
        { reason: mayBeMined, place: null },
        { tells: [[transfer, 'attempt.revived', { n: 1, transactionId: 'cc', reason: mayBeMined }]] },
      ),
    },
    withheld: {
      'transfer.resumed': to(
        'published',
        { reason: null },
        { tells: [[transfer, 'attempt.signed', { n: 1, transactionId: 'cc', fee: '7' }]] },
      ),
      'key.lost': died,
      ...placed({ reason: null }),
      'transfer.finalised': to('superseded'),
      'transfer.failed': to('dead'),
    },
  },
}
