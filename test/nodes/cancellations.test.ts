/** Withdrawals that are held, cancelled and refused, through the whole system and on a real chain. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import type { SignedReceipt } from '../../machines/vocabulary.ts'
import { intentBytes, publicKeyOf, signBytes, voidBytes } from '../../src/canonical.ts'
import { isSigned } from '../../src/signatures.ts'
import { run } from './daemon.ts'
import {
  ASSET,
  CHAIN,
  FINAL,
  NETWORK,
  READ_TOKEN,
  startSystem,
  type Answer,
  type FeedEvent,
  type Resource,
  type System,
} from './system.ts'

const COIN = 100_000_000n
const WINDOW_MS = 300
const SECOND = new Uint8Array(32).fill(7)
const BLOCKED = addressOf(scriptFor('p2tr', new Uint8Array(32).fill(9)), networkOf(NETWORK))!
/** Two keys must approve what is above it; one transaction must not cost more than the other. */
const TWO_ABOVE = 2n * COIN
const LIMIT = 10n * COIN

let system: System
beforeAll(async () => {
  const approvals = [
    { above: '0', approvals: 1 },
    { above: String(TWO_ABOVE), approvals: 2 },
  ]
  system = await startSystem({
    chain: { batch: { windowMs: WINDOW_MS, maximum: 100 } },
    signer: {
      policy: { perTransaction: String(LIMIT), destinations: { blocked: [BLOCKED] } },
      authorisation: backend => ({ keys: [backend, publicKeyOf(SECOND)], approvals }),
    },
  })
  await system.fund(...Array.from({ length: 6 }, () => 5n * COIN))
})
afterAll(() => system.close())

const pathOf = (id: string) => `/v1/withdrawals/${id}`
const newAddress = async () => (await system.node.rpc('getnewaddress', '', 'bech32')) as string
const cancel = (id: string) => system.put<Resource & { receipt: SignedReceipt }>(`${pathOf(id)}/cancellation`)

/** The second key's approval of a withdrawal in its first round. */
function secondApproval(id: string, to: string, amountSat: bigint, expiresAt: string | null = null) {
  const asked = { to, dataField: null, amount: String(amountSat), expiresAt, round: 1, memory: null }
  return signBytes(SECOND, intentBytes({ id, chain: CHAIN, asset: ASSET, ...asked }, system.wallet))
}

function approve(id: string, to: string, amountSat: bigint, expiresAt: string | null = null): Promise<Answer> {
  const { key, signature } = secondApproval(id, to, amountSat, expiresAt)
  return system.put(`${pathOf(id)}/authorisations/${Buffer.from(key, 'base64').toString('base64url')}`, { signature })
}

async function identity(): Promise<string> {
  const { body } = await system.get<{ attestation: { key: string } }>(`/v1/chains/${CHAIN}/addresses/anybody`)
  return body.attestation.key
}

/** That the receipt is the signer's own word, by the key that attests its addresses. */
async function expectReceipt(id: string, receipt: SignedReceipt, signed: string[], round = 1): Promise<void> {
  expect(receipt).toMatchObject({ chain: CHAIN, id, round, signed, purpose: 'lockkeeper-void-v1' })
  expect(receipt.key).toBe(await identity())
  expect(isSigned(receipt, voidBytes(receipt))).toBe(true)
}

/** Asked for and on its way: its transaction is signed and in the node's mempool. */
async function published(id: string): Promise<Resource> {
  const withdrawal = await system.until(pathOf(id), ({ transactionId }) => transactionId !== null)
  await system.until(`/v1/transfers/${withdrawal.transferId!}`, ({ attempts }) => attempts[0]!.state === 'published')
  return withdrawal
}

/**
 * Asks for a withdrawal that expires, and answers the first that `isThere` before it does. Each try is valid for twice as
 * long as the one before: how fast this machine is decides how many there are, and nothing else.
 */
async function beforeExpiry(
  ask: (valid: { n: number; expiresAt: string }) => Promise<string>,
  isThere: (body: Resource) => boolean,
): Promise<{ id: string; n: number; expiresAt: string }> {
  for (let n = 1; n <= 6; n++) {
    const expiresAt = new Date(Date.now() + 1000 * 2 ** n).toISOString()
    const id = await ask({ n, expiresAt })
    const body = await system.until(pathOf(id), body => isThere(body) || body.state === 'cancelled')
    if (isThere(body)) return { id, n, expiresAt }
  }
  throw new Error('every one of them expired before')
}

const reserved = async () => (await system.get(`/v1/chains/${CHAIN}`)).body.balances[0]!.reserved

beforeAll(() => system.address('anybody'))

describe('a withdrawal with too few authorisations', () => {
  test('is held, says how many it needs, and is paid once the second one is added', async () => {
    const to = await newAddress()
    const amountSat = TWO_ABOVE + 1n
    const asked = await system.withdraw('two', { to, amountSat })
    expect(asked).toMatchObject({ status: 201, body: { state: 'held' } })
    expect(asked.body.reason).toMatch(/needs 2 .*has 1/)
    expect((await approve('two', to, amountSat)).status).toBe(200)
    await published('two')
    await system.mine(FINAL)
    await system.reaches(pathOf('two'), 'final')
    expect(await system.book.paidTo(to)).toMatchObject([{ amountSat }])
  })

  test('is held until the same body comes with the other signature: authorisations are a union', async () => {
    const to = await newAddress()
    const amountSat = TWO_ABOVE + 2n
    expect((await system.withdraw('union', { to, amountSat })).body.state).toBe('held')
    const intent = {
      chain: CHAIN,
      asset: ASSET,
      to,
      dataField: null,
      amount: String(amountSat),
      expiresAt: null,
      round: 1,
    }
    const authorisations = [secondApproval('union', to, amountSat)]
    expect((await system.put(pathOf('union'), { ...intent, authorisations })).status).toBe(200)
    await published('union')
    await system.mine(FINAL)
    await system.reaches(pathOf('union'), 'final')
  })

  test('is cancelled with a receipt, and no later approval pays it', async () => {
    const to = await newAddress()
    const amountSat = TWO_ABOVE + 3n
    await system.withdraw('given-up', { to, amountSat })
    const cancelled = await cancel('given-up')
    expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled', reason: 'cancelled' } })
    await expectReceipt('given-up', cancelled.body.receipt, [])
    const later = await approve('given-up', to, amountSat)
    expect(later.body.state).toBe('cancelled')
    expect((await system.withdraw('given-up', { to, amountSat })).body.state).toBe('cancelled')
    expect((await system.get(pathOf('given-up'))).body.receipt).toEqual(cancelled.body.receipt)
    expect((await cancel('given-up')).body).toEqual(cancelled.body)
  })
})

describe('a cancellation', () => {
  test('of a withdrawal that waits for funds voids it: the funds that come later do not pay it', async () => {
    const to = await newAddress()
    const amountSat = 9n * COIN
    // Four of them are more than there is.
    const all = ['funds-1', 'funds-2', 'funds-3', 'funds-4']
    for (const id of all) {
      await system.withdraw(id, { to, amountSat })
      await approve(id, to, amountSat)
    }
    const last = all.at(-1)!
    await system.until(pathOf(last), ({ state, reason }) => state === 'queued' && /funds/.test(reason ?? ''))
    const cancelled = await cancel(last)
    expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    await expectReceipt(last, cancelled.body.receipt, [])
    await system.fund(...Array.from({ length: 8 }, () => 5n * COIN))
    await system.mine(FINAL)
    await system.until(pathOf('funds-3'), ({ transactionId }) => transactionId !== null)
    await system.mine(FINAL)
    for (const id of all.slice(0, -1)) await system.reaches(pathOf(id), 'final')
    expect(await system.book.paidTo(to)).toHaveLength(3)
  })

  test('of what is signed answers already-signed with the receipt that lists it, and it is paid all the same', async () => {
    const to = await newAddress()
    await system.withdraw('signed', { to, amountSat: COIN })
    const { transactionId } = await published('signed')
    const refused = await cancel('signed')
    expect(refused).toMatchObject({ status: 409, body: { kind: 'already-signed' } })
    await expectReceipt('signed', refused.body.receipt, [transactionId!])
    await system.mine(FINAL)
    expect((await system.reaches(pathOf('signed'), 'final')).receipt).toEqual(refused.body.receipt)
    expect((await cancel('signed')).body.receipt).toEqual(refused.body.receipt)
    expect(await system.book.paidTo(to)).toMatchObject([{ txid: transactionId }])
  })

  test('A1: of what the signer has signed, though its answer was lost, is refused; the transaction is adopted and paid once', async () => {
    const to = await newAddress()
    const { toSigner } = system
    const lost = toSigner.once(
      'answerless',
      ({ line }) => /^PUT .*\/attempts\/1$/.test(line),
      () => Promise.resolve((toSigner.isDown = true)),
    )
    await system.withdraw('lost-answer', { to, amountSat: COIN })
    await lost
    expect((await cancel('lost-answer')).status).toBe(503)
    expect((await system.get(pathOf('lost-answer'))).body.transactionId).toBeNull()
    toSigner.isDown = false
    const cancelled = await cancel('lost-answer')
    expect(cancelled).toMatchObject({ status: 409, body: { kind: 'already-signed' } })
    const { transactionId } = await published('lost-answer')
    await expectReceipt('lost-answer', cancelled.body.receipt, [transactionId!])
    await system.mine(FINAL)
    await system.reaches(pathOf('lost-answer'), 'final')
    expect(await system.book.paidTo(to)).toHaveLength(1)
  })

  test('A1: whose answer was lost is asked again: the signer gives the same receipt, and the batch partner is paid', async () => {
    const { toSigner } = system
    const [to, other] = [await newAddress(), await newAddress()]
    toSigner.isDown = true
    await system.withdraw('partner', { to: other, amountSat: COIN })
    await system.withdraw('unsigned', { to, amountSat: COIN })
    await Promise.all(['partner', 'unsigned'].map(id => system.reaches(pathOf(id), 'paying')))
    const { transferId } = (await system.get(pathOf('unsigned'))).body
    expect((await system.get(pathOf('partner'))).body.transferId).toBe(transferId)
    // However often it is asked in vain, that is written once.
    const isFailure = (event: FeedEvent) => event.event === 'task.failed' && event.id === `${transferId!}:1`
    const failures = async () => (await system.events(0, 'attempt')).filter(isFailure).length
    await expect.poll(failures).toBe(1)
    await sleep(3000)
    expect(await failures()).toBe(1)
    const lost = toSigner.once(
      'answerless',
      ({ line }) => line === 'PUT /v1/withdrawals/unsigned/void',
      () => Promise.resolve((toSigner.isDown = true)),
    )
    toSigner.isDown = false
    expect((await cancel('unsigned')).status).toBe(503)
    await lost
    toSigner.isDown = false
    const cancelled = await system.insist(() => cancel('unsigned'))
    expect(cancelled.body.state).toBe('cancelled')
    await expectReceipt('unsigned', cancelled.body.receipt, [])
    await system.reaches(`/v1/transfers/${transferId!}`, 'dead')
    const paid = await published('partner')
    expect(paid.transferId).not.toBe(transferId)
    await system.mine(FINAL)
    await system.reaches(pathOf('partner'), 'final')
    expect(await system.book.paidTo(other)).toHaveLength(1)
    expect(await system.book.paidTo(to)).toEqual([])
  })

  test('of a withdrawal that this ledger does not know needs its chain; then it is never paid, whoever asks for it later', async () => {
    expect(await cancel('nobody')).toMatchObject({ status: 404, body: { kind: 'not-found' } })
    const path = `${pathOf('forgotten')}/cancellation`
    const cancelled = await system.put<Resource & { receipt: SignedReceipt }>(path, { chain: CHAIN, round: 1 })
    expect(cancelled).toMatchObject({ status: 200, body: { id: 'forgotten', state: 'cancelled', round: 1 } })
    await expectReceipt('forgotten', cancelled.body.receipt, [])
    const to = await newAddress()
    expect((await system.withdraw('forgotten', { to, amountSat: COIN })).status).toBe(201)
    const { receipt } = await system.reaches(pathOf('forgotten'), 'cancelled')
    expect(receipt).toEqual(cancelled.body.receipt)
    expect(await reserved()).toBe('0')
  })

  test('that is not understood is refused, and voids nothing', async () => {
    const path = `${pathOf('not-understood')}/cancellation`
    const bodies = [
      { round: 0 },
      { round: 1.5 },
      { chain: 7 },
      { chain: CHAIN, reason: 'x' },
      { chain: CHAIN, round: '1' },
    ]
    for (const body of bodies) expect((await system.put(path, body)).status).toBe(400)
    expect((await system.put(path, { chain: 'elsewhere' })).status).toBe(404)
    const headers = { authorization: `Bearer ${READ_TOKEN}`, 'content-type': 'application/json' }
    const answer = await fetch(`${system.url}${path}`, { method: 'PUT', headers, body: `{"chain":"${CHAIN}"}` })
    expect(answer.status).toBe(403)
    const to = await newAddress()
    await system.withdraw('not-understood', { to, amountSat: COIN })
    await published('not-understood')
    await system.mine(FINAL)
    await system.reaches(pathOf('not-understood'), 'final')
  })
})

describe('a refusal of the signer', () => {
  test('of a blocked destination rejects that withdrawal with a receipt, and its batch partner is paid', async () => {
    const to = await newAddress()
    await system.withdraw('blocked', { to: BLOCKED, amountSat: COIN })
    await system.withdraw('allowed', { to, amountSat: COIN })
    const rejected = await system.reaches(pathOf('blocked'), 'rejected')
    expect(rejected.reason).toMatch(/^destination-not-allowed: .*blocked destinations/)
    await expectReceipt('blocked', rejected.receipt!, [])
    await published('allowed')
    await system.mine(FINAL)
    await system.reaches(pathOf('allowed'), 'final')
    expect(await system.book.paidTo(BLOCKED)).toEqual([])
  })

  test('of what expired before it was signed cancels it, and its batch partner is paid', async () => {
    const [to, other] = [await newAddress(), await newAddress()]
    system.toSigner.isDown = true
    const ask = async ({ n, expiresAt }: { n: number; expiresAt: string }) => {
      await system.withdraw(`expiring-${n}`, { to, amountSat: COIN, expiresAt })
      await system.withdraw(`lasting-${n}`, { to: other, amountSat: COIN })
      return `expiring-${n}`
    }
    const { id, n, expiresAt } = await beforeExpiry(ask, ({ state }) => state === 'paying')
    await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(expiresAt))
    system.toSigner.isDown = false
    const cancelled = await system.reaches(pathOf(id), 'cancelled')
    expect(cancelled.reason).toBe('expired')
    await expectReceipt(id, cancelled.receipt!, [])
    await published(`lasting-${n}`)
    await system.mine(FINAL)
    await system.reaches(pathOf(`lasting-${n}`), 'final')
    expect(await system.book.paidTo(to)).toEqual([])
  })

  test('for the limit per transaction holds it with nothing reserved, and a cancellation voids it', async () => {
    const to = await newAddress()
    const amountSat = LIMIT + 1n
    await system.withdraw('over', { to, amountSat })
    expect((await approve('over', to, amountSat)).status).toBe(200)
    const held = await system.until(pathOf('over'), ({ reason }) => /limit for one transaction/.test(reason ?? ''))
    expect(held.state).toBe('held')
    expect(await reserved()).toBe('0')
    const cancelled = await cancel('over')
    await expectReceipt('over', cancelled.body.receipt, [])
    expect(await reserved()).toBe('0')
  })

  test('for the limit per transaction holds it no longer than it is valid: then it is cancelled as expired', async () => {
    const to = await newAddress()
    const ask = async ({ n, expiresAt }: { n: number; expiresAt: string }) => {
      const id = `over-and-expired-${n}`
      await system.withdraw(id, { to, amountSat: LIMIT + 1n, expiresAt })
      await approve(id, to, LIMIT + 1n, expiresAt)
      return id
    }
    const isLimited = ({ reason }: Resource) => /limit for one transaction/.test(reason ?? '')
    const { id } = await beforeExpiry(ask, isLimited)
    const cancelled = await system.reaches(pathOf(id), 'cancelled')
    expect(cancelled.reason).toBe('expired')
    await expectReceipt(id, (await cancel(id)).body.receipt, [])
    expect(await reserved()).toBe('0')
  })

  test('is avoided where it can be: batches are cut to the limit per transaction', async () => {
    const all = ['cut-1', 'cut-2', 'cut-3', 'cut-4', 'cut-5', 'cut-6']
    const to = await newAddress()
    for (const id of all) await system.withdraw(id, { to, amountSat: TWO_ABOVE })
    const transfers = await Promise.all(all.map(async id => (await published(id)).transferId))
    expect(new Set(transfers).size).toBeGreaterThan(1)
    await system.mine(FINAL)
    for (const id of all) {
      const { history } = await system.reaches(pathOf(id), 'final')
      expect(history.map(({ to: state }) => state)).not.toContain('held')
    }
    expect(await system.book.paidTo(to)).toHaveLength(all.length)
  })
})

describe("the signer's memory", () => {
  const memory = () => join(system.directory, 'data', 'signer')

  test('S3: that was put back from an older copy is refused also by a watcher that has just started, until a person accepts it', async () => {
    const copy = join(system.directory, 'older')
    expect(await system.signer.stop()).toBe(0)
    cpSync(memory(), copy, { recursive: true })
    await system.signer.start()
    const to = await newAddress()
    await system.insist(() => system.withdraw('after-copy', { to, amountSat: COIN }))
    await published('after-copy')
    await system.mine(FINAL)
    await system.reaches(pathOf('after-copy'), 'final')
    expect([await system.watcher.stop(), await system.signer.stop()]).toEqual([0, 0])
    const newer = join(system.directory, 'newer')
    cpSync(memory(), newer, { recursive: true })
    for (const [name, from] of [
      ['older', copy],
      ['newer', newer],
    ] as const) {
      rmSync(memory(), { recursive: true })
      cpSync(from, memory(), { recursive: true })
      await system.signer.start()
      await system.watcher.start()
      if (name === 'older') {
        const { problems } = await readiness(({ problems }) => problems.some(one => /memory-behind/.test(one)))
        expect(problems.join()).toMatch(/import the newer memory/)
      } else await readiness(({ ready }) => ready)
      expect([await system.watcher.stop(), await system.signer.stop()]).toEqual([0, 0])
    }
    rmSync(memory(), { recursive: true })
    cpSync(copy, memory(), { recursive: true })
    const config = join(system.directory, 'watcher.yaml')
    const empty = mkdtempSync(join(tmpdir(), 'lockkeeper-empty-'))
    cpSync(config, join(empty, 'watcher.yaml'))
    cpSync(join(system.directory, 'secrets'), join(empty, 'secrets'), { recursive: true })
    const nothing = await run(['accept-signer', '--config', join(empty, 'watcher.yaml')])
    rmSync(empty, { recursive: true })
    expect(nothing).toMatchObject({ status: 1, stdout: '' })
    expect(nothing.stderr).toMatch(/holds no ledger/)
    const accepted = await run(['accept-signer', '--config', config])
    expect(accepted.status).toBe(0)
    expect(accepted.stdout).toMatch(/^forgotten: memory \d+, hash [0-9a-f]+/)
    await system.signer.start()
    await system.watcher.start()
    await readiness(({ ready }) => ready)
    const beside = await run(['accept-signer', '--config', config])
    expect(beside).toMatchObject({ status: 1, stdout: '' })
    expect(beside.stderr).toMatch(/in use by another process/)
  })

  async function readiness(accept: (body: { ready: boolean; problems: string[] }) => boolean) {
    let last: { ready: boolean; problems: string[] } = { ready: false, problems: [] }
    const accepted = async () => {
      last = (await system.get<typeof last>('/readyz')).body
      return accept(last)
    }
    await expect.poll(accepted).toBe(true)
    return last
  }
})
