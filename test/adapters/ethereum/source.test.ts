/** Blocks as a node gives them, on the simulated node, and answers that a real one has given. */
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { HttpCall, HttpResult } from '../../../src/kernel/ports.ts'
import { networkOf } from '../../../adapters/ethereum/network.ts'
import { createRpc, isMissingMethod } from '../../../adapters/ethereum/rpc.ts'
import { blockShape, receiptShape, tracesShape } from '../../../adapters/ethereum/shapes.ts'
import { checkReceipts, createBlockSource, type BlockSource } from '../../../adapters/ethereum/source.ts'
import { createWatch } from '../../../adapters/ethereum/watch.ts'
import { canonical } from '../../../adapters/ethereum/address.ts'
import { bytesOfHex, hexWord, NOTHING } from '../../../src/devnet/ethereum/bytes.ts'
import { destructingCreation, selectorOf } from '../../../src/devnet/ethereum/contracts.ts'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import { createSimulatedEthereum, type SimulatedEthereum, type SimulatedEthereumOptions } from '../../../src/devnet/ethereum/node.ts' // prettier-ignore
import { addressOfSecret, signTransaction, type UnsignedTransaction } from '../../../src/devnet/ethereum/transaction.ts'

const ETHER = 10n ** 18n
const GWEI = 10n ** 9n
const SECRET = new Uint8Array(32).fill(3)
const SENDER = addressOfSecret(SECRET)
const TREASURY_SECRET = new Uint8Array(32).fill(9)
const TREASURY = canonical(addressOfSecret(TREASURY_SECRET))
const US = canonical(`0x${'bb'.repeat(20)}`)
const ALSO_US = canonical(`0x${'dd'.repeat(20)}`)
const THEM = `0x${'cc'.repeat(20)}`

const word = (value: string | bigint) => hexWord(BigInt(value)).slice(2)
const dataOf = (...words: (string | bigint)[]) => bytesOfHex(`0x${words.map(word).join('')}`)
const callData = (signature: string, ...words: (string | bigint)[]) =>
  bytesOfHex(selectorOf(signature) + words.map(word).join(''))

const NETWORK = networkOf('eth', {
  network: { chainId: 31_337 },
  asset: 'ETH',
  tokens: [
    { asset: 'TOKEN', contract: CONTRACTS.token },
    { asset: 'PLAIN', contract: CONTRACTS.plainToken },
  ],
})

interface Rig {
  node: SimulatedEthereum
  source: BlockSource
  calls: string[]
  /** Tokens of which nothing could be seen. */
  untold: string[]
  send(part: Partial<UnsignedTransaction>, secret?: Uint8Array): string
  /** The facts of the next block. */
  facts(): Promise<Record<string, unknown>[]>
}

/** `missing`: methods that the node does not have; `spoil` changes an answer on its way. */
function rigOf(
  options: Partial<SimulatedEthereumOptions> & {
    missing?: string[]
    traces?: boolean
    network?: ReturnType<typeof networkOf>
    spoil?: (method: string, result: unknown) => unknown
    refuse?: { method: string; message: string }
  } = {},
): Rig {
  // prettier-ignore
  const { missing = [], traces = true, spoil, refuse, network = NETWORK, ...rest } = options
  const accounts = new Map([SENDER, TREASURY.toLowerCase()].map(address => [address, { balance: 100n * ETHER }]))
  const node = createSimulatedEthereum({ chainId: 31_337n, seed: 'source', now: () => Date.UTC(2026, 0, 1), accounts, ...rest }) // prettier-ignore
  const calls: string[] = []
  const untold: string[] = []
  const request = async (call: HttpCall): Promise<HttpResult> => {
    const asked = JSON.parse(new TextDecoder().decode(call.body ?? undefined)) as { id: number; method: string }
    calls.push(asked.method)
    const answer = (body: unknown) => ({
      status: 200,
      headers: {},
      body: new TextEncoder().encode(JSON.stringify(body)),
    })
    if (missing.includes(asked.method))
      return answer({ jsonrpc: '2.0', id: asked.id, error: { code: -32601, message: `the method ${asked.method} does not exist/is not available` } }) // prettier-ignore
    if (asked.method === refuse?.method)
      return answer({ jsonrpc: '2.0', id: asked.id, error: { code: -32000, message: refuse.message } })
    const http = await node.request(call)
    if (spoil === undefined) return http
    const told = JSON.parse(new TextDecoder().decode(http.body)) as { result?: unknown }
    return answer({ ...told, result: spoil(asked.method, told.result) })
  }
  const watch = createWatch()
  for (const [index, address] of [TREASURY, US, ALSO_US].entries()) watch.addAddress(index, address)
  const source = createBlockSource(
    createRpc({ url: 'http://node' }, request),
    { chain: 'eth', network, watch },
    { seesInternal: traces, untold: asset => untold.push(asset) },
  )
  const send: Rig['send'] = (part, secret = SECRET) => {
    const from = addressOfSecret(secret)
    const pending = node.pending().filter(hash => node.transaction(hash)!.from === from).length
    const signed = signTransaction(
      {
        ...{ type: 2, chainId: 31_337n, nonce: node.nonce(from) + BigInt(pending), to: US, value: 0n, data: NOTHING },
        ...{ gasLimit: 500_000n, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI, accessList: [] },
        ...{ authorizations: [], maxFeePerBlobGas: 0n, blobHashes: [], ...part },
      },
      secret,
    )
    node.submitTransaction(signed)
    return signed.hash
  }
  const facts: Rig['facts'] = async () => {
    node.mine(1)
    calls.length = 0
    const block = await source.at(node.height())
    return block!.facts.map(fact => ({ ...fact }))
  }
  return { node, source, calls, untold, send, facts }
}

const ids = (facts: Record<string, unknown>[]) => facts.map(({ id, keys }) => id ?? keys)

describe('what a block says of us', () => {
  test('ether, whose sender is a stranger', async () => {
    const rig = rigOf()
    const hash = rig.send({ value: 5n })
    expect(await rig.facts()).toEqual([
      {
        ...{
          kind: 'payment.seen',
          id: `eth:${hash}:value`,
          transaction: hash,
          output: 0,
          address: US,
          dataField: null,
        },
        ...{ index: 1, asset: 'ETH', amount: '5', place: { height: 1, hash: rig.node.tip() }, own: false, doubt: null },
      },
    ])
  })

  test('E5: a listed token, by its own log; the position is that within the receipt', async () => {
    const rig = rigOf()
    rig.node.send({
      to: CONTRACTS.token,
      data: callData('transfer(address,uint256)', SENDER, 1000n),
      gasLimit: 200_000n,
    })
    rig.node.mine(1)
    rig.send({ value: 1n })
    const hash = rig.send({ to: CONTRACTS.token, data: callData('transfer(address,uint256)', US, 7n) })
    const facts = await rig.facts()
    expect(facts[1]).toMatchObject({ id: `eth:${hash}:log-0`, output: 1, asset: 'TOKEN', amount: '7', index: 1 })
    expect(facts).toHaveLength(2)
  })

  test('E5: contracts that are not listed, tokens of one piece and nothing at all credit nothing', async () => {
    const rig = rigOf()
    rig.send({ to: CONTRACTS.forger, data: dataOf(SENDER, US, 10n ** 30n) })
    rig.send({ to: CONTRACTS.collectible, data: dataOf(SENDER, US, 1n) })
    rig.send({ to: CONTRACTS.token, data: callData('transfer(address,uint256)', US, 0n) })
    rig.send({ value: 0n })
    expect(await rig.facts()).toEqual([])
  })

  test('E4: what failed pays nobody, and what we sent is spent all the same, with the fee that it really cost', async () => {
    const rig = rigOf()
    rig.send({ to: CONTRACTS.token, data: callData('transfer(address,uint256)', US, 10n ** 40n) })
    const hash = rig.send({ to: CONTRACTS.reverter, value: 0n }, TREASURY_SECRET)
    const facts = await rig.facts()
    const receipt = rig.node.handle(rpcRequest('eth_getTransactionReceipt', hash))
    const { gasUsed, effectiveGasPrice } = (JSON.parse(String(receipt.body)) as { result: { gasUsed: string; effectiveGasPrice: string } }).result // prettier-ignore
    expect(facts).toMatchObject([
      {
        ...{ kind: 'spend.seen', keys: [`eth:${TREASURY}:0`], transaction: hash, executed: false },
        fee: (BigInt(gasUsed) * BigInt(effectiveGasPrice)).toString(),
      },
      {
        ...{ kind: 'balance.taken', name: `eth:${hash}:fee`, index: 0, asset: 'ETH' },
        delta: `-${BigInt(gasUsed) * BigInt(effectiveGasPrice)}`,
      },
    ])
  })

  test('a payment between our own accounts is a spend, and then a payment of our own', async () => {
    const rig = rigOf()
    rig.send({ value: 9n }, TREASURY_SECRET)
    const facts = await rig.facts()
    expect(facts).toMatchObject([
      { kind: 'spend.seen', keys: [`eth:${TREASURY}:0`], executed: true },
      { kind: 'balance.taken', index: 0, name: expect.stringMatching(/:fee$/) as string },
      { kind: 'balance.taken', index: 0, name: expect.stringMatching(/:spent$/) as string, delta: '-9' },
      { kind: 'payment.seen', own: true, amount: '9', index: 1 },
    ])
  })

  test('E25: a token of ours is paid where its own contract logs it; what is executed without that log has failed', async () => {
    const rig = rigOf()
    rig.node.send({
      to: CONTRACTS.token,
      data: callData('transfer(address,uint256)', TREASURY, 50n),
      gasLimit: 200_000n,
    })
    rig.node.mine(1)
    const pay = (amount: bigint) =>
      rig.send({ to: CONTRACTS.token, data: callData('transfer(address,uint256)', THEM, amount) }, TREASURY_SECRET)
    pay(20n)
    const spendOf = (facts: Record<string, unknown>[]) => facts.find(({ kind }) => kind === 'spend.seen')
    expect(spendOf(await rig.facts())).toMatchObject({ executed: true })
    const silent = rigOf({
      spoil: (method, result) =>
        method === 'eth_getBlockReceipts' ? (result as object[]).map(receipt => ({ ...receipt, logs: [] })) : result,
    })
    silent.node.send({
      to: CONTRACTS.token,
      data: callData('transfer(address,uint256)', TREASURY, 50n),
      gasLimit: 200_000n,
    })
    silent.node.mine(1)
    silent.send({ to: CONTRACTS.token, data: callData('transfer(address,uint256)', THEM, 20n) }, TREASURY_SECRET)
    expect(spendOf(await silent.facts())).toMatchObject({ executed: false })
  })

  test('E16: a token that leaves an account of ours without a transaction of ours is a spend that nobody reserved', async () => {
    const rig = rigOf()
    rig.node.send({
      to: CONTRACTS.token,
      data: callData('transfer(address,uint256)', TREASURY, 50n),
      gasLimit: 200_000n,
    })
    rig.node.mine(1)
    rig.send({ to: CONTRACTS.token, data: callData('approve(address,uint256)', SENDER, 50n) }, TREASURY_SECRET)
    rig.node.mine(1)
    // Poisoning moves nothing, and means nothing.
    rig.send({ to: CONTRACTS.token, data: callData('transferFrom(address,address,uint256)', TREASURY, THEM, 0n) })
    expect(await rig.facts()).toEqual([])
    const hash = rig.send({ to: CONTRACTS.token, data: callData('transferFrom(address,address,uint256)', TREASURY, THEM, 20n) }) // prettier-ignore
    expect(await rig.facts()).toMatchObject([
      { kind: 'spend.seen', keys: [`eth:${TREASURY}:${hash}:log-0`] },
      { kind: 'balance.taken', name: `eth:${hash}:log-0:spent`, index: 0, asset: 'TOKEN', delta: '-20' },
    ])
  })
})

describe('E6: a token that does not move what it logs', () => {
  const taxed = networkOf('eth', {
    ...{ network: { chainId: 31_337 }, asset: 'ETH' },
    tokens: [
      { asset: 'TAXED', contract: CONTRACTS.taxedToken },
      { asset: 'TOKEN', contract: CONTRACTS.token },
    ],
  })
  const give = ({ node }: Rig, contract: string, amount = 1000n) =>
    void node.send({ to: contract, data: callData('transfer(address,uint256)', US, amount), gasLimit: 200_000n })

  test('is for a person to look at, from its first deposit on; an honest one is looked at once', async () => {
    const rig = rigOf({ network: taxed })
    give(rig, CONTRACTS.taxedToken)
    give(rig, CONTRACTS.token)
    const doubts = async () => (await rig.facts()).map(({ asset, doubt }) => [asset, doubt])
    const doubted = ['TAXED', 'TAXED moves something else than it logs: it must not be listed']
    expect(await doubts()).toEqual([doubted, ['TOKEN', null]])
    expect(rig.calls.filter(method => method === 'eth_call')).toHaveLength(4)
    give(rig, CONTRACTS.taxedToken)
    give(rig, CONTRACTS.token)
    expect(await doubts()).toEqual([doubted, ['TOKEN', null]])
    expect(rig.calls).not.toContain('eth_call')
  })

  test('what a node has forgotten says nothing: the next deposit shows it', async () => {
    const rig = rigOf({ network: taxed })
    give(rig, CONTRACTS.taxedToken)
    rig.node.faults.stateBlocks = 1
    expect((await rig.facts())[0]).toMatchObject({ doubt: null })
    expect(rig.untold).toEqual(['TAXED'])
    give(rig, CONTRACTS.taxedToken)
    await rig.facts()
    expect(rig.untold).toEqual(['TAXED'])
    rig.node.faults.stateBlocks = null
    give(rig, CONTRACTS.taxedToken)
    expect((await rig.facts())[0]).toMatchObject({ doubt: expect.stringContaining('must not be listed') as string })
  })
})

describe('E19: ether that no transaction moves', () => {
  test('a validator’s withdrawal, and what a block’s producer gets, are for a person to look at', async () => {
    const rig = rigOf({ coinbase: US.toLowerCase() })
    const hash = rig.send({ to: THEM, value: 1n })
    const withdrawal = { index: 7, validatorIndex: 1, address: ALSO_US.toLowerCase(), amountGwei: 3n }
    rig.node.mine(1, { transactions: [rig.node.transaction(hash)!], withdrawals: [withdrawal] })
    const block = (await rig.source.at(rig.node.height()))!
    expect(block.facts).toMatchObject([
      {
        id: 'eth:withdrawal-7',
        index: 2,
        amount: String(3n * GWEI),
        doubt: expect.stringContaining('validator') as string,
      },
      {
        id: `eth:${block.hash}:tips`,
        index: 1,
        amount: String(21_000n * GWEI),
        doubt: expect.stringContaining('producing') as string,
      },
    ])
    expect(rig.node.balance(US.toLowerCase())).toBe(21_000n * GWEI)
  })
})

describe.each([
  ['by traces', { logsTransfers: false }],
  ['by logs (EIP-7708)', { logsTransfers: true }],
])('E7, E8, E17, E20: ether that contracts send, known %s', (_, options) => {
  test('E20: is known by its place among all movements of its transaction, whoever they go to', async () => {
    const rig = rigOf(options)
    const hash = rig.send({ to: CONTRACTS.splitter, value: 9n, data: dataOf(THEM, US, ALSO_US) })
    const facts = await rig.facts()
    expect(facts).toMatchObject([
      { id: `eth:${hash}:internal-1`, output: 1_000_001, index: 1, amount: '3', asset: 'ETH' },
      { id: `eth:${hash}:internal-2`, output: 1_000_002, index: 2, amount: '3' },
    ])
  })

  test("E8: is never counted with the transaction's own value, nor taken for a token", async () => {
    const rig = rigOf(options)
    const hash = rig.send({ value: 4n })
    expect(ids(await rig.facts())).toEqual([`eth:${hash}:value`])
  })

  test('E17: what a failed call has sent was never sent, though the transaction succeeds', async () => {
    const rig = rigOf(options)
    rig.send({ to: CONTRACTS.betrayer, value: 5n, data: dataOf(US) })
    expect(await rig.facts()).toEqual([])
  })

  test('E7: a contract that ends itself pays once', async () => {
    const rig = rigOf(options)
    const hash = rig.send({ to: null, value: 6n, data: destructingCreation(US) })
    expect(ids(await rig.facts())).toEqual([`eth:${hash}:internal-0`])
  })
})

describe('how often the node is asked', () => {
  test('twice for a block without a hit, three times with traces, once for an empty one', async () => {
    const traced = rigOf()
    traced.send({ to: THEM, value: 1n })
    await traced.facts()
    expect(traced.calls).toEqual(['eth_getBlockByNumber', 'eth_getBlockReceipts', 'debug_traceBlockByHash'])
    await traced.facts()
    expect(traced.calls).toEqual(['eth_getBlockByNumber'])
    const plain = rigOf({ traces: false })
    plain.send({ to: THEM, value: 1n })
    await plain.facts()
    expect(plain.calls).toEqual(['eth_getBlockByNumber', 'eth_getBlockReceipts'])
  })

  test('a block that was begun ahead is not asked for again', async () => {
    const { node, source, calls } = rigOf()
    node.mine(2)
    await source.at(1)
    source.prefetch(2)
    await source.at(2)
    expect(calls).toEqual(['eth_getBlockByNumber', 'eth_getBlockByNumber'])
  })

  test('E2, E32: without receipts of blocks, by logs of the listed contracts and receipts of what concerns us', async () => {
    const rig = rigOf({ missing: ['eth_getBlockReceipts'], traces: false })
    rig.node.send({
      to: CONTRACTS.token,
      data: callData('transfer(address,uint256)', SENDER, 1000n),
      gasLimit: 200_000n,
    })
    rig.node.mine(1)
    const ether = rig.send({ value: 5n })
    rig.send({ to: THEM, value: 1n })
    const token = rig.send({ to: CONTRACTS.token, data: callData('transfer(address,uint256)', US, 7n) })
    expect(ids(await rig.facts())).toEqual([`eth:${ether}:value`, `eth:${token}:log-0`])
    expect(rig.calls).toEqual(['eth_getBlockByNumber', 'eth_getBlockReceipts', 'eth_getLogs', 'eth_getTransactionReceipt', 'eth_getTransactionReceipt', 'eth_call', 'eth_call']) // prettier-ignore
    rig.send({ to: THEM, value: 1n })
    await rig.facts()
    expect(rig.calls).toEqual(['eth_getBlockByNumber', 'eth_getLogs'])
  })
})

describe('A5, E18: what is no answer', () => {
  const spoiled = (method: string, change: (result: never) => unknown) => {
    const rig = rigOf({ spoil: (asked, result) => (asked === method ? change(result as never) : result) })
    rig.send({ value: 5n })
    rig.send({ to: CONTRACTS.forger, data: dataOf(SENDER, US, 1n) })
    return rig.facts()
  }
  type Receipts = Record<string, unknown>[]
  const cases: [string, string, (result: never) => unknown][] = [
    ['no receipts', 'eth_getBlockReceipts', () => null],
    ['an empty list of them', 'eth_getBlockReceipts', () => []],
    ['too few', 'eth_getBlockReceipts', (all: Receipts) => all.slice(1)],
    ['another order', 'eth_getBlockReceipts', (all: Receipts) => all.toReversed()],
    ['those of another block', 'eth_getBlockReceipts', (all: Receipts) => all.map(each => ({ ...each, blockHash: `0x${'1'.repeat(64)}` }))], // prettier-ignore
    ['a bloom that is not the block’s', 'eth_getBlockReceipts', (all: Receipts) => all.map(each => ({ ...each, logsBloom: `0x${'0'.repeat(512)}` }))], // prettier-ignore
    ['another block', 'eth_getBlockByNumber', (block: object) => ({ ...block, number: '0x7' })],
    ['too few traces', 'debug_traceBlockByHash', (all: Receipts) => all.slice(1)],
    ['a trace that failed', 'debug_traceBlockByHash', (all: Receipts) => all.map(({ txHash }) => ({ txHash, error: 'execution timeout' }))], // prettier-ignore
    ['a number', 'eth_getBlockReceipts', () => 7],
  ]
  test.each(cases)('%s', async (_, method, change) => {
    await expect(spoiled(method, change)).rejects.toMatchObject({ type: 'operating' })
  })

  const untraceable = { type: 'operating', kind: 'node-pruned' }

  test.each(['missing trie node 3f', 'required historical state unavailable (reexec=128)', 'Resource not found'])(
    'E17: a transaction that the node cannot trace any more (%s): the block is not read, and what to do is said',
    async error => {
      const failed = (all: Receipts) => all.map(({ txHash }) => ({ txHash, error }))
      await expect(spoiled('debug_traceBlockByHash', failed)).rejects.toMatchObject(untraceable)
      await expect(spoiled('debug_traceBlockByHash', failed)).rejects.toThrow(/internalTransfers: off/)
    },
  )

  test('E17: nor is a block whose traces are refused for that; a node without traces is another thing', async () => {
    const refusing = (message: string) => {
      const rig = rigOf({ refuse: { method: 'debug_traceBlockByHash', message } })
      rig.send({ value: 5n })
      return rig
    }
    const pruned = refusing('required historical state unavailable (reexec=128)')
    await expect(pruned.facts()).rejects.toMatchObject(untraceable)
    expect(pruned.source.seesMovements()).toBe(true)
    // By hash it may be the block that is gone, in a reorganisation: that passes.
    await expect(refusing('Resource not found').facts()).rejects.toMatchObject({ kind: 'node-refused' })
    const plain = refusing('the method debug_traceBlockByHash does not exist/is not available')
    expect(await plain.facts()).toHaveLength(1)
    expect(plain.source.seesMovements()).toBe(false)
  })

  test('E18: a node that has dropped the receipts of old blocks is not one without receipts of blocks', async () => {
    const rig = rigOf({ refuse: { method: 'eth_getBlockReceipts', message: 'pruned history unavailable' } })
    rig.send({ value: 5n })
    await expect(rig.facts()).rejects.toMatchObject({ type: 'operating', kind: 'node-pruned' })
    expect(rig.calls).not.toContain('eth_getLogs')
  })

  test('E27: a receipt that is not there yet proves nothing', async () => {
    const rig = rigOf({
      missing: ['eth_getBlockReceipts'],
      spoil: (method, result) => (method === 'eth_getTransactionReceipt' ? null : result),
    })
    rig.send({ value: 5n })
    await expect(rig.facts()).rejects.toMatchObject({ type: 'operating', kind: 'node-behind' })
  })

  test('E9: a type that nobody knows stops nothing, and what it pays is for a person to look at', async () => {
    const rig = rigOf({
      spoil: (method, result) => {
        const { transactions } = result as { transactions?: { value: string }[] }
        if (method !== 'eth_getBlockByNumber' || transactions === undefined) return result
        const changed = transactions.map(each =>
          each.value === '0x5' ? { ...each, type: '0x7e', nonce: undefined } : each,
        )
        return { ...(result as object), transactions: changed }
      },
    })
    rig.send({ value: 5n })
    rig.send({ value: 6n })
    rig.send({ to: null, data: NOTHING })
    const facts = await rig.facts()
    expect(facts).toMatchObject([
      { amount: '5', doubt: 'a transaction of type 126, which is not known' },
      { amount: '6', doubt: null },
    ])
  })

  test('E1: a block that the node does not have is absent, in whatever words', async () => {
    const { source } = rigOf()
    expect(await source.at(1000)).toBeNull()
  })
})

/** `>>` is what was asked, `<<` what geth answered. */
const FOLDER = new URL('../../vectors/ethereum/rpc/', import.meta.url)
const recorded = (name: string): { method: string; params: unknown[]; answer: string } => {
  const lines = readFileSync(new URL(name, FOLDER), 'utf8').split('\n')
  const asked = JSON.parse(lines.find(line => line.startsWith('>> '))!.slice(3)) as {
    method: string
    params?: unknown[]
  }
  return { params: [], ...asked, answer: lines.find(line => line.startsWith('<< '))!.slice(3) }
}
const replay = (name: string) => {
  const { method, params, answer } = recorded(name)
  const request = async () => ({ status: 200, headers: {}, body: new TextEncoder().encode(answer) })
  return { rpc: createRpc({ url: 'http://recorded' }, request), method, params }
}

describe('answers that a node has given', () => {
  test('every one is an answer: a result or an error, and never an outage', async () => {
    const names = readdirSync(FOLDER).filter(name => name.endsWith('.io'))
    expect(names.length).toBeGreaterThan(40)
    for (const name of names) {
      const { rpc, method, params } = replay(name)
      const answer = await rpc.ask(z.unknown(), () => true, method, ...params)
      expect(answer.ok, name).toBe(!recorded(name).answer.includes('"error"'))
    }
  })

  test('a block and its receipts belong together', async () => {
    const read = async <Result>(name: string, shape: z.ZodType<Result>) => {
      const { rpc, method, params } = replay(name)
      return rpc.call(shape, method, ...params)
    }
    const block = await read('eth_getBlockByHash.get-block-by-hash.io', blockShape)
    const receipts = await read('eth_getBlockReceipts.get-block-receipts-by-hash.io', z.array(receiptShape))
    expect(receipts.length).toBe(block.transactions.length)
    checkReceipts(block, receipts)
    expect(() => {
      checkReceipts(block, receipts.slice(1))
    }).toThrow(/receipts of block/)
    for (const name of ['get-access-list', 'get-blob-tx', 'get-dynamic-fee', 'get-legacy-contract', 'get-setcode-tx'])
      expect((await read(`eth_getTransactionReceipt.${name}.io`, receiptShape)).status ?? 1).toBeLessThanOrEqual(1)
    expect(await read('eth_getTransactionReceipt.get-notfound-tx.io', receiptShape.nullable())).toBeNull()
  })

  test('E17: traces of another kind than calls are no traces of calls', async () => {
    const { rpc, method, params } = replay('debug_traceBlockByHash.trace-block-with-transactions.io')
    await expect(rpc.call(tracesShape, method, ...params)).rejects.toMatchObject({ kind: 'node-malformed' })
  })

  test('a method that is missing is told by its code or its words', () => {
    expect(isMissingMethod({ code: -32601, message: 'x' })).toBe(true)
    expect(isMissingMethod({ code: -32000, message: 'Method debug_traceBlockByHash is not supported' })).toBe(true)
    expect(isMissingMethod({ code: -32000, message: 'header not found' })).toBe(false)
  })
})

const rpcRequest = (method: string, ...params: unknown[]) => ({
  method: 'POST' as const,
  path: '/',
  query: {},
  headers: { 'content-type': 'application/json' },
  body: new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
})
