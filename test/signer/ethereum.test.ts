/** A signer that serves an EVM chain, asked over its API. */
import { Interface, Transaction, type TransactionLike } from 'ethers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuthorisedIntent, Intent, Json } from '../../machines/vocabulary.ts'
import { createDeriver } from '../../adapters/ethereum/deriver.ts'
import { checkProof, proveKeys } from '../../src/signer/offline/prove.ts'
import * as rigs from './rig.ts'
import { ask, attemptPath, authorised, grow, reasonKinds } from './rig.ts'

const USDT = '0xdAC17F958D2ee523a2206206994597C13D831ec7'
const PAYEE = '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045'
const GWEI = 10n ** 9n
const deriver = createDeriver()
const ours = (index: number): string => deriver.derive(rigs.SEED, index).address

const POLICY = [
  'maximumFeeRate: 100000000000, maximumFee: "10000000000000000", gasFunding: "5000"',
  'perTransaction: "9000000000000000", perDay: "20000000000000000"',
  'tokens: { USDT: { perTransaction: "1000", perDay: "1500" } }',
].join(', ')
const YAML = `${rigs.standard({})}  eth: { family: ethereum, network: { chainId: 31337 }, asset: ETH, tokens: [ { asset: USDT, contract: "${USDT}" } ], policy: { ${POLICY} } }
`

let rig: rigs.Rig
let signer: rigs.Signer
beforeEach(async () => {
  rig = await rigs.createRig(YAML)
  signer = await rigs.start(rig)
  await grow(signer, 5, 'eth')
})
afterEach(async () => {
  await signer.stop()
  await rigs.discard(rig)
})
const restart = async () => {
  await signer.stop()
  signer = await rigs.start(rig)
}

const template = (nonce: number, changes: TransactionLike = {}, from = ours(0)): Json => {
  const base = { type: 2, chainId: 31337, nonce, to: PAYEE, value: 1_000n, gasLimit: 21_000n }
  const fees = { maxFeePerGas: 30n * GWEI, maxPriorityFeePerGas: GWEI }
  return { from, transaction: Transaction.from({ ...base, ...fees, ...changes }).unsignedSerialized }
}
const ERC20 = new Interface(['function transfer(address,uint256)'])
const tokens = (nonce: number, amount: bigint, to = PAYEE, from = ours(0)): Json => {
  const data = ERC20.encodeFunctionData('transfer', [to, amount])
  return template(nonce, { to: USDT, value: 0n, gasLimit: 90_000n, data }, from)
}
const zero = (nonce: number, price = 60n): Json =>
  template(nonce, { to: ours(0), value: 0n, maxFeePerGas: price * GWEI, maxPriorityFeePerGas: 2n * GWEI })

const intent = (id: string, changes: Partial<Intent> = {}): Intent =>
  rigs.intent(id, 1_000n, { chain: 'eth', asset: 'ETH', to: PAYEE, ...changes })
const one = (id: string, changes: Partial<Intent> = {}): AuthorisedIntent[] => [authorised(intent(id, changes))]
const sign = (name: string, n: number, asked: Json, intents: AuthorisedIntent[]) =>
  ask(signer, 'PUT', attemptPath(name, n, 'eth'), { template: asked, intents })
const declareVoid = (id: string) => ask(signer, 'PUT', `/v1/withdrawals/${id}/void`, { chain: 'eth', round: 1 })

describe('a signer of an EVM chain', () => {
  test('signs a payment from the treasury, the same bytes for ever', async () => {
    const { status, body } = await sign('t', 1, template(0), one('w-1'))
    expect(status).toBe(200)
    const read = Transaction.from(String(body.signedTransaction))
    expect(read).toMatchObject({ from: ours(0), to: PAYEE, value: 1_000n, nonce: 0, hash: body.transactionId })
    expect(body.spendKeys).toEqual([`eth:${ours(0)}:0`])
    await restart()
    expect((await sign('t', 1, template(0), one('w-1'))).body).toEqual(body)
  })

  test('signs a token, a sweep and the gas that it needs', async () => {
    expect((await sign('t1', 1, tokens(0, 1_000n), one('w-1', { asset: 'USDT' }))).status).toBe(200)
    const funding = template(1, { to: ours(3), value: 5_000n })
    expect((await sign('t2', 1, funding, [])).status).toBe(200)
    expect((await sign('t3', 1, tokens(0, 10n ** 12n, ours(0), ours(3)), [])).status).toBe(200)
    expect((await sign('t4', 1, template(1, { to: ours(0), value: 10n ** 20n }, ours(3)), [])).status).toBe(200)
  })

  test('S2: funds no address of ours beyond its gas, and no stranger, and moves no tokens between our addresses', async () => {
    const refused = async (asked: Json) => reasonKinds(await sign('t', 1, asked, []))
    expect(await refused(template(0, { to: ours(3), value: 5_001n }))).toEqual(['unexplained-output'])
    expect(await refused(template(0))).toEqual(['unexplained-output'])
    expect(await refused(tokens(0, 1n, ours(3)))).toEqual(['unexplained-output'])
    expect(await refused(template(0, {}, PAYEE))).toEqual(['foreign-input', 'unexplained-output'])
  })

  test('S2: an intent is paid in its own asset, to its own payee, exactly', async () => {
    const kindsOf = async (asked: Json, changes: Partial<Intent>) => reasonKinds(await sign('t', 1, asked, one('w-1', changes))) // prettier-ignore
    const unpaid = ['unexplained-output', 'intent-not-paid']
    expect(await kindsOf(template(0), { asset: 'USDT' })).toEqual(unpaid)
    expect(await kindsOf(tokens(0, 1_000n), {})).toEqual(unpaid)
    expect(await kindsOf(tokens(0, 999n), { asset: 'USDT' })).toEqual(unpaid)
    expect(await kindsOf(template(0), { to: USDT })).toEqual(['invalid-destination', 'unexplained-output'])
    expect(await kindsOf(template(0), { asset: 'DAI' })).toEqual(['wrong-asset', ...unpaid])
    expect(await kindsOf(template(0), { chain: 'litecoin' })).toEqual(['wrong-chain'])
  })

  test('S2: the fee has its caps', async () => {
    const fees = (gwei: bigint, gasLimit = 21_000n) => ({ maxFeePerGas: gwei * GWEI, gasLimit })
    expect(reasonKinds(await sign('t', 1, template(0, fees(101n)), one('w-1')))).toEqual(['fee-rate-too-high'])
    const dear = template(0, fees(100n, 100_001n))
    expect(reasonKinds(await sign('t', 1, dear, one('w-1')))).toEqual(['fee-too-high', 'limit-per-transaction'])
  })

  test('E31: what is not understood is refused, with the reason', async () => {
    const approve = new Interface(['function approve(address,uint256)']).encodeFunctionData('approve', [PAYEE, 1n])
    const answer = await sign('t', 1, template(0, { to: USDT, value: 0n, gasLimit: 90_000n, data: approve }), [])
    expect(answer.status).toBe(403)
    expect(reasonKinds(answer)).toEqual(['not-understood'])
    expect(reasonKinds(await sign('t', 1, template(0, { chainId: 1 }), one('w-1')))).toEqual(['not-understood'])
  })
})

/** Each rule holds from memory and from disk alike. */
describe.each([
  ['at once', async () => undefined],
  ['after a restart', restart],
])('E10: a nonce that was signed %s', (_, pass) => {
  test('E10: belongs to its transfer', async () => {
    expect((await sign('t1', 1, template(0), one('w-1'))).status).toBe(200)
    await pass()
    expect(reasonKinds(await sign('t2', 1, template(0), one('w-2')))).toEqual(['spend-key-bound'])
    expect((await sign('t2', 1, template(1), one('w-2'))).status).toBe(200)
    // Another account has nonces of its own.
    expect((await sign('t3', 1, template(0, {}, ours(1)), one('w-3'))).status).toBe(200)
  })

  test('E10, E11: is replaced with the same payment at another fee, and with no other', async () => {
    expect((await sign('t1', 1, template(0), one('w-1'))).status).toBe(200)
    await pass()
    expect((await sign('t1', 2, template(0, { maxFeePerGas: 60n * GWEI }), one('w-1'))).status).toBe(200)
    const other = await sign('t1', 3, template(0, { maxFeePerGas: 90n * GWEI }), one('w-2'))
    expect(reasonKinds(other)).toEqual(['other-payments'])
    // At another nonce both could be mined.
    expect(reasonKinds(await sign('t1', 3, template(1), one('w-1')))).toEqual(['could-pay-twice', 'not-an-attempt'])
  })

  test('E10: is given up once what it pays is voided, and pays nothing after that', async () => {
    expect((await sign('t1', 1, template(0), one('w-1'))).status).toBe(200)
    await pass()
    expect(reasonKinds(await sign('t1', 2, zero(0), []))).toEqual(['other-payments'])
    expect((await declareVoid('w-1')).status).toBe(201)
    await pass()
    expect((await sign('t1', 2, zero(0), [])).status).toBe(200)
    expect((await sign('t1', 3, zero(0, 90n), [])).status).toBe(200)
    expect(reasonKinds(await sign('t1', 4, template(0), one('w-1')))).toEqual(['voided'])
    expect(reasonKinds(await sign('t1', 4, template(0), one('w-2')))).toEqual(['other-payments'])
  })

  test('has its token counted within the limits of that token', async () => {
    const usdt = (n: number, amount: bigint) =>
      sign(`t${n}`, 1, tokens(n, amount), one(`w-${n}`, { asset: 'USDT', amount: String(amount) }))
    expect(reasonKinds(await usdt(0, 1_001n))).toEqual(['limit-per-transaction'])
    expect((await usdt(0, 1_000n)).status).toBe(200)
    await pass()
    expect(reasonKinds(await usdt(1, 501n))).toEqual(['limit-per-day'])
    expect((await usdt(1, 500n)).status).toBe(200)
    // A further attempt costs nothing of the token.
    const again = tokens(1, 500n) as { from: string; transaction: string }
    const dearer = Transaction.from(again.transaction)
    dearer.maxFeePerGas = 60n * GWEI
    const bumped = { from: again.from, transaction: dearer.unsignedSerialized }
    expect((await sign('t1', 2, bumped, one('w-1', { asset: 'USDT', amount: '500' }))).status).toBe(200)
    const { body } = await ask(signer, 'GET', '/v1/chains/eth/policy')
    const spent = 90_000n * 30n * GWEI + 90_000n * 60n * GWEI
    expect(body).toMatchObject({
      leftToday: String(20_000_000_000_000_000n - spent),
      tokens: { USDT: { perTransaction: '1000', perDay: '1500', leftToday: '0' } },
    })
    rig.now.ms += 24 * 3_600_000
    expect((await usdt(2, 1_000n)).status).toBe(200)
  })
})

test('every address proves control of its key, on each family in its own form', async () => {
  await grow(signer, 2)
  await signer.stop()
  const lines: string[] = []
  const asked = { passphrase: rigs.PASSPHRASE, challenge: 'a challenge', by: 'a test' }
  await proveKeys(rig.ports, rig.config, asked, line => lines.push(line))
  const all = async function* () {
    yield* lines
  }
  const { chains } = await checkProof(all(), 'a challenge')
  expect(chains).toEqual(
    new Map([
      ['litecoin', 2],
      ['eth', 5],
    ]),
  )
  const forged = lines.map(line => line.replace('"eip155:31337"', '"eip155:1"'))
  const other = async function* () {
    yield* forged
  }
  await expect(checkProof(other(), 'a challenge')).rejects.toMatchObject({ kind: 'invalid-proof' })
  signer = await rigs.start(rig)
})
