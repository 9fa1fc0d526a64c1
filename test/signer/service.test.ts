import { claim } from '../../src/kernel/untyped.ts'
import { Transaction } from 'bitcoinjs-lib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { attestationBytes } from '../../src/canonical.ts'
import { isSigned } from '../../src/signatures.ts'
import type { Authorisation } from '../../machines/vocabulary.ts'
import type { Signer } from '../../src/signer/main.ts'
import * as rigs from './rig.ts'
import {
  ask,
  attemptPath,
  authorised,
  coin,
  grow,
  intent,
  ours,
  pay,
  reasonKinds,
  sign,
  simple,
  theirs,
} from './rig.ts'

let rig: rigs.Rig
let signer: Signer
const open = async (yaml?: string) => {
  rig = await rigs.createRig(yaml)
  signer = await rigs.start(rig)
}
const restart = async () => {
  await signer.stop()
  signer = await rigs.start(rig)
}
beforeEach(() => open())
afterEach(async () => {
  await signer.stop()
  await rigs.discard(rig)
})

const one = () => [authorised(intent('w-1', 1_000_000n))]

describe('addresses', () => {
  test('there is none before the watcher asks for some', async () => {
    expect((await ask(signer, 'GET', '/v1/chains/litecoin/addresses')).body).toEqual([])
  })

  test('the pool only grows, and says how large it is', async () => {
    expect(await grow(signer, 5)).toMatchObject({ status: 201, body: { chain: 'litecoin', size: 5 } })
    expect(await grow(signer, 3)).toMatchObject({ status: 200, body: { size: 5 } })
    expect(await grow(signer, 7)).toMatchObject({ status: 200, body: { size: 7 } })
  })

  test('two requests at once for more give the larger pool', async () => {
    await Promise.all([grow(signer, 900), grow(signer, 1300), grow(signer, 700)])
    expect((await grow(signer, 1)).body.size).toBe(1300)
  })

  test('every address is attested by the identity key and is as old as its extension', async () => {
    await grow(signer, 2)
    rig.now.ms += 60_000
    await grow(signer, 4)
    await restart()
    const { key } = (await ask(signer, 'GET', '/v1/identity')).body
    const list = claim<Record<string, unknown>[]>(
      (await ask(signer, 'GET', '/v1/chains/litecoin/addresses?from=1&limit=2')).body,
    )
    expect(list.map(({ index }) => index)).toEqual([1, 2])
    expect(list.map(({ createdAt }) => createdAt)).toEqual(['2026-01-01T00:00:00.000Z', '2026-01-01T00:01:00.000Z'])
    for (const { index, address, dataField, attestation, publicKey, path } of list) {
      expect({ address, publicKey, path }).toMatchObject({ address: ours(index as number).address, publicKey, path })
      expect((attestation as Authorisation).key).toBe(key)
      const bytes = attestationBytes({
        chain: 'litecoin',
        address: address as string,
        dataField: dataField as null,
        index: index as number,
      })
      expect(isSigned(attestation as Authorisation, bytes)).toBe(true)
    }
  })

  test('the sizes that make no sense are refused', async () => {
    for (const size of [0, -1, 1.5, '5', 10_000_001]) {
      expect((await ask(signer, 'PUT', '/v1/chains/litecoin/address-pool', { size })).status).toBe(400)
    }
    expect((await grow(signer, 5, 'unknown')).status).toBe(404)
  })
})

describe('signing', () => {
  beforeEach(() => grow(signer))

  test('an authorised payment is signed into a transaction that does just that', async () => {
    const answer = await sign(signer, 't', 1, simple(), one())
    expect(answer).toMatchObject({ status: 200, body: { state: 'signed' } })
    const transaction = Transaction.fromHex(answer.body.signedTransaction as string)
    expect(transaction.getId()).toBe(answer.body.transactionId)
    expect(transaction.outs.map(({ value }) => value)).toEqual([1_000_000n, rigs.FUNDS - 1_001_000n])
    expect(answer.body.spendKeys).toEqual([`litecoin:${coin(1, 1).txid}:0`])
  })

  test('many inputs of many addresses and a batch of withdrawals are signed', async () => {
    const template = pay(
      [coin(0, 1), coin(3, 2), coin(4, 3)],
      [
        [theirs(1), 5n * 10n ** 6n],
        [theirs(2), 7n * 10n ** 6n],
        [theirs(2), 7n * 10n ** 6n],
        [ours(0).address, 11n * 10n ** 6n - 2_000n],
      ],
    )
    const intents = [
      authorised(intent('a', 5n * 10n ** 6n, { to: theirs(1) })),
      authorised(intent('b', 7n * 10n ** 6n, { to: theirs(2) })),
      authorised(intent('c', 7n * 10n ** 6n, { to: theirs(2) })),
    ]
    expect((await sign(signer, 't', 1, template, intents)).status).toBe(200)
  })

  test('a consolidation, which pays nobody else, needs no intent', async () => {
    const template = pay([coin(2, 1), coin(3, 2)], [[ours(0).address, 2n * rigs.FUNDS - 500n]])
    expect((await sign(signer, 't', 1, template, [])).status).toBe(200)
  })

  test('S1: the same request gives the same bytes, also after a restart and in another order', async () => {
    const intents = [authorised(intent('a', 10n ** 6n)), authorised(intent('b', 10n ** 6n))]
    const template = pay(
      [coin(1, 1)],
      [
        [theirs(0), 10n ** 6n],
        [theirs(0), 10n ** 6n],
        [ours(0).address, rigs.FUNDS - 2n * 10n ** 6n - 900n],
      ],
    )
    const first = await sign(signer, 't', 1, template, intents)
    expect(first.status).toBe(200)
    expect((await sign(signer, 't', 1, template, intents)).body).toEqual(first.body)
    await restart()
    rig.now.ms += 10 ** 10
    expect((await sign(signer, 't', 1, template, intents.toReversed())).body).toEqual(first.body)
    const bare = intents.map(given => ({ ...given, authorisations: [] }))
    expect((await sign(signer, 't', 1, template, bare)).body).toEqual(first.body)
  })

  test('S1: a signer restored from the phrase signs the same template with the same bytes', async () => {
    const first = await sign(signer, 't', 1, simple(), one())
    const other = await rigs.createRig()
    const second = await rigs.start(other)
    await grow(second)
    expect((await sign(second, 't', 1, simple(), one())).body).toEqual(first.body)
    await second.stop()
    await rigs.discard(other)
  })

  test('another template or other intents for a signed attempt are turned away, and nothing changes', async () => {
    const first = await sign(signer, 't', 1, simple(), one())
    const others = [
      sign(signer, 't', 1, simple(1_000_000n, 1, 2_000n), one()),
      sign(signer, 't', 1, simple(), [authorised(intent('w-2', 1_000_000n))]),
      sign(signer, 't', 1, { psbt: 'nonsense' }, []),
    ]
    for (const answer of await Promise.all(others)) {
      expect(answer).toMatchObject({ status: 409, body: { kind: 'already-signed-differently' } })
    }
    expect((await sign(signer, 't', 1, simple(), one())).body).toEqual(first.body)
  })

  test('A1: two requests for one attempt at once are signed once', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => sign(signer, 't', 1, simple(), one())))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    const { items } = (await ask(signer, 'GET', '/v1/chains/litecoin/transfers')).body
    expect(items).toHaveLength(1)
  })

  test('of two different templates for one attempt at once, one is signed', async () => {
    const both = [sign(signer, 't', 1, simple(), one()), sign(signer, 't', 1, simple(1_000_000n, 1, 2_000n), one())]
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 409])
  })

  test('a refusal names its reasons, is remembered, and binds nobody', async () => {
    const greedy = simple(1_000_000n, 1, 200_000n)
    const answer = await sign(signer, 't', 1, greedy, one())
    expect(answer).toMatchObject({ status: 403, body: { kind: 'refused', state: 'refused' } })
    expect(reasonKinds(answer)).toEqual(['fee-too-high', 'fee-rate-too-high'])
    expect((await ask(signer, 'GET', attemptPath('t'))).body).toMatchObject({ state: 'refused' })
    await restart()
    expect((await ask(signer, 'GET', attemptPath('t'))).body).toMatchObject({ state: 'refused' })
    expect((await sign(signer, 't', 1, simple(), one())).status).toBe(200)
  })

  test('the same refusal again writes nothing', async () => {
    await sign(signer, 't', 1, { psbt: 'nonsense' }, [])
    const before = (await ask(signer, 'GET', '/healthz')).headers['Lockkeeper-Memory-Sequence']
    const again = await sign(signer, 't', 1, { psbt: 'nonsense' }, [])
    expect(again.status).toBe(403)
    expect(again.headers['Lockkeeper-Memory-Sequence']).toBe(before)
  })

  test('too few approvals wait, say how many are missing, and are signed when they come', async () => {
    const plain = intent('w-1', 1_000_000n)
    const waiting = await sign(signer, 't', 1, simple(), [{ ...plain, authorisations: [] }])
    expect(waiting).toMatchObject({
      status: 202,
      body: { state: 'awaitingApproval', missing: [{ id: 'w-1', required: 1, given: 0 }] },
    })
    expect((await ask(signer, 'GET', attemptPath('t'))).body).toMatchObject({ state: 'awaitingApproval' })
    const stranger = await sign(signer, 't', 1, simple(), [authorised(plain, rigs.STRANGER)])
    expect(stranger.status).toBe(202)
    expect((await sign(signer, 't', 1, simple(), [authorised(plain)])).status).toBe(200)
  })

  test('an attempt that nobody asked for is not found', async () => {
    expect((await ask(signer, 'GET', attemptPath('unknown'))).status).toBe(404)
    expect((await ask(signer, 'GET', '/v1/withdrawals/unknown')).status).toBe(404)
    for (const n of ['0', '-1', '1.5', 'x', '10001']) {
      const path = attemptPath('t').replace(/1$/, n)
      expect((await ask(signer, 'PUT', path, { template: simple(), intents: [] })).status).toBe(400)
    }
  })

  test('everything signed is listed by seq, page by page, with all that a new watcher needs', async () => {
    for (const n of [1, 2, 3]) {
      const template = simple(1_000_000n, n)
      expect((await sign(signer, `t${n}`, 1, template, [authorised(intent(`w-${n}`, 1_000_000n))])).status).toBe(200)
    }
    await sign(signer, 'refused', 1, { psbt: 'nonsense' }, [])
    await restart()
    const first = (await ask(signer, 'GET', '/v1/chains/litecoin/transfers?limit=2')).body
    const items = first.items as Record<string, unknown>[]
    expect(items.map(({ transferId }) => transferId)).toEqual(['t1', 't2'].map(rigs.transferOf))
    expect(items[0]).toMatchObject({
      chain: 'litecoin',
      n: 1,
      state: 'signed',
      template: simple(1_000_000n, 1),
      intents: [authorised(intent('w-1', 1_000_000n))],
      spendKeys: [`litecoin:${coin(1, 1).txid}:0`],
      fee: '1000',
    })
    expect(Transaction.fromHex(items[0]!.signedTransaction as string).getId()).toBe(items[0]!.transactionId)
    const second = (await ask(signer, 'GET', `/v1/chains/litecoin/transfers?limit=2&after=${String(first.next)}`)).body
    expect(second).toMatchObject({ items: [{ transferId: rigs.transferOf('t3') }], next: null })
    expect((await ask(signer, 'GET', '/v1/chains/doge/transfers')).body).toEqual({ items: [], next: null })
  })

  test('of the approvals those of configured keys are kept, for a watcher that has lost its ledger', async () => {
    const plain = intent('w-1', 1_000_000n)
    await sign(signer, 't', 1, simple(), [authorised(plain, rigs.STRANGER, rigs.BACKEND)])
    const { items } = (await ask(signer, 'GET', '/v1/chains/litecoin/transfers')).body
    const stored = (items as { intents: unknown[] }[])[0]!.intents
    expect(stored).toEqual([authorised(plain, rigs.BACKEND)])
    expect((await sign(signer, 't', 2, simple(1_000_000n, 1, 2_000n), stored)).status).toBe(200)
  })

  test('a long list comes in pages that lose and repeat nothing', async () => {
    const names = Array.from({ length: 45 }, (_, i) => `t${i}`)
    for (const [i, name] of names.entries()) {
      const template = pay([coin(2, i)], [[ours(0).address, rigs.FUNDS - 500n]])
      expect((await sign(signer, name, 1, template, [])).status).toBe(200)
    }
    const seen: unknown[] = []
    let next: number | null = 0
    while (next !== null) {
      const { body }: rigs.Answer = await ask(signer, 'GET', `/v1/chains/litecoin/transfers?limit=30&after=${next}`)
      seen.push(...(body.items as { transferId: string }[]).map(({ transferId }) => transferId))
      next = body.next as number | null
    }
    expect(seen).toEqual(names.map(rigs.transferOf))
  })

  test('a template that is wrong in thousands of places is refused in a few words', async () => {
    const outputs = Array.from({ length: 1000 }, () => [theirs(1), 1_000n] as const)
    const answer = await sign(signer, 't', 1, pay([coin(1, 1)], outputs), [])
    expect(reasonKinds(answer)).toHaveLength(20)
  })

  test('a withdrawal shows what was signed for it', async () => {
    await sign(signer, 't', 1, simple(), one())
    await sign(signer, 't', 2, simple(1_000_000n, 1, 2_000n), one())
    const { body } = await ask(signer, 'GET', '/v1/withdrawals/w-1')
    expect(body).toMatchObject({ id: 'w-1', chain: 'litecoin', round: 1, intent: intent('w-1', 1_000_000n) })
    expect((body.signed as { n: number }[]).map(({ n }) => n)).toEqual([1, 2])
  })
})

describe('who may ask', () => {
  test('without a good token nothing is answered, and a reading token signs nothing', async () => {
    const bad = { authorization: 'Bearer wrong-wrong-wrong-wrong' }
    const reader = { authorization: `Bearer ${rigs.TOKEN}-reader` }
    expect((await ask(signer, 'GET', '/v1/identity', undefined, bad)).status).toBe(401)
    expect((await ask(signer, 'PUT', attemptPath('t'), { template: simple(), intents: [] }, reader)).status).toBe(403)
    expect((await ask(signer, 'GET', '/v1/identity', undefined, reader)).status).toBe(200)
  })

  test('S4: no route takes bytes or a digest to sign', () => {
    expect(signer.handle.routes.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/identity',
      'PUT /v1/chains/{chain}/address-pool',
      'GET /v1/chains/{chain}/addresses',
      'GET /v1/chains/{chain}/policy',
      'PUT /v1/chains/{chain}/transfers/{transferId}/attempts/{n}',
      'GET /v1/chains/{chain}/transfers/{transferId}/attempts/{n}',
      'GET /v1/chains/{chain}/transfers',
      'GET /v1/withdrawals/{id}',
      'PUT /v1/withdrawals/{id}/void',
      'GET /healthz',
      'GET /metrics',
    ])
  })

  test('S4: a digest in the place of a template is refused', async () => {
    await grow(signer)
    for (const template of [{ digest: 'ab'.repeat(32) }, { psbt: 'ab'.repeat(32) }, {}, { payloads: [] }]) {
      expect((await sign(signer, 't', 1, template, [])).status).toBe(403)
    }
    expect((await ask(signer, 'PUT', attemptPath('t'), { template: 'ab'.repeat(32), intents: [] })).status).toBe(400)
    expect((await ask(signer, 'PUT', attemptPath('t'), { bytes: 'ab' })).status).toBe(400)
  })

  test('a template that nests without end is refused, not followed', async () => {
    const body = `{"intents":[],"template":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
    const headers = { authorization: `Bearer ${rigs.TOKEN}` }
    const request = { method: 'PUT', path: attemptPath('t'), query: {}, headers, body: new TextEncoder().encode(body) }
    expect((await signer.handle(request)).status).toBe(400)
  })
})

describe('the memory is shown', () => {
  const headersOf = async () => {
    const { headers } = await ask(signer, 'GET', '/healthz')
    return { sequence: Number(headers['Lockkeeper-Memory-Sequence']), hash: headers['Lockkeeper-Memory-Hash']! }
  }
  const seen = (sequence: number, hash: string) =>
    ask(signer, 'GET', '/v1/identity', undefined, {
      'lockkeeper-memory-sequence': String(sequence),
      'lockkeeper-memory-hash': hash,
    })

  test('every answer carries sequence and hash, errors too, and they move with what is stored', async () => {
    const before = await headersOf()
    expect(before.sequence).toBe(0)
    await grow(signer)
    const after = await headersOf()
    expect(after.sequence).toBe(1)
    expect(after.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(after.hash).not.toBe(before.hash)
    const missing = await ask(signer, 'GET', '/nothing')
    expect(missing.headers['Lockkeeper-Memory-Sequence']).toBe('1')
    await restart()
    expect(await headersOf()).toEqual(after)
  })

  test('S3: who has seen a later memory, or another of the same length, is served nothing', async () => {
    await grow(signer)
    const { sequence, hash } = await headersOf()
    expect((await seen(sequence, hash)).status).toBe(200)
    expect((await seen(sequence - 1, 'ab'.repeat(32))).status).toBe(200)
    const ahead = await seen(sequence + 1, hash)
    expect(ahead).toMatchObject({ status: 409, body: { kind: 'memory-behind' } })
    expect(ahead.headers['Lockkeeper-Memory-Sequence']).toBe(String(sequence))
    expect(await seen(sequence, 'ab'.repeat(32))).toMatchObject({ status: 409, body: { kind: 'memory-behind' } })
  })
})
