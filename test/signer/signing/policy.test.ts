import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Inspection } from '../../../adapters/adapter.ts'
import { Fault } from '../../../src/kernel/fault.ts'
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import { publicKeyOf } from '../../../src/canonical.ts'
import { approvalsFor, type Threshold } from '../../../src/approvals.ts'
import { openDestinations } from '../../../src/signer/signing/destinations.ts'
import { judge, type SigningHistory, type Terms, type Verdict } from '../../../src/signer/signing/policy.ts'
import * as rigs from '../rig.ts'
import { authorised, coin, intent, ours, pay, signable, simple, theirs } from '../rig.ts'

const ourAddresses = new Set([0, 1, 2, 3, 4].map(index => ours(index).address))
const AT = Date.parse('2026-01-01T00:00:00Z')
const CAP = 100_000n
/** How far the memory is. */
const SEQUENCE = 7

const terms: Terms = {
  chain: 'litecoin',
  assets: ['LTC'],
  network: 'litecoin-regtest',
  policy: { maximumFee: String(CAP), maximumFeeRate: 1000 },
  authority: { keys: [publicKeyOf(rigs.BACKEND), publicKeyOf(rigs.SECOND_BACKEND)], approvals: 1 },
  wallet: rigs.WALLET,
  destinations: openDestinations('litecoin', undefined, signable),
  destination: (to, dataField) => signable.destination(to, dataField),
  isOurs: address => ourAddresses.has(address),
  treasury: ours(0).address,
}
const nothing: SigningHistory = {
  voidedRoundOf: () => 0,
  roundOf: () => 0,
  withdrawal: () => undefined,
  attemptsOf: () => [],
  sharing: () => () => false,
  boundBy: () => undefined,
  paidBy: () => ({ count: 0, pays: () => false, areVoided: true }),
  costOf: () => 0n,
  spentSince: () => 0n,
}
const judged = (
  template: Json,
  intents: AuthorisedIntent[],
  changes: Partial<Terms> = {},
  history = nothing,
): Verdict =>
  judge(
    { ...terms, ...changes },
    { transferId: 't', intents, inspection: signable.inspect(template), at: AT, sequence: SEQUENCE },
    history,
  )
const kinds = (verdict: Verdict): string[] => verdict.reasons.map(({ kind }) => kind)
const AMOUNT = 1_000_000n
const one = () => [authorised(intent('w-1', AMOUNT))]
const isAgreed = ({ reasons, missing }: Verdict): boolean => reasons.length === 0 && missing.length === 0

describe('what is agreed to', () => {
  test('a payment, its change and its fee', () => {
    const verdict = judged(simple(), one())
    expect(verdict).toEqual({ reasons: [], missing: [], outflows: new Map([['LTC', AMOUNT]]), rounds: { 'w-1': 1 } })
  })

  test('a payment without change', () => {
    expect(
      isAgreed(
        judged(pay([coin(1, 1)], [[theirs(0), rigs.FUNDS - 900n]]), [authorised(intent('w', rigs.FUNDS - 900n))]),
      ),
    ).toBe(true)
  })

  test('a withdrawal to one of our own addresses', () => {
    const to = ours(3).address
    expect(isAgreed(judged(simple(AMOUNT, 1, 900n, to), [authorised(intent('w', AMOUNT, { to }))]))).toBe(true)
  })

  test('a destination in capitals, because it is the same destination', () => {
    expect(isAgreed(judged(simple(), [authorised(intent('w', AMOUNT, { to: theirs(0).toUpperCase() }))]))).toBe(true)
  })
})

describe('S2: what is refused, with the reason', () => {
  const cases: [string, string[], () => Verdict][] = [
    ['an output that nobody asked for', ['unexplained-output'], () => judged(simple(), [])],
    ['an amount higher by one', ['unexplained-output', 'intent-not-paid'], () => judged(simple(AMOUNT + 1n), one())],
    ['an amount lower by one', ['unexplained-output', 'intent-not-paid'], () => judged(simple(AMOUNT - 1n), one())],
    [
      'another destination',
      ['unexplained-output', 'intent-not-paid'],
      () => judged(simple(AMOUNT, 1, 900n, theirs(1)), one()),
    ],
    [
      'an intent that nothing pays',
      ['intent-not-paid'],
      () => judged(simple(), [...one(), authorised(intent('w-2', 5n))]),
    ],
    [
      'one output for two intents',
      ['intent-not-paid'],
      () => judged(simple(), [...one(), authorised(intent('w-2', AMOUNT))]),
    ],
    ['one intent twice', ['repeated-intent', 'intent-not-paid'], () => judged(simple(), [...one(), ...one()])],
    ['a fee above the cap', ['fee-too-high'], () => judged(simple(AMOUNT, 1, CAP + 1n), one())],
    [
      'a fee rate above the cap',
      ['fee-rate-too-high'],
      () => judged(simple(AMOUNT, 1, 2_000n), one(), { policy: { maximumFee: '100000', maximumFeeRate: 5 } }),
    ],
    [
      'another chain in the intent',
      ['wrong-chain'],
      () => judged(simple(), [authorised(intent('w-1', AMOUNT, { chain: 'bitcoin' }))]),
    ],
    [
      'another asset in the intent',
      ['wrong-asset', 'unexplained-output', 'intent-not-paid'],
      () => judged(simple(), [authorised(intent('w-1', AMOUNT, { asset: 'BTC' }))]),
    ],
    [
      'a data field where there is none',
      ['invalid-destination', 'unexplained-output'],
      () => judged(simple(), [authorised(intent('w-1', AMOUNT, { dataField: '1' }))]),
    ],
    [
      'a destination that is none',
      ['invalid-destination', 'unexplained-output'],
      () => judged(simple(), [authorised(intent('w-1', AMOUNT, { to: 'nowhere' }))]),
    ],
    ['another network', ['wrong-network'], () => judged(simple(), one(), { network: 'litecoin' })],
  ]
  test.each(cases)('S2: %s', (_, expected, run) => {
    expect(kinds(run())).toEqual(expected)
  })

  test('S2: change that does not go to the treasury, even to another address of ours', () => {
    const template = pay(
      [coin(1, 1)],
      [
        [theirs(0), AMOUNT],
        [ours(1).address, rigs.FUNDS - AMOUNT - 1_000n],
      ],
    )
    expect(kinds(judged(template, one()))).toEqual(['unexplained-output'])
  })

  test('S2: an input that is not ours', () => {
    const foreign = rigs.coin(0, 5, rigs.FUNDS, { ...ours(0), ...foreignKey() })
    const template = pay(
      [coin(1, 1), foreign],
      [
        [theirs(0), AMOUNT],
        [ours(0).address, 2n * rigs.FUNDS - AMOUNT - 1_000n],
      ],
    )
    expect(kinds(judged(template, one()))).toEqual(['foreign-input'])
  })

  test('S2: an address of ours that does not exist yet', () => {
    const template = pay([coin(77, 1)], [[ours(0).address, rigs.FUNDS - 500n]])
    expect(kinds(judged(template, []))).toEqual(['foreign-input'])
  })

  test('S3: an intent whose backend has seen a later memory than this one', () => {
    const asking = (memory: number) => judged(simple(), [authorised(intent('w-1', AMOUNT, { memory }))])
    expect(isAgreed(asking(SEQUENCE))).toBe(true)
    const { reasons, missing } = asking(SEQUENCE + 1)
    expect(missing).toEqual([])
    expect(reasons).toMatchObject([{ kind: 'memory-behind', withdrawal: 'w-1' }])
    // The same words however far it has come meanwhile: a refusal that repeats itself is not written again.
    expect(reasons[0]!.message).not.toContain(`${SEQUENCE} `)
  })

  test('an intent that was signed for another wallet is authorised by nobody here', () => {
    expect(judged(simple(), one(), { wallet: publicKeyOf(rigs.STRANGER) }).missing).toEqual([
      { id: 'w-1', required: 1, given: 0 },
    ])
  })

  test('S2: no template is agreed to while there is no treasury', () => {
    expect(kinds(judged(pay([coin(1, 1)], [[ours(0).address, rigs.FUNDS - 500n]]), [], { treasury: null }))).toEqual([
      'unexplained-output',
    ])
  })

  test('S2: inspections that contradict themselves', () => {
    const honest = signable.inspect(simple())
    const at = (changes: Partial<Inspection>) =>
      kinds(
        judge(
          terms,
          { transferId: 't', intents: one(), inspection: { ...honest, ...changes }, at: AT, sequence: SEQUENCE },
          nothing,
        ),
      )
    expect(at({})).toEqual([])
    expect(at({ inputs: [] })).toContain('nothing-spent')
    expect(at({ spendKeys: [] })).toContain('nothing-spent')
    expect(at({ spendKeys: [...honest.spendKeys, ...honest.spendKeys] })).toContain('repeated-spend-key')
    expect(at({ feeRate: NaN })).toContain('fee-rate-too-high')
    expect(at({ outputs: honest.outputs.map(output => ({ ...output, asset: 'USDT' })) })).toContain(
      'unexplained-output',
    )
  })
})

const foreignKey = () => ({ address: theirs(3), publicKey: rigs.foreign(3).publicKey })

describe('S2: tampering', () => {
  /** Signed only if every intent is paid exactly and all the rest but a small fee comes back to us. */
  const isHarmless = (template: Json, intents: AuthorisedIntent[]): boolean => {
    let verdict: Verdict
    try {
      verdict = judged(template, intents)
    } catch (error) {
      return error instanceof Fault && error.type === 'boundary'
    }
    if (!isAgreed(verdict)) return true
    const { outputs, fee, inputs } = signable.inspect(template)
    const paid = outputs.filter(({ to, amount }) => to === theirs(0) && amount === String(AMOUNT))
    const others = outputs.filter(({ to }) => to !== theirs(0) && to !== ours(0).address)
    return (
      paid.length === 1 &&
      others.length === 0 &&
      BigInt(fee) <= CAP &&
      inputs.every(({ address }) => ourAddresses.has(address))
    )
  }

  test('S2: whichever bit of the PSBT is flipped, nobody gains by it', () => {
    const template = simple() as { psbt: string }
    const bytes = Buffer.from(template.psbt, 'base64')
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(bytes)
        flipped[at]! ^= 1 << bit
        if (!isHarmless({ ...template, psbt: flipped.toString('base64') }, one())) expect.fail(`byte ${at}, bit ${bit}`)
      }
    }
  })

  test('S2: bytes replaced, removed or inserted anywhere gain nothing either', () => {
    const template = simple() as { psbt: string }
    const bytes = Buffer.from(template.psbt, 'base64')
    const edit = fc.tuple(fc.nat(bytes.length), fc.nat(4), fc.uint8Array({ maxLength: 4 }))
    fc.assert(
      fc.property(edit, ([at, removed, inserted]) => {
        const edited = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)])
        return isHarmless({ ...template, psbt: edited.toString('base64') }, one())
      }),
      { numRuns: 500 },
    )
  })

  test('S2: no field of an authorised intent can be changed', () => {
    const given = authorised(intent('w-1', AMOUNT, { expiresAt: '2026-01-02T00:00:00Z' }))
    const changes: Partial<AuthorisedIntent>[] = [
      { id: 'w-2' },
      { chain: 'bitcoin' },
      { asset: 'BTC' },
      { to: theirs(1) },
      { to: given.to.toUpperCase() },
      { dataField: '' },
      { amount: '1000001' },
      { amount: '01000000' },
      { expiresAt: null },
      { expiresAt: '2027-01-02T00:00:00Z' },
      { round: 2 },
    ]
    expect(isAgreed(judged(simple(), [given]))).toBe(true)
    for (const change of changes) {
      const changed = { ...given, ...change }
      const template = simple(BigInt(changed.amount), 1, 1_000n, changed.to)
      const verdict = judged(template, [changed])
      expect(isAgreed(verdict), JSON.stringify(change)).toBe(false)
      expect(verdict.missing, JSON.stringify(change)).toHaveLength(1)
    }
  })

  test('S2: whatever split of the funds a watcher thinks of, only the authorised payment leaves', () => {
    const place = fc.oneof(
      fc.constant(theirs(0)),
      fc.constant(theirs(1)),
      fc.constant(ours(0).address),
      fc.constant(ours(1).address),
    )
    const amount = fc.oneof(fc.constant(AMOUNT), fc.bigInt({ min: 600n, max: 4n * 10n ** 6n }))
    fc.assert(
      fc.property(fc.array(fc.tuple(place, amount), { minLength: 1, maxLength: 3 }), outputs => {
        const rest = rigs.FUNDS - outputs.reduce((total, [, sat]) => total + sat, 0n) - 1_000n
        if (rest <= 600n) return true
        return isHarmless(pay([coin(1, 1)], [...outputs, [ours(0).address, rest]]), one())
      }),
      { numRuns: 300 },
    )
  })
})

describe('approvals', () => {
  const two = { authority: { ...terms.authority!, approvals: 2 } }
  const plain = intent('w-1', AMOUNT)

  test('one key that signs twice counts once', () => {
    const verdict = judged(simple(), [authorised(plain, rigs.BACKEND, rigs.BACKEND)], two)
    expect(verdict).toMatchObject({ reasons: [], missing: [{ id: 'w-1', required: 2, given: 1 }], rounds: {} })
  })

  test('two of two configured keys are enough, and an unknown one counts for nothing', () => {
    expect(isAgreed(judged(simple(), [authorised(plain, rigs.BACKEND, rigs.SECOND_BACKEND)], two))).toBe(true)
    expect(isAgreed(judged(simple(), [authorised(plain, rigs.BACKEND, rigs.STRANGER)], two))).toBe(false)
  })

  test('a key is tried once an intent: what stands first is what it has signed', () => {
    const [good] = authorised(plain).authorisations
    const bad = { ...good!, signature: Buffer.alloc(64).toString('base64') }
    expect(isAgreed(judged(simple(), [{ ...plain, authorisations: [bad, good!] }]))).toBe(false)
    expect(isAgreed(judged(simple(), [{ ...plain, authorisations: [good!, bad] }]))).toBe(true)
  })

  test('every intent of a batch needs its own', () => {
    const template = pay(
      [coin(1, 1)],
      [
        [theirs(0), AMOUNT],
        [theirs(0), AMOUNT],
        [ours(0).address, rigs.FUNDS - 2n * AMOUNT - 1_000n],
      ],
    )
    const second = { ...intent('w-2', AMOUNT), authorisations: one()[0]!.authorisations }
    expect(judged(template, [...one(), second]).missing.map(({ id }) => id)).toEqual(['w-2'])
  })

  test('where authorisation is not required, nothing is missing', () => {
    expect(isAgreed(judged(simple(), [{ ...plain, authorisations: [] }], { authority: null }))).toBe(true)
  })
})

describe('limits', () => {
  const limited = (policy: Partial<Terms['policy']>, history = nothing): string[] =>
    kinds(judged(simple(AMOUNT, 1, 1_000n), one(), { policy: { ...terms.policy, ...policy } }, history))

  test('a transaction may cost its limit, fee included, and not one unit more', () => {
    expect(limited({ perTransaction: '1001000' })).toEqual([])
    expect(limited({ perTransaction: '1000999' })).toEqual(['limit-per-transaction'])
  })

  test('a day may cost its limit, with what was signed within 24 hours', () => {
    const asked: number[] = []
    const history = { ...nothing, spentSince: (at: number) => (asked.push(at), 500n) }
    expect(limited({ perDay: '1001500' }, history)).toEqual([])
    expect(limited({ perDay: '1001499' }, history)).toEqual(['limit-per-day'])
    expect(new Set(asked)).toEqual(new Set([AT - 24 * 60 * 60 * 1000]))
  })

  test('a further attempt of the same transfer costs only what it adds', () => {
    const earlier = (spent: bigint): SigningHistory => ({
      ...nothing,
      costOf: () => 1_000_500n,
      spentSince: () => spent,
    })
    expect(limited({ perDay: '1001000' }, earlier(1_000_500n))).toEqual([])
    expect(limited({ perDay: '1001000' }, earlier(1_000_501n))).toEqual(['limit-per-day'])
    expect(limited({ perDay: '500' }, earlier(0n))).toEqual([])
    expect(limited({ perDay: '499' }, earlier(0n))).toEqual(['limit-per-day'])
  })
})

describe('how many approvals an amount needs', () => {
  const keys = [publicKeyOf(rigs.BACKEND), publicKeyOf(rigs.SECOND_BACKEND)]
  const needs = (approvals: number | Threshold[], changes = {}) =>
    approvalsFor({ keys, approvals }, intent('w-1', AMOUNT, changes))

  test('a number stands for every amount, and a list for the amounts above each of its thresholds', () => {
    expect(needs(2)).toBe(2)
    expect(needs([{ above: '1000000', approvals: 2 }])).toBe(1)
    expect(needs([{ above: '999999', approvals: 2 }])).toBe(2)
    const list = [
      { above: '999999', approvals: 2 },
      { above: '0', approvals: 3 },
      { above: '5000000', approvals: 9 },
    ]
    expect(needs(list)).toBe(3)
    expect(needs(list, { amount: '5000001' })).toBe(9)
  })

  test('a threshold may stand for one chain or one asset', () => {
    expect(needs([{ above: '0', approvals: 2, chain: 'doge' }])).toBe(1)
    expect(needs([{ above: '0', approvals: 2, chain: 'litecoin' }])).toBe(2)
    expect(needs([{ above: '0', approvals: 2, asset: 'USDT' }])).toBe(1)
    expect(needs([{ above: '0', approvals: 2, chain: 'litecoin', asset: 'LTC' }])).toBe(2)
  })

  test('a template waits for the approvals of its amount', () => {
    const authority = { keys, approvals: [{ above: '999999', approvals: 2 }] }
    expect(judged(simple(), one(), { authority }).missing).toEqual([{ id: 'w-1', required: 2, given: 1 }])
    const both = [authorised(intent('w-1', AMOUNT), rigs.BACKEND, rigs.SECOND_BACKEND)]
    expect(isAgreed(judged(simple(), both, { authority }))).toBe(true)
    const less = [authorised(intent('w-1', AMOUNT - 1n))]
    expect(isAgreed(judged(simple(AMOUNT - 1n), less, { authority }))).toBe(true)
  })
})

describe('destination lists', () => {
  const lists = (allowed?: string[], blocked?: string[]) => ({
    destinations: openDestinations('litecoin', { allowed, blocked }, signable),
  })

  test('only allowed destinations are paid, in whatever spelling either side has them', () => {
    expect(isAgreed(judged(simple(), one(), lists([theirs(0).toUpperCase()])))).toBe(true)
    expect(kinds(judged(simple(), one(), lists([theirs(1)])))).toEqual(['destination-not-allowed'])
    expect(kinds(judged(simple(), one(), lists([])))).toEqual(['destination-not-allowed'])
    const capitals = [authorised(intent('w', AMOUNT, { to: theirs(0).toUpperCase() }))]
    expect(isAgreed(judged(simple(), capitals, lists([theirs(0)])))).toBe(true)
  })

  test('blocked destinations are not paid, even when they are allowed', () => {
    expect(kinds(judged(simple(), one(), lists([theirs(0)], [theirs(0).toUpperCase()])))).toEqual([
      'destination-not-allowed',
    ])
    expect(isAgreed(judged(simple(), one(), lists(undefined, [theirs(1)])))).toBe(true)
  })

  test('change goes home whatever the lists say', () => {
    expect(isAgreed(judged(simple(), one(), lists([theirs(0)], [ours(0).address])))).toBe(true)
  })

  test('an entry that is no address of the chain is refused at start, with its path', () => {
    expect(() => lists([theirs(0), 'nowhere'])).toThrow(/chains\.litecoin\.policy\.destinations\.allowed\.1/)
    expect(() => lists(undefined, ['nowhere'])).toThrow(/chains\.litecoin\.policy\.destinations\.blocked\.0/)
  })
})

describe('templates without intents', () => {
  const funded = (amount: bigint, gasFunding?: string) => {
    const template = pay(
      [coin(1, 1)],
      [
        [ours(2).address, amount],
        [ours(0).address, rigs.FUNDS - amount - 1_000n],
      ],
    )
    return kinds(judged(template, [], { policy: { ...terms.policy, gasFunding } }))
  }

  test('pay another address of ours only where gas funding is configured, and no more than its bound', () => {
    expect(funded(5_000n)).toEqual(['unexplained-output'])
    expect(funded(5_000n, '5000')).toEqual([])
    expect(funded(5_001n, '5000')).toEqual(['unexplained-output'])
  })

  test('never pay anybody else, however little', () => {
    const template = pay(
      [coin(1, 1)],
      [
        [theirs(0), 600n],
        [ours(0).address, rigs.FUNDS - 1_600n],
      ],
    )
    expect(kinds(judged(template, [], { policy: { ...terms.policy, gasFunding: '5000' } }))).toEqual([
      'unexplained-output',
    ])
  })
})
