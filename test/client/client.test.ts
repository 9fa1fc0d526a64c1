/** The client beside watchers that lie, stammer and fall silent: what they say must not cost the backend anything. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { attestationBytes, base64Of, intentBytes, signerOf, spendingBytes, voidBytes } from '../../src/canonical.ts'
import { claim } from '../../src/kernel/untyped.ts'
import { connect, Problem, type ClientOptions, type Deposit, type Receipt } from '../../src/client/client.ts'
import type { Authorisation } from '../../machines/vocabulary.ts'
import { isSigned } from '../../src/signatures.ts'

const wallet = signerOf(new Uint8Array(32).fill(1))
const thief = signerOf(new Uint8Array(32).fill(2))
const secret = new Uint8Array(32).fill(3)
const LTC = { chain: 'litecoin', asset: 'LTC' }
const wish = { id: 'w-1', ...LTC, to: 'rltc1z', amount: '300' }

interface Said {
  status?: number
  body: unknown
  headers?: Record<string, string>
}
interface Heard {
  path: string
  body: string
}
type Say = (heard: Heard, times: number) => Said | 'nothing'

/** A watcher that says what it is told to; `times`: how often it has been asked before. */
async function watcher(say: Say) {
  const heard: Heard[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const one = { path: `${request.method} ${request.url}`, body }
    const said = say(one, heard.length)
    heard.push(one)
    if (said === 'nothing') return void request.socket.destroy()
    response.writeHead(said.status ?? 200, { 'content-type': 'application/json', ...said.headers })
    response.end(JSON.stringify(said.body))
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => server.closeAllConnections())
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, heard, paths: () => heard.map(({ path }) => path) }
}

const clientOf = (url: string, more: Partial<ClientOptions> = {}) =>
  connect({ url, token: 't', wallet: wallet.key, key: base64Of(secret), ...more })

function addressBy(by: typeof wallet, address = 'rltc1a') {
  const what = { chain: 'litecoin', address, dataField: null, index: 1 }
  return { ...what, reference: 'ann', publicKey: 'p', state: 'assigned', attestation: by.sign(attestationBytes(what)) }
}

function receiptBy(by: typeof wallet, changed: Partial<Receipt> = {}): Receipt {
  const about = {
    chain: 'litecoin',
    id: 'w-1',
    round: 1,
    signed: [] as string[],
    spendKeys: [] as string[],
    ...changed,
  }
  const spending = { ...about, spendKeys: about.spendKeys ?? [] }
  return {
    ...{ ...about, purpose: 'lockkeeper-void-v1' as const, ...by.sign(voidBytes(about)) },
    spendKeysSignature: by.sign(spendingBytes(spending)).signature,
    ...(changed.spendKeysSignature !== undefined && { spendKeysSignature: changed.spendKeysSignature }),
  }
}

describe('a request', () => {
  test('is repeated until it is answered, with the same body', async () => {
    const { url, heard } = await watcher((_, times) =>
      times === 0
        ? 'nothing'
        : times === 1
          ? { status: 503, body: { kind: 'pool-empty' } }
          : { body: addressBy(wallet) },
    )
    const troubles: string[] = []
    const client = clientOf(url, { onTrouble: error => troubles.push(error.name) })
    expect((await client.address('litecoin', 'ann')).address).toBe('rltc1a')
    expect(heard).toHaveLength(3)
    expect(new Set(heard.map(one => JSON.stringify(one))).size).toBe(1)
    expect(troubles).toEqual(['TypeError', 'Problem'])
  })
  test('that is refused is not repeated, and says why', async () => {
    const { url, heard } = await watcher(() => ({ status: 422, body: { kind: 'dust', detail: 'too little' } }))
    const refusal = await clientOf(url)
      .withdraw(wish)
      .catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(Problem)
    expect(refusal).toMatchObject({ status: 422, kind: 'dust', message: 'too little' })
    expect(heard).toHaveLength(1)
  })
  test('gives up when patience ends, and at once when it is called off', async () => {
    const { url } = await watcher(() => 'nothing')
    await expect(clientOf(url, { patienceMs: 1 }).withdrawal('w-1')).rejects.toThrow('fetch failed')
    const stopping = new AbortController()
    const feed = clientOf(url, { signal: stopping.signal, onTrouble: () => stopping.abort() }).pages(null)
    await expect(feed.next()).rejects.toMatchObject({ name: 'AbortError' })
  })
  test('with a key that is none is never made', () => {
    expect(() => clientOf('http://127.0.0.1:1', { wallet: 'x' })).toThrow(/32 bytes/)
    expect(() => clientOf('http://127.0.0.1:1', { key: 'x' })).toThrow(/32 bytes/)
  })
})

describe('an address', () => {
  test.each([
    ['of the thief’s own', addressBy(thief)],
    [
      'that the thief calls the signer’s',
      { ...addressBy(thief), attestation: { ...addressBy(thief).attestation, key: wallet.key } },
    ],
    ['of another chain', { ...addressBy(wallet), chain: 'dogecoin' }],
    ['with another data field', { ...addressBy(wallet), dataField: '7' }],
  ])('%s is refused', async (_, body) => {
    const { url } = await watcher(() => ({ body }))
    await expect(clientOf(url).address('litecoin', 'ann')).rejects.toMatchObject({ kind: 'not-attested' })
  })
})

describe('a withdrawal', () => {
  test('is signed for our signer, with what is not said as null', async () => {
    const { url, heard } = await watcher(() => ({
      status: 201,
      body: {},
      headers: { 'lockkeeper-memory-sequence': '7' },
    }))
    const client = clientOf(url)
    expect(client.memory()).toBeNull()
    await client.withdraw({ ...wish, note: 'mine' })
    expect(client.memory()).toBe(7)
    const { authorisations, note, ...intent } = JSON.parse(heard[0]!.body) as Record<string, never> & {
      authorisations: [Authorisation]
    }
    expect(note).toBe('mine')
    expect(intent).toEqual({
      ...LTC,
      to: 'rltc1z',
      amount: '300',
      dataField: null,
      expiresAt: null,
      round: 1,
      memory: null,
    })
    expect(isSigned(authorisations[0], intentBytes({ ...intent, id: 'w-1' } as never, wallet.key))).toBe(true)
    await client.tryWithdrawal(wish)
    expect(heard[1]!.path).toBe('PUT /v1/withdrawals/w-1?dryRun=true')
  })
})

describe('a cancellation', () => {
  const cancelled = async (said: Said) =>
    clientOf((await watcher(() => said)).url).cancel({ id: 'w-1', chain: 'litecoin', round: 1 })

  test('may be refunded on a receipt that lists nothing', async () => {
    const receipt = receiptBy(wallet)
    expect(await cancelled({ body: { receipt } })).toEqual({ mayRefund: true, receipt })
  })
  test('of what was signed may not', async () => {
    const receipt = receiptBy(wallet, { signed: ['aa'], spendKeys: ['litecoin:bb:0'] })
    const said = { status: 409, body: { kind: 'already-signed', receipt } }
    expect(await cancelled(said)).toEqual({ mayRefund: false, receipt })
  })
  test.each([
    ['none', null],
    ['the thief’s', receiptBy(thief)],
    ['one that the thief calls the signer’s', { ...receiptBy(thief), key: wallet.key }],
    ['that of another withdrawal', receiptBy(wallet, { id: 'w-2' })],
    ['that of another chain', receiptBy(wallet, { chain: 'dogecoin' })],
    ['one from which what was signed has been struck', { ...receiptBy(wallet, { signed: ['aa'] }), signed: [] }],
    [
      'one whose second signature is not the signer’s',
      receiptBy(wallet, { spendKeysSignature: receiptBy(thief).spendKeysSignature }),
    ],
    ['one whose second signature is missing', { ...receiptBy(wallet), spendKeysSignature: undefined }],
  ])('with a receipt that is %s rejects', async (_, receipt) => {
    await expect(cancelled({ body: { receipt } })).rejects.toMatchObject({ kind: 'not-receipted' })
  })
  test('of an earlier round than was authorised may not be refunded', () => {
    const client = clientOf('http://127.0.0.1:1')
    expect(client.mayRefund(receiptBy(wallet), { id: 'w-1', chain: 'litecoin', round: 2 })).toBe(false)
    expect(client.mayRefund(receiptBy(wallet), { id: 'w-1', chain: 'litecoin', round: 1 })).toBe(true)
    expect(client.mayRefund(null, { id: 'w-1', chain: 'litecoin', round: 1 })).toBe(false)
  })
})

describe('a deposit', () => {
  const facts = { id: 'litecoin:aa:0', ...LTC, address: 'rltc1a', dataField: null, amount: '500' }
  const deposit = claim<Deposit>({ ...facts, state: 'confirmed' })
  const offering = (body: object, status = 200) => watcher(() => ({ status, body }))

  test('is creditable where both watchers offer it', async () => {
    const [one, other] = [await offering(deposit), await offering({ ...deposit, state: 'final' })]
    const client = clientOf(one.url, { second: { url: other.url, token: 't' } })
    expect(await client.isCreditable(deposit)).toBe(true)
    expect(other.paths()).toEqual(['GET /v1/deposits/litecoin%3Aaa%3A0'])
  })
  test.each([
    ['does not know it', { kind: 'not-found' }, 404],
    ['has not confirmed it', { ...deposit, state: 'confirming' }, 200],
    ['has taken it back', { ...deposit, state: 'reversed' }, 200],
    ['knows it by another amount', { ...deposit, amount: '501' }, 200],
    ['knows it by another address', { ...deposit, address: 'rltc1b' }, 200],
    ['knows it by another data field', { ...deposit, dataField: '7' }, 200],
    ['knows it by another asset', { ...deposit, asset: 'DOGE' }, 200],
  ])('is not where the second %s', async (_, body, status) => {
    const [one, other] = [await offering(deposit), await offering(body, status)]
    const second = { url: other.url, token: 't' }
    expect(await clientOf(one.url, { second }).isCreditable(deposit)).toBe(false)
    expect(await clientOf(other.url, { second: { url: one.url, token: 't' } }).isCreditable(deposit)).toBe(false)
  })
  test('that was taken back before it was acknowledged says so', async () => {
    const { url } = await watcher(() => ({ status: 409, body: { kind: 'not-creditable' } }))
    expect(await clientOf(url).acknowledge(deposit.id)).toBe(false)
  })
})

describe('the feed', () => {
  const event = (seq: number) => ({ seq, kind: 'chain', id: 'x', to: 'following', data: {} })
  const page = (ledgerId: string, seqs: number[], next: number): Said => ({
    body: { ledgerId, events: seqs.map(event), next },
  })
  const afterOf = ({ path }: Heard) => Number(new URL(path.split(' ')[1]!, 'http://x').searchParams.get('after'))

  test('saves its cursor behind what has been dealt with, and never before', async () => {
    const { url } = await watcher(heard => page('l', [afterOf(heard) + 1, afterOf(heard) + 2], afterOf(heard) + 2))
    const saved: number[] = []
    const dealt: number[] = []
    const store = {
      load: () => ({ ledgerId: 'l', after: 10 }),
      save: ({ after }: { after: number }) => void saved.push(after),
    }
    for await (const { seq } of clientOf(url).events(store, { waitSeconds: 0 })) {
      expect(saved.every(after => dealt.includes(after))).toBe(true)
      dealt.push(seq)
      if (seq === 15) break
    }
    expect(dealt).toEqual([11, 12, 13, 14, 15])
    expect(saved).toEqual([12, 14])
  })
  test.each([
    [
      'says that it is another',
      (heard: Heard) => page('new', afterOf(heard) === 0 ? [1] : [99], afterOf(heard) === 0 ? 1 : 99),
    ],
    [
      'is shorter than the cursor',
      (heard: Heard) => (afterOf(heard) > 0 ? { status: 409, body: { kind: 'unknown-cursor' } } : page('new', [1], 1)),
    ],
  ])('of a ledger that %s begins anew', async (_, say: (heard: Heard) => Said) => {
    const { url } = await watcher(say)
    const { value } = await clientOf(url).pages({ ledgerId: 'old', after: 50 }).next()
    expect(value).toMatchObject({ isNewLedger: true, cursor: { ledgerId: 'new', after: 1 }, events: [{ seq: 1 }] })
  })
  test('goes on over silence, and tells of it', async () => {
    const { url } = await watcher((_, times) => (times === 0 ? 'nothing' : page('l', [1], 1)))
    const troubles: Error[] = []
    const { value } = await clientOf(url, { patienceMs: 1, onTrouble: error => troubles.push(error) })
      .pages(null)
      .next()
    expect([value.events.length, troubles.length]).toEqual([1, 1])
  })
})
