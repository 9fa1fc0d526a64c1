/** The RPCs of the simulated node, in the shapes, codes and words of litecoind 0.21. */
import { Block, type Transaction } from 'bitcoinjs-lib'
import { scriptOf } from '../../../adapters/bitcoin/address.ts'
import { Fault } from '../../kernel/fault.ts'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { bestOf, isActive, medianTime, type Chain, type Change, type StoredBlock } from './chain.ts'
import { coinKey } from './coins.ts'
import {
  chainWork,
  decimalOf,
  describeBlock,
  describeHeader,
  describeScript,
  describeTransaction,
  DIFFICULTY,
} from './describe.ts'
import { unavailable, type Faults } from './faults.ts'
import { isRefusal, type SimulatedMempool } from './mempool.ts'
import * as params from './params.ts'
import { RpcFailure } from './params.ts'
import {
  feeAt,
  INCREMENTAL_SAT_PER_KVB,
  isReplaceable,
  MINIMUM_RELAY_SAT_PER_KVB,
  type RelayRefusal,
} from './policy.ts'
import type { PoolEntry } from './pool.ts'

/** What the methods work on; the node (node.ts) makes it. */
export interface NodeState {
  network: Network
  chain: Chain
  mempool: SimulatedMempool
  nowSeconds: () => number
  faults: Faults
  /** sat/kvB, or null where there is nothing to estimate from, as on a regtest. */
  estimate(): bigint | null
  /** Mines one block and returns its hash. Throws when it is not valid. */
  mineBlock(script: Uint8Array, transactions: readonly Transaction[] | 'mempool'): string
  submitBlock(block: Block): void
  changeValidity(hash: string, isValid: boolean): Change
}

export type Method = (state: NodeState, args: readonly unknown[]) => unknown

const DAY_SECONDS = 86_400
const GENERATE_MAXIMUM = 10_000
const TARGET_MAXIMUM = 1008
const MAXMEMPOOL_BYTES = 300_000_000
const NO_MEMPOOL_TRANSACTION =
  'No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. Use gettransaction for wallet transactions.'

function blockOf({ chain }: NodeState, hash: string): StoredBlock {
  const stored = chain.blocks.get(hash)
  if (!stored) throw new RpcFailure(params.INVALID_ADDRESS_OR_KEY, 'Block not found')
  return stored
}

function describeChain({ chain, nowSeconds, faults }: NodeState): unknown {
  const best = bestOf(chain)
  return {
    chain: 'regtest',
    blocks: best.height,
    headers: best.height,
    bestblockhash: best.hash,
    difficulty: DIFFICULTY,
    mediantime: medianTime(chain, best),
    verificationprogress: 1,
    initialblockdownload: best.time < nowSeconds() - DAY_SECONDS,
    chainwork: chainWork(best.height),
    size_on_disk: 0,
    pruned: faults.prunedHeight >= 0,
    softforks: {},
    warnings: '',
  }
}

const describeNetwork = (): unknown => ({
  version: 210201,
  subversion: '/LitecoinCore:0.21.2.1/',
  protocolversion: 70016,
  localservices: '0000000001000409',
  localservicesnames: ['NETWORK', 'WITNESS', 'NETWORK_LIMITED', 'MWEB'],
  localrelay: true,
  timeoffset: 0,
  networkactive: true,
  connections: 0,
  connections_in: 0,
  connections_out: 0,
  networks: [],
  relayfee: decimalOf(MINIMUM_RELAY_SAT_PER_KVB),
  incrementalfee: decimalOf(INCREMENTAL_SAT_PER_KVB),
  localaddresses: [],
  warnings: '',
})

const higher = (a: bigint, b: bigint): bigint => (a > b ? a : b)

function describeMempool({ mempool: { pool }, faults }: NodeState): unknown {
  const bytes = [...pool.entries.values()].reduce((sum, entry) => sum + entry.vsize, 0)
  return {
    loaded: true,
    size: pool.entries.size,
    bytes,
    usage: bytes,
    maxmempool: MAXMEMPOOL_BYTES,
    mempoolminfee: decimalOf(higher(faults.mempoolFloor, MINIMUM_RELAY_SAT_PER_KVB)),
    minrelaytxfee: decimalOf(MINIMUM_RELAY_SAT_PER_KVB),
    unbroadcastcount: pool.entries.size,
  }
}

function describeEntry({ mempool: { pool } }: NodeState, entry: PoolEntry): unknown {
  const sum = (txids: Iterable<string>, of: (entry: PoolEntry) => number) =>
    [...txids].reduce((total, txid) => total + of(pool.entries.get(txid)!), 0)
  const above = pool.ancestors(entry.transaction).add(entry.txid)
  const below = pool.descendants([entry.txid])
  const fee = (of: PoolEntry) => Number(of.feeSat)
  const [aboveFee, belowFee] = [sum(above, fee), sum(below, fee)]
  const base = decimalOf(entry.feeSat)
  return {
    fees: { base, modified: base, ancestor: decimalOf(BigInt(aboveFee)), descendant: decimalOf(BigInt(belowFee)) },
    vsize: entry.vsize,
    weight: entry.transaction.weight(),
    mwebweight: 0,
    fee: base,
    modifiedfee: base,
    time: entry.time,
    height: entry.height,
    descendantcount: below.size,
    descendantsize: sum(below, of => of.vsize),
    descendantmwebweight: 0,
    descendantfees: belowFee,
    ancestorcount: above.size,
    ancestorsize: sum(above, of => of.vsize),
    ancestormwebweight: 0,
    ancestorfees: aboveFee,
    wtxid: Buffer.from(entry.transaction.getHash(true)).reverse().toString('hex'),
    depends: [...new Set(pool.parents(entry.transaction))],
    spentby: [...below].filter(txid => pool.parents(pool.entries.get(txid)!.transaction).includes(entry.txid)),
    'bip125-replaceable': isReplaceable(entry.transaction),
    unbroadcast: true,
  }
}

const isOverpriced = (entry: PoolEntry, maximum: bigint | null): boolean =>
  maximum !== null && entry.feeSat > feeAt(maximum, entry.vsize)

const test: Method = ({ mempool }, [list, rate]) => {
  if (!Array.isArray(list)) throw new RpcFailure(params.TYPE_ERROR, 'Expected type array, got other')
  if (list.length !== 1)
    throw new RpcFailure(params.INVALID_PARAMETER, 'Array must contain exactly one raw transaction for now')
  const transaction = params.rawTransaction(list[0])
  const maximum = params.maximumFeeRate(rate)
  const txid = transaction.getId()
  const outcome = mempool.test(transaction)
  const refuse = (reason: string) => [{ txid, allowed: false, 'reject-reason': reason }]
  if (isRefusal(outcome)) return refuse(outcome.reason)
  if (isOverpriced(outcome, maximum)) return refuse('max-fee-exceeded')
  return [{ txid, allowed: true, vsize: outcome.vsize, fees: { base: decimalOf(outcome.feeSat) } }]
}

function rejection({ reason, detail }: RelayRefusal): RpcFailure {
  if (reason === 'missing-inputs') return new RpcFailure(params.TRANSACTION_ERROR, 'bad-txns-inputs-missingorspent')
  return new RpcFailure(params.TRANSACTION_REJECTED, detail === '' ? reason : `${reason}, ${detail}`)
}

const send: Method = ({ chain, mempool }, [hex, rate]) => {
  const transaction = params.rawTransaction(hex)
  const maximum = params.maximumFeeRate(rate)
  const txid = transaction.getId()
  if (transaction.outs.some((_, vout) => chain.coins.get(coinKey(txid, vout))))
    throw new RpcFailure(params.ALREADY_IN_CHAIN, 'Transaction already in block chain')
  if (mempool.pool.entries.has(txid)) return txid
  const outcome = mempool.test(transaction)
  if (isRefusal(outcome)) throw rejection(outcome)
  if (isOverpriced(outcome, maximum))
    throw new RpcFailure(
      params.TRANSACTION_ERROR,
      'Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)',
    )
  mempool.accept(transaction)
  return txid
}

const getTransaction: Method = (state, [id, verbose, blockHash]) => {
  const { chain, mempool, network } = state
  const txid = params.hashParam(id, 'parameter 1')
  if (chain.active[0]!.block.transactions![0]!.getId() === txid)
    throw new RpcFailure(
      params.INVALID_ADDRESS_OR_KEY,
      'The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved',
    )
  const isVerbose = params.verbosity(verbose, 0) > 0
  if (blockHash === undefined) {
    const entry = mempool.pool.entries.get(txid)
    if (!entry) throw new RpcFailure(params.INVALID_ADDRESS_OR_KEY, NO_MEMPOOL_TRANSACTION)
    return isVerbose ? describeTransaction(entry.transaction, network) : entry.transaction.toHex()
  }
  const stored = chain.blocks.get(params.hashParam(blockHash, 'parameter 3'))
  if (!stored) throw new RpcFailure(params.INVALID_ADDRESS_OR_KEY, 'Block hash not found')
  const found = stored.block.transactions!.find(transaction => transaction.getId() === txid)
  if (!found)
    throw new RpcFailure(
      params.INVALID_ADDRESS_OR_KEY,
      'No such transaction found in the provided block. Use gettransaction for wallet transactions.',
    )
  if (!isVerbose) return found.toHex()
  const { confirmations } = describeHeader(chain, stored)
  return {
    in_active_chain: isActive(chain, stored),
    ...describeTransaction(found, network),
    blockhash: stored.hash,
    confirmations: isActive(chain, stored) ? confirmations : 0,
    time: stored.time,
    blocktime: stored.time,
  }
}

const getOutput: Method = ({ chain, mempool: { pool }, network }, [id, vout, includeMempool]) => {
  const txid = params.hashParam(id, 'txid')
  const key = coinKey(txid, params.integer(vout))
  const isPending = includeMempool !== false && pool.entries.has(txid)
  const coin = isPending ? pool.coin(key) : chain.coins.get(key)
  if (!coin || (includeMempool !== false && pool.spender(key))) return null
  return {
    bestblock: bestOf(chain).hash,
    confirmations: isPending ? 0 : bestOf(chain).height - coin.height + 1,
    value: decimalOf(coin.valueSat),
    scriptPubKey: describeScript(coin.script, network),
    coinbase: coin.isCoinbase,
  }
}

const getBlock: Method = (state, [id, level]) => {
  const stored = blockOf(state, params.hashParam(id, 'blockhash'))
  const verbosity = params.verbosity(level, 1)
  const reason = unavailable(state.faults, stored)
  if (reason !== null) throw new RpcFailure(params.MISC_ERROR, reason)
  if (verbosity <= 0) return stored.block.toHex()
  return describeBlock(state.chain, stored, state.network, verbosity >= 2)
}

const getHeader: Method = (state, [id, verbose]) => {
  const stored = blockOf(state, params.hashParam(id, 'hash'))
  if (verbose === false) return stored.block.toHex(true)
  const header = describeHeader(state.chain, stored)
  return state.faults.headersOnly.has(stored.hash) ? { ...header, nTx: 0 } : header
}

const getHash: Method = ({ chain }, [height]) => {
  const stored = chain.active[params.integer(height)]
  if (!stored) throw new RpcFailure(params.INVALID_PARAMETER, 'Block height out of range')
  return stored.hash
}

const getEntry: Method = (state, [id]) => {
  const entry = state.mempool.pool.entries.get(params.hashParam(id, 'parameter 1'))
  if (!entry) throw new RpcFailure(params.INVALID_ADDRESS_OR_KEY, 'Transaction not in mempool')
  return describeEntry(state, entry)
}

const getAncestors: Method = (state, [id]) => {
  const { pool } = state.mempool
  const entry = pool.entries.get(params.hashParam(id, 'parameter 1'))
  if (!entry) throw new RpcFailure(params.INVALID_ADDRESS_OR_KEY, 'Transaction not in mempool')
  return [...pool.ancestors(entry.transaction)]
}

const getMempool: Method = (state, [verbose]) => {
  const { entries } = state.mempool.pool
  if (verbose !== true) return [...entries.keys()]
  return Object.fromEntries([...entries.values()].map(entry => [entry.txid, describeEntry(state, entry)]))
}

const estimateFee: Method = (state, [target]) => {
  const blocks = params.integer(target)
  if (blocks < 1 || blocks > TARGET_MAXIMUM)
    throw new RpcFailure(params.INVALID_PARAMETER, `Invalid conf_target, must be between 1 and ${TARGET_MAXIMUM}`)
  const rate = state.estimate()
  return rate === null
    ? { errors: ['Insufficient data or no feerate found'], blocks: 0 }
    : { feerate: decimalOf(rate), blocks }
}

function destination({ network }: NodeState, address: unknown, complaint: string): Uint8Array {
  try {
    return scriptOf(params.text(address), network)
  } catch (error) {
    if (error instanceof Fault) throw new RpcFailure(params.INVALID_ADDRESS_OR_KEY, complaint)
    throw error
  }
}

const generateToAddress: Method = (state, [count, address]) => {
  const script = destination(state, address, 'Error: Invalid address')
  const blocks = Math.min(params.integer(count), GENERATE_MAXIMUM)
  return Array.from({ length: blocks }, () => state.mineBlock(script, 'mempool'))
}

const generateBlock: Method = (state, [address, list]) => {
  const script = destination(state, address, 'Error: Invalid address or descriptor')
  const transactions = (Array.isArray(list) ? list : []).map(item => {
    const given = params.text(item)
    if (!/^[0-9a-f]{64}$/.test(given)) return params.rawTransaction(given)
    const entry = state.mempool.pool.entries.get(given)
    if (!entry) throw new RpcFailure(params.INVALID_ADDRESS_OR_KEY, `Transaction ${given} not in mempool.`)
    return entry.transaction
  })
  try {
    return { hash: state.mineBlock(script, transactions) }
  } catch (error) {
    throw new RpcFailure(params.TRANSACTION_ERROR, `TestBlockValidity failed: ${(error as Error).message}`)
  }
}

const submit: Method = (state, [hex]) => {
  let block: Block
  try {
    block = Block.fromHex(params.text(hex))
    if (!block.transactions) throw new Error('a header')
  } catch {
    throw new RpcFailure(params.DESERIALIZATION_ERROR, 'Block decode failed')
  }
  try {
    state.submitBlock(block)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

const tips: Method = ({ chain }) => {
  const parents = new Set([...chain.blocks.values()].map(block => block.parent))
  const ends = [...chain.blocks.values()].filter(block => !parents.has(block.hash) || block === bestOf(chain))
  return ends
    .sort((a, b) => b.height - a.height)
    .map(block => {
      let fork = block
      while (!isActive(chain, fork)) fork = chain.blocks.get(fork.parent)!
      const status = block === bestOf(chain) ? 'active' : block.isInvalid ? 'invalid' : 'valid-fork'
      return { height: block.height, hash: block.hash, branchlen: block.height - fork.height, status }
    })
}

const validity =
  (isValid: boolean): Method =>
  (state, [id]) => {
    const { hash } = blockOf(state, params.hashParam(id, 'blockhash'))
    state.changeValidity(hash, isValid)
    return null
  }

export const METHODS: Readonly<Record<string, Method>> = {
  estimatesmartfee: estimateFee,
  generateblock: generateBlock,
  generatetoaddress: generateToAddress,
  getbestblockhash: ({ chain }) => bestOf(chain).hash,
  getblock: getBlock,
  getblockchaininfo: describeChain,
  getblockcount: ({ chain }) => bestOf(chain).height,
  getblockhash: getHash,
  getblockheader: getHeader,
  getchaintips: tips,
  getmempoolancestors: getAncestors,
  getmempoolentry: getEntry,
  getmempoolinfo: describeMempool,
  getnetworkinfo: describeNetwork,
  getrawmempool: getMempool,
  getrawtransaction: getTransaction,
  gettxout: getOutput,
  invalidateblock: validity(false),
  reconsiderblock: validity(true),
  sendrawtransaction: send,
  submitblock: submit,
  testmempoolaccept: test,
}
