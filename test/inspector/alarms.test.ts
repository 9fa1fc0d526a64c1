/** What the page takes for an alarm, and that each leads to a paragraph of the operator's guide. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { alarmsOf, GUIDES, type Facts } from '../../src/inspector/page/alarms.ts'
import type { ApiChain } from '../../src/inspector/page/shapes.ts'

const calm: ApiChain = {
  chain: 'litecoin',
  family: 'bitcoin',
  asset: 'LTC',
  decimals: 8,
  state: 'following',
  reason: null,
  height: 100,
  blockHash: 'hash',
  nodeHeight: 100,
  lag: 0,
  treasury: 'treasury',
  treasuryDataField: null,
  addressPool: { free: 5, assigned: 1 },
  balances: [{ asset: 'LTC', decimals: 8, confirmed: '500', pending: '0', reserved: '100' }],
}

const facts = (more: Partial<Facts> = {}): Facts => ({
  chains: [calm],
  readiness: { ready: true, problems: [] },
  counts: new Map(),
  details: { oldestQueued: {}, lost: [] },
  now: 1_000_000_000,
  ...more,
})

const titles = (more: Partial<Facts>): string[] => alarmsOf(facts(more)).map(({ title }) => title)
const withChain = (more: Partial<ApiChain>) => ({ chains: [{ ...calm, ...more }] })

test('nothing is an alarm where all is well', () => {
  expect(titles({})).toEqual([])
})

test.each<[string, Partial<Facts>, string]>([
  ['a halted chain', withChain({ state: 'halted', reason: 'why' }), 'litecoin is halted'],
  ['a node that is down', withChain({ state: 'unreachable' }), 'litecoin: the node is down'],
  ['lag', withChain({ state: 'syncing', nodeHeight: 110, lag: 10 }), 'litecoin is 10 blocks behind its node'],
  ['a node that is behind', withChain({ nodeHeight: 90 }), 'litecoin: the node is behind the ledger'],
  ['an empty pool', withChain({ addressPool: { free: 0, assigned: 9 } }), 'litecoin has no free address'],
  ['reversed deposits', { counts: new Map([['deposit|litecoin|reversed', 2]]) }, '2 deposits reversed'],
  ['a quarantined deposit', { counts: new Map([['deposit|litecoin|quarantined', 1]]) }, '1 deposit quarantined'],
  ['held withdrawals', { counts: new Map([['withdrawal|litecoin|held', 3]]) }, '3 withdrawals held'],
  ['a failed withdrawal', { counts: new Map([['withdrawal|litecoin|failed', 1]]) }, '1 withdrawal failed, with proof'],
  [
    'a refused transaction',
    { counts: new Map([['attempt|litecoin|refused', 1]]) },
    '1 transaction refused by the signer',
  ],
  [
    'approvals',
    { counts: new Map([['attempt|litecoin|awaitingApproval', 1]]) },
    '1 transaction waiting for more approvals at the signer',
  ],
  ['a stuck account', { counts: new Map([['account|litecoin|stuck', 1]]) }, '1 account stuck'],
  [
    'a lost deposit',
    { details: { oldestQueued: {}, lost: [{ id: 'x', chain: 'litecoin', reason: null }] } },
    'A deposit on litecoin is lost',
  ],
  [
    'an old queue',
    { details: { oldestQueued: { litecoin: { id: 'w', reason: null, since: 1_000_000_000 - 3_600_000 } }, lost: [] } },
    'litecoin: a withdrawal has been queued for 1 h',
  ],
  [
    'an empty treasury',
    {
      counts: new Map([['withdrawal|litecoin|queued', 1]]),
      ...withChain({ balances: [{ asset: 'LTC', decimals: 8, confirmed: '5', pending: '7', reserved: '5' }] }),
    },
    'litecoin has no LTC left to pay with',
  ],
  [
    'a signer that is not there',
    { readiness: { ready: false, problems: ['litecoin: the signer cannot be used: no answer'] } },
    'litecoin: the signer cannot be used',
  ],
])('%s is one', (_, more, title) => {
  expect(titles(more)).toEqual([title])
})

test('what readiness says of a chain’s state is not said twice', () => {
  const readiness = { ready: false, problems: ['litecoin is halted: why', 'litecoin is connecting'] }
  expect(titles({ ...withChain({ state: 'halted', reason: 'why' }), readiness })).toEqual([
    'litecoin is halted',
    'litecoin is connecting',
  ])
})

test('the worst stand first', () => {
  const counts = new Map([
    ['withdrawal|litecoin|held', 1],
    ['deposit|litecoin|reversed', 1],
  ])
  expect(alarmsOf(facts({ counts })).map(({ severity }) => severity)).toEqual(['bad', 'warning'])
})

test('each leads to a heading of docs/operations.md', () => {
  const headings = [...readFileSync('docs/operations.md', 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
  for (const guide of GUIDES) expect(headings).toContain(guide)
})
