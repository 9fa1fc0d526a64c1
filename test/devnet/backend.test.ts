/** The demonstration's backend beside a watcher that has been taken over: what it is told must not cost it anything. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Authorisation } from '../../machines/vocabulary.ts'
import { attestationBytes, signerOf, spendingBytes, voidBytes, type VoidReceipt } from '../../src/canonical.ts'
import type { WatcherAnswer, Ask } from '../../src/devnet/api.ts'
import { openBackend, type Backend } from '../../src/devnet/backend.ts'
import { openBook, type DemoBook } from '../../src/devnet/book.ts'
import { createDisk } from '../../src/shell/disk.ts'
import { createClock } from '../../src/shell/ports.ts'

const wallet = signerOf(new Uint8Array(32).fill(1))
const thief = signerOf(new Uint8Array(32).fill(2))
const key = signerOf(new Uint8Array(32).fill(3))
const CHAIN = 'litecoin'
const wish = { user: 'ann', chain: CHAIN, asset: 'LTC', to: 'rltc1z', amount: '300' }

interface Told {
  events?: object[]
  cancellation?: (id: string) => WatcherAnswer | Promise<WatcherAnswer>
  /** The feed is told of nothing before. */
  opening?: Promise<void>
  address?: (user: string) => WatcherAnswer
}

interface Running {
  backend: Backend
  book: DemoBook
  alarms: string[]
  /** Everything that was asked, `METHOD path`. */
  asked: string[]
}

/** Whatever a watcher may say, in the place of one. */
function liar({ events = [], cancellation, address, opening }: Told, asked: string[]): Ask {
  let isTold = false
  return async (method, path) => {
    asked.push(`${method} ${path}`)
    if (path.startsWith('/v1/events')) {
      await opening
      if (isTold) await new Promise(resolve => setTimeout(resolve, 50))
      const body = { ledgerId: 'l', next: events.length, events: isTold ? [] : events }
      isTold = true
      return { status: 200, body }
    }
    const id = /withdrawals\/([^/]+)\/cancellation/.exec(path)?.[1]
    if (id !== undefined && cancellation) return cancellation(id)
    const user = /addresses\/([^/]+)$/.exec(path)?.[1]
    if (user !== undefined && address) return address(user)
    return { status: 200, body: {} }
  }
}

async function start(told: Told): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-backend-'))
  const book = await openBook(createDisk(), join(directory, 'book.jsonl'))
  const asked: string[] = []
  const alarms: string[] = []
  const news = { event: () => {}, alarm: (text: string) => void alarms.push(text) }
  const ask = liar(told, asked)
  const backend = openBackend({ ask, book, key, wallet: wallet.key, clock: createClock(), news })
  onTestFinished(() => {
    backend.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return { backend, book, alarms, asked }
}

/** Ann has 500, and has asked for 300. */
async function withDebit(running: Running): Promise<void> {
  await running.book.transaction(add => {
    add({ type: 'address.assigned', user: 'ann', chain: CHAIN, address: 'rltc1a', dataField: null })
    const deposit = { user: 'ann', chain: CHAIN, asset: 'LTC', address: 'rltc1a', amount: '500', transactionId: 'aa' }
    add({ type: 'deposit.credited', id: 'litecoin:aa:0', ...deposit })
  })
  await running.backend.withdraw(wish)
}

const attested = (by: typeof wallet, address: string) => (): WatcherAnswer => {
  const what = { chain: CHAIN, address, dataField: null, index: 1 }
  return { status: 201, body: { ...what, attestation: by.sign(attestationBytes(what)) } }
}

type Receipt = VoidReceipt & Authorisation & { purpose: string }

function receiptOf(changed: Partial<VoidReceipt> = {}, by = wallet): Receipt {
  const receipt = { chain: CHAIN, id: 'w-1', round: 1, signed: [], ...changed }
  return { ...receipt, purpose: 'lockkeeper-void-v1', ...by.sign(voidBytes(receipt)) }
}

/** With version 2 of the promise. */
function spending(spendKeys: string[]) {
  const receipt = { ...receiptOf(), spendKeys }
  return { ...receipt, spendKeysSignature: wallet.sign(spendingBytes(receipt)).signature }
}

const event = (kind: string, id: string, from: string | null, to: string, data: object) => ({
  ...{ seq: 1, at: '2026-01-01T00:00:00.000Z', kind, id, chain: CHAIN, event: 'x', from, to, data },
})

const confirmed = (address: string) =>
  event('deposit', 'litecoin:bb:0', 'confirming', 'confirmed', {
    ...{ asset: 'LTC', address, dataField: null, amount: '700', transactionId: 'bb', reference: 'ann' },
  })

describe('an address', () => {
  test('is the user’s when the signer vouches for it, and asked for once', async () => {
    const { backend, asked } = await start({ address: attested(wallet, 'rltc1a') })
    expect(await backend.address('ann', CHAIN)).toMatchObject({ address: 'rltc1a' })
    expect(await backend.address('ann', CHAIN)).toMatchObject({ address: 'rltc1a' })
    expect(asked).toEqual(['PUT /v1/chains/litecoin/addresses/ann'])
  })

  test('of the thief’s own is refused', async () => {
    const { backend, book } = await start({ address: attested(thief, 'rltc1thief') })
    await expect(backend.address('ann', CHAIN)).rejects.toThrow('not vouched for')
    expect(book.addresses.size).toBe(0)
  })

  test('that another user has is refused, although the signer has attested it', async () => {
    const { backend } = await start({ address: attested(wallet, 'rltc1a') })
    await backend.address('ann', CHAIN)
    await expect(backend.address('bob', CHAIN)).rejects.toThrow('belongs to ann')
  })
})

describe('a deposit', () => {
  test('is credited to whom its address was given, whatever reference the watcher names', async () => {
    const running = await start({ events: [confirmed('rltc1b')] })
    await running.book.transaction(add =>
      add({ type: 'address.assigned', user: 'bob', chain: CHAIN, address: 'rltc1b', dataField: null }),
    )
    void running.backend.run()
    await expect.poll(() => running.book.balance('bob', 'LTC')).toBe(700n)
    expect(running.book.balance('ann', 'LTC')).toBe(0n)
    await expect.poll(() => running.asked).toContain('PUT /v1/deposits/litecoin:bb:0/credit')
  })

  test('to an address that nobody was given credits nobody', async () => {
    const running = await start({ events: [confirmed('rltc1nobody')] })
    void running.backend.run()
    await expect.poll(() => running.asked.filter(path => path.includes('events')).length).toBeGreaterThan(1)
    expect(running.book.deposits.size).toBe(0)
    expect(running.alarms).toEqual([
      'litecoin:bb:0 pays to rltc1nobody, which nobody here was given: it is not credited',
    ])
  })
})

describe('a refund', () => {
  async function cancelled(cancellation: () => WatcherAnswer): Promise<Running> {
    const running = await start({ cancellation })
    await withDebit(running)
    void running.backend.run()
    await running.backend.cancel('w-1')
    await expect.poll(() => running.book.owed.cancellations.size).toBe(0)
    return running
  }

  test('needs the signer’s receipt that nothing was signed', async () => {
    const { book } = await cancelled(() => ({ status: 200, body: { receipt: receiptOf() } }))
    expect(book.balance('ann', 'LTC')).toBe(500n)
  })

  test('is given on a receipt whose spend keys are none, too', async () => {
    const { book } = await cancelled(() => ({ status: 200, body: { receipt: spending([]) } }))
    expect(book.balance('ann', 'LTC')).toBe(500n)
  })

  test.each<[string, () => WatcherAnswer]>([
    ['a receipt by another key', () => ({ status: 200, body: { receipt: receiptOf({}, thief) } })],
    ['a receipt for another withdrawal', () => ({ status: 200, body: { receipt: receiptOf({ id: 'w-2' }) } })],
    ['a receipt for another chain', () => ({ status: 200, body: { receipt: receiptOf({ chain: 'dogecoin' }) } })],
    ['a receipt that lists what is spent', () => ({ status: 200, body: { receipt: spending(['litecoin:aa:0']) } })],
    [
      'a receipt whose spend keys were taken out',
      () => ({ status: 200, body: { receipt: { ...spending(['litecoin:aa:0']), spendKeys: [] } } }),
    ],
    ['a receipt that lists a transaction', () => ({ status: 200, body: { receipt: receiptOf({ signed: ['aa'] }) } })],
    ['a receipt for an earlier round', () => ({ status: 200, body: { receipt: receiptOf({ round: 0 }) } })],
    [
      'a receipt from which what was signed is struck out',
      () => ({ status: 200, body: { receipt: { ...receiptOf({ signed: ['aa'] }), signed: [] } } }),
    ],
    ['no receipt', () => ({ status: 200, body: { state: 'cancelled' } })],
    [
      'already signed',
      () => ({ status: 409, body: { kind: 'already-signed', receipt: receiptOf({ signed: ['aa'] }) } }),
    ],
  ])('is not given on %s', async (_name, answer) => {
    const { book } = await cancelled(answer)
    expect(book.balance('ann', 'LTC')).toBe(200n)
    expect(book.withdrawals.get('w-1')!.cancellation).toBe('refused')
  })

  test('is not given because the feed says cancelled, but on the receipt in it', async () => {
    const data = { round: 1, transactionId: null, receipt: null }
    const without = event('withdrawal', 'w-1', 'queued', 'cancelled', data)
    const running = await start({ events: [without], cancellation: () => ({ status: 503, body: {} }) })
    await withDebit(running)
    void running.backend.run()
    await expect.poll(() => running.book.withdrawals.get('w-1')!.state).toBe('cancelled')
    expect(running.book.balance('ann', 'LTC')).toBe(200n)
  })

  test('is given once, when the feed brings the receipt while the answer with it is on its way', async () => {
    const data = { round: 1, transactionId: null, receipt: receiptOf() }
    let open = () => {}
    const opening = new Promise<void>(resolve => (open = resolve))
    const cancellation = async (): Promise<WatcherAnswer> => {
      open()
      await expect.poll(() => running.book.balance('ann', 'LTC')).toBe(500n)
      return { status: 200, body: { receipt: receiptOf() } }
    }
    const events = [event('withdrawal', 'w-1', 'queued', 'cancelled', data)]
    const running = await start({ events, opening, cancellation })
    await withDebit(running)
    await running.backend.cancel('w-1')
    const before = (path: string) => running.asked.filter(one => one.startsWith(path)).length
    const ended = running.backend.run()
    ended.catch(() => {})
    await expect.poll(() => running.asked).toContain('PUT /v1/withdrawals/w-1/cancellation')
    await expect.poll(() => running.book.withdrawals.get('w-1')!.receipt).not.toBeNull()
    const asked = before('GET /v1/events')
    await Promise.race([ended, expect.poll(() => before('GET /v1/events')).toBeGreaterThan(asked + 5)])
    expect(running.book.balance('ann', 'LTC')).toBe(500n)
  })
})

test('a withdrawal beyond the user’s balance is not asked for', async () => {
  const running = await start({})
  await withDebit(running)
  await expect(running.backend.withdraw(wish)).rejects.toThrow('has less than 300')
})
