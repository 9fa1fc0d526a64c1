import { describe, expect, test } from 'vitest'
import { createFates } from '../../../src/devnet/fates.ts'
import {
  decodeRippleHappening,
  encodeRippleHappening,
  type RippleHappening,
} from '../../../src/devnet/ripple/history.ts'
import type { NetworkRules } from '../../../src/devnet/ripple/ledger.ts'
import { createSimulatedRipple, type SimulatedRipple } from '../../../src/devnet/ripple/node.ts'
import { signWith, worldKey, type WorldKey } from '../../../src/devnet/ripple/transaction.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const XRP = 1_000_000n
const alice = worldKey('alice')
const bob = worldKey('bob')

function simulate(rules: Partial<NetworkRules> = {}, networkId = 0): SimulatedRipple {
  const simulated = createSimulatedRipple({ networkId, now: () => NOW_MS, rules })
  simulated.mine(1)
  return simulated
}

/** With Alice, who has 100 XRP. */
function peopled(rules: Partial<NetworkRules> = {}): SimulatedRipple {
  const simulated = simulate(rules)
  simulated.pay(alice.account, 100n * XRP)
  simulated.mine(1)
  return simulated
}

function ask(simulated: SimulatedRipple, method: string, params: object): Record<string, unknown> {
  const body = new TextEncoder().encode(JSON.stringify({ method, params: [params] }))
  const answer = simulated.handle({ method: 'POST', path: '/', query: {}, headers: {}, body })
  return (JSON.parse(answer.body as string) as { result: Record<string, unknown> }).result
}

const usual = { Fee: '10', Flags: 0 }
const pay = (to: string, drops: bigint) => ({ TransactionType: 'Payment', Destination: to, Amount: String(drops) })

/** What the server answers at once. */
function offer(simulated: SimulatedRipple, key: WorldKey, fields: object, more: object = {}): string {
  const Sequence = simulated.chain.open.get(key.account)?.sequence ?? 1
  const tx_blob = signWith(key, { ...usual, Sequence, ...fields })
  const result = ask(simulated, 'submit', { tx_blob, ...more })
  return String(result['engine_result'] ?? result['error_message'])
}

/** What became of the last transaction of an account. */
const outcome = (simulated: SimulatedRipple, { account }: WorldKey) =>
  simulated.entriesOf(account).at(-1)!.meta.TransactionResult

describe('payments', () => {
  test('move what they say, and their fee is gone', () => {
    const simulated = peopled()
    expect(offer(simulated, alice, pay(bob.account, 20n * XRP))).toBe('tesSUCCESS')
    simulated.mine(1)
    expect(simulated.account(bob.account)).toMatchObject({ balance: 20n * XRP, sequence: simulated.height() })
    expect(simulated.account(alice.account)!.balance).toBe(80n * XRP - 10n)
    const total = simulated.chain.states.totalDrops(simulated.height())
    expect(total).toBe(100_000_000_000_000_000n - 1_000_000n - 10n)
  })

  test.each([
    ['to nobody, below the reserve', { ...pay(bob.account, XRP - 1n) }, 'tecNO_DST_INSUF_XRP'],
    ['of the reserve itself', { ...pay(bob.account, 100n * XRP - 10n) }, 'tecUNFUNDED_PAYMENT'],
    ['to oneself', { ...pay(alice.account, 1n) }, 'temREDUNDANT'],
    ['of nothing', { ...pay(bob.account, 0n) }, 'temBAD_AMOUNT'],
    [
      'that may be partial and needs nothing changed',
      { ...pay(bob.account, XRP), Flags: 0x0002_0000 },
      'temBAD_SEND_XRP_PARTIAL',
    ],
    ['with a sequence of the past', { ...pay(bob.account, XRP), Sequence: 1 }, 'tefPAST_SEQ'],
    ['with one of the future', { ...pay(bob.account, XRP), Sequence: 99 }, 'terPRE_SEQ'],
    ['that has expired', { ...pay(bob.account, XRP), LastLedgerSequence: 2 }, 'tefMAX_LEDGER'],
    ['below the fee', { ...pay(bob.account, XRP), Fee: '9' }, 'telINSUF_FEE_P'],
    [
      'that names a network it need not name',
      { ...pay(bob.account, XRP), NetworkID: 5 },
      'telNETWORK_ID_MAKES_TX_NON_CANONICAL',
    ],
    ['on a ticket that nobody made', { ...pay(bob.account, XRP), Sequence: 0, TicketSequence: 1 }, 'tefNO_TICKET'],
    ['on a ticket of the future', { ...pay(bob.account, XRP), Sequence: 0, TicketSequence: 99 }, 'terPRE_TICKET'],
  ])('%s', (_, fields, result) => {
    expect(offer(peopled(), alice, fields)).toBe(result)
  })

  test('a network above 1024 must be named, and rightly', () => {
    const simulated = simulate({}, 2000)
    simulated.pay(alice.account, 100n * XRP)
    simulated.mine(1)
    expect(offer(simulated, alice, pay(bob.account, XRP))).toBe('telREQUIRES_NETWORK_ID')
    expect(offer(simulated, alice, { ...pay(bob.account, XRP), NetworkID: 2001 })).toBe('telWRONG_NETWORK')
    expect(offer(simulated, alice, { ...pay(bob.account, XRP), NetworkID: 2000 })).toBe('tesSUCCESS')
  })

  test('a signature of another key is no signature', () => {
    const simulated = peopled()
    const raw = signWith(alice, { ...usual, ...pay(bob.account, XRP), Sequence: 3 })
    const forged = raw.replace(/.{8}$/, 'DEADBEEF')
    expect(ask(simulated, 'submit', { tx_blob: forged })['error']).toBe('invalidTransaction')
  })

  test('RequireDest and DepositAuth', () => {
    const simulated = peopled()
    simulated.pay(bob.account, 50n * XRP)
    simulated.mine(1)
    offer(simulated, bob, { TransactionType: 'AccountSet', SetFlag: 1 })
    simulated.mine(1)
    expect(offer(simulated, alice, pay(bob.account, XRP))).toBe('tecDST_TAG_NEEDED')
    expect(offer(simulated, alice, { ...pay(bob.account, XRP), DestinationTag: 0 })).toBe('tesSUCCESS')
    offer(simulated, bob, { TransactionType: 'AccountSet', SetFlag: 9 })
    simulated.mine(1)
    expect(offer(simulated, alice, { ...pay(bob.account, XRP), DestinationTag: 1 })).toBe('tecNO_PERMISSION')
    const asked = { source_account: alice.account, destination_account: bob.account, ledger_index: 'validated' }
    expect(ask(simulated, 'deposit_authorized', asked)['deposit_authorized']).toBe(false)
  })
})

describe('tickets', () => {
  const make = (TicketCount: number) => ({ TransactionType: 'TicketCreate', TicketCount })

  test('are spent in any order, each once, and hold their reserve', () => {
    const simulated = peopled()
    expect(offer(simulated, alice, make(3))).toBe('tesSUCCESS')
    simulated.mine(1)
    const { sequence, tickets } = simulated.account(alice.account)!
    const [first, second, third] = [...tickets]
    expect(sequence).toBe(third! + 1)
    expect(first).toBe(sequence - 3)
    const spend = (ticket: number) =>
      offer(simulated, alice, { ...pay(bob.account, 2n * XRP), Sequence: 0, TicketSequence: ticket })
    expect([third!, first!].map(spend)).toEqual(['tesSUCCESS', 'tesSUCCESS'])
    simulated.mine(1)
    expect([...simulated.account(alice.account)!.tickets]).toEqual([second])
    expect(spend(first!)).toBe('tefALREADY')
    expect(offer(simulated, alice, { ...pay(bob.account, XRP), Sequence: 0, TicketSequence: first })).toBe(
      'tefNO_TICKET',
    )
    const asked = { account: alice.account, ledger_index: 'validated' }
    expect(ask(simulated, 'account_info', asked)['account_data']).toMatchObject({ OwnerCount: 1, TicketCount: 1 })
    const entry = (ticket: number) =>
      ask(simulated, 'ledger_entry', {
        ticket: { account: alice.account, ticket_seq: ticket },
        ledger_index: 'validated',
      })
    expect(entry(second!)['node']).toMatchObject({ LedgerEntryType: 'Ticket', TicketSequence: second })
    expect(entry(first!)['error']).toBe('entryNotFound')
  })

  test('cannot be made without their reserve, nor beyond 250', () => {
    const simulated = simulate()
    simulated.pay(alice.account, 2n * XRP)
    simulated.mine(1)
    expect(offer(simulated, alice, make(6))).toBe('tecINSUFFICIENT_RESERVE')
    simulated.pay(alice.account, 1000n * XRP)
    simulated.mine(1)
    expect(offer(simulated, alice, make(250))).toBe('tesSUCCESS')
    expect(offer(simulated, alice, make(1))).toBe('tecDIR_FULL')
  })

  test('are told page by page', () => {
    const simulated = peopled()
    offer(simulated, alice, make(7))
    simulated.mine(1)
    const found: number[] = []
    let marker: unknown
    do {
      const asked = { account: alice.account, type: 'ticket', limit: 3, ledger_index: 'validated' }
      const page = ask(simulated, 'account_objects', marker === undefined ? asked : { ...asked, marker })
      found.push(...(page['account_objects'] as { TicketSequence: number }[]).map(one => one.TicketSequence))
      marker = page['marker']
    } while (marker !== undefined)
    expect(found).toEqual([...simulated.account(alice.account)!.tickets])
  })
})

describe('the queue', () => {
  test('X18: takes what pays too little for the open ledger, at most ten of an account, and nothing that must not fail', () => {
    const simulated = peopled({ ledgerSize: 1 })
    const tickets = { TransactionType: 'TicketCreate', TicketCount: 12, LastLedgerSequence: 99 }
    expect(offer(simulated, alice, tickets)).toBe('tesSUCCESS')
    simulated.mine(1)
    const spend = (ticket: number, more: object = {}, fields: object = {}) =>
      offer(simulated, alice, { ...pay(bob.account, 2n * XRP), Sequence: 0, TicketSequence: ticket, ...fields }, more)
    const [first, second, ...others] = [...simulated.account(alice.account)!.tickets]
    expect(spend(first!)).toBe('tesSUCCESS')
    expect(spend(second!, { fail_hard: true })).toBe('telCAN_NOT_QUEUE')
    const next = simulated.height() + 1
    expect(spend(second!, {}, { LastLedgerSequence: next + 1 })).toBe('telCAN_NOT_QUEUE')
    expect(spend(second!, {}, { LastLedgerSequence: next + 2 })).toBe('terQUEUED')
    for (const ticket of others.slice(0, 9)) expect(spend(ticket)).toBe('terQUEUED')
    expect(spend(others[9]!)).toBe('telCAN_NOT_QUEUE_FULL')
    expect(ask(simulated, 'fee', {})['drops']).toMatchObject({ base_fee: '10', open_ledger_fee: '20000' })
    expect(spend(others[9]!, {}, { Fee: '20000' })).toBe('tesSUCCESS')
    simulated.mine(12)
    expect(simulated.account(bob.account)!.balance).toBe(24n * XRP)
  })
})

describe('what it answers', () => {
  test('account_tx: page by page, forwards, and no further back than it says', () => {
    const simulated = peopled()
    for (let n = 0; n < 5; n++) {
      simulated.pay(alice.account, BigInt(n + 1))
      simulated.mine(1)
    }
    const amounts: unknown[] = []
    let marker: unknown
    do {
      const asked = { account: alice.account, forward: true, limit: 2, api_version: 2 }
      const page = ask(simulated, 'account_tx', marker === undefined ? asked : { ...asked, marker })
      const listed = page['transactions'] as { tx_json: Record<string, unknown> }[]
      amounts.push(...listed.map(({ tx_json }) => tx_json['DeliverMax']))
      marker = page['marker']
    } while (marker !== undefined)
    expect(amounts).toEqual(['100000000', '1', '2', '3', '4', '5'])
    simulated.faults.narrowedFrom = 6
    const narrowed = ask(simulated, 'account_tx', { account: alice.account, ledger_index_min: 1 })
    expect(narrowed).toMatchObject({ ledger_index_min: 6, ledger_index_max: 8 })
    expect(narrowed['transactions']).toHaveLength(3)
  })

  test('of a ledger of the past: what was there then', () => {
    const simulated = peopled()
    const then = simulated.tip()
    offer(simulated, alice, pay(bob.account, 20n * XRP))
    simulated.mine(1)
    const balance = (where: object) =>
      (ask(simulated, 'account_info', { account: alice.account, ...where })['account_data'] as { Balance: string })
        .Balance
    expect(balance({ ledger_hash: then })).toBe('100000000')
    expect(balance({ ledger_index: 'validated' })).toBe('79999990')
    offer(simulated, alice, pay(bob.account, 20n * XRP))
    expect(balance({})).toBe('59999980')
  })

  test('tx: whether all was searched', () => {
    const simulated = peopled()
    const missing = { transaction: 'A'.repeat(64), min_ledger: 1, max_ledger: 2 }
    expect(ask(simulated, 'tx', missing)).toMatchObject({ error: 'txnNotFound', searched_all: true })
    simulated.faults.gaps = [[2, 2]]
    expect(ask(simulated, 'tx', missing)).toMatchObject({ searched_all: false })
    expect(ask(simulated, 'tx', { ...missing, max_ledger: 5000 })).toMatchObject({ error: 'excessiveLgrRange' })
  })

  test.each([
    ['ledger', { ledger_index: 99 }, 'lgrNotFound'],
    ['account_info', { account: bob.account, ledger_index: 'validated' }, 'actNotFound'],
    ['account_info', {}, 'invalidParams'],
    ['no_such', {}, 'unknownCmd'],
  ])('%s %j: %s', (method, params, error) => {
    expect(ask(peopled(), method, params)).toMatchObject({ error, status: 'error' })
  })
})

describe('accidents', () => {
  test('a restart forgets what is in no ledger, and the same is taken again', () => {
    const simulated = peopled()
    offer(simulated, alice, pay(bob.account, 20n * XRP))
    simulated.restart()
    simulated.mine(1)
    expect(simulated.account(bob.account)).toBeUndefined()
    expect(offer(simulated, alice, pay(bob.account, 20n * XRP))).toBe('tesSUCCESS')
  })

  test('what is lost was answered as if it were taken', () => {
    const simulated = peopled()
    simulated.faults.losesTransactions = true
    expect(offer(simulated, alice, pay(bob.account, 20n * XRP))).toBe('tesSUCCESS')
    expect(simulated.pending()).toEqual([])
  })

  test('a transaction that a later one of its ledger leaves without means fails in it', () => {
    const simulated = peopled()
    offer(simulated, alice, pay(bob.account, 60n * XRP))
    expect(offer(simulated, alice, pay(bob.account, 60n * XRP))).toBe('tecUNFUNDED_PAYMENT')
    simulated.mine(1)
    expect(outcome(simulated, alice)).toBe('tecUNFUNDED_PAYMENT')
  })

  test('equal rolls give equal fates, and none pays twice', async () => {
    const rates = { dropped: 0.1, unanswered: 0.2, duplicated: 0.2, malformed: 0.2, delayed: 0.1 }
    const run = async () => {
      const simulated = peopled()
      let seed = 7
      simulated.setFates(createFates(rates, () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647))
      const raw = signWith(alice, {
        ...usual,
        ...pay(bob.account, 2n * XRP),
        Sequence: simulated.account(alice.account)!.sequence,
      })
      const body = new TextEncoder().encode(JSON.stringify({ method: 'submit', params: [{ tx_blob: raw }] }))
      const outcomes: string[] = []
      for (let turn = 0; turn < 50; turn++) {
        const call = { method: 'POST' as const, url: 'http://x', headers: {}, body, timeoutMs: 1, maximumBytes: 1e6 }
        outcomes.push(await simulated.request(call).then(({ status }) => String(status), String))
      }
      simulated.mine(2)
      return { outcomes, balance: simulated.account(bob.account)!.balance }
    }
    const first = await run()
    expect(await run()).toEqual(first)
    expect(first.balance).toBe(2n * XRP)
    expect(new Set(first.outcomes).size).toBeGreaterThan(2)
  })
})

test('a server that is made again from its history has the same ledgers', () => {
  const lines: string[] = []
  const record = (happening: RippleHappening) => void lines.push(encodeRippleHappening(happening))
  const first = createSimulatedRipple({ networkId: 0, now: () => NOW_MS, record, rules: { ledgerSize: 2 } })
  first.mine(1)
  first.pay(alice.account, 100n * XRP)
  first.mine(1)
  for (let n = 0; n < 4; n++) offer(first, alice, pay(bob.account, 2n * XRP + BigInt(n)), {})
  first.forget(first.pending()[0]!)
  first.mine(2)
  offer(first, alice, pay(bob.account, 5n * XRP))
  const second = createSimulatedRipple({ networkId: 0, now: () => 0, rules: { ledgerSize: 2 } })
  second.restore(lines.map(decodeRippleHappening))
  expect(second.tip()).toBe(first.tip())
  expect(second.pending()).toEqual(first.pending())
  expect(() => decodeRippleHappening('{"other":1}')).toThrow('history')
})
