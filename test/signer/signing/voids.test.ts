import { claim } from '../../../src/kernel/untyped.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Authorisation } from '../../../machines/vocabulary.ts'
import { spendingBytes, voidBytes, type SpendingReceipt, type VoidReceipt } from '../../../src/canonical.ts'
import { isSigned } from '../../../src/signatures.ts'
import type { Signer } from '../../../src/signer/main.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, grow, intent, reasonKinds, sign, simple } from '../rig.ts'

let rig: rigs.Rig
let signer: Signer
beforeEach(async () => {
  rig = await rigs.createRig()
  signer = await rigs.start(rig)
  await grow(signer)
})
afterEach(async () => {
  await signer.stop()
  await rigs.discard(rig)
})
const restart = async () => {
  await signer.stop()
  signer = await rigs.start(rig)
}

const AMOUNT = 1_000_000n
const round = (n: number) => [authorised(intent('w-1', AMOUNT, { round: n }))]
const voided = (n: number, chain = 'litecoin', id = 'w-1') =>
  ask(signer, 'PUT', `/v1/withdrawals/${id}/void`, { chain, round: n })

describe.each([
  ['at once', async () => undefined],
  ['after a restart', restart],
])('rule 4, a void, %s', (_, pass) => {
  test('forbids any further template of its round and of lower ones', async () => {
    expect((await voided(2)).status).toBe(201)
    await pass()
    expect(reasonKinds(await sign(signer, 't1', 1, simple(), round(1)))).toEqual(['voided'])
    expect(reasonKinds(await sign(signer, 't2', 1, simple(), round(2)))).toEqual(['voided'])
  })

  test('leaves a higher round free, because the backend has to authorise that anew', async () => {
    await voided(1)
    await pass()
    expect((await sign(signer, 't1', 1, simple(), round(2))).status).toBe(200)
  })

  test('lists what was signed before, and stops a fee bump of it', async () => {
    const first = await sign(signer, 't1', 1, simple(), round(1))
    const { body } = await voided(1)
    expect(body.signed).toEqual([first.body.transactionId])
    await pass()
    const bump = await sign(signer, 't1', 2, simple(AMOUNT, 1, 2_000n), round(1))
    expect(reasonKinds(bump)).toEqual(['voided'])
  })

  test('S1: what was signed before it is still answered with the same bytes', async () => {
    const first = await sign(signer, 't1', 1, simple(), round(1))
    await voided(1)
    await pass()
    expect((await sign(signer, 't1', 1, simple(), round(1))).body).toEqual(first.body)
  })

  test('has one receipt for ever, whatever is signed for a later round', async () => {
    const first = await voided(1)
    await sign(signer, 't2', 1, simple(), round(2))
    await pass()
    const again = await voided(1)
    expect(again.status).toBe(200)
    expect(again.body).toEqual(first.body)
    expect((await voided(2)).body.signed).toHaveLength(1)
  })

  test('lists in a late receipt of a lower round also what a higher round has signed', async () => {
    const second = await sign(signer, 't2', 1, simple(), round(2))
    await pass()
    expect((await voided(1)).body.signed).toEqual([second.body.transactionId])
  })

  test('stands with the withdrawal, also with one that was never seen', async () => {
    const { body } = await voided(3)
    await pass()
    const shown = await ask(signer, 'GET', '/v1/withdrawals/w-1')
    const nothing = { round: 0, intent: null, signed: [], next: null }
    expect(shown.body).toEqual({ id: 'w-1', chain: 'litecoin', ...nothing, voids: [body] })
  })

  test('stands in the list of everything signed or voided, in order and page by page', async () => {
    for (const n of [1, 2, 3]) {
      expect((await sign(signer, `t${n}`, 1, simple(AMOUNT, n), [authorised(intent(`p-${n}`, AMOUNT))])).status).toBe(
        200,
      )
      await voided(1, 'litecoin', `v-${n}`)
      await voided(1, 'doge', `d-${n}`)
    }
    await pass()
    for (const limit of [1, 2, 4, 6, 100]) {
      const seen: unknown[] = []
      let next: number | null = 0
      while (next !== null) {
        const { body }: rigs.Answer = await ask(
          signer,
          'GET',
          `/v1/chains/litecoin/transfers?limit=${limit}&after=${next}`,
        )
        const items = body.items as { state: string; transferId?: string; id?: string }[]
        expect(items.length).toBeLessThanOrEqual(limit)
        seen.push(...items.map(({ state, transferId, id }) => [state, transferId ?? id]))
        next = body.next as number | null
      }
      expect(seen).toEqual(
        [1, 2, 3].flatMap(n => [
          ['signed', rigs.transferOf(`t${n}`)],
          ['voided', `v-${n}`],
        ]),
      )
    }
  })
})

describe('the receipt', () => {
  test('is signed by the identity key over its canonical JSON', async () => {
    const { key } = (await ask(signer, 'GET', '/v1/identity')).body
    await sign(signer, 't1', 1, simple(), round(1))
    const { body } = await voided(1)
    const receipt = claim<VoidReceipt & Authorisation>(body)
    expect(receipt).toMatchObject({ chain: 'litecoin', id: 'w-1', purpose: 'lockkeeper-void-v1', round: 1, key })
    expect(isSigned(receipt, voidBytes(receipt))).toBe(true)
    expect(new TextDecoder().decode(voidBytes(receipt))).toBe(
      `{"chain":"litecoin","id":"w-1","purpose":"lockkeeper-void-v1","round":1,"signed":["${receipt.signed[0]!}"]}`,
    )
    expect(isSigned(receipt, voidBytes({ ...receipt, signed: [] }))).toBe(false)
  })

  test('lists what was signed by its spend keys too, under which it is found mined by any id', async () => {
    const attempts = [
      await sign(signer, 't1', 1, simple(), round(1)),
      await sign(signer, 't1', 2, simple(AMOUNT, 1, 2_000n), round(1)),
    ]
    const { body } = await voided(1)
    const receipt = claim<SpendingReceipt & Authorisation & { spendKeysSignature: string }>(body)
    expect(attempts.map(({ status }) => status)).toEqual([200, 200])
    expect(receipt.signed).toEqual(attempts.map(attempt => attempt.body.transactionId))
    expect(receipt.spendKeys).toEqual(attempts[0]!.body.spendKeys)
    expect(receipt.spendKeys).toHaveLength(1)
    const second = { key: receipt.key, signature: receipt.spendKeysSignature }
    expect(isSigned(second, spendingBytes(receipt))).toBe(true)
    expect(isSigned(second, spendingBytes({ ...receipt, spendKeys: [] }))).toBe(false)
    expect(isSigned(second, voidBytes(receipt))).toBe(false)
    expect(isSigned(receipt, voidBytes(receipt))).toBe(true)
  })

  test('of nothing signed lists nothing spent, and is the same for ever', async () => {
    const { body } = await voided(1)
    expect(body).toMatchObject({ signed: [], spendKeys: [] })
    expect((await sign(signer, 't1', 1, simple(), round(2))).status).toBe(200)
    expect((await voided(1)).body).toEqual(body)
    const { items } = (await ask(signer, 'GET', '/v1/chains/litecoin/transfers')).body
    expect(claim<{ id?: string }[]>(items).find(({ id }) => id === 'w-1')).toMatchObject(body)
  })

  test('is the same for two who ask at once, and only one of them was the first', async () => {
    const answers = await Promise.all([voided(1), voided(1), voided(1)])
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200])
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  })

  test('and a signature asked for at once: either the receipt lists it, or it is refused', async () => {
    const [signed, receipt] = await Promise.all([sign(signer, 't1', 1, simple(), round(1)), voided(1)])
    expect(receipt.body.signed).toEqual(signed.status === 200 ? [signed.body.transactionId] : [])
    const late = await Promise.all([voided(2), sign(signer, 't2', 1, simple(), round(2))])
    expect(late[1].status).toBe(403)
  })

  test('an unknown chain, a wrong round and a chain that it was not signed on are turned away', async () => {
    expect(await voided(1, 'nowhere')).toMatchObject({ status: 422, body: { kind: 'unknown-chain' } })
    for (const bad of [0, -1, 1.5]) expect((await voided(bad)).status).toBe(400)
    await sign(signer, 't1', 1, simple(), round(1))
    expect(await voided(1, 'doge')).toMatchObject({ status: 409, body: { kind: 'conflict' } })
  })

  test('a void on another chain stops nothing here', async () => {
    expect((await voided(1, 'doge')).status).toBe(201)
    expect((await sign(signer, 't1', 1, simple(), round(1))).status).toBe(200)
  })

  test('a reading token voids nothing', async () => {
    const reader = { authorization: `Bearer ${rigs.TOKEN}-reader` }
    const answer = await ask(signer, 'PUT', '/v1/withdrawals/w-1/void', { chain: 'litecoin', round: 1 }, reader)
    expect(answer.status).toBe(403)
  })
})
