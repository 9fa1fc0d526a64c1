/**
 * The same calls to the simulated node and to a real litecoind, answer by answer: what the simulator shows the watcher is
 * what a daemon would. Hashes are compared by the order in which they first appear.
 */
import { Transaction } from 'bitcoinjs-lib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { createRpc, RPC_ERROR, toSatoshi, type Answer, type Rpc } from '../../adapters/bitcoin/rpc.ts'
import type { Disk } from '../../src/kernel/ports.ts'
import { fromDisplay } from '../../adapters/bitcoin/hash.ts'
import { faucetKey, signInputs } from '../../src/devnet/bitcoin/faucet.ts'
import { createSimulatedBitcoin } from '../../src/devnet/bitcoin/node.ts'
import { createRequest } from '../../src/shell/request.ts'
import { startLitecoind, type BitcoinNode } from '../nodes/bitcoin-node.ts'

const network = networkOf('litecoin-regtest')
const key = faucetKey('comparison', network)
/** What is compared is what a node says, whatever it is. */
const EVERY_ERROR = Object.values(RPC_ERROR)
const ZERO = '0'.repeat(64)
const ONES = '1'.repeat(64)
const FINAL = 0xffff_ffff
const credentials = { username: 'harness', password: 'harness' }
const now = Date.UTC(2026, 0, 1)

/** What depends on the moment, on the length of signatures, or on what a regtest of another age signals. */
const VOLATILE = new Set(
  'time mediantime blocktime nonce version versionHex bits weight size vsize ancestorsize descendantsize strippedsize usage bytes size_on_disk verificationprogress softforks'.split(
    ' ',
  ),
)
/** The simulator has no sockets, and starts at another time. */
const SHAPE_ONLY = new Set('getnetworkinfo getblockchaininfo'.split(' '))

function normaliser() {
  const names = new Map<string, string>()
  const nameOf = (hash: string) => {
    if (!names.has(hash)) names.set(hash, `#${names.size}`)
    return names.get(hash)!
  }
  const normalise = (value: unknown): unknown => {
    // Rates follow the length of signatures, which differs by a byte.
    if (typeof value === 'string' && /insufficient fee|min relay fee/.test(value))
      return value.replace(/\b[0-9a-f]{64}\b/g, nameOf).replace(/ \d[\d.]*/g, ' n')
    if (typeof value === 'string')
      return value.length > 100 && /^[0-9a-f]+$/.test(value) ? '<hex>' : value.replace(/\b[0-9a-f]{64}\b/g, nameOf)
    if (Array.isArray(value)) return value.map(normalise)
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).map(([name, item]): [string, unknown] => {
      if (VOLATILE.has(name)) return [name, typeof item]
      if (name === 'txinwitness') return [name, (item as unknown[]).length]
      if (name === 'asm' || name === 'coinbase' || name === 'hex') return [name, typeof item]
      return [normalise(name) as string, normalise(item)]
    })
    return Object.fromEntries(entries)
  }
  return normalise
}

/** A mempool has no order of its own. */
const inOrder = (method: string, answer: unknown): unknown =>
  method === 'getrawmempool' && Array.isArray((answer as { result?: unknown }).result)
    ? [...(answer as { result: unknown[] }).result].sort()
    : answer

type Recording = [name: string, answer: unknown][]

async function scenario(rpc: Rpc): Promise<Recording> {
  const recorded: Recording = []
  const normalise = normaliser()
  async function ask(method: string, ...params: unknown[]): Promise<unknown> {
    const answer: Answer<unknown> = await rpc.ask(z.unknown(), EVERY_ERROR, method, ...params)
    const shown =
      answer.ok && SHAPE_ONLY.has(method)
        ? Object.keys(answer.result as object).sort()
        : inOrder(method, normalise(answer))
    recorded.push([`${recorded.length} ${method}`, shown])
    return answer.ok ? answer.result : null
  }
  const hashes = (value: unknown) => z.array(z.string()).parse(value)

  // Coins: the coinbases of these blocks, the first of which mature.
  const mined = hashes(await rpc.call(z.unknown(), 'generatetoaddress', 110, key.address))
  const coinbases: string[] = []
  for (const hash of mined) {
    const { tx } = await rpc.call(z.object({ tx: z.array(z.string()) }), 'getblock', hash, 1)
    coinbases.push(tx[0]!)
  }
  const COIN_SAT = 5_000_000_000n
  interface Source {
    txid: string
    vout: number
    valueSat: bigint
  }
  const coinbase = (n: number): Source => ({ txid: coinbases[n]!, vout: 0, valueSat: COIN_SAT })
  function pay(
    sources: Source[],
    outputsSat: bigint[],
    sequence = 0xffff_fffd,
    change?: (t: Transaction) => void,
  ): Transaction {
    const transaction = new Transaction()
    transaction.version = 2
    for (const { txid, vout } of sources) transaction.addInput(fromDisplay(txid), vout, sequence)
    for (const amountSat of outputsSat) transaction.addOutput(key.script, amountSat)
    change?.(transaction)
    return signInputs(
      transaction,
      sources.map(({ valueSat }) => ({ valueSat, script: key.script, height: 0, isCoinbase: false })),
      key,
    )
  }
  async function offer(transaction: Transaction | string, ...rate: unknown[]): Promise<void> {
    const hex = typeof transaction === 'string' ? transaction : transaction.toHex()
    await ask('testmempoolaccept', [hex], ...rate)
    await ask('sendrawtransaction', hex, ...rate)
  }

  // The chain.
  await ask('getblockchaininfo')
  await ask('getnetworkinfo')
  await ask('getblockcount')
  await ask('getblockhash', 0)
  await ask('getblockhash', 111)
  await ask('getblockhash', -1)
  await ask('getblockhash', 'x')
  await ask('getbestblockhash')
  await ask('getblockheader', mined[108])
  await ask('getblockheader', mined[109])
  await ask('getblockheader', mined[109], false)
  await ask('getblockheader', ZERO)
  await ask('getblockheader', '00')
  await ask('getblockheader', 'z'.repeat(64))
  await ask('getblockheader', 5)
  await ask('getblock', mined[109])
  await ask('getblock', mined[109], 0)
  await ask('getblock', mined[109], 2)
  await ask('getblock', ZERO, 0)
  await ask('estimatesmartfee', 3)
  await ask('estimatesmartfee', 0)
  await ask('estimatesmartfee', 1009)
  await ask('getmempoolinfo')
  await ask('nosuchmethod')
  await ask('generatetoaddress', 1, 'nonsense')
  await ask('generateblock', 'nonsense', [])
  await ask('generateblock', key.address, [ONES])
  await ask('invalidateblock', ONES)
  await ask('reconsiderblock', ONES)
  await ask('submitblock', '00')

  // One payment, from nothing to a block.
  const first = pay([coinbase(0)], [1_000_000_000n, 3_999_980_000n])
  await ask('gettxout', coinbases[0], 0)
  await offer(first)
  await offer(first)
  await ask('getrawmempool')
  await ask('getrawmempool', true)
  await ask('getmempoolentry', first.getId())
  await ask('getrawtransaction', first.getId())
  await ask('getrawtransaction', first.getId(), true)
  await ask('gettxout', coinbases[0], 0)
  await ask('gettxout', coinbases[0], 0, false)
  await ask('gettxout', first.getId(), 0)
  await ask('gettxout', first.getId(), 0, false)
  await ask('gettxout', first.getId(), 7)
  const { hash } = z.object({ hash: z.string() }).parse(await ask('generateblock', key.address, [first.getId()]))
  await offer(first)
  await ask('getrawmempool')
  await ask('getmempoolentry', first.getId())
  await ask('getrawtransaction', first.getId())
  await ask('getrawtransaction', first.getId(), true, hash)
  await ask('getrawtransaction', ONES, true, hash)
  await ask('getrawtransaction', ONES, true, ONES)
  await ask('gettxout', first.getId(), 0, false)
  await ask('getblock', hash, 2)

  // A reorganisation.
  await ask('invalidateblock', hash)
  await ask('getblockheader', hash)
  await ask('getbestblockhash')
  await ask('getrawmempool')
  await ask('getchaintips')
  await ask('submitblock', await rpc.call(z.string(), 'getblock', hash, 0))
  await ask('reconsiderblock', hash)
  await ask('getbestblockhash')
  await ask('getrawmempool')

  // What is refused.
  await offer('00')
  await offer('zz')
  await ask('testmempoolaccept', [])
  await ask('testmempoolaccept', ['00', '00'])
  await offer(pay([{ txid: ONES, vout: 0, valueSat: 1n }], [1_000_000n]))
  await offer(pay([coinbase(1)], [COIN_SAT]))
  await offer(pay([coinbase(1)], [COIN_SAT + 100_000_000n]))
  await offer(pay([coinbase(1)], [COIN_SAT - 100_000_000n]))
  await offer(pay([coinbase(1)], [COIN_SAT - 20_000n]), '0.00001000')
  await offer(pay([coinbase(1)], [100n]), 0)
  await offer(pay([coinbase(105)], [COIN_SAT - 20_000n]))
  await offer(pay([coinbase(1), coinbase(1)], [COIN_SAT - 20_000n]))
  await offer(pay([coinbase(1)], []))
  await offer(pay([coinbase(1)], [COIN_SAT - 20_000n], 0, transaction => (transaction.locktime = 100_000)))
  await offer(pay([coinbase(1)], [COIN_SAT - 20_000n], FINAL, transaction => (transaction.version = 3)))
  await offer(
    pay([coinbase(1)], [COIN_SAT - 20_000n], FINAL, transaction =>
      transaction.addOutput(new Uint8Array(5), 1_000_000n),
    ),
  )
  const unsigned = pay([coinbase(1)], [COIN_SAT - 20_000n])
  unsigned.setWitness(0, [])
  await offer(unsigned)
  const forged = pay([coinbase(1)], [COIN_SAT - 20_000n])
  forged.setWitness(0, pay([coinbase(1)], [COIN_SAT - 30_000n]).ins[0]!.witness)
  await offer(forged)
  await ask('generateblock', key.address, [forged.toHex()])

  // Replacement, BIP-125.
  const settled = pay([coinbase(2)], [COIN_SAT - 20_000n], FINAL)
  await offer(settled)
  await offer(pay([coinbase(2)], [COIN_SAT - 90_000n]))
  const old = pay([coinbase(3)], [COIN_SAT - 20_000n])
  await offer(old)
  await offer(pay([coinbase(3)], [COIN_SAT - 19_000n]))
  await offer(pay([coinbase(3)], [COIN_SAT - 20_100n]))
  const oldOutput: Source = { txid: old.getId(), vout: 0, valueSat: COIN_SAT - 20_000n }
  const settledOutput: Source = { txid: settled.getId(), vout: 0, valueSat: COIN_SAT - 20_000n }
  await offer(pay([coinbase(3), oldOutput], [COIN_SAT]), 0)
  await offer(pay([coinbase(3), settledOutput], [2n * COIN_SAT - 90_000n]))
  const child = pay([oldOutput], [COIN_SAT - 60_000n])
  await offer(child)
  await offer(pay([coinbase(3)], [COIN_SAT - 50_000n]))
  await offer(pay([coinbase(3)], [COIN_SAT - 100_000n]))
  await ask('getrawmempool')

  // B17: a chain of 25, and no more.
  let last: Source = coinbase(4)
  for (let depth = 0; depth < 25; depth++) {
    const link = pay([last], [last.valueSat - 20_000n])
    await rpc.call(z.string(), 'sendrawtransaction', link.toHex())
    last = { txid: link.getId(), vout: 0, valueSat: last.valueSat - 20_000n }
  }
  await offer(pay([last], [last.valueSat - 20_000n]))
  await ask('getmempoolentry', last.txid)
  await ask('getmempoolinfo')

  // A conflict that is mined elsewhere takes what it conflicts with out of the mempool.
  await ask('generateblock', key.address, [pay([coinbase(4)], [COIN_SAT - 70_000n]).toHex()])
  const pending = hashes(await ask('getrawmempool'))
  expect(pending).toHaveLength(2)
  await ask('generatetoaddress', 1, key.address)
  await ask('getrawmempool')
  await offer(pay([last], [last.valueSat - 20_000n]))
  return recorded
}

let litecoind: BitcoinNode
const requester = createRequest(null)
beforeAll(async () => {
  litecoind = await startLitecoind({ extra: ['-mempoolreplacement=1'] })
})
afterAll(async () => {
  await litecoind.stop()
  requester.close()
})

const simulated = (seed: string) =>
  createSimulatedBitcoin({ network, seed, now: () => now, ...credentials, isReplacing: true })

test('the simulated node answers as litecoind does, call by call', async () => {
  const disk = {} as Disk
  const real = await scenario(createRpc(litecoind, requester.request, disk))
  const imitation = await scenario(createRpc({ url: 'http://simulated', ...credentials }, simulated('s').request, disk))
  expect(imitation.map(([name]) => name)).toEqual(real.map(([name]) => name))
  for (const [position, [name, answer]] of imitation.entries()) expect.soft(answer, name).toEqual(real[position]![1])
})

test('its blocks have the roots and ids of real ones, and its first block is that of litecoind', async () => {
  const node = simulated('proof')
  node.mine(103)
  node.pay(key.address, toSatoshi('1.5'))
  const [hash] = node.mine(1)
  const block = node.block(hash!)
  expect(block.checkTxRoots()).toBe(true)
  expect(block.transactions).toHaveLength(2)
  expect(block.getId()).toBe(hash)
  const accepted = await litecoind.rpc('submitblock', simulated('proof').block(network.genesis).toHex())
  expect(accepted).toBe('duplicate')
})

test('equal seeds and calls give equal blocks, other seeds give others', () => {
  const run = (seed: string) => {
    const node = simulated(seed)
    node.mine(102)
    const txid = node.pay(key.address, 12_345_678n)
    return [txid, ...node.mine(2)]
  }
  expect(run('a')).toEqual(run('a'))
  expect(run('a')).not.toEqual(run('b'))
})

test('a payment that the faucet takes back never confirms', () => {
  const node = simulated('double')
  node.mine(102)
  const paid = node.pay(key.address, 5_000_000n)
  const conflict = node.doubleSpend(paid)
  expect(node.pending()).toEqual([conflict])
  const [hash] = node.mine(1)
  expect(node.block(hash!).transactions!.map(transaction => transaction.getId())).toContain(conflict)
})

test('the faucet says what it needs when it has not enough', () => {
  const node = simulated('poor')
  expect(() => node.pay(key.address, 1_000_000n)).toThrow('mine blocks')
})

test('a second node follows the longer branch, and what the shorter one held is pending again', () => {
  const [one, other] = [simulated('one'), simulated('other')]
  one.mine(101)
  for (let height = 1; height <= 101; height++) other.submit(one.block(one.hashAt(height)))
  const txid = one.pay(key.address, 1_000_000n)
  const [left] = one.mine(1)
  const branch = other.mine(2)
  for (const hash of branch) one.submit(other.block(hash))
  expect(one.tip()).toBe(branch[1])
  expect(one.pending()).toEqual([txid])
  one.invalidate(branch[0]!)
  expect(one.tip()).toBe(left)
  expect(one.pending()).toEqual([])
})

test('a dogecoin node, which has no segwit, pays and mines as well', () => {
  const dogecoin = networkOf('dogecoin-regtest')
  const node = createSimulatedBitcoin({ network: dogecoin, seed: 'doge', now: () => now, ...credentials })
  node.mine(62)
  const txid = node.pay(node.faucetAddress, 100_000_000n)
  const [hash] = node.mine(1)
  expect(node.block(hash!).transactions![1]!.getId()).toBe(txid)
  expect(node.block(hash!).transactions![0]!.outs).toHaveLength(1)
})
