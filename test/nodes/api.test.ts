/** The watcher's API through the real process: what is refused leaves no trace, and the feed has no gap. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { converse } from '../http/socket.ts'
import { inTime } from '../patience.ts'
import { deposit } from './payer.ts'
import { ASSET, CHAIN, CREDIT, READ_TOKEN, startSystem, type FeedEvent, type System } from './system.ts'

const COIN = 100_000_000n

let system: System
let to: string
beforeAll(async () => {
  system = await startSystem()
  await system.fund(COIN)
  to = (await system.node.rpc('getnewaddress', '', 'bech32')) as string
})
afterAll(() => system.close())

const good = () => ({ chain: CHAIN, asset: ASSET, to, amount: '100000' })
const lastSeq = async () => (await system.events()).at(-1)!.seq

interface Sent {
  method?: string
  path?: string
  token?: string | null
  body?: unknown
}

function send({ method = 'PUT', path = '/v1/withdrawals/refused', token = system.token, body }: Sent) {
  const authorised = token === null ? {} : { authorization: `Bearer ${token}` }
  const headers: Record<string, string> = { 'content-type': 'application/json', ...authorised }
  const content = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  return fetch(`${system.url}${path}`, { method, headers, ...content })
}

const manyNames = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`field-number-${n}`, n]))

describe('what is refused has a problem document and leaves no trace:', () => {
  test.each<[string, () => Sent, number, string]>([
    ['malformed JSON', () => ({ body: '{"chain":' }), 400, 'malformed-json'],
    ['something else than JSON', () => ({ body: '<html>' }), 400, 'malformed-json'],
    ['a list', () => ({ body: [good()] }), 400, 'invalid-content'],
    ['nothing', () => ({ body: '' }), 400, 'invalid-content'],
    ['an unknown field', () => ({ body: { ...good(), memo: 'x' } }), 400, 'invalid-content'],
    ['a number for an amount', () => ({ body: { ...good(), amount: 100_000 } }), 400, 'invalid-content'],
    ['a negative amount', () => ({ body: { ...good(), amount: '-100000' } }), 400, 'invalid-content'],
    ['a fractional amount', () => ({ body: { ...good(), amount: '0.001' } }), 400, 'invalid-content'],
    ['an amount with an exponent', () => ({ body: { ...good(), amount: '1e5' } }), 400, 'invalid-content'],
    [
      'an amount of a thousand digits',
      () => ({ body: { ...good(), amount: '9'.repeat(1000) } }),
      400,
      'invalid-content',
    ],
    ['nothing at all to pay', () => ({ body: { ...good(), amount: '0' } }), 400, 'invalid-content'],
    ['dust', () => ({ body: { ...good(), amount: '100' } }), 422, 'dust'],
    ['more than there can ever be', () => ({ body: { ...good(), amount: '9'.repeat(40) } }), 422, 'impossible-amount'],
    [
      'an address of another network',
      () => ({ body: { ...good(), to: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4' } }),
      422,
      'invalid-address',
    ],
    [
      'an address with a wrong checksum',
      () => ({ body: { ...good(), to: `${to.slice(0, -1)}${to.endsWith('q') ? 'p' : 'q'}` } }),
      422,
      'invalid-address',
    ],
    ['an unknown chain', () => ({ body: { ...good(), chain: 'dogecoin' } }), 422, 'unknown-chain'],
    ['an unknown asset', () => ({ body: { ...good(), asset: 'USDT' } }), 422, 'unknown-asset'],
    ['a field that the chain lacks', () => ({ body: { ...good(), dataField: '7' } }), 422, 'invalid-address'],
    [
      'a signature that does not verify',
      () => ({
        body: { ...good(), authorisations: [{ key: `${'A'.repeat(43)}=`, signature: `${'A'.repeat(86)}==` }] },
      }),
      422,
      'invalid-authorisation',
    ],
    ['an expiry in the past', () => ({ body: { ...good(), expiresAt: '2020-01-01T00:00:00Z' } }), 422, 'expired'],
    ['a body that is too large', () => ({ body: manyNames }), 413, 'too-large'],
    ['no token', () => ({ body: good(), token: null }), 401, 'unauthorised'],
    ['a wrong token', () => ({ body: good(), token: 'a-token-that-nobody-has' }), 401, 'unauthorised'],
    ['a token that may only read', () => ({ body: good(), token: READ_TOKEN }), 403, 'read-only-token'],
    ['a name with a slash', () => ({ body: good(), path: '/v1/withdrawals/a%2Fb' }), 400, 'invalid-name'],
    ['an address for an unknown chain', () => ({ body: {}, path: '/v1/chains/nope/addresses/me' }), 404, 'not-found'],
    [
      'the credit of an unknown deposit',
      () => ({ body: {}, path: `/v1/deposits/${CHAIN}:nope:0/credit` }),
      404,
      'not-found',
    ],
    ['another method', () => ({ body: good(), method: 'POST' }), 405, 'method-not-allowed'],
    ['an unknown path', () => ({ method: 'GET', path: '/v1/nothing' }), 404, 'not-found'],
    ['an unknown filter', () => ({ method: 'GET', path: '/v1/deposits?colour=red' }), 400, 'invalid-content'],
    ['a chain that nobody knows', () => ({ method: 'GET', path: '/v1/events?chain=another' }), 400, 'invalid-content'],
    ['a kind that there is not', () => ({ method: 'GET', path: '/v1/events?kind=deposits' }), 400, 'invalid-content'],
    ['a state of another kind', () => ({ method: 'GET', path: '/v1/deposits?state=paid' }), 400, 'invalid-content'],
    ['an empty filter', () => ({ method: 'GET', path: '/v1/withdrawals?state=' }), 400, 'invalid-content'],
    ['a filter twice', () => ({ method: 'GET', path: '/v1/transfers?state=final&state=dead' }), 400, 'invalid-content'],
    ['a limit above the largest', () => ({ method: 'GET', path: '/v1/events?limit=1001' }), 400, 'invalid-content'],
    ['a wait above the longest', () => ({ method: 'GET', path: '/v1/events?wait=61' }), 400, 'invalid-content'],
  ])('%s', async (_, sent, status, kind) => {
    const seq = await lastSeq()
    const response = await send(sent())
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ type: 'about:blank', status, kind })
    expect(response.status).toBe(status)
    expect(await lastSeq()).toBe(seq)
    expect((await system.get('/v1/withdrawals/refused')).status).toBe(404)
  })

  test('a client that is too slow', async () => {
    const seq = await lastSeq()
    const head = `PUT /v1/withdrawals/slow HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${system.token}\r\n`
    expect((await converse(system.url.replace('http://', ''), [{ text: head }])).status).toBe(408)
    expect(await lastSeq()).toBe(seq)
  })
})

describe('a withdrawal', () => {
  test('is the same when it is asked for again, and refused under the same id with another body', async () => {
    expect((await system.withdraw('same', { to, amountSat: 100_000n })).status).toBe(201)
    expect((await system.withdraw('same', { to, amountSat: 100_000n })).status).toBe(200)
    const other = await system.withdraw('same', { to, amountSat: 100_001n })
    expect(other.body).toMatchObject({ status: 409, kind: 'conflict' })
    expect((await system.get('/v1/withdrawals/same')).body.amount).toBe('100000')
  })

  test('asked for many times at once is one withdrawal', async () => {
    const once = { to: (await system.node.rpc('getnewaddress')) as string, amountSat: 200_000n }
    const answers = await Promise.all(Array.from({ length: 20 }, () => system.withdraw('at-once', once)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19)
    await system.until('/v1/withdrawals/at-once', ({ transactionId }) => transactionId !== null)
    await system.mine(CREDIT)
    await system.reaches('/v1/withdrawals/at-once', 'paid')
    expect(await system.book.paidTo(once.to)).toHaveLength(1)
  })
})

type Shown = Record<string, unknown>

describe('what a backend wants to know before it asks', () => {
  test('what a withdrawal costs now, by the rates that are planned with', async () => {
    const { status, body } = await system.get<Shown>(`/v1/chains/${CHAIN}/fees`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ chain: CHAIN, asset: ASSET, decimals: 8, unit: 'sat/vB', reason: null })
    const { low, normal, high } = body['rates'] as { low: number; normal: number; high: number }
    expect(low).toBeGreaterThan(0)
    expect([low <= normal, normal <= high]).toEqual([true, true])
    expect((body['withdrawal'] as Record<string, string>)[ASSET]).toMatch(/^[1-9][0-9]*$/)
    expect((await system.get('/v1/chains/nope/fees')).status).toBe(404)
  })

  test('whether a destination can be paid, as the PUT judges it', async () => {
    const ask = async (text: string, query = '') =>
      (await system.get<Shown>(`/v1/chains/${CHAIN}/destinations/${encodeURIComponent(text)}${query}`)).body
    expect(await ask(to)).toEqual({
      ...{ chain: CHAIN, to, dataField: null },
      ...{ valid: true, canonical: to, reason: null, ours: false },
    })
    expect(await ask(to.toUpperCase())).toMatchObject({ valid: true, canonical: to })
    expect(await ask(await system.address('destined'))).toMatchObject({ valid: true, ours: true })
    for (const text of ['nobody', 'a b/c', `${to}x`]) {
      const { reason, ...rest } = await ask(text)
      expect(rest).toMatchObject({ valid: false, canonical: null, ours: false })
      const refusal = await system.put('/v1/withdrawals/nowhere', { ...good(), to: text })
      expect(refusal).toMatchObject({ status: 422, body: { kind: 'invalid-address', detail: reason } })
    }
    expect(await ask(to, '?dataField=7')).toMatchObject({ valid: false })
  })

  test('what a request would answer, and nothing is stored', async () => {
    const seq = await lastSeq()
    const dry = (body: object) => system.put<Shown>('/v1/withdrawals/dry?dryRun=true', body)
    const answer = await dry({ ...good(), note: 'for whom it may concern' })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ id: 'dry', amount: '100000', decimals: 8, note: 'for whom it may concern' })
    expect((await dry({ ...good(), amount: '100' })).body).toMatchObject({ kind: 'dust' })
    expect((await dry({ ...good(), to: 'nobody' })).status).toBe(422)
    expect((await system.get('/v1/withdrawals/dry')).status).toBe(404)
    expect(await lastSeq()).toBe(seq)
    const real = await system.put<Shown>('/v1/withdrawals/dry', { ...good(), note: 'a' })
    expect(real.status).toBe(201)
    const { state, reason } = real.body
    expect(answer.body).toMatchObject({ state, reason })
    expect((await dry({ ...good(), note: 'a' })).status).toBe(200)
    expect((await dry({ ...good(), amount: '100001' })).body).toMatchObject({ status: 409, kind: 'conflict' })
    expect((await system.put('/v1/withdrawals/dry?dryRun=yes', good())).status).toBe(400)
  })
})

describe('a note', () => {
  test('is kept as it was said first, and is no part of what is compared', async () => {
    const first = await system.put<Shown>('/v1/withdrawals/noted', { ...good(), note: 'first "=1"' })
    expect([first.status, first.body['note']]).toEqual([201, 'first "=1"'])
    const again = await system.put<Shown>('/v1/withdrawals/noted', good())
    expect([again.status, again.body['note']]).toEqual([200, 'first "=1"'])
    expect((await system.put('/v1/withdrawals/noted', { ...good(), note: 'x'.repeat(257) })).status).toBe(400)
    const address = await system.put<Shown>(`/v1/chains/${CHAIN}/addresses/noted`, { note: 'gold' })
    expect([address.status, address.body['note']]).toEqual([201, 'gold'])
    expect((await system.get<Shown>(`/v1/chains/${CHAIN}/addresses/noted`)).body['note']).toBe('gold')
  })
})

describe('a list as a table', () => {
  test('has the columns of the resource, and the cursor in a header', async () => {
    const headers = { authorization: `Bearer ${system.token}`, accept: 'text/csv' }
    const response = await fetch(`${system.url}/v1/withdrawals?limit=1`, { headers })
    const [head, first] = (await response.text()).split('\r\n')
    expect(head).toMatch(/^id,chain,asset,decimals,to,/)
    expect(first).toContain(`,${CHAIN},${ASSET},8,`)
    expect(response.headers.get('lockkeeper-next')).toMatch(/^[0-9]+$/)
    const none = await fetch(`${system.url}/v1/deposits?state=lost`, { headers })
    expect((await none.text()).split('\r\n')).toHaveLength(2)
  })
})

interface Page {
  events: FeedEvent[]
  next: number
  ledgerId: string
}

describe('the feed', () => {
  test('has every transition from 1 on without a gap, whatever the page', async () => {
    const all = await system.events()
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, n) => n + 1))
    const paged: number[] = []
    for (let after = 0; after < all.length;) {
      const { body } = await system.get<Page>(`/v1/events?after=${after}&limit=7`)
      expect(body.next).toBe(body.events.at(-1)!.seq)
      paged.push(...body.events.map(({ seq }) => seq))
      after = body.next
    }
    expect(paged.slice(0, all.length)).toEqual(all.map(({ seq }) => seq))
  })

  test('filtered by kind and chain moves the cursor over what it passes', async () => {
    const all = await system.events()
    const { body } = await system.get<Page>(`/v1/events?after=0&limit=1000&kind=withdrawal&chain=${CHAIN}`)
    expect(body.events.map(({ seq }) => seq)).toEqual(
      all.filter(({ kind }) => kind === 'withdrawal').map(({ seq }) => seq),
    )
    expect(body.next).toBeGreaterThanOrEqual(all.at(-1)!.seq)
  })

  test('wakes one who waits as soon as something happens', async () => {
    const cursor = await lastSeq()
    const waiting = system.get<Page>(`/v1/events?after=${cursor}&kind=deposit&wait=60`)
    const { id } = await deposit(system, await system.address('awaited'))
    // Long before the wait is over.
    const { body } = await inTime(waiting, () => 'nobody wakes who waits', 30_000)
    expect(body.events).toMatchObject([{ id, from: null, to: 'detected' }])
    expect(body.next).toBe(body.events[0]!.seq)
  })

  test('answers empty when the wait is over, and goes on from the same cursor', async () => {
    await system.synced()
    const cursor = await lastSeq()
    const { body } = await system.get<Page>(`/v1/events?after=${cursor}&kind=withdrawal&wait=1`)
    expect(body.events).toEqual([])
    expect(body.next).toBeGreaterThanOrEqual(cursor)
  })

  test('refuses a cursor beyond its end, and names the ledger', async () => {
    const { status, body } = await system.get<Page & { kind: string }>('/v1/events?after=1000000')
    expect({ status, kind: body.kind }).toEqual({ status: 409, kind: 'unknown-cursor' })
    const { ledgerId } = (await system.get<Page>('/v1/events')).body
    expect(ledgerId).toMatch(/^[0-9a-f]{32}$/)
  })
})
