/**
 * The simulated node's blocks. They are real but for their proof of work: ids, Merkle roots, witness commitments,
 * amounts, maturity and signatures are checked as consensus wants it. The chain with the most blocks is the active one,
 * the first seen among equals.
 */
import type { Block, Transaction } from 'bitcoinjs-lib'
import { displayOf } from '../../../adapters/bitcoin/hash.ts'
import { inputKey, type UnspentCoin, type Coins, type Undo } from './coins.ts'
import type { Regtest } from './genesis.ts'
import { BAD_SIGNATURE, FALSE_RESULT, verifyInput } from './script.ts'

/** A block with what the index keeps of it. */
export interface StoredBlock {
  hash: string
  parent: string
  height: number
  /** Seconds. */
  time: number
  block: Block
  /** Order of arrival. */
  sequence: number
  /** Said so by a person, or found so while connecting. */
  isInvalid: boolean
  /** Scripts were checked once: blocks do not change. */
  isChecked: boolean
  undo: Undo
}

/** Both lists in the order in which it happened. */
export interface Change {
  disconnected: StoredBlock[]
  connected: StoredBlock[]
}

/** Everything of it is read by others, and written by the functions of this file only. */
export interface Chain {
  readonly blocks: Map<string, StoredBlock>
  /** By height. */
  readonly active: StoredBlock[]
  readonly coins: Coins
  readonly regtest: Regtest
}

const MEDIAN_BLOCKS = 11

/** Holds the genesis block only. */
export function createChain(regtest: Regtest, coins: Coins): Chain {
  const chain: Chain = { blocks: new Map(), active: [], coins, regtest }
  // The genesis block's output is not a coin: nobody can ever spend it.
  chain.active.push(store(chain, regtest.genesis, 0))
  return chain
}

/** The tip. */
export const bestOf = (chain: Chain): StoredBlock => chain.active.at(-1)!
/** Whether it stands on the main chain. */
export const isActive = (chain: Chain, block: StoredBlock): boolean => chain.active[block.height] === block

/** Satoshi; halves as the network's rules say. */
export function subsidyAt({ regtest }: Chain, height: number): bigint {
  const { subsidySat, halvingBlocks } = regtest
  return halvingBlocks === null ? subsidySat : subsidySat >> BigInt(Math.floor(height / halvingBlocks))
}

/** Median time past, BIP-113. Seconds. */
export function medianTime(chain: Chain, block: StoredBlock): number {
  const times: number[] = []
  for (let at: StoredBlock | undefined = block; at && times.length < MEDIAN_BLOCKS; at = chain.blocks.get(at.parent))
    times.push(at.time)
  return times.sort((a, b) => a - b)[times.length >> 1]!
}

function store(chain: Chain, block: Block, height: number): StoredBlock {
  const stored: StoredBlock = {
    hash: block.getId(),
    parent: displayOf(block.prevHash!),
    height,
    time: block.timestamp,
    block,
    sequence: chain.blocks.size,
    isInvalid: false,
    isChecked: false,
    undo: [],
  }
  chain.blocks.set(stored.hash, stored)
  return stored
}

/** Says that a transaction's scripts were verified before. */
export type IsVerified = (transaction: Transaction) => boolean

/** Throws with the reason, as `submitblock` names it. */
export function addBlock(chain: Chain, block: Block, isVerified: IsVerified): Change {
  const known = chain.blocks.get(block.getId())
  if (known) throw new Error(known.isInvalid ? 'duplicate-invalid' : 'duplicate')
  const parent = chain.blocks.get(displayOf(block.prevHash!))
  if (!parent) throw new Error('prev-blk-not-found')
  if (!block.checkTxRoots()) throw new Error('bad-txnmrklroot')
  const stored = store(chain, block, parent.height + 1)
  if (parent !== bestOf(chain)) return activate(chain, isVerified)
  // The common case: on top of the best block nothing needs to be searched.
  const failure = tryConnect(chain, stored, isVerified)
  if (failure) throw failure
  return { disconnected: [], connected: [stored] }
}

/** `invalidateblock` and `reconsiderblock`; the latter forgives ancestors and descendants too. Throws when it is unknown. */
export function setValidity(chain: Chain, hash: string, isValid: boolean): Change {
  const stored = chain.blocks.get(hash)
  if (!stored) throw new Error('Block not found')
  const disconnected: StoredBlock[] = []
  if (isValid) {
    for (const block of chain.blocks.values())
      if (isAncestor(chain, stored, block) || isAncestor(chain, block, stored)) block.isInvalid = false
  } else {
    stored.isInvalid = true
    while (isActive(chain, stored)) disconnected.push(disconnect(chain))
  }
  const change = activate(chain, () => false)
  return { disconnected: [...disconnected, ...change.disconnected], connected: change.connected }
}

/** As if it had never seen the block and what stands on it. Throws when they are of its best chain. */
export function forgetBranch(chain: Chain, hash: string): void {
  const lowest = chain.blocks.get(hash)
  if (!lowest || isActive(chain, lowest)) throw new Error('not a branch that was left')
  const forgotten = [...chain.blocks.values()].filter(block => isAncestor(chain, lowest, block))
  for (const block of forgotten) chain.blocks.delete(block.hash)
}

function isAncestor(chain: Chain, older: StoredBlock, younger: StoredBlock): boolean {
  let at: StoredBlock | undefined = younger
  while (at && at.height > older.height) at = chain.blocks.get(at.parent)
  return at === older
}

/** Moves to the best branch. One that turns out to be invalid is marked, and another is tried: each turn marks a block. */
function activate(chain: Chain, isVerified: IsVerified): Change {
  const change: Change = { disconnected: [], connected: [] }
  for (let target = candidate(chain); target !== bestOf(chain); target = candidate(chain)) {
    const branch: StoredBlock[] = []
    for (let at = target; !isActive(chain, at); at = chain.blocks.get(at.parent)!) branch.unshift(at)
    const forkHeight = branch[0]!.height - 1
    while (bestOf(chain).height > forkHeight) change.disconnected.push(disconnect(chain))
    for (const block of branch) {
      if (tryConnect(chain, block, isVerified)) break
      change.connected.push(block)
    }
  }
  return change
}

function candidate(chain: Chain): StoredBlock {
  const best = bestOf(chain)
  const ahead = [...chain.blocks.values()].filter(block => block.height > best.height)
  ahead.sort((a, b) => b.height - a.height || a.sequence - b.sequence)
  return ahead.find(block => isValidBranch(chain, block)) ?? best
}

function isValidBranch(chain: Chain, block: StoredBlock): boolean {
  for (let at: StoredBlock | undefined = block; at && !isActive(chain, at); at = chain.blocks.get(at.parent))
    if (at.isInvalid) return false
  return true
}

function disconnect(chain: Chain): StoredBlock {
  const left = chain.active.pop()!
  chain.coins.restore(left.undo)
  left.undo = []
  return left
}

function tryConnect(chain: Chain, stored: StoredBlock, isVerified: IsVerified): Error | null {
  try {
    connect(chain, stored, isVerified)
    return null
  } catch (error) {
    chain.coins.restore(stored.undo)
    stored.undo = []
    stored.isInvalid = true
    return error as Error
  }
}

function connect(chain: Chain, stored: StoredBlock, isVerified: IsVerified): void {
  let balanceSat = subsidyAt(chain, stored.height)
  for (const [position, transaction] of stored.block.transactions!.entries()) {
    if (position > 0 && !stored.isChecked && !isVerified(transaction)) verifyScripts(chain, transaction)
    balanceSat += chain.coins.spend(transaction, stored.height, position === 0, stored.undo)
  }
  if (balanceSat < 0n) throw new Error('bad-cb-amount')
  stored.isChecked = true
  chain.active.push(stored)
}

function verifyScripts(chain: Chain, transaction: Transaction): void {
  const spent = transaction.ins.map(input => chain.coins.get(inputKey(input)))
  if (spent.some(coin => !coin)) throw new Error('bad-txns-inputs-missingorspent')
  for (const index of transaction.ins.keys()) {
    const error = verifyInput(transaction, index, spent as UnspentCoin[])
    const reason = error === BAD_SIGNATURE ? FALSE_RESULT : error
    if (reason !== null) throw new Error(`non-mandatory-script-verify-flag (${reason})`)
  }
}
