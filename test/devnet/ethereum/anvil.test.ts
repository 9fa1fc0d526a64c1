/**
 * The same calls to the simulated ethereum node and to a real anvil, answer by answer: what the simulator shows the watcher is
 * what a node would. Contracts are deployed on both by the same transactions, and run there as the same code; gas, fees,
 * balances, logs, blooms and roots are compared as they stand, hashes of blocks by the order in which they first appear.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { addressIn, bytesOfHex, hexOf, hexWord, NOTHING, quantity } from '../../../src/devnet/ethereum/bytes.ts'
import {
  betrayerCode,
  collectibleCode,
  deploying,
  deployingToken,
  destructingCreation,
  destructorCode,
  forgerCode,
  reverterCode,
  splitterCode,
} from '../../../src/devnet/ethereum/contracts.ts'
import {
  addressOfSecret,
  createdAddress,
  signAuthorization,
  type SignedTransaction,
  type UnsignedTransaction,
} from '../../../src/devnet/ethereum/transaction.ts'
import { startAnvil, type Anvil } from '../../nodes/anvil.ts'
import {
  askAt,
  askSimulated,
  callData,
  CHAIN_ID,
  dataOf,
  ETHER,
  GENESIS_SECONDS,
  GWEI,
  SECRETS,
  signed,
  type Answer,
  type Ask,
} from './calls.ts'

const [ALICE, BOB, CAROL] = SECRETS
const SLOT_SECONDS = 12

/** What a simulated chain cannot share: its state's root, and what follows from it. */
const OURS_ALONE = new Set(['stateRoot', 'extraData', 'mixHash', 'size'])

type Fields = Record<string, unknown>
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isBlock = (value: Fields) => 'parentHash' in value
const isTrace = (value: Fields) => 'gasUsed' in value && 'type' in value && 'input' in value

/**
 * Where anvil is not as other nodes are: fields that geth does not have; the price of what waits, which geth says as offered;
 * and, of the outermost call of a trace, gas that is neither the limit nor what was used.
 */
function isAnvilsOwn(owner: Fields, name: string, isInner: boolean): boolean {
  if (name === 'totalDifficulty') return true
  if ('cumulativeGasUsed' in owner && (name === 'blobGasPrice' || name === 'blockTimestamp')) return true
  if (owner['blockHash'] === null && (name === 'gasPrice' || name === 'blockTimestamp')) return true
  return isTrace(owner) && !isInner && (name === 'gas' || name === 'gasUsed')
}

function normaliser() {
  const names = new Map<string, string>()
  const nameOf = (hash: string) => {
    if (!names.has(hash)) names.set(hash, `#${names.size}`)
    return names.get(hash)!
  }
  const field = (owner: Fields, name: string, value: unknown): unknown => {
    if (OURS_ALONE.has(name)) return typeof value
    const isName = name === 'blockHash' || name === 'parentHash' || (name === 'hash' && isBlock(owner))
    return isName && typeof value === 'string' ? nameOf(value) : normalise(value, name === 'calls')
  }
  function normalise(value: unknown, isInner = false): unknown {
    if (Array.isArray(value)) return value.map(item => normalise(item, isInner))
    if (!isObject(value)) return value
    const entries = Object.entries(value).filter(([name]) => !isAnvilsOwn(value, name, isInner))
    return Object.fromEntries(
      entries.map(([name, item]) => [name, field(value, name, item)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  }
  return (answer: Answer) => normalise(answer)
}

type Recording = [name: string, answer: unknown][]

async function scenario(ask: Ask): Promise<Recording> {
  const recorded: Recording = []
  const normalise = normaliser()
  let seconds = GENESIS_SECONDS
  async function record(method: string, ...params: unknown[]): Promise<unknown> {
    const answer = await ask(method, ...params)
    recorded.push([`${recorded.length} ${method}`, normalise(answer)])
    return answer.result
  }
  const send = (transaction: SignedTransaction) => record('eth_sendRawTransaction', hexOf(transaction.raw))
  async function mine(): Promise<{ hash: string; transactions: string[] }> {
    seconds += SLOT_SECONDS
    await ask('evm_setNextBlockTimestamp', seconds)
    await ask('evm_mine')
    await record('eth_blockNumber')
    const block = await record('eth_getBlockByNumber', 'latest', false)
    return z.object({ hash: z.string(), transactions: z.array(z.string()) }).parse(block)
  }
  /** Everything that a watcher may ask of a block. */
  async function mineAndLook(): Promise<string[]> {
    const { hash, transactions } = await mine()
    await record('eth_getBlockByHash', hash, true)
    await record('eth_getBlockReceipts', hash)
    await record('eth_getLogs', { blockHash: hash })
    await record('debug_traceBlockByHash', hash, { tracer: 'callTracer' })
    for (const id of transactions) {
      await record('eth_getTransactionByHash', id)
      await record('eth_getTransactionReceipt', id)
      await record('debug_traceTransaction', id, { tracer: 'callTracer' })
    }
    return transactions
  }
  const [alice, bob, carol] = SECRETS.map(addressOfSecret) as [string, string, string]
  const stranger = `0x${'51'.repeat(20)}`

  await record('web3_clientVersion')
  await record('net_version')
  await record('eth_chainId')
  await record('eth_syncing')
  await record('eth_blockNumber')
  await record('eth_gasPrice')
  await record('eth_maxPriorityFeePerGas')
  await record('eth_getBalance', alice, 'latest')
  await record('eth_getTransactionCount', stranger, 'latest')
  await record('eth_getBlockByHash', hexWord(1n), false)
  await record('eth_getBlockByNumber', '0x99', false)
  await record('eth_getBlockReceipts', hexWord(1n))
  await record('eth_getTransactionReceipt', hexWord(1n))
  await record('eth_getTransactionByHash', hexWord(1n))
  await record('txpool_status')

  // Plain payments of every kind, and an order by tip.
  const first = signed(ALICE, 0, { to: bob, value: ETHER })
  await send(first)
  await send(first)
  await record('eth_getTransactionByHash', first.hash)
  await record('eth_getTransactionReceipt', first.hash)
  await record('eth_getTransactionCount', alice, 'pending')
  await record('eth_getTransactionCount', alice, 'latest')
  await send(
    signed(BOB, 0, { type: 0, to: stranger, value: 5n, maxFeePerGas: 5n * GWEI, maxPriorityFeePerGas: 5n * GWEI }),
  )
  await send(
    signed(CAROL, 0, {
      ...{ type: 1, to: stranger, value: 7n, maxFeePerGas: 4n * GWEI, maxPriorityFeePerGas: 4n * GWEI },
      ...{ gasLimit: 30_000n, accessList: [{ address: bob, slots: [1n, 2n] }] },
    }),
  )
  await mineAndLook()
  await record('eth_getBalance', alice, 'latest')
  await record('eth_getBalance', carol, 'latest')
  await record('eth_getBalance', stranger, 'latest')
  await record('eth_getBalance', stranger, '0x0')
  await record('eth_feeHistory', '0x1', 'latest', [25, 50])

  // What is refused.
  await send(first)
  await send(signed(ALICE, 0, { to: bob, value: 2n }))
  await send(signed(ALICE, 1, { to: bob, value: 100_000n * ETHER }))
  await send(signed(ALICE, 1, { to: bob, gasLimit: 20_000n }))
  await send(signed(ALICE, 1, { to: bob, chainId: 1n }))
  await send(signed(ALICE, 1, { to: bob, maxPriorityFeePerGas: 4n * GWEI }))
  await send(signed(ALICE, 1, { to: bob, gasLimit: 30_000_001n }))
  await record('eth_sendRawTransaction', '0x00')
  await record('eth_sendRawTransaction', hexOf(first.raw.subarray(0, 40)))

  // Replacement, and a gap.
  await send(signed(ALICE, 1, { to: bob, value: 3n }))
  await send(signed(ALICE, 1, { to: bob, value: 4n }))
  const replacing = signed(ALICE, 1, { to: bob, value: 4n, maxFeePerGas: 4n * GWEI, maxPriorityFeePerGas: 2n * GWEI })
  await send(replacing)
  await send(signed(ALICE, 3, { to: bob, value: 6n }))
  await record('txpool_status')
  await record('eth_getTransactionCount', alice, 'pending')
  await mineAndLook()
  await record('txpool_status')
  await send(signed(ALICE, 2, { to: bob, value: 5n }))
  await record('txpool_status')
  await mineAndLook()

  // Contracts.
  let nonce = 4
  async function deploy(code: Uint8Array): Promise<string> {
    const address = createdAddress(alice, BigInt(nonce))
    await record('eth_estimateGas', { from: alice, data: hexOf(code) })
    await send(signed(ALICE, nonce++, { data: code, gasLimit: 1_000_000n }))
    return address
  }
  const supply = 1_000_000_000n
  const token = await deploy(deployingToken({ decimals: 6, returns: 'nothing' }, supply))
  const taxed = await deploy(deployingToken({ decimals: 18, returns: 'true', taxPercent: 5 }, supply))
  const forger = await deploy(deploying(forgerCode()))
  const collectible = await deploy(deploying(collectibleCode()))
  const splitter = await deploy(deploying(splitterCode()))
  const betrayer = await deploy(deploying(betrayerCode()))
  const reverter = await deploy(deploying(reverterCode()))
  const destructor = await deploy(deploying(destructorCode()))
  await mineAndLook()
  for (const address of [token, taxed, forger, collectible, splitter, betrayer, reverter, destructor, alice])
    await record('eth_getCode', address, 'latest')

  // Tokens.
  const view = (to: string, data: Uint8Array) => record('eth_call', { to, data: hexOf(data) }, 'latest')
  await view(token, callData('decimals()'))
  await view(token, callData('totalSupply()'))
  await view(token, callData('balanceOf(address)', alice))
  await view(token, callData('nonsense()'))
  const call = (to: string, data: Uint8Array, part: Partial<UnsignedTransaction> = {}) =>
    send(signed(ALICE, nonce++, { to, data, gasLimit: 200_000n, ...part }))
  const transfer = (to: string, amount: bigint) => callData('transfer(address,uint256)', to, amount)
  await record('eth_estimateGas', { from: alice, to: token, data: hexOf(transfer(bob, 5n)) })
  await record('eth_estimateGas', { from: alice, to: token, data: hexOf(transfer(bob, supply + 1n)) })
  await record('eth_call', { from: alice, to: token, data: hexOf(transfer(bob, supply + 1n)) }, 'latest')
  await record('eth_call', { from: alice, to: taxed, data: hexOf(transfer(bob, 1n)) }, 'latest')
  await call(token, transfer(bob, 1000n))
  await call(token, transfer(bob, 0n))
  await call(token, transfer(bob, supply))
  await call(taxed, transfer(bob, 1000n))
  await call(token, callData('transferFrom(address,address,uint256)', bob, carol, 0n))
  await call(token, callData('approve(address,uint256)', carol, 10n))
  await call(forger, dataOf(bob, alice, 77n))
  await call(collectible, dataOf(bob, alice, 3n))
  await mineAndLook()
  await view(token, callData('balanceOf(address)', bob))
  await view(taxed, callData('balanceOf(address)', bob))
  await send(
    signed(CAROL, 1, {
      ...{ to: token, gasLimit: 200_000n },
      data: callData('transferFrom(address,address,uint256)', alice, stranger, 10n),
    }),
  )
  await call(token, callData('block(address)', bob))
  await mineAndLook()
  await call(token, transfer(bob, 1n))
  await record('eth_call', { from: bob, to: token, data: hexOf(transfer(alice, 1n)) }, 'latest')
  await call(token, transfer(alice, 5n), { gasLimit: 30_000n })
  await call(token, transfer(alice, 5n))
  await call(token, transfer(carol, supply - 1010n))
  await mineAndLook()

  // Ether that contracts send, and do not send.
  const fresh = (n: number) => addressIn(BigInt(`0x${'aa'.repeat(20)}`) + BigInt(n))
  await call(splitter, dataOf(fresh(1), fresh(2), bob), { value: 10n })
  await call(betrayer, dataOf(fresh(3)), { value: 11n })
  await call(reverter, NOTHING, { value: 12n })
  await call(destructor, dataOf(fresh(4)), { value: 13n })
  await call(destructor, dataOf(fresh(4)), { value: 0n })
  await send(signed(ALICE, nonce++, { data: destructingCreation(fresh(5)), value: 14n, gasLimit: 200_000n }))
  await send(signed(ALICE, nonce++, { data: bytesOfHex('0xfe'), value: 15n, gasLimit: 200_000n }))
  await send(signed(ALICE, nonce++, { to: alice, value: 16n, gasLimit: 50_000n }))
  await mineAndLook()
  for (const n of [1, 2, 3, 4, 5]) await record('eth_getBalance', fresh(n), 'latest')
  await record('eth_getBalance', betrayer, 'latest')
  await record('eth_getBalance', splitter, 'latest')

  // Delegation.
  const delegation = signAuthorization(CHAIN_ID, splitter, 1n, BOB)
  await send(
    signed(CAROL, 2, {
      ...{ type: 4, to: bob, value: 9n, gasLimit: 200_000n, authorizations: [delegation] },
      data: dataOf(fresh(6), fresh(7), fresh(8)),
    }),
  )
  await mineAndLook()
  await record('eth_getCode', bob, 'latest')
  await record('eth_getTransactionCount', bob, 'latest')
  await call(bob, dataOf(fresh(6)), { value: 8n })
  await mineAndLook()

  // Logs by range.
  const range = { fromBlock: '0x1', toBlock: 'latest' }
  const topic = hexWord(BigInt(bob))
  await record('eth_getLogs', { ...range, address: token })
  await record('eth_getLogs', { ...range, address: [token, taxed], topics: [null, null, [topic]] })
  // A fourth position would ask for logs with four topics at geth, and for none in particular at anvil.
  await record('eth_getLogs', { ...range, topics: [[hexWord(1n)]] })

  // A reorganisation: what was in the blocks is gone, one payment is in the first of the new ones.
  const before = z.string().parse(await record('eth_blockNumber'))
  const again = signed(ALICE, nonce - 1, { to: stranger, value: 1n })
  await record('anvil_reorg', 1, [[hexOf(again.raw), 0]])
  await record('eth_blockNumber')
  // anvil goes on from the base fee of the blocks that have left: of the new one is compared what does not follow from it.
  const { result: block } = await ask('eth_getBlockByNumber', before, false)
  const { result: receipt } = await ask('eth_getTransactionReceipt', again.hash)
  const { transactions, number } = block as Fields
  const { status, gasUsed, transactionIndex, blockNumber, logs } = receipt as Fields
  recorded.push(['the new block', { transactions, number, status, gasUsed, transactionIndex, blockNumber, logs }])
  await record('eth_getTransactionCount', alice, 'latest')
  const dropped = signed(ALICE, nonce, { to: stranger, value: 2n })
  await send(dropped)
  await record('anvil_dropTransaction', dropped.hash)
  await record('eth_getTransactionByHash', dropped.hash)
  await record('eth_getBalance', stranger, 'latest')
  await record('eth_getBalance', carol, quantity(3))
  return recorded
}

let anvil: Anvil
beforeAll(async () => {
  anvil = await startAnvil(['--timestamp', `${GENESIS_SECONDS}`, '--chain-id', `${CHAIN_ID}`])
})
afterAll(() => anvil.stop())

const estimated = z.object({ result: z.string() })
const isEstimate = (name: string, answer: unknown) =>
  name.endsWith('eth_estimateGas') && estimated.safeParse(answer).success

/** geth, and so the simulated node, stops within 1.5 % of the least gas, which anvil finds. */
function expectNear(name: string, answer: unknown, expected: unknown): void {
  const [ours, least] = [answer, expected].map(one => Number(estimated.parse(one).result)) as [number, number]
  expect.soft(ours, name).toBeGreaterThanOrEqual(least)
  expect.soft(ours, name).toBeLessThanOrEqual(least * 1.02)
}

test('the simulated node answers as anvil does, call by call', async () => {
  const real = await scenario(askAt(anvil.url))
  const imitation = await scenario(askSimulated({ flavour: 'anvil' }))
  expect(imitation.map(([name]) => name)).toEqual(real.map(([name]) => name))
  for (const [position, [name, answer]] of imitation.entries()) {
    const expected = real[position]![1]
    if (isEstimate(name, expected)) expectNear(name, answer, expected)
    else expect.soft(answer, name).toEqual(expected)
  }
})
