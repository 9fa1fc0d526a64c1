import type { IdOf } from '../../../machines/ids.ts'
import { transfer } from '../../../machines/transfer.ts'
import { at, happened, to, type Effect, type Subject, type Told } from '../table.ts'

const id = 'transfer/one'
const account = 'account/litecoin:0'
const place = { height: 100, hash: 'b100' }
const plan = {
  chain: 'litecoin',
  transfer: id,
  purpose: 'payment',
  account,
  withdrawals: [
    { id: 'withdrawal/w-1', fee: '4' },
    { id: 'withdrawal/w-2', fee: '3' },
  ],
  held: ['coin/litecoin:aa:0', 'coin/litecoin:bb:1'],
  credit: 3,
  final: 20,
  replaceAfterMs: 600_000,
}
const first = { n: 1, template: { psbt: 'x' }, spendKeys: ['litecoin:aa:0', 'litecoin:bb:1'], fee: '7' }
const second = { n: 2, template: { psbt: 'y' }, spendKeys: ['litecoin:aa:0', 'litecoin:cc:2'], fee: '9' }
const signedSecond = { ...second, transactionId: 'dd', raw: '00dd' }

const adoptedSecond = to(
  'underway.waiting',
  {
    attempts: 2,
    spendKeys: ['litecoin:aa:0', 'litecoin:bb:1', 'litecoin:cc:2'],
    held: ['coin/litecoin:aa:0', 'coin/litecoin:bb:1', 'coin/litecoin:cc:2'],
  },
  {
    reserves: ['litecoin:cc:2'],
    tells: [
      ['coin/litecoin:aa:0', 'key.reserved', { holder: id }],
      ['coin/litecoin:cc:2', 'key.reserved', { holder: id }],
      [
        'attempt/one:2',
        'attempt.adopted',
        {
          n: 2,
          template: { psbt: 'y' },
          spendKeys: ['litecoin:aa:0', 'litecoin:cc:2'],
          fee: '9',
          transactionId: 'dd',
          raw: '00dd',
          chain: 'litecoin',
          transfer: id,
          account,
        },
      ],
    ],
  },
)
/** When what was signed at `at` is replaced. */
const dueAt = at + 600_000
/** One that was planned here, and that the signer has signed for somebody else. */
const adoptedFirst = to(
  'underway.waiting',
  {},
  {
    reserves: ['litecoin:aa:0'],
    tells: [
      ['coin/litecoin:aa:0', 'key.reserved', { holder: id }],
      [
        'attempt/one:1',
        'attempt.adopted',
        { ...first, transactionId: 'cc', raw: '00cc', chain: 'litecoin', transfer: id, account },
      ],
    ],
  },
)
const adoptedAgain = (value = 'underway.waiting') => ({ ...adoptedSecond, to: value, set: {} })
const signed = to(
  'underway.waiting',
  { dueAt, transactionId: 'cc', signed: ['cc'] },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.signed', { transfer: id, transactionId: 'cc', fee: '4' }],
      ['withdrawal/w-2', 'transfer.signed', { transfer: id, transactionId: 'cc', fee: '3' }],
    ],
  },
)
/** Shares of 9 and not of 7. */
const dearer = [
  { id: 'withdrawal/w-1', fee: '5' },
  { id: 'withdrawal/w-2', fee: '4' },
]
const signedSecondly = (before: string[] = []) =>
  to(
    'underway.waiting',
    {
      ...(before.length > 0 ? {} : { dueAt }),
      transactionId: 'dd',
      signed: [...before, 'dd'],
      fee: '9',
      withdrawals: dearer,
    },
    {
      tells: [
        ['withdrawal/w-1', 'transfer.signed', { transfer: id, transactionId: 'dd', fee: '5' }],
        ['withdrawal/w-2', 'transfer.signed', { transfer: id, transactionId: 'dd', fee: '4' }],
      ],
    },
  )
const held = to(
  'underway.waiting',
  { reason: 'fee-too-high' },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.held', { transfer: id, reason: 'fee-too-high' }],
      ['withdrawal/w-2', 'transfer.held', { transfer: id, reason: 'fee-too-high' }],
    ],
  },
)
/** An earlier attempt is on its way. */
const heldUp = to(
  'underway.waiting',
  { reason: 'fee-too-high' },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: 'fee-too-high' }],
      ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: 'fee-too-high' }],
    ],
  },
)
const delayed = to(
  'underway.waiting',
  { reason: 'too-long-mempool-chain' },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: 'too-long-mempool-chain' }],
      ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: 'too-long-mempool-chain' }],
    ],
  },
)
const mined = to(
  'confirming',
  { dueHeight: 102, transactionId: 'cc', signed: ['cc'], place },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.mined', { transfer: id, transactionId: 'cc', fee: '4', place }],
      ['withdrawal/w-2', 'transfer.mined', { transfer: id, transactionId: 'cc', fee: '3', place }],
    ],
  },
)
const minedForMore = to(
  'confirming',
  { dueHeight: 102, transactionId: 'cc', signed: ['cc'], fee: '9', withdrawals: dearer, place },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.mined', { transfer: id, transactionId: 'cc', fee: '5', place }],
      ['withdrawal/w-2', 'transfer.mined', { transfer: id, transactionId: 'cc', fee: '4', place }],
    ],
  },
)
const inVain = 'cc is in a block, where what it was to do failed: nothing of it can be paid once that is final'
const minedInVain = to(
  'failing',
  { dueHeight: 119, transactionId: 'cc', signed: ['cc'], place, reason: inVain },
  {
    tells: [
      ...mined.tells!,
      ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: inVain }],
      ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: inVain }],
    ],
  },
)
const cancelled = 'dd is in a block in the place of what would have paid it: it is never paid once that is final'
/** `signed`: what else was. */
const minedInItsPlace = (...before: string[]) =>
  to(
    'failing',
    {
      dueHeight: 119,
      ...{ transactionId: 'dd', signed: [...before, 'dd'], fee: '9', withdrawals: dearer },
      ...{ place, reason: cancelled },
    },
    {
      tells: [
        ['withdrawal/w-1', 'transfer.mined', { transfer: id, transactionId: 'dd', fee: '5', place }],
        ['withdrawal/w-2', 'transfer.mined', { transfer: id, transactionId: 'dd', fee: '4', place }],
        ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: cancelled }],
        ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: cancelled }],
      ],
    },
  )
const unmined = to(
  'underway.waiting',
  { dueAt, dueHeight: null, place: null },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.unmined', { transfer: id }],
      ['withdrawal/w-2', 'transfer.unmined', { transfer: id }],
    ],
  },
)
const lost = to(
  'underway.waiting',
  {},
  { tells: [['attempt/one:1', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: null }]] },
)
const resumed = to(
  'underway.waiting',
  { reason: 'the limit was raised' },
  { tells: [['attempt/one:1', 'transfer.resumed', { reason: 'the limit was raised' }]] },
)

const unused: Told[] = [
  ['coin/litecoin:aa:0', 'key.unused', { holder: id, height: 119 }],
  ['coin/litecoin:bb:1', 'key.unused', { holder: id, height: 119 }],
]

const asked = (value: string, askedRate: number, set: object = {}) =>
  to(value, { askedRate, ...set }, { tells: [[account, 'upkeep.needed', {}]] })
const replaced = to(
  'underway.waiting',
  {
    attempts: 2,
    spendKeys: ['litecoin:aa:0', 'litecoin:bb:1', 'litecoin:cc:2'],
    held: ['coin/litecoin:aa:0', 'coin/litecoin:bb:1', 'coin/litecoin:cc:2'],
  },
  {
    reserves: ['litecoin:aa:0', 'litecoin:cc:2'],
    tells: [
      ['coin/litecoin:aa:0', 'key.reserved', { holder: id }],
      ['coin/litecoin:cc:2', 'key.reserved', { holder: id }],
      ['attempt/one:2', 'attempt.planned', { ...second, chain: 'litecoin', transfer: id, account }],
    ],
  },
)
const overCap = 'a higher fee would be over the cap'
const declined = (set: object) =>
  to(
    'underway.waiting',
    { reason: overCap, ...set },
    {
      tells: [
        ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: overCap }],
        ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: overCap }],
      ],
    },
  )
/** What was signed is heard of wherever its replacement stands. */
const signedRow = (value: string): Subject['table'][string] => {
  const here = (effect: Effect): Effect => ({ ...effect, to: effect.to === 'underway.waiting' ? value : effect.to })
  return {
    'attempt.revived': here(revived({ reason: 'it may be mined' })),
    'attempt.adopted': here(adoptedSecond),
    'attempt.signed': { ...here(signed), set: { dueAt } },
    'attempt.signed, the second': {
      ...here(signedSecondly(['cc'])),
      set: { dueAt, transactionId: 'dd', signed: ['cc', 'dd'], fee: '9', withdrawals: dearer },
    },
    'attempt.held': here(heldUp),
    'attempt.delayed': here(delayed),
    'attempt.mined': { ...mined, set: { dueHeight: 102, place } },
    'attempt.mined for another fee': {
      ...minedForMore,
      set: { dueHeight: 102, place, fee: '9', withdrawals: dearer },
    },
    'attempt.mined in vain': { ...minedInVain, set: { dueHeight: 119, place, reason: inVain } },
    'attempt.mined, paying nobody': minedInItsPlace('cc'),
    'attempt.expired': expired([1]),
    'attempt.expired, the second': expired([2]),
    'attempt.expired, given up': aged(died([1], first.spendKeys, 'it has expired', ['cc'])),
    'transfer.lapsed': lapsed(first.spendKeys, ['cc']),
    'attempt.died': died([1], first.spendKeys, 'its input was lost', ['cc']),
    'attempt.died, the second': died([2], first.spendKeys, 'its input was lost', ['cc']),
    'attempt.voided': died([1], first.spendKeys, 'voided', ['cc']),
    'attempt.voided, the second': died([2], first.spendKeys, 'voided', ['cc']),
    'transfer.displaced': to(value, {}, { releases: ['litecoin:aa:0'] }),
    'authorisation.added': here(passedOn('approval.added', 'attempt/one:1')),
    'withdrawal.expired': here(passedOn('withdrawal.expired', 'attempt/one:1')),
    'key.lost': here(lost),
    'transfer.resumed': here(resumed),
  }
}
const without = (row: Subject['table'][string], ...events: string[]): Subject['table'][string] =>
  Object.fromEntries(Object.entries(row).filter(([event]) => !events.includes(event)))

/** What it says is over when it is signed or mined. */
const explained = (row: Subject['table'][string]): Subject['table'][string] =>
  Object.fromEntries(
    Object.entries(row).map(([event, effect]) => {
      const isOver = /^attempt.(signed|mined(?! in vain|, paying))/.test(event)
      return [event, isOver ? { ...effect, set: { ...effect.set, reason: null } } : effect]
    }),
  )
const delayedOver: Told[] = [
  ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: null }],
  ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: null }],
]

/** Adopted whole; `set`: what it forgets of before. */
const adoptedWhole = (set: object = {}): Effect =>
  to('underway.waiting', set, {
    reserves: ['litecoin:bb:1'],
    tells: [
      ['coin/litecoin:aa:0', 'key.reserved', { holder: id }],
      ['coin/litecoin:bb:1', 'key.reserved', { holder: id }],
      ['withdrawal/w-1', 'transfer.bound', { transfer: id }],
      ['withdrawal/w-2', 'transfer.bound', { transfer: id }],
      [
        'attempt/one:1',
        'attempt.adopted',
        {
          n: 1,
          template: { psbt: 'x' },
          spendKeys: ['litecoin:aa:0', 'litecoin:bb:1'],
          fee: '7',
          transactionId: 'cc',
          raw: '00cc',
          chain: 'litecoin',
          transfer: id,
          account,
        },
      ],
    ],
  })

/** What an attempt in a block leaves to be heard of the others. */
const whileMined = (value: string, set: object = {}): Subject['table'][string] => ({
  'attempt.revived': to(value, set),
  'attempt.adopted': { ...adoptedSecond, to: value },
  'attempt.signed, the second': to(value, { signed: ['cc', 'dd'] }),
})

const paid = to(
  'confirmed',
  { dueHeight: 119 },
  {
    tells: [
      ['withdrawal/w-1', 'transfer.confirmed', { transfer: id }],
      ['withdrawal/w-2', 'transfer.confirmed', { transfer: id }],
    ],
  },
)
const unusedOf = (keys: readonly string[]): Told[] =>
  keys.map(key => [`coin/${key}`, 'key.unused', { holder: id, height: 119 }])

const unfailed = to(
  'underway.waiting',
  { dueAt, dueHeight: null, place: null, reason: null },
  {
    tells: [
      ...unmined.tells!,
      ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: null }],
      ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: null }],
    ],
  },
)
const failed = (keys: string[], ...attempts: IdOf<'attempt'>[]) =>
  to(
    'dead',
    {},
    {
      releases: keys,
      tells: [
        ...unusedOf(keys),
        ['withdrawal/w-1', 'transfer.died', { transfer: id, reason: inVain, signed: ['cc'] }],
        ['withdrawal/w-2', 'transfer.died', { transfer: id, reason: inVain, signed: ['cc'] }],
        ...attempts.map((attempt): Told => [attempt, 'transfer.failed', { height: 119 }]),
      ],
    },
  )

const signedAlready = { dueAt: null, dueHeight: 102, place }

const revived = (set: object) => {
  const data = { transfer: id, transactionId: 'cc', reason: 'it may be mined' }
  return to('underway.waiting', set, {
    tells: [
      ['withdrawal/w-1', 'transfer.revived', { ...data, fee: '4' }],
      ['withdrawal/w-2', 'transfer.revived', { ...data, fee: '3' }],
    ],
  })
}
const released: Told[] = [
  ['coin/litecoin:aa:0', 'key.released', { holder: id, height: 130 }],
  ['coin/litecoin:bb:1', 'key.released', { holder: id, height: 130 }],
]
const releasedOfBoth: Told[] = [...released, ['coin/litecoin:cc:2', 'key.released', { holder: id, height: 130 }]]
const heldOf = (keys: readonly string[]) => (keys.length > 2 ? releasedOfBoth : released)
const died = (dead: number[], keys = first.spendKeys, reason = 'its input was lost', signed: string[] = []) => {
  const data = { reason, transfer: id, signed }
  return to(
    'dead',
    { dead, reason },
    {
      releases: keys,
      tells: [...heldOf(keys), ['withdrawal/w-1', 'transfer.died', data], ['withdrawal/w-2', 'transfer.died', data]],
    },
  )
}

/** Nothing of it is on its way: it is to be made again. `set`: what changes besides. */
const expired = (dead: number[], set: object = {}) =>
  to(
    'underway.due',
    { dead, reason: 'it has expired', ...set },
    {
      tells: [
        [`attempt/one:${dead.at(-1)!}`, 'transfer.failed', { height: 130 }],
        ['withdrawal/w-1', 'transfer.delayed', { transfer: id, reason: 'it has expired' }],
        ['withdrawal/w-2', 'transfer.delayed', { transfer: id, reason: 'it has expired' }],
        [account, 'upkeep.needed', {}],
      ],
    },
  )
const lapsed = (keys: readonly string[], signed: string[] = []) => {
  const data = { reason: 'cancelled', transfer: id, signed }
  return to(
    'dead',
    { reason: 'cancelled' },
    {
      releases: [...keys],
      tells: [...heldOf(keys), ['withdrawal/w-1', 'transfer.died', data], ['withdrawal/w-2', 'transfer.died', data]],
    },
  )
}

/** The attempt hears that it never pays. */
const aged = (effect: Effect, n = 1): Effect => ({
  ...effect,
  tells: [[`attempt/one:${n}`, 'transfer.failed', { height: 130 }], ...(effect.tells ?? [])],
})

const both = [...first.spendKeys, 'litecoin:cc:2']
const dissolved = (reason: string, attempts: IdOf<'attempt'>[], keys: string[]) => {
  const data = { transfer: id }
  return to(
    'dead',
    { reason },
    {
      releases: keys,
      tells: [
        ...heldOf(keys),
        ...attempts.map((attempt): Told => [attempt, 'transfer.dissolved', {}]),
        ['withdrawal/w-1', 'transfer.dissolved', data],
        ['withdrawal/w-2', 'transfer.dissolved', data],
        [account, 'withdrawal.queued', {}],
      ],
    },
  )
}
const passedOn = (type: string, ...attempts: IdOf<'attempt'>[]) =>
  to('underway.waiting', {}, { tells: attempts.map((attempt): Told => [attempt, type, {}]) })

/** Paid with 3 confirmations, at 102; final with 20, at 119. */
export const transferSubject: Subject = {
  machine: transfer,
  id,
  events: {
    'transfer.planned': happened('transfer.planned', { ...plan, attempt: first }),
    'transfer.adopted': happened('transfer.adopted', {
      ...plan,
      attempt: { ...first, transactionId: 'cc', raw: '00cc' },
      reserves: ['litecoin:bb:1'],
    }),
    'transfer.displaced': happened('transfer.displaced', {
      keys: ['litecoin:aa:0'],
      reason: 'signed elsewhere',
      height: 130,
    }),
    'attempt.adopted': happened('attempt.adopted', {
      ...signedSecond,
      held: ['coin/litecoin:aa:0', 'coin/litecoin:cc:2'],
      reserves: ['litecoin:cc:2'],
    }),
    'attempt.adopted, the first': happened('attempt.adopted', {
      ...first,
      ...{ transactionId: 'cc', raw: '00cc', held: ['coin/litecoin:aa:0'], reserves: ['litecoin:aa:0'] },
    }),
    'attempt.signed': happened('attempt.signed', { n: 1, transactionId: 'cc', fee: '7' }),
    'attempt.signed, the second': happened('attempt.signed', { n: 2, transactionId: 'dd', fee: '9' }),
    'attempt.held': happened('attempt.held', { n: 1, reason: 'fee-too-high' }),
    'attempt.delayed, over': happened('attempt.delayed', { n: 1, reason: null }),
    'replacement.requested at 20': happened('replacement.requested', { feeRate: 20 }),
    'replacement.requested at 30': happened('replacement.requested', { feeRate: 30 }),
    'replacement.planned': happened('replacement.planned', {
      attempt: second,
      held: ['coin/litecoin:aa:0', 'coin/litecoin:cc:2'],
    }),
    'replacement.planned, not the next': happened('replacement.planned', { attempt: { ...second, n: 9 }, held: [] }),
    'replacement.declined': happened('replacement.declined', { reason: overCap }),
    'time.passed': happened('time.passed'),
    'attempt.delayed': happened('attempt.delayed', { n: 1, reason: 'too-long-mempool-chain' }),
    'attempt.voided': happened('attempt.voided', { n: 1, reason: 'voided', height: 130 }),
    'attempt.voided, the second': happened('attempt.voided', { n: 2, reason: 'voided', height: 130 }),
    'withdrawal.voided': happened('withdrawal.voided', {
      receipt: {},
      verdict: 'cancelled',
      reason: 'cancelled',
      height: 130,
    }),
    'withdrawal.expired': happened('withdrawal.expired'),
    'authorisation.added': happened('authorisation.added', { key: 'k2', signature: 's2' }),
    'attempt.mined': happened('attempt.mined', { n: 1, place, transactionId: 'cc', fee: '7', executed: true }),
    'attempt.mined for another fee': happened('attempt.mined', {
      n: 1,
      place,
      transactionId: 'cc',
      fee: '9',
      executed: true,
    }),
    'attempt.mined in vain': happened('attempt.mined', { n: 1, place, transactionId: 'cc', fee: '7', executed: false }),
    'attempt.mined, paying nobody': happened('attempt.mined', {
      ...{ n: 2, place, transactionId: 'dd', fee: '9' },
      ...{ executed: false, isCancelling: true },
    }),
    'attempt.unmined': happened('attempt.unmined', { n: 1 }),
    'attempt.died': happened('attempt.died', { n: 1, reason: 'its input was lost', height: 130 }),
    'attempt.died, the second': happened('attempt.died', { n: 2, reason: 'its input was lost', height: 130 }),
    'attempt.expired': happened('attempt.expired', {
      n: 1,
      reason: 'it has expired',
      height: 130,
      isGivenUp: false,
    }),
    'attempt.expired, the second': happened('attempt.expired', {
      n: 2,
      reason: 'it has expired',
      height: 130,
      isGivenUp: false,
    }),
    'attempt.expired, given up': happened('attempt.expired', {
      n: 1,
      reason: 'it has expired',
      height: 130,
      isGivenUp: true,
    }),
    'transfer.lapsed': happened('transfer.lapsed', { reason: 'cancelled', height: 130 }),
    'key.lost': happened('key.lost', { key: 'litecoin:aa:0', height: 130, transaction: null }),
    'key.lost to its own transaction': happened('key.lost', { key: 'litecoin:aa:0', height: 130, transaction: 'cc' }),
    'attempt.revived': happened('attempt.revived', { n: 1, transactionId: 'cc', reason: 'it may be mined' }),
    'transfer.resumed': happened('transfer.resumed', { reason: 'the limit was raised' }),
    'height.reached 101': happened('height.reached', { height: 101 }),
    'height.reached 102': happened('height.reached', { height: 102 }),
    'height.reached 118': happened('height.reached', { height: 118 }),
    'height.reached 119': happened('height.reached', { height: 119 }),
    'ending.revoked': happened('ending.revoked', { reserves: ['litecoin:aa:0'] }),
  },
  stands: {
    absent: [],
    'underway.waiting': ['transfer.planned'],
    'underway.waiting, signed': ['transfer.planned', 'attempt.signed'],
    'underway.waiting, two attempts': ['transfer.planned', 'attempt.adopted'],
    'underway.waiting, one of two dead': ['transfer.planned', 'attempt.adopted', 'attempt.died'],
    'underway.due': ['transfer.planned', 'attempt.signed', 'time.passed'],
    'underway.asked': ['transfer.planned', 'attempt.signed', 'replacement.requested at 20'],
    'underway.due, expired': ['transfer.planned', 'attempt.signed', 'attempt.expired'],
    'underway.due, and a person asked before': [
      ...['transfer.planned', 'attempt.signed', 'replacement.requested at 20'],
      ...['attempt.mined', 'attempt.unmined', 'time.passed'],
    ],
    confirming: ['transfer.planned', 'attempt.mined'],
    'confirming, two attempts': ['transfer.planned', 'attempt.adopted', 'attempt.mined'],
    confirmed: ['transfer.planned', 'attempt.mined', 'height.reached 102'],
    final: ['transfer.planned', 'attempt.mined', 'height.reached 102', 'height.reached 119'],
    failing: ['transfer.planned', 'attempt.mined in vain'],
    'failing, two attempts': ['transfer.planned', 'attempt.adopted', 'attempt.mined in vain'],
    'dead, failed in its block': ['transfer.planned', 'attempt.mined in vain', 'height.reached 119'],
    dead: ['transfer.planned', 'attempt.died'],
    'dead, signed': ['transfer.planned', 'attempt.signed', 'attempt.died'],
    'confirmed, an attempt dead': [
      'transfer.planned',
      'attempt.adopted',
      'attempt.died',
      'attempt.mined',
      'height.reached 102',
    ],
  },
  table: {
    absent: {
      'transfer.planned': to(
        'underway.waiting',
        {},
        {
          reserves: ['litecoin:aa:0', 'litecoin:bb:1'],
          tells: [
            ['coin/litecoin:aa:0', 'key.reserved', { holder: id }],
            ['coin/litecoin:bb:1', 'key.reserved', { holder: id }],
            ['withdrawal/w-1', 'transfer.bound', { transfer: id }],
            ['withdrawal/w-2', 'transfer.bound', { transfer: id }],
            [
              'attempt/one:1',
              'attempt.planned',
              {
                n: 1,
                template: { psbt: 'x' },
                spendKeys: ['litecoin:aa:0', 'litecoin:bb:1'],
                fee: '7',
                chain: 'litecoin',
                transfer: id,
                account,
              },
            ],
          ],
        },
      ),
      'transfer.adopted': adoptedWhole(),
    },
    'underway.waiting': {
      'attempt.expired, given up': aged(died([1], first.spendKeys, 'it has expired')),
      'attempt.expired': expired([1]),
      'attempt.expired, the second': expired([2]),
      'transfer.lapsed': lapsed(first.spendKeys),
      'key.lost to its own transaction': to(
        'underway.waiting',
        {},
        { tells: [['attempt/one:1', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: 'cc' }]] },
      ),
      'attempt.revived': revived({ reason: 'it may be mined' }),
      'attempt.adopted': adoptedSecond,
      'attempt.adopted, the first': adoptedFirst,
      'attempt.signed': signed,
      'attempt.signed, the second': signedSecondly(),
      'attempt.held': held,
      'attempt.delayed': delayed,
      'attempt.mined': mined,
      'attempt.mined for another fee': minedForMore,
      'attempt.mined in vain': minedInVain,
      'attempt.mined, paying nobody': minedInItsPlace(),
      'attempt.died': died([1]),
      'attempt.died, the second': died([2]),
      'attempt.voided': dissolved('voided', ['attempt/one:1'], first.spendKeys),
      'attempt.voided, the second': dissolved('voided', ['attempt/one:1'], first.spendKeys),
      'withdrawal.voided': dissolved('cancelled', ['attempt/one:1'], first.spendKeys),
      'transfer.displaced': dissolved('signed elsewhere', ['attempt/one:1'], first.spendKeys),
      'authorisation.added': passedOn('approval.added', 'attempt/one:1'),
      'withdrawal.expired': passedOn('withdrawal.expired', 'attempt/one:1'),
      'key.lost': lost,
      'transfer.resumed': resumed,
    },
    'underway.waiting, signed': {
      'attempt.expired, given up': aged(died([1], first.spendKeys, 'it has expired', ['cc'])),
      'attempt.expired': expired([1], { dueAt: null }),
      'attempt.expired, the second': expired([2], { dueAt: null }),
      'transfer.lapsed': lapsed(first.spendKeys, ['cc']),
      'attempt.revived': revived({ reason: 'it may be mined' }),
      'attempt.adopted': adoptedSecond,
      'attempt.signed': { ...signed, set: {} },
      'time.passed': { ...asked('underway.due', 0), set: { dueAt: null } },
      'withdrawal.voided': { ...asked('underway.due', 0), set: { dueAt: null } },
      'replacement.requested at 20': asked('underway.asked', 20, { dueAt: null }),
      'replacement.requested at 30': asked('underway.asked', 30, { dueAt: null }),
      'attempt.signed, the second': signedSecondly(['cc']),
      'attempt.held': heldUp,
      'attempt.delayed': delayed,
      'attempt.mined': { ...mined, set: signedAlready },
      'attempt.mined for another fee': { ...minedForMore, set: { ...signedAlready, fee: '9', withdrawals: dearer } },
      'attempt.mined in vain': { ...minedInVain, set: { dueAt: null, dueHeight: 119, place, reason: inVain } },
      'attempt.mined, paying nobody': (({ set, ...effect }) => ({ ...effect, set: { dueAt: null, ...set } }))(
        minedInItsPlace('cc'),
      ),
      'attempt.died': died([1], first.spendKeys, 'its input was lost', ['cc']),
      'attempt.died, the second': died([2], first.spendKeys, 'its input was lost', ['cc']),
      'attempt.voided': died([1], first.spendKeys, 'voided', ['cc']),
      'attempt.voided, the second': died([2], first.spendKeys, 'voided', ['cc']),
      'transfer.displaced': to('underway.waiting', {}, { releases: ['litecoin:aa:0'] }),
      'authorisation.added': passedOn('approval.added', 'attempt/one:1'),
      'withdrawal.expired': passedOn('withdrawal.expired', 'attempt/one:1'),
      'key.lost': lost,
      'transfer.resumed': resumed,
    },
    'underway.waiting, two attempts': {
      'attempt.expired, given up': aged(to('underway.waiting', { dead: [1] })),
      'attempt.expired': aged(to('underway.waiting', { dead: [1] })),
      'attempt.expired, the second': aged(to('underway.waiting', { dead: [2] }), 2),
      'transfer.lapsed': lapsed(both),
      'attempt.adopted': adoptedAgain(),
      'attempt.adopted, the first': adoptedFirst,
      'key.lost to its own transaction': to(
        'underway.waiting',
        {},
        {
          tells: [
            ['attempt/one:1', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: 'cc' }],
            ['attempt/one:2', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: 'cc' }],
          ],
        },
      ),
      'attempt.revived': revived({ reason: 'it may be mined' }),
      'attempt.signed': signed,
      'attempt.signed, the second': signedSecondly(),
      'attempt.held': held,
      'attempt.delayed': delayed,
      'attempt.mined': mined,
      'attempt.mined for another fee': minedForMore,
      'attempt.mined in vain': minedInVain,
      'attempt.mined, paying nobody': minedInItsPlace(),
      'attempt.died': to('underway.waiting', { dead: [1] }),
      'attempt.died, the second': to('underway.waiting', { dead: [2] }),
      'attempt.voided': to('underway.waiting', { dead: [1] }),
      'attempt.voided, the second': to('underway.waiting', { dead: [2] }),
      'withdrawal.voided': dissolved('cancelled', ['attempt/one:1', 'attempt/one:2'], both),
      'transfer.displaced': dissolved('signed elsewhere', ['attempt/one:1', 'attempt/one:2'], both),
      'authorisation.added': passedOn('approval.added', 'attempt/one:1', 'attempt/one:2'),
      'withdrawal.expired': passedOn('withdrawal.expired', 'attempt/one:1', 'attempt/one:2'),
      'key.lost': to(
        'underway.waiting',
        {},
        {
          tells: [
            ['attempt/one:1', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: null }],
            ['attempt/one:2', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: null }],
          ],
        },
      ),
      'transfer.resumed': to(
        'underway.waiting',
        { reason: 'the limit was raised' },
        {
          tells: [
            ['attempt/one:1', 'transfer.resumed', { reason: 'the limit was raised' }],
            ['attempt/one:2', 'transfer.resumed', { reason: 'the limit was raised' }],
          ],
        },
      ),
    },
    'underway.waiting, one of two dead': {
      'attempt.expired, the second': expired([1, 2]),
      'transfer.lapsed': lapsed(both),
      'attempt.adopted': adoptedAgain(),
      'attempt.adopted, the first': adoptedFirst,
      'key.lost to its own transaction': to(
        'underway.waiting',
        {},
        {
          tells: [
            ['attempt/one:1', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: 'cc' }],
            ['attempt/one:2', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: 'cc' }],
          ],
        },
      ),
      'attempt.revived': revived({ dead: [], reason: 'it may be mined' }),
      'attempt.signed': signed,
      'attempt.signed, the second': signedSecondly(),
      'attempt.held': held,
      'attempt.delayed': delayed,
      'attempt.mined': mined,
      'attempt.mined for another fee': minedForMore,
      'attempt.mined in vain': minedInVain,
      'attempt.mined, paying nobody': minedInItsPlace(),
      'attempt.died, the second': died([1, 2], both),
      'attempt.voided, the second': dissolved('voided', ['attempt/one:1', 'attempt/one:2'], both),
      'withdrawal.voided': dissolved('cancelled', ['attempt/one:1', 'attempt/one:2'], both),
      'transfer.displaced': dissolved('signed elsewhere', ['attempt/one:1', 'attempt/one:2'], both),
      'authorisation.added': passedOn('approval.added', 'attempt/one:1', 'attempt/one:2'),
      'withdrawal.expired': passedOn('withdrawal.expired', 'attempt/one:1', 'attempt/one:2'),
      'key.lost': to(
        'underway.waiting',
        {},
        {
          tells: [
            ['attempt/one:1', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: null }],
            ['attempt/one:2', 'key.lost', { key: 'litecoin:aa:0', height: 130, transaction: null }],
          ],
        },
      ),
      'transfer.resumed': to(
        'underway.waiting',
        { reason: 'the limit was raised' },
        {
          tells: [
            ['attempt/one:1', 'transfer.resumed', { reason: 'the limit was raised' }],
            ['attempt/one:2', 'transfer.resumed', { reason: 'the limit was raised' }],
          ],
        },
      ),
    },
    'underway.due': {
      ...signedRow('underway.due'),
      'replacement.requested at 20': asked('underway.asked', 20),
      'replacement.requested at 30': asked('underway.asked', 30),
      'replacement.planned': replaced,
      'replacement.declined': declined({ failures: 1, dueAt }),
    },
    'underway.due, and a person asked before': {
      ...signedRow('underway.due'),
      'replacement.requested at 30': asked('underway.asked', 30),
      'replacement.planned': replaced,
      'replacement.declined': declined({ failures: 1, dueAt }),
    },
    'underway.due, expired': {
      ...explained(
        without(
          signedRow('underway.due'),
          'attempt.expired',
          'attempt.expired, given up',
          'attempt.died',
          'attempt.voided',
        ),
      ),
      'attempt.delayed, over': { ...delayed, to: 'underway.due', set: { reason: null }, tells: delayedOver },
      'attempt.expired, the second': { ...expired([1, 2]), set: { dead: [1, 2] } },
      'attempt.revived': {
        ...signedRow('underway.due')['attempt.revived']!,
        set: { dead: [], reason: 'it may be mined' },
      },
      'attempt.died, the second': died([1, 2], first.spendKeys, 'its input was lost', ['cc']),
      'attempt.voided, the second': died([1, 2], first.spendKeys, 'voided', ['cc']),
      'replacement.requested at 20': asked('underway.asked', 20),
      'replacement.requested at 30': asked('underway.asked', 30),
      'replacement.planned': { ...replaced, set: { ...replaced.set, reason: null } },
      'replacement.declined': declined({ failures: 1, dueAt: at + 5000 }),
    },
    'underway.asked': {
      ...signedRow('underway.asked'),
      'replacement.requested at 30': asked('underway.asked', 30),
      'replacement.planned': replaced,
      'replacement.declined': declined({ failures: 1, dueAt, askedRate: null }),
    },
    confirming: {
      ...whileMined('confirming'),
      'attempt.unmined': unmined,
      'height.reached 102': paid,
      'height.reached 118': paid,
      'height.reached 119': paid,
    },
    confirmed: {
      ...whileMined('confirmed'),
      'attempt.unmined': unmined,
      'height.reached 119': to(
        'final',
        {},
        {
          releases: ['litecoin:aa:0', 'litecoin:bb:1'],
          tells: [
            ...unused,
            ['withdrawal/w-1', 'transfer.finalised', { transfer: id }],
            ['withdrawal/w-2', 'transfer.finalised', { transfer: id }],
            ['attempt/one:1', 'transfer.finalised', { height: 119 }],
          ],
        },
      ),
    },
    failing: {
      ...whileMined('failing'),
      'attempt.unmined': unfailed,
      'height.reached 119': failed(first.spendKeys, 'attempt/one:1'),
    },
    'confirming, two attempts': {
      'attempt.adopted': adoptedAgain('confirming'),
      'attempt.revived': to('confirming'),
      'attempt.signed, the second': to('confirming', { signed: ['cc', 'dd'] }),
      'attempt.unmined': unmined,
      'height.reached 102': paid,
      'height.reached 118': paid,
      'height.reached 119': paid,
    },
    'failing, two attempts': {
      'attempt.adopted': adoptedAgain('failing'),
      'attempt.revived': to('failing'),
      'attempt.signed, the second': to('failing', { signed: ['cc', 'dd'] }),
      'attempt.unmined': unfailed,
      'height.reached 119': failed([...first.spendKeys, 'litecoin:cc:2'], 'attempt/one:1', 'attempt/one:2'),
    },
    'confirmed, an attempt dead': {
      'attempt.adopted': adoptedAgain('confirmed'),
      'attempt.revived': to('confirmed', { dead: [] }),
      'attempt.signed, the second': to('confirmed', { signed: ['cc', 'dd'] }),
      'attempt.unmined': unmined,
      'height.reached 119': to(
        'final',
        {},
        {
          releases: both,
          tells: [
            ...unused,
            ['coin/litecoin:cc:2', 'key.unused', { holder: id, height: 119 }],
            ['withdrawal/w-1', 'transfer.finalised', { transfer: id }],
            ['withdrawal/w-2', 'transfer.finalised', { transfer: id }],
            ['attempt/one:1', 'transfer.finalised', { height: 119 }],
            ['attempt/one:2', 'transfer.finalised', { height: 119 }],
          ],
        },
      ),
    },
    'dead, failed in its block': {
      'ending.revoked': to(
        'underway.waiting',
        { reason: null, place: null, dueHeight: null },
        { reserves: ['litecoin:aa:0'] },
      ),
    },
    final: { 'ending.revoked': to('confirmed', {}, { reserves: ['litecoin:aa:0'] }) },
    dead: { 'transfer.adopted': adoptedWhole({ dead: [], reason: null }) },
    'dead, signed': {
      'ending.revoked': to('underway.waiting', { reason: null }, { reserves: ['litecoin:aa:0'] }),
      'attempt.adopted': { ...adoptedSecond, set: { ...adoptedSecond.set, reason: null } },
    },
  },
}
