import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { addressIn, hexOf, hexWord, NOTHING, quantity } from '../../../src/devnet/ethereum/bytes.ts'
import { destructingCreation } from '../../../src/devnet/ethereum/contracts.ts'
import type { FlavourName } from '../../../src/devnet/ethereum/flavours.ts'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import {
  createSimulatedEthereum,
  type SimulatedEthereum,
  type SimulatedEthereumOptions,
} from '../../../src/devnet/ethereum/node.ts'
import { createFates } from '../../../src/devnet/fates.ts'
import {
  addressOfSecret,
  signAuthorization,
  type SignedTransaction,
  type UnsignedTransaction,
} from '../../../src/devnet/ethereum/transaction.ts'
import { callData, CHAIN_ID, dataOf, ETHER, GWEI, signed, type Answer } from './calls.ts'

const START_MS = Date.UTC(2026, 0, 1)
const SECRET = new Uint8Array(32).fill(3)
const OTHER_SECRET = new Uint8Array(32).fill(4)
const SENDER = addressOfSecret(SECRET)
const OTHER = addressOfSecret(OTHER_SECRET)
const US = `0x${'bb'.repeat(20)}`
const THEM = `0x${'cc'.repeat(20)}`

function create(options: Partial<SimulatedEthereumOptions> = {}): SimulatedEthereum {
  const accounts = new Map([SENDER, OTHER].map(address => [address, { balance: 100n * ETHER }]))
  return createSimulatedEthereum({ chainId: CHAIN_ID, seed: 'node', now: () => START_MS, accounts, ...options })
}

const transaction = (nonce: number, part: Partial<UnsignedTransaction> = {}, secret = SECRET): SignedTransaction =>
  signed(secret, nonce, { to: US, value: 1n, maxFeePerGas: 10n * GWEI, ...part })

function post(node: SimulatedEthereum, body: string, headers: Record<string, string> = {}) {
  const all = { 'content-type': 'application/json', ...headers }
  return node.handle({ method: 'POST', path: '/', query: {}, headers: all, body: new TextEncoder().encode(body) })
}

function ask(node: SimulatedEthereum, method: string, ...params: unknown[]): Answer {
  return JSON.parse(String(post(node, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })).body)) as Answer
}

const send = (node: SimulatedEthereum, offered: SignedTransaction) =>
  ask(node, 'eth_sendRawTransaction', hexOf(offered.raw))
const pool = (node: SimulatedEthereum) => ask(node, 'txpool_status').result
describe('the pool', () => {
  test('a replacement pays at least a tenth more, for both of its fees', () => {
    const node = create()
    send(node, transaction(0))
    const refused = { code: -32_000, message: 'replacement transaction underpriced' }
    expect(send(node, transaction(0, { maxFeePerGas: 11n * GWEI })).error).toEqual(refused)
    const tip = (GWEI * 11n) / 10n
    expect(send(node, transaction(0, { maxPriorityFeePerGas: tip })).error).toEqual(refused)
    expect(send(node, transaction(0, { maxPriorityFeePerGas: tip - 1n, maxFeePerGas: 11n * GWEI })).error).toEqual(
      refused,
    )
    const replacing = transaction(0, { maxPriorityFeePerGas: tip, maxFeePerGas: 11n * GWEI })
    expect(send(node, replacing).result).toBe(replacing.hash)
    expect(node.pending()).toEqual([replacing.hash])
  })

  test('what stands behind a gap waits, and counts only when the gap is filled', () => {
    const node = create()
    for (const nonce of [0, 2, 3]) send(node, transaction(nonce))
    expect(pool(node)).toEqual({ pending: '0x1', queued: '0x2' })
    expect(ask(node, 'eth_getTransactionCount', SENDER, 'pending').result).toBe('0x1')
    node.mine(1)
    expect(node.pending()).toHaveLength(2)
    send(node, transaction(1))
    expect(pool(node)).toEqual({ pending: '0x3', queued: '0x0' })
    node.mine(1)
    expect(node.nonce(SENDER)).toBe(4n)
  })

  test('what an account has in the pool counts against its balance', () => {
    const node = create()
    send(node, transaction(0, { value: 99n * ETHER }))
    const { error } = send(node, transaction(1, { value: ETHER }))
    expect(error?.message).toMatch(
      /^insufficient funds for gas \* price \+ value: balance \d+, queued cost \d+, tx cost \d+, overshot \d+$/,
    )
  })

  test('under load an account keeps the sixteen that it is guaranteed: the next is dropped, and the rest waits behind it', () => {
    const node = create()
    node.faults.isCrowded = true
    for (let nonce = 0; nonce < 20; nonce++) expect(send(node, transaction(nonce)).error).toBeUndefined()
    expect(pool(node)).toEqual({ pending: '0x10', queued: '0x3' })
  })

  test('a queue holds 64, and forgets after three hours', () => {
    let now = START_MS
    const node = create({ now: () => now })
    for (let nonce = 1; nonce <= 70; nonce++) send(node, transaction(nonce))
    expect(pool(node)).toEqual({ pending: '0x0', queued: '0x40' })
    now += 3 * 3_600_000 + 1000
    node.mine(1)
    expect(pool(node)).toEqual({ pending: '0x0', queued: '0x0' })
  })

  test('an account that delegates has one transaction in flight', () => {
    const node = create()
    const delegation = signAuthorization(CHAIN_ID, CONTRACTS.splitter, 0n, OTHER_SECRET)
    send(node, transaction(0, { type: 4, gasLimit: 100_000n, authorizations: [delegation] }))
    node.mine(1)
    expect(ask(node, 'eth_getCode', OTHER, 'latest').result).toBe(`0xef0100${CONTRACTS.splitter.slice(2)}`)
    expect(send(node, transaction(1, {}, OTHER_SECRET)).error).toBeUndefined()
    expect(send(node, transaction(2, {}, OTHER_SECRET)).error?.message).toBe('gapped-nonce tx from delegated accounts')
    const back = signAuthorization(CHAIN_ID, `0x${'0'.repeat(40)}`, 2n, OTHER_SECRET)
    node.mine(1)
    send(node, transaction(1, { type: 4, gasLimit: 100_000n, authorizations: [back] }))
    node.mine(1)
    expect(ask(node, 'eth_getCode', OTHER, 'latest').result).toBe('0x')
  })

  test('a restart empties it', () => {
    const node = create()
    send(node, transaction(0))
    node.restart()
    expect(pool(node)).toEqual({ pending: '0x0', queued: '0x0' })
    expect(send(node, transaction(0)).error).toBeUndefined()
  })

  test.each<[FlavourName, string, string, string, string]>([
    [
      'geth',
      'already known',
      'nonce too low: next nonce 1, tx nonce 0',
      'replacement transaction underpriced',
      'insufficient funds for gas',
    ],
    ['erigon', 'already known', 'nonce too low', 'could not replace existing tx', 'insufficient funds'],
    ['nethermind', 'AlreadyKnown', 'OldNonce', 'ReplacementNotAllowed', 'InsufficientFunds'],
    [
      'reth',
      'already known',
      'nonce too low: next nonce 1, tx nonce 0',
      'replacement transaction underpriced',
      'insufficient funds for gas',
    ],
    [
      'besu',
      'Known transaction',
      'Nonce too low',
      'Replacement transaction underpriced',
      'Upfront cost exceeds account balance',
    ],
    [
      'anvil',
      'transaction already imported',
      'nonce too low',
      'replacement transaction underpriced',
      'Insufficient funds for gas',
    ],
  ])('%s refuses in its own words', (flavour, known, old, underpriced, poor) => {
    const node = create({ flavour })
    send(node, transaction(0))
    node.mine(1)
    send(node, transaction(1))
    expect(send(node, transaction(1)).error?.message).toBe(known)
    expect(send(node, transaction(0)).error?.message).toBe(old)
    expect(send(node, transaction(1, { value: 2n })).error?.message).toBe(underpriced)
    expect(send(node, transaction(2, { value: 1000n * ETHER })).error?.message).toContain(poor)
  })

  test('a fee above an ether is refused by RPC, whatever the rules of the pool are', () => {
    const { error } = send(create(), transaction(0, { gasLimit: 100_000n, maxFeePerGas: 11_000n * GWEI }))
    expect(error).toEqual({ code: -32_000, message: 'tx fee (1.10 ether) exceeds the configured cap (1.00 ether)' })
  })
})

const keysOf = (node: SimulatedEthereum, name: string) =>
  Object.keys(ask(node, 'eth_getBlockByNumber', name, false).result ?? {})

describe('the chain', () => {
  test('equal seeds and calls give equal blocks, other seeds give others', () => {
    const run = (seed: string) => {
      const node = create({ seed })
      const hash = node.pay(US, ETHER)
      return [hash, ...node.mine(2)]
    }
    expect(run('a')).toEqual(run('a'))
    expect(run('a')).not.toEqual(run('b'))
  })

  test('whoever asks between two blocks changes neither', () => {
    const run = (isAsked: boolean) => {
      const node = create()
      node.mine(1)
      const call = { from: SENDER, to: CONTRACTS.plainToken, data: hexOf(callData('block(address)', US)), value: '0x1' }
      if (isAsked) expect(ask(node, 'eth_call', call, 'latest').error).toBeUndefined()
      if (isAsked) expect(ask(node, 'eth_call', call, '0x0').error).toBeUndefined()
      if (isAsked) expect(ask(node, 'eth_estimateGas', call).error).toBeUndefined()
      return node.mine(1)
    }
    expect(run(true)).toEqual(run(false))
  })

  test('a second node follows the longer branch, and what the shorter one held waits again', () => {
    const [one, other] = [create({ seed: 'one' }), create({ seed: 'other' })]
    one.mine(3)
    for (let height = 1; height <= 3; height++) other.submit(one.block(one.hashAt(height)))
    const hash = one.pay(US, ETHER)
    const [left] = one.mine(1)
    expect(one.balance(US)).toBe(ETHER)
    const branch = other.mine(2)
    for (const block of branch) one.submit(other.block(block))
    expect(one.tip()).toBe(branch[1])
    expect([one.balance(US), one.pending()]).toEqual([0n, [hash]])
    expect(ask(one, 'eth_getTransactionReceipt', hash).result).toBeNull()
    expect(ask(one, 'eth_getBlockByHash', left, false).result).not.toBeNull()
    one.setHead(left!)
    expect([one.height(), one.balance(US), one.pending()]).toEqual([4, ETHER, []])
    one.reconsider(branch[0]!)
    expect(one.tip()).toBe(branch[1])
    one.invalidate(branch[0]!)
    expect(one.height()).toBe(3)
    one.forgetBranch(left!)
    expect(ask(one, 'eth_getBlockByHash', left, false).result).toBeNull()
  })

  test('sixty blocks deep a reorganisation leaves every balance as it was', () => {
    const node = create()
    node.mine(1)
    const before = [US, node.faucetAddress].map(address => node.balance(address))
    for (let n = 0; n < 60; n++) {
      node.pay(US, 5n)
      node.send({ to: CONTRACTS.token, data: callData('transfer(address,uint256)', US, 7n) })
      node.mine(1)
    }
    expect(node.balance(US)).toBe(300n)
    node.setHead(node.hashAt(1))
    expect([US, node.faucetAddress].map(address => node.balance(address))).toEqual(before)
    expect(node.pending()).toHaveLength(120)
    node.mine(1)
    expect(node.balance(US)).toBe(300n)
  })

  test('a block that claims what is not so is refused, and nothing of it stays', () => {
    const [one, other] = [create(), create({ seed: 'other', coinbase: THEM })]
    other.pay(US, ETHER)
    const [hash] = other.mine(1)
    const { header, transactions, withdrawals, size } = other.block(hash!)
    const forged = { hash: hexWord(5n), header: { ...header, gasUsed: 1 }, transactions, withdrawals, size }
    expect(() => one.submit(forged)).toThrow('invalid block')
    expect([one.height(), one.balance(US)]).toEqual([0, 0n])
    expect(() => one.submit({ ...forged, header: { ...header, parentHash: hexWord(9n) } })).toThrow('unknown ancestor')
    one.submit(other.block(hash!))
    expect(one.balance(US)).toBe(ETHER)
    expect(one.balance(THEM)).toBe(21_000n * GWEI)
  })

  test('the accounts of a past block can be asked for, as far back as they are kept', () => {
    const node = create()
    for (let n = 0; n < 5; n++) {
      node.pay(US, 1n)
      node.mine(1)
    }
    const balances = [0, 1, 2, 3, 4, 5].map(height => ask(node, 'eth_getBalance', US, quantity(height)).result)
    expect(balances).toEqual(['0x0', '0x1', '0x2', '0x3', '0x4', '0x5'])
    expect(ask(node, 'eth_getBalance', US, { blockHash: node.hashAt(2) }).result).toBe('0x2')
    node.faults.stateBlocks = 2
    expect(ask(node, 'eth_getBalance', US, '0x4').result).toBe('0x4')
    expect(ask(node, 'eth_getBalance', US, '0x3').error?.message).toMatch(/^missing trie node /)
    expect(ask(node, 'eth_getBalance', US, '0x9').error).toEqual({ code: -32_000, message: 'header not found' })
    const unknown = ask(node, 'eth_getBalance', US, { blockHash: hexWord(1n) })
    expect(unknown.error).toEqual({ code: -32_000, message: 'header for hash not found' })
  })

  test('withdrawals of validators arrive with neither transaction nor log', () => {
    const node = create()
    const withdrawal = { index: 0, validatorIndex: 7, address: US, amountGwei: 5n }
    const [hash] = node.mine(1, { withdrawals: [withdrawal] })
    expect(node.balance(US)).toBe(5n * GWEI)
    const block = ask(node, 'eth_getBlockByHash', hash, true).result
    const shaped = { index: '0x0', validatorIndex: '0x7', address: US, amount: '0x5' }
    expect(block).toMatchObject({ transactions: [], withdrawals: [shaped] })
    expect(ask(node, 'eth_getBlockReceipts', hash).result).toEqual([])
  })

  test('base fees rise after full blocks and fall after empty ones', () => {
    const node = create()
    node.mine(1)
    const feeAt = (height: number) => node.block(node.hashAt(height)).header.baseFee
    node.mine(1)
    expect(feeAt(2)).toBe((GWEI * 7n) / 8n)
    const burn = { to: CONTRACTS.reverter, gasLimit: 16_000_000n, data: new Uint8Array(100_000).fill(1) }
    node.send({ ...burn })
    node.send({ ...burn })
    node.send({ ...burn })
    node.send({ ...burn })
    node.send({ ...burn })
    node.mine(2)
    expect(feeAt(4)).not.toBe(feeAt(3))
  })

  test('a payment that the faucet takes back never confirms', () => {
    const node = create()
    const paid = node.pay(US, ETHER)
    const conflict = node.doubleSpend(paid)
    expect(node.pending()).toEqual([conflict])
    node.mine(1)
    expect([node.balance(US), node.pending()]).toEqual([0n, []])
    expect(() => node.doubleSpend(paid)).toThrow('no unconfirmed transaction')
  })

  test('safe and finalized stand where they are said to stand, and a tag without a block is answered by each node in its way', () => {
    const node = create({ finality: { safe: 2, finalized: 4 } })
    node.mine(6)
    const numberOf = (tag: string) =>
      z.object({ number: z.string() }).parse(ask(node, 'eth_getBlockByNumber', tag, false).result).number
    expect(['latest', 'safe', 'finalized', 'earliest'].map(numberOf)).toEqual(['0x6', '0x4', '0x2', '0x0'])
    node.faults.tags.set('finalized', node.hashAt(1))
    expect(numberOf('finalized')).toBe('0x1')
    const absent = (flavour: FlavourName) => {
      const fresh = create({ flavour })
      fresh.faults.tags.set('finalized', null)
      const { result, error } = ask(fresh, 'eth_getBlockByNumber', 'finalized', false)
      return error ?? result
    }
    expect(absent('geth')).toEqual({ code: -32_000, message: 'finalized block not found' })
    expect(absent('erigon')).toEqual({ code: -39_001, message: 'Unknown block' })
    expect(absent('nethermind')).toBeNull()
  })
})

const receiptSchema = z.object({
  status: z.string(),
  logs: z.array(z.object({ address: z.string(), topics: z.array(z.string()), data: z.string(), logIndex: z.string() })),
})

function receiptOf(node: SimulatedEthereum, sent: SignedTransaction) {
  return receiptSchema.parse(ask(node, 'eth_getTransactionReceipt', sent.hash).result)
}

describe('contracts from the beginning', () => {
  const balanceOf = (node: SimulatedEthereum, token: string, account: string) =>
    BigInt(
      String(
        ask(node, 'eth_call', { to: token, data: hexOf(callData('balanceOf(address)', account)) }, 'latest').result,
      ),
    )
  const transfer = (amount: bigint) => callData('transfer(address,uint256)', US, amount)

  test.each([
    [CONTRACTS.token, 1000n],
    [CONTRACTS.plainToken, 1000n],
    [CONTRACTS.doubtfulToken, 1000n],
    [CONTRACTS.lookAlike, 1000n],
    [CONTRACTS.taxedToken, 950n],
  ])('%s logs a transfer of 1000, of which %s arrive', (token, arrived) => {
    const node = create()
    const sent = node.send({ to: token, data: transfer(1000n) })
    node.mine(1)
    const { status, logs } = receiptOf(node, sent)
    expect([status, logs.map(({ data }) => BigInt(data)), balanceOf(node, token, US)]).toEqual([
      '0x1',
      [1000n],
      arrived,
    ])
  })

  test('the forger and the collectible log, and nothing moves', () => {
    const node = create()
    const forged = node.send({ to: CONTRACTS.forger, data: dataOf(THEM, US, 5n) })
    const collected = node.send({ to: CONTRACTS.collectible, data: dataOf(THEM, US, 5n) })
    node.mine(1)
    expect(receiptOf(node, forged).logs[0]?.topics).toHaveLength(3)
    expect(receiptOf(node, collected).logs[0]).toMatchObject({ data: '0x', logIndex: '0x1' })
    expect(receiptOf(node, collected).logs[0]?.topics).toHaveLength(4)
  })

  test('a blocked account can send no token, which an estimate says with its reason', () => {
    const node = create()
    node.send({ to: CONTRACTS.token, data: transfer(1000n) })
    node.send({ to: CONTRACTS.token, data: callData('block(address)', US) })
    node.mine(1)
    const call = { from: US, to: CONTRACTS.token, data: hexOf(callData('transfer(address,uint256)', THEM, 1n)) }
    expect(ask(node, 'eth_estimateGas', call).error).toMatchObject({
      code: 3,
      message: 'execution reverted: ERC20: blocked',
    })
  })

  interface Traced {
    type: string
    to?: string
    value?: string
    error?: string
    calls?: Traced[]
  }
  const traceOf = (node: SimulatedEthereum, sent: SignedTransaction) =>
    ask(node, 'debug_traceTransaction', sent.hash, { tracer: 'callTracer' }).result as Traced

  test('ether that a contract sends stands in the trace, as does what was taken back', () => {
    const node = create()
    const split = node.send({ to: CONTRACTS.splitter, value: 10n, data: dataOf(US, THEM) })
    const betrayed = node.send({ to: CONTRACTS.betrayer, value: 10n, data: dataOf(US) })
    const reverted = node.send({ to: CONTRACTS.reverter, value: 10n })
    const ended = node.send({ to: CONTRACTS.destructor, value: 10n, data: dataOf(US) })
    const created = node.send({ to: null, value: 10n, data: destructingCreation(US) })
    node.mine(1)
    expect(node.balance(US)).toBe(25n)
    expect(traceOf(node, split).calls).toMatchObject([
      { to: US, value: '0x5' },
      { to: THEM, value: '0x5' },
    ])
    expect(traceOf(node, betrayed)).toMatchObject({
      calls: [{ error: 'execution reverted', calls: [{ to: US, value: '0xa' }] }],
    })
    expect(traceOf(node, betrayed).error).toBeUndefined()
    expect(traceOf(node, reverted)).toMatchObject({ error: 'execution reverted', revertReason: 'no' })
    expect(receiptOf(node, reverted).status).toBe('0x0')
    expect(traceOf(node, ended)).toMatchObject({ calls: [{ type: 'SELFDESTRUCT', to: US, value: '0xa' }] })
    expect(traceOf(node, created)).toMatchObject({
      type: 'CREATE',
      calls: [{ type: 'SELFDESTRUCT', to: US, value: '0xa' }],
    })
  })

  test('where the chain logs transfers (EIP-7708), each movement of ether is logged once, in its order', () => {
    const node = create({ logsTransfers: true })
    const plain = node.send({ to: US, value: 1n })
    const own = node.send({ to: node.faucetAddress, value: 2n })
    const nothing = node.send({ to: US })
    const split = node.send({ to: CONTRACTS.splitter, value: 10n, data: dataOf(US, THEM) })
    const betrayed = node.send({ to: CONTRACTS.betrayer, value: 10n, data: dataOf(US) })
    const reverted = node.send({ to: CONTRACTS.reverter, value: 10n })
    const ended = node.send({ to: CONTRACTS.destructor, value: 10n, data: dataOf(US) })
    const created = node.send({ to: null, value: 10n, data: destructingCreation(US) })
    node.mine(1)
    const movements = (sent: SignedTransaction) =>
      receiptOf(node, sent).logs.map(({ address, topics, data }) => {
        expect(address).toBe('0xfffffffffffffffffffffffffffffffffffffffe')
        return [addressIn(BigInt(topics[2]!)), Number(data)]
      })
    expect(movements(plain)).toEqual([[US, 1]])
    expect(movements(own)).toEqual([])
    expect(movements(nothing)).toEqual([])
    expect(movements(split)).toEqual([
      [CONTRACTS.splitter, 10],
      [US, 5],
      [THEM, 5],
    ])
    expect(movements(betrayed)).toEqual([[CONTRACTS.betrayer, 10]])
    expect(movements(reverted)).toEqual([])
    expect(movements(ended)).toEqual([
      [CONTRACTS.destructor, 10],
      [US, 10],
    ])
    expect(movements(created).at(-1)).toEqual([US, 10])
  })
})

describe('what can be wrong with the node', () => {
  function paid() {
    const node = create()
    const hash = node.pay(US, 1n)
    node.mine(3)
    return { node, hash }
  }

  test('it lags: later blocks, their transactions and their accounts are unknown to it', () => {
    const { node, hash } = paid()
    node.faults.lagBlocks = 3
    expect(ask(node, 'eth_blockNumber').result).toBe('0x0')
    expect(ask(node, 'eth_getBlockByHash', node.hashAt(1), false).result).toBeNull()
    expect(ask(node, 'eth_getBlockReceipts', node.hashAt(1)).result).toBeNull()
    expect(ask(node, 'eth_getTransactionReceipt', hash).result).toBeNull()
    expect(ask(node, 'eth_getBalance', US, 'latest').result).toBe('0x0')
    expect(ask(node, 'eth_getLogs', { blockHash: node.hashAt(1) }).error?.message).toBe('unknown block')
    expect(keysOf(node, '0x2')).toEqual([])
    node.faults.lagBlocks = 0
    expect(ask(node, 'eth_getBalance', US, 'latest').result).toBe('0x1')
  })

  test('for a moment receipts are null, or an empty list for a block that has some', () => {
    const { node, hash } = paid()
    node.faults.unindexedBlocks = 3
    expect(ask(node, 'eth_getTransactionReceipt', hash).result).toBeNull()
    expect(ask(node, 'eth_getTransactionByHash', hash).result).toBeNull()
    node.faults.unindexedBlocks = 0
    node.faults.hidesReceipts = true
    expect(ask(node, 'eth_getBlockReceipts', node.hashAt(1)).result).toEqual([])
    node.faults.isIndexing = true
    expect(ask(node, 'eth_getTransactionReceipt', hexWord(1n)).error?.message).toBe(
      'transaction indexing is in progress',
    )
    expect(ask(node, 'eth_getTransactionReceipt', hash).result).not.toBeNull()
  })

  test('history is pruned', () => {
    const { node, hash } = paid()
    node.faults.prunedNumber = 1
    const pruned = { code: 4444, message: 'pruned history unavailable' }
    expect(ask(node, 'eth_getBlockReceipts', node.hashAt(1)).error).toEqual(pruned)
    expect(ask(node, 'eth_getTransactionReceipt', hash).error).toEqual(pruned)
    expect(ask(node, 'eth_getBlockByNumber', '0x2', true).result).not.toBeNull()
  })

  test('a transaction is answered with its hash, and gone; a trace is an error; a method is missing; any error can be said', () => {
    const { node, hash } = paid()
    node.faults.losesTransactions = true
    const lost = transaction(0)
    expect(send(node, lost).result).toBe(lost.hash)
    expect(node.pending()).toEqual([])
    node.faults.untraceable.add(hash)
    const trace = () => ask(node, 'debug_traceBlockByHash', node.hashAt(1), { tracer: 'callTracer' })
    expect(trace().result).toEqual([{ txHash: hash, error: 'execution timeout' }])
    node.faults.missing.add('debug_traceBlockByHash')
    expect(trace().error).toEqual({
      code: -32_601,
      message: 'the method debug_traceBlockByHash does not exist/is not available',
    })
    node.faults.errors.set('*', { code: -32_005, message: 'rate limited' })
    expect(trace().error).toEqual({ code: -32_005, message: 'rate limited' })
    node.faults.errors.clear()
    node.faults.isSyncing = true
    expect(ask(node, 'eth_syncing').result).toMatchObject({ currentBlock: '0x3' })
    node.faults.hidesLogs = true
    expect(ask(node, 'eth_getLogs', { fromBlock: '0x0' }).result).toEqual([])
  })

  test('logs are limited by blocks, by number and by criteria', () => {
    const node = create({ limits: { blocks: 2, logs: 1 } })
    for (const amount of [1n, 2n]) node.send({ to: CONTRACTS.forger, data: dataOf(THEM, US, amount) })
    node.mine(3)
    expect(ask(node, 'eth_getLogs', { fromBlock: '0x0', toBlock: '0x3' }).error?.message).toBe(
      'query exceeds max block range 2',
    )
    expect(ask(node, 'eth_getLogs', { blockHash: node.hashAt(1) }).error).toEqual({
      code: -32_005,
      message: 'query returned more than 1 results',
    })
    const recipients = Array.from({ length: 1001 }, (_, n) => hexWord(BigInt(n)))
    const tooMany = ask(node, 'eth_getLogs', { topics: [null, null, recipients] }).error
    expect(tooMany?.message).toBe('exceed max addresses or topics per search position')
  })

  const call = (body: string) => ({
    ...{ method: 'POST' as const, url: 'http://node/', headers: { 'content-type': 'application/json' } },
    ...{ body: new TextEncoder().encode(body), timeoutMs: 1000, maximumBytes: 1_000_000 },
  })

  test('requests are lost, come twice, and lose their answers, equally for equal rolls', async () => {
    const rates = { dropped: 0.3, unanswered: 0.3, duplicated: 0.2, malformed: 0.3, delayed: 0.1 }
    const run = async () => {
      let seed = 1
      const node = create()
      node.setFates(createFates(rates, () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647))
      const ends: string[] = []
      for (let nonce = 0; nonce < 60; nonce++) {
        const raw = hexOf(transaction(nonce).raw)
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_sendRawTransaction', params: [raw] })
        const said = await node.request(call(body)).then(
          ({ status, body: bytes }) => `${status} ${new TextDecoder().decode(bytes)}`,
          (error: unknown) => String(error),
        )
        ends.push(said)
      }
      return { ends, pending: node.pending() }
    }
    const first = await run()
    expect(first).toEqual(await run())
    const count = (pattern: RegExp) => first.ends.filter(end => pattern.test(end)).length
    expect(count(/request was lost/)).toBeGreaterThan(0)
    expect(count(/answer was lost/)).toBeGreaterThan(0)
    expect(count(/^502 /)).toBeGreaterThan(0)
    expect(count(/^200 .*"result":"0x[0-9a-f]{64}"\}/)).toBeGreaterThan(0)
    expect(first.pending.length).toBe(60 - count(/request was lost/))
  })

  test('a node that is stopped answers nobody', async () => {
    const node = create()
    node.stop()
    await expect(node.request(call('{}'))).rejects.toMatchObject({ kind: 'unreachable' })
    node.start()
    expect((await node.request(call('{}'))).status).toBe(200)
  })
})

describe('JSON-RPC', () => {
  const node = create({ username: 'u', password: 'p' })
  const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`
  const say = (body: string, headers: Record<string, string> = { authorization }) => {
    const { status, body: said } = post(node, body, headers)
    return `${status} ${String(said)}`.trim()
  }
  const one = (method: string, id?: number) =>
    JSON.stringify({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method })

  test.each([
    [
      'a batch',
      `[${one('eth_chainId', 1)},${one('nonsense', 2)}]`,
      '200 [{"jsonrpc":"2.0","id":1,"result":"0x7a69"},{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"the method nonsense does not exist/is not available"}}]',
    ],
    ['an empty batch', '[]', '200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"empty batch"}}'],
    ['what is no JSON', '{', '200 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}'],
    ['what is no call', '1', '200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}'],
    ['a notification', one('eth_chainId'), '200'],
    [
      'a missing argument',
      one('eth_getBalance', 1),
      '200 {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"missing value for required argument 0"}}',
    ],
  ])('%s', (_, body, answer) => {
    expect(say(body)).toBe(answer)
  })

  test('of whoever may not ask, or asks otherwise', () => {
    expect(say(one('eth_chainId', 1), {})).toBe('401')
    expect(say(one('eth_chainId', 1), { authorization, 'content-type': 'text/plain' })).toMatch(/^415 /)
    const get = node.handle({ method: 'GET', path: '/', query: {}, headers: { authorization }, body: NOTHING })
    expect(get.status).toBe(405)
  })

  test.each([
    [['0x12', 'latest'], 'invalid argument 0: hex string has length 2, want 40 for common.Address'],
    [[US, '5'], 'invalid argument 1: hex string without 0x prefix'],
    [[US, '0x01'], 'invalid argument 1: hex number with leading zero digits'],
  ])('of %j', (params, message) => {
    expect(ask(create(), 'eth_getBalance', ...params).error).toEqual({ code: -32_602, message })
  })
})
