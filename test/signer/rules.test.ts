import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Signer } from '../../src/signer/main.ts'
import * as rigs from './rig.ts'
import { authorised, coin, grow, intent, ours, pay, reasonKinds, sign, simple, standard, theirs } from './rig.ts'

let rig: rigs.Rig
let signer: Signer
const open = async (yaml?: string) => {
  rig = await rigs.createRig(yaml)
  signer = await rigs.start(rig)
  await grow(signer)
}
const close = async () => {
  await signer.stop()
  await rigs.discard(rig)
}
const restart = async () => {
  await signer.stop()
  signer = await rigs.start(rig)
}
beforeEach(() => open())
afterEach(close)

const AMOUNT = 1_000_000n
const round = (n: number, changes = {}) => [authorised(intent('w-1', AMOUNT, { round: n, ...changes }))]
const LATER = '2026-01-01T01:00:00Z'
const HOUR_MS = 3_600_000

/** Each rule holds from memory and from disk alike. */
describe.each([
  ['at once', async () => undefined],
  ['after a restart', restart],
])('the memory binds %s', (_, pass) => {
  test('rule 1: the intent never changes', async () => {
    expect((await sign(signer, 't1', 1, simple(), round(1))).status).toBe(200)
    await pass()
    const to = theirs(1)
    const other = await sign(signer, 't2', 1, simple(AMOUNT, 1, 2_000n, to), round(1, { to }))
    expect(reasonKinds(other)).toEqual(['intent-changed'])
    const more = [authorised(intent('w-1', AMOUNT + 1n))]
    expect(reasonKinds(await sign(signer, 't3', 1, simple(AMOUNT + 1n, 1), more))).toEqual(['intent-changed'])
    const next = await sign(signer, 't4', 1, simple(AMOUNT, 2, 1_000n, to), round(2, { to }))
    expect(reasonKinds(next)).toEqual(['intent-changed'])
  })

  test('rule 1: round and expiry may change', async () => {
    expect((await sign(signer, 't1', 1, simple(), round(1))).status).toBe(200)
    await pass()
    expect((await sign(signer, 't2', 1, simple(AMOUNT, 2), round(2, { expiresAt: LATER }))).status).toBe(200)
  })

  test('rule 1: expiry limits the first signing only', async () => {
    expect((await sign(signer, 't1', 1, simple(), round(1, { expiresAt: LATER }))).status).toBe(200)
    rig.now.ms += 2 * HOUR_MS
    await pass()
    const bump = await sign(signer, 't1', 2, simple(AMOUNT, 1, 2_000n), round(1, { expiresAt: LATER }))
    expect(bump.status).toBe(200)
    const next = await sign(signer, 't2', 1, simple(AMOUNT, 2), round(2, { expiresAt: LATER }))
    expect(reasonKinds(next)).toEqual(['expired'])
  })

  test('rule 2: only the highest round seen is signed for, and answers of earlier ones are still given', async () => {
    const first = await sign(signer, 't1', 1, simple(), round(1))
    expect((await sign(signer, 't2', 1, simple(AMOUNT, 2), round(2))).status).toBe(200)
    await pass()
    const late = await sign(signer, 't1', 2, simple(AMOUNT, 1, 2_000n), round(1))
    expect(reasonKinds(late)).toEqual(['old-round'])
    expect((await sign(signer, 't1', 1, simple(), round(1))).body).toEqual(first.body)
  })

  test('rule 2: a round counts as seen when it was authorised, though it was refused', async () => {
    expect(reasonKinds(await sign(signer, 't2', 1, simple(AMOUNT, 2, 200_000n), round(2)))).toContain('fee-too-high')
    await pass()
    expect(reasonKinds(await sign(signer, 't1', 1, simple(), round(1)))).toEqual(['old-round'])
  })

  test('rule 2: a round that nobody authorised stops nothing', async () => {
    const forged = { ...intent('w-1', AMOUNT, { round: 9 }), authorisations: [] }
    expect((await sign(signer, 't9', 1, simple(), [forged])).status).toBe(202)
    await pass()
    expect((await sign(signer, 't1', 1, simple(), round(1))).status).toBe(200)
  })

  test('rule 2: also for a withdrawal that is named __proto__', async () => {
    const named = (n: number) => [authorised(intent('__proto__', AMOUNT, { round: n }))]
    expect((await sign(signer, 't2', 1, simple(AMOUNT, 2), named(2))).status).toBe(200)
    await pass()
    expect(reasonKinds(await sign(signer, 't1', 1, simple(), named(1)))).toEqual(['old-round'])
  })

  test('rule 3: a second transaction for a round must exclude the first', async () => {
    expect((await sign(signer, 't1', 1, simple(AMOUNT, 1), round(1))).status).toBe(200)
    await pass()
    const second = await sign(signer, 't2', 1, simple(AMOUNT, 2), round(1))
    expect(reasonKinds(second)).toEqual(['could-pay-twice'])
  })

  test('rule 3: every earlier transaction of the round must be excluded, not only the last', async () => {
    const both = (salts: number[], fee: bigint) => {
      const coins = salts.map(salt => coin(1, salt))
      return pay(coins, [
        [theirs(0), AMOUNT],
        [ours(0).address, rigs.FUNDS * BigInt(salts.length) - AMOUNT - fee],
      ])
    }
    expect((await sign(signer, 't1', 1, both([1, 2], 1_000n), round(1))).status).toBe(200)
    expect((await sign(signer, 't1', 2, both([2, 3], 2_000n), round(1))).status).toBe(200)
    await pass()
    expect(reasonKinds(await sign(signer, 't1', 3, both([3], 3_000n), round(1)))).toContain('could-pay-twice')
    expect((await sign(signer, 't1', 3, both([1, 3], 3_000n), round(1))).status).toBe(200)
  })

  test('attempts of one transfer exclude each other, with or without withdrawals', async () => {
    const consolidate = (salt: number) => pay([coin(2, salt)], [[ours(0).address, rigs.FUNDS - 500n]])
    expect((await sign(signer, 't1', 1, consolidate(1), [])).status).toBe(200)
    await pass()
    expect(reasonKinds(await sign(signer, 't1', 2, consolidate(2), []))).toEqual(['not-an-attempt'])
    expect((await sign(signer, 't2', 1, consolidate(2), [])).status).toBe(200)
  })

  test('the limit of a day is counted from what was signed, and passes with the day', async () => {
    await close()
    await open(standard({ policy: 'maximumFeeRate: 100, maximumFee: "100000", perDay: "1502000"' }))
    expect((await sign(signer, 't1', 1, simple(AMOUNT, 1), round(1))).status).toBe(200)
    await pass()
    const half = [authorised(intent('w-2', 500_000n))]
    expect(
      reasonKinds(await sign(signer, 't2', 1, simple(500_001n, 2), [authorised(intent('w-2', 500_001n))])),
    ).toEqual(['limit-per-day'])
    expect((await sign(signer, 't2', 1, simple(500_000n, 2), half)).status).toBe(200)
    const third = [authorised(intent('w-3', AMOUNT))]
    expect(reasonKinds(await sign(signer, 't3', 1, simple(AMOUNT, 3), third))).toEqual(['limit-per-day'])
    rig.now.ms += 24 * HOUR_MS
    expect((await sign(signer, 't3', 1, simple(AMOUNT, 3), third)).status).toBe(200)
  })

  test('of a replacement only its increase counts, also after the day of the first attempt', async () => {
    await close()
    await open(standard({ policy: 'maximumFeeRate: 100, maximumFee: "100000", perDay: "1001500"' }))
    expect((await sign(signer, 't1', 1, simple(AMOUNT, 1), round(1))).status).toBe(200)
    await pass()
    const bump = (n: number, fee: bigint) => sign(signer, 't1', n, simple(AMOUNT, 1, fee), round(1))
    expect(reasonKinds(await bump(2, 1_501n))).toEqual(['limit-per-day'])
    expect((await bump(2, 1_500n)).status).toBe(200)
    rig.now.ms += 25 * HOUR_MS
    await pass()
    // 1,000 more for the replacement leave 1,000,500 of the day for another payment.
    expect((await bump(3, 2_500n)).status).toBe(200)
    const other = (amount: bigint) => sign(signer, 't2', 1, simple(amount, 2), [authorised(intent('w-2', amount))])
    expect(reasonKinds(await other(999_501n))).toEqual(['limit-per-day'])
    expect((await other(999_500n)).status).toBe(200)
  })
})
