/** Recorded answers of geth (execution-apis) and the transactions of ethereum/tests: what the simulated node is like. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { bytesOfHex, hexWord, NOTHING } from '../../../src/devnet/ethereum/bytes.ts'
import { intrinsicGas } from '../../../src/devnet/ethereum/execution.ts'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import { createSimulatedEthereum } from '../../../src/devnet/ethereum/node.ts'
import { decodeRlp, encodeRlp } from '../../../src/devnet/ethereum/rlp.ts'
import {
  addressOfSecret,
  decodeTransaction,
  signAuthorization,
  signTransaction,
} from '../../../src/devnet/ethereum/transaction.ts'
import { listRoot } from '../../../src/devnet/ethereum/trie.ts'

const vectors = fileURLToPath(new URL('../../vectors/ethereum', import.meta.url))

describe('ethereum/tests: transactions', () => {
  const verdictSchema = z.union([
    z.object({ hash: z.string(), sender: z.string(), intrinsicGas: z.string() }),
    z.object({ exception: z.string() }),
  ])
  const caseSchema = z.object({ txbytes: z.string(), result: z.record(z.string(), verdictSchema) })
  const NEWEST = ['Prague', 'Cancun', 'Shanghai', 'Paris', 'London']
  const LARGEST = (1n << 256n) - 1n
  const files = readdirSync(join(vectors, 'transactions'), { recursive: true, encoding: 'utf8' })

  /** Null for what is none, or can be in no block because of its own figures. */
  function read(bytes: Uint8Array) {
    try {
      const transaction = decodeTransaction(bytes)
      const { gasLimit, maxFeePerGas, maxPriorityFeePerGas, chainId } = transaction
      const isPossible =
        gasLimit >= BigInt(intrinsicGas(transaction)) &&
        gasLimit * maxFeePerGas <= LARGEST &&
        maxPriorityFeePerGas <= maxFeePerGas &&
        (chainId === null || chainId === 1n)
      return isPossible ? transaction : null
    } catch {
      return null
    }
  }

  test.each(files.filter(name => name.endsWith('.json')))('%s', name => {
    const text = readFileSync(join(vectors, 'transactions', name), 'utf8')
    const [found] = Object.values(z.record(z.string(), caseSchema).parse(JSON.parse(text)))
    const verdict = found!.result[NEWEST.find(fork => fork in found!.result)!]!
    const transaction = /^0x([0-9a-f]{2})*$/i.test(found!.txbytes) ? read(bytesOfHex(found!.txbytes)) : null
    if ('exception' in verdict) return expect(transaction).toBeNull()
    expect(transaction?.hash).toBe(verdict.hash)
    expect(transaction?.from).toBe(verdict.sender)
    expect(BigInt(intrinsicGas(transaction!))).toBe(BigInt(verdict.intrinsicGas))
  })
})

const CHAIN_ID = 1337n
const SECRET = new Uint8Array(32).fill(7)
const HEIGHT = 0x36
const GWEI = 1_000_000_000n

interface Answer {
  result?: unknown
  error?: { code: number; message: string }
}

const node = createSimulatedEthereum({
  ...{ chainId: CHAIN_ID, seed: 'vectors', now: () => Date.UTC(2026, 0, 1) },
  accounts: new Map([[addressOfSecret(SECRET), { balance: 10n ** 20n }]]),
})

function ask(request: unknown): Answer {
  const body = new TextEncoder().encode(JSON.stringify(request))
  const headers = { 'content-type': 'application/json' }
  return JSON.parse(String(node.handle({ method: 'POST', path: '/', query: {}, headers, body }).body)) as Answer
}

const call = (method: string, ...params: unknown[]) => ask({ jsonrpc: '2.0', id: 1, method, params })

/** A token's transfer in each kind of transaction that a pool takes without blobs. */
function sendEachKind(): string[] {
  const data = bytesOfHex(`0xa9059cbb${hexWord(1n).slice(2)}${hexWord(0n).slice(2)}`)
  return [0, 1, 2, 4].map((type, nonce) => {
    const transaction = signTransaction(
      {
        ...{ type, chainId: CHAIN_ID, nonce: BigInt(nonce), to: CONTRACTS.token, value: 0n, gasLimit: 200_000n, data },
        ...{ maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: type < 2 ? 3n * GWEI : GWEI, accessList: [] },
        authorizations:
          type === 4 ? [signAuthorization(CHAIN_ID, CONTRACTS.splitter, 0n, new Uint8Array(32).fill(8))] : [],
        ...{ maxFeePerBlobGas: 0n, blobHashes: [] },
      },
      SECRET,
    )
    node.submitTransaction(transaction)
    return transaction.hash
  })
}

const [legacy, listed, dynamic, setCode] = sendEachKind() as [string, string, string, string]
node.mine(HEIGHT)

interface Exchange {
  request: { params?: unknown[] }
  answer: Answer
}

function recorded(name: string): Exchange {
  const lines = readFileSync(join(vectors, 'rpc', `${name}.io`), 'utf8').split('\n')
  const after = (mark: string) => lines.find(line => line.startsWith(mark))!.slice(mark.length)
  return { request: JSON.parse(after('>> ')) as Exchange['request'], answer: JSON.parse(after('<< ')) as Answer }
}

describe('what geth answers whatever the chain is, the simulated node answers too', () => {
  test.each([
    'debug_traceBlockByHash.trace-block-not-found',
    'eth_getBalance.get-balance-unknown-account',
    'eth_getBlockByHash.get-block-by-empty-hash',
    'eth_getBlockByHash.get-block-by-notfound-hash',
    'eth_getBlockReceipts.get-block-receipts-0',
    'eth_getBlockReceipts.get-block-receipts-earliest',
    'eth_getBlockReceipts.get-block-receipts-empty',
    'eth_getBlockReceipts.get-block-receipts-future',
    'eth_getBlockReceipts.get-block-receipts-not-found',
    'eth_getLogs.filter-error-future-block-range',
    'eth_getLogs.filter-error-invalid-blockHash-and-range',
    'eth_getLogs.filter-error-reversed-block-range',
    'eth_getTransactionCount.get-nonce-unknown-account',
    'eth_getTransactionReceipt.get-empty-tx',
    'eth_getTransactionReceipt.get-notfound-tx',
    'eth_syncing.check-syncing',
  ])('%s', name => {
    const { request, answer } = recorded(name)
    expect(ask(request)).toEqual(answer)
  })

  test('debug_traceBlockByHash.trace-genesis', () => {
    const { answer } = recorded('debug_traceBlockByHash.trace-genesis')
    expect(call('debug_traceBlockByHash', node.hashAt(0)).error).toEqual(answer.error)
  })

  test('eth_estimateGas.estimate-simple-transfer', () => {
    const { answer } = recorded('eth_estimateGas.estimate-simple-transfer')
    const from = addressOfSecret(SECRET)
    expect(call('eth_estimateGas', { from, to: `0x${'01'.repeat(20)}` })).toEqual(answer)
  })

  test('eth_estimateGas.estimate-call-abi-error has a reason, its code and its data', () => {
    const { answer } = recorded('eth_estimateGas.estimate-call-abi-error')
    const found = call('eth_estimateGas', { to: CONTRACTS.reverter, input: '0x01' })
    expect(found.error).toMatchObject({ code: answer.error!.code, message: 'execution reverted: no' })
    expect(Object.keys(found.error!)).toEqual(Object.keys(answer.error!))
  })
})

/** What kind of text stands where: a shape is equal where the kinds are. */
function kindOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? 'list' : [kindOf(value[0])]
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, kindOf(item)]))
  if (typeof value !== 'string') return value === null ? 'null' : typeof value
  if (!/^0x[0-9a-f]*$/.test(value)) return 'text'
  const sizes: Record<number, string> = { 42: 'address', 66: 'hash', 18: 'nonce', 514: 'bloom' }
  if (sizes[value.length] !== undefined) return sizes[value.length]
  return /^0x(0|[1-9a-f][0-9a-f]*)$/.test(value) ? 'quantity' : 'bytes'
}

describe('shapes', () => {
  test.each([
    ['eth_getTransactionReceipt.get-access-list', listed],
    ['eth_getTransactionReceipt.get-dynamic-fee', dynamic],
  ])('of %s', (name, hash) => {
    const shape = kindOf(recorded(name).answer.result)
    expect(kindOf(call('eth_getTransactionReceipt', hash).result)).toEqual({
      ...(shape as object),
      logs: [{ ...(shape as { logs: object[] }).logs[0] }],
    })
  })

  test('of a set-code transaction, and of a legacy one of today', () => {
    const shape = kindOf(recorded('eth_getTransactionReceipt.get-setcode-tx').answer.result) as object
    for (const hash of [setCode, legacy]) {
      const found = kindOf(call('eth_getTransactionReceipt', hash).result) as object
      expect(Object.keys(found).sort()).toEqual(Object.keys(shape).sort())
    }
  })

  test('of logs', () => {
    const [log] = recorded('eth_getLogs.filter-with-blockHash').answer.result as object[]
    const [found] = call('eth_getLogs', { blockHash: node.hashAt(1) }).result as object[]
    expect(Object.keys(found!)).toEqual(Object.keys(log!))
    expect({ ...(kindOf(found) as object), topics: 0 }).toEqual({ ...(kindOf(log) as object), topics: 0 })
  })

  /** Forks have added to blocks since that one. */
  const SINCE = 'baseFeePerGas blobGasUsed excessBlobGas parentBeaconBlockRoot requestsHash withdrawals withdrawalsRoot'
  test('of blocks and their transactions', () => {
    const block = recorded('eth_getBlockByHash.get-block-by-hash').answer.result as { transactions: object[] }
    const found = call('eth_getBlockByHash', node.hashAt(1), true).result as { transactions: object[] }
    expect(Object.keys(found).sort()).toEqual([...Object.keys(block), ...SINCE.split(' ')].sort())
    const known = new Set(Object.keys(block.transactions[0]!))
    expect(Object.keys(found.transactions[0]!).filter(name => !known.has(name))).toEqual(['chainId'])
  })
})

describe('recursive length prefix', () => {
  test.each(['00', '8100', '817f', 'b800', 'b83700', 'b90000', 'c180ff', 'f800', 'bf', 'c2', '', 'c18180'])(
    'refuses %s or writes the same again',
    hex => {
      const bytes = bytesOfHex(`0x${hex}`)
      let value
      try {
        value = decodeRlp(bytes)
      } catch (error) {
        return expect(String(error)).toMatch(/rlp: /)
      }
      expect(encodeRlp(value)).toEqual(bytes)
    },
  )

  test('roots of lists with more than sixteen and more than 128 items differ by each item', () => {
    const items = Array.from({ length: 200 }, (_, n) => Uint8Array.of(1, n))
    const roots = [1, 17, 130, 200].map(count => listRoot(items.slice(0, count)))
    expect(new Set(roots).size).toBe(4)
    expect(listRoot([NOTHING, ...items])).not.toBe(listRoot([...items, NOTHING]))
  })
})
