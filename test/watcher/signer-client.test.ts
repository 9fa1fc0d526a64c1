/** The watcher's client against the signer as it runs, without a socket between them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { publicKeyOf, voidBytes } from '../../src/canonical.ts'
import { isSigned } from '../../src/signatures.ts'
import { createSignerClient, heldFor, type SignerClient } from '../../src/watcher/signer-client.ts'
import { over } from './over.ts'
import * as rigs from '../signer/rig.ts'
import { authorised, intent, simple, transferOf } from '../signer/rig.ts'

const AMOUNT = 1_000_000n
const TWO = [publicKeyOf(rigs.BACKEND), publicKeyOf(rigs.SECOND_BACKEND)]
const yaml = rigs.standard({
  authorisation: `authorisation: { required: true, keys: ${JSON.stringify(TWO)}, approvals: [{ above: "0", approvals: 1 }, { above: "500000", approvals: 2 }] }`,
  policy: 'maximumFeeRate: 100, maximumFee: "100000", perTransaction: "5000000"',
})

let rig: rigs.Rig
let signer: rigs.Signer
let client: SignerClient
const connect = () =>
  createSignerClient(
    { url: 'http://signer.invalid', token: () => rigs.TOKEN },
    over(request => signer.handle(request)),
  )
beforeEach(async () => {
  rig = await rigs.createRig(yaml)
  signer = await rigs.start(rig)
  client = connect()
  await client.growPool('litecoin', 5, 'l')
})
afterEach(async () => {
  await signer.stop()
  await rigs.discard(rig)
})

const attempt = (name: string) => ({ chain: 'litecoin', transferId: transferOf(name), n: 1 })

describe('the rules', () => {
  test('say whose approval a payment needs and what it may cost, and so what is held before it is asked for', async () => {
    const rules = await client.rules('litecoin')
    expect(rules).toMatchObject({ authorisation: { keys: TWO }, perTransaction: '5000000' })
    const plain = intent('w-1', AMOUNT)
    expect(heldFor(rules, authorised(plain))).toMatch(/^w-1 needs 2 authorisations of the signer's keys and has 1$/)
    expect(heldFor(rules, authorised(plain, rigs.BACKEND, rigs.STRANGER))).toMatch(/has 1$/)
    expect(heldFor(rules, authorised(plain, rigs.BACKEND, rigs.SECOND_BACKEND))).toBeNull()
    expect(heldFor(rules, authorised(intent('w-2', 500_000n)))).toBeNull()
    expect(heldFor(rules, { ...intent('w-3', 1n), authorisations: [] })).toMatch(/needs 1 authorisation /)
    expect(heldFor(null, { ...plain, authorisations: [] })).toBeNull()
  })

  test('of a signer that does not tell are none', async () => {
    const silent = createSignerClient({ url: 'http://signer.invalid', token: () => rigs.TOKEN }, () =>
      Promise.resolve({
        status: 404,
        headers: {},
        body: new TextEncoder().encode('{"kind":"not-found","detail":"no"}'),
      }),
    )
    expect(await silent.rules('litecoin')).toBeNull()
  })
})

describe('an answer to a template', () => {
  test('that wants approvals names the withdrawal; that refuses names it where it is about one', async () => {
    const waiting = await client.sign(attempt('one'), simple(AMOUNT), [authorised(intent('w-1', AMOUNT))], null)
    expect(waiting).toEqual({
      kind: 'awaitingApproval',
      reason: "w-1 needs 2 authorisations of the signer's keys and has 1",
    })
    await client.void('litecoin', 'w-1', 1)
    const both = authorised(intent('w-1', AMOUNT), rigs.BACKEND, rigs.SECOND_BACKEND)
    expect(await client.sign(attempt('one'), simple(AMOUNT), [both], 'ours')).toEqual({
      kind: 'refused',
      reasons: [{ kind: 'voided', message: 'w-1 was voided up to round 1', withdrawal: 'w-1' }],
    })
  })
})

describe('a void', () => {
  test('answers the same receipt each time, and stands in the list of what was signed', async () => {
    const both = authorised(intent('w-1', AMOUNT), rigs.BACKEND, rigs.SECOND_BACKEND)
    const signed = await client.sign(attempt('one'), simple(AMOUNT), [both], 'ours')
    const receipt = await client.void('litecoin', 'w-1', 1)
    expect(signed).toMatchObject({ kind: 'signed', transactionId: receipt.signed[0] })
    expect(isSigned(receipt, voidBytes(receipt))).toBe(true)
    expect(await client.void('litecoin', 'w-1', 1)).toEqual(receipt)
    const { items, receipts, until, next } = await client.signed('litecoin', 0)
    expect(items.map(({ transactionId }) => transactionId)).toEqual(receipt.signed)
    expect(items.map(({ ledgerId }) => ledgerId)).toEqual(['ours'])
    expect(receipts).toEqual([receipt])
    expect([until > items[0]!.seq, next]).toEqual([true, null])
    expect(await client.signed('litecoin', until)).toMatchObject({ items: [], receipts: [], until, next: null })
  })

  test('is believed only with both of its signatures, alone and in the list', async () => {
    const receipt = await client.void('litecoin', 'w-1', 1)
    const { spendKeysSignature: second, signature: first } = receipt
    const forged: [string, string][] = [
      [`"signature":"${first}"`, `"signature":"${second!}"`],
      [`"spendKeysSignature":"${second!}"`, `"spendKeysSignature":"${first}"`],
      [`"spendKeys":[]`, `"spendKeys":["litecoin:${'ab'.repeat(32)}:0"]`],
      [`"signed":[]`, `"signed":["${'ab'.repeat(32)}"]`],
      [`,"spendKeysSignature":"${second!}"`, ''],
    ]
    for (const [said, altered] of forged) {
      const liar = createSignerClient({ url: 'http://signer.invalid', token: () => rigs.TOKEN }, async call => {
        const answer = await over(request => signer.handle(request))(call)
        const text = new TextDecoder().decode(answer.body)
        expect(text).toContain(said)
        return { ...answer, body: new TextEncoder().encode(text.replace(said, altered)) }
      })
      await expect(liar.void('litecoin', 'w-1', 1)).rejects.toThrow(/is not signed by/)
      await expect(liar.signed('litecoin', 0)).rejects.toThrow(/is not signed by/)
    }
  })

  test('answered for another withdrawal is no answer', async () => {
    const liar = createSignerClient({ url: 'http://signer.invalid', token: () => rigs.TOKEN }, async call =>
      over(request => signer.handle(request))({ ...call, url: call.url.replace('w-1', 'w-2') }),
    )
    await expect(liar.void('litecoin', 'w-1', 1)).rejects.toMatchObject({ kind: 'signer-malformed' })
  })
})

describe('the position of its memory', () => {
  test('S3: what an earlier process has seen is shown from the first request on, and a signer behind it is not used', async () => {
    await client.void('litecoin', 'w-1', 1)
    const seen = client.position()!
    expect(seen.sequence).toBeGreaterThan(0)
    const later = connect()
    later.expect(seen)
    await later.rules('litecoin')
    expect(later.position()).toEqual(seen)
    later.expect({ sequence: seen.sequence + 1, hash: 'f'.repeat(64) })
    await expect(later.rules('litecoin')).rejects.toThrow(/memory-behind/)
    later.expect({ sequence: seen.sequence, hash: 'f'.repeat(64) })
    await expect(later.rules('litecoin')).rejects.toThrow(/memory-behind.*forked/)
    later.expect(null)
    expect(await later.rules('litecoin')).not.toBeNull()
  })
})
