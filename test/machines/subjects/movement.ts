import { movement } from '../../../machines/movement.ts'
import { happened, to, type Subject } from '../table.ts'

const block = { height: 100, hash: 'b100' }
const other = { height: 101, hash: 'b101' }
const account = 'account/ethereum:0'
const moved = {
  ...{ chain: 'ethereum', account, asset: 'ETH', delta: '-5000', credit: 3, final: 20 },
  place: block,
}
type Told = [typeof account, string, object]
const settled = (delta: string) => ({ tells: [[account, 'funds.settled', { asset: 'ETH', delta }] as Told] })
const unsettled = (delta: string) => ({ tells: [[account, 'funds.unsettled', { asset: 'ETH', delta }] as Told] })

/** Settles a block after it is final with 20: at 120 (what stands in block 101: at 121). */
export const movementSubject: Subject = {
  machine: movement,
  id: 'movement/ethereum:aa:value',
  events: {
    'funds.moved': happened('funds.moved', moved),
    'funds.moved of what comes': happened('funds.moved', { ...moved, delta: '70' }),
    'funds.moved in another block': happened('funds.moved', { ...moved, place: other }),
    'height.reached 119': happened('height.reached', { height: 119 }),
    'height.reached 120': happened('height.reached', { height: 120 }),
    'height.reached 121': happened('height.reached', { height: 121 }),
    'block.disconnected its own': happened('block.disconnected', block),
    'block.disconnected another': happened('block.disconnected', other),
    'ending.revoked': happened('ending.revoked'),
  },
  stands: {
    absent: [],
    placed: ['funds.moved'],
    'placed, in another block': ['funds.moved', 'funds.moved in another block'],
    displaced: ['funds.moved', 'block.disconnected its own'],
    settled: ['funds.moved', 'height.reached 120'],
    'settled, of what comes': ['funds.moved of what comes', 'height.reached 120'],
    undone: ['funds.moved', 'block.disconnected its own', 'height.reached 120'],
  },
  table: {
    absent: {
      'funds.moved': to('placed'),
      'funds.moved of what comes': to('placed'),
      'funds.moved in another block': to('placed'),
    },
    placed: {
      'funds.moved in another block': to('placed', { place: other, dueHeight: 121 }),
      'height.reached 120': to('settled', {}, settled('-5000')),
      'height.reached 121': to('settled', {}, settled('-5000')),
      'block.disconnected its own': to('displaced'),
    },
    'placed, in another block': {
      'funds.moved': to('placed', { place: block, dueHeight: 120 }),
      'funds.moved of what comes': to('placed', { place: block, dueHeight: 120, delta: '70' }),
      'height.reached 121': to('settled', {}, settled('-5000')),
      'block.disconnected another': to('displaced'),
    },
    displaced: {
      'funds.moved': to('placed'),
      'funds.moved of what comes': to('placed', { delta: '70' }),
      'funds.moved in another block': to('placed', { place: other, dueHeight: 121 }),
      'height.reached 120': to('undone'),
      'height.reached 121': to('undone'),
    },
    settled: { 'ending.revoked': to('placed', {}, unsettled('-5000')) },
    'settled, of what comes': { 'ending.revoked': to('placed', {}, unsettled('70')) },
    undone: { 'ending.revoked': to('displaced') },
  },
}
