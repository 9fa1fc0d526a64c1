/**
 * The simulated node's blocks. Each is run when it joins the canonical chain and undone when it leaves; which of them is the
 * head is said from outside, as a consensus client says it to a real node.
 */
import {
  commitmentsOf,
  nextBaseFee,
  receiptsOf,
  sealBlock,
  type EthereumBlock,
  type EthereumHeader,
  type ExecutionReceipt,
  type ValidatorWithdrawal,
} from './block.ts'
import { hashOfBytes, joined } from './bytes.ts'
import { execute, invalidity, type Execution } from './execution.ts'
import type { BlockContext } from './machine.ts'
import { createState, type StateUndo, type WorldState } from './state.ts'
import type { SignedTransaction } from './transaction.ts'
import { EMPTY_BLOOM, EMPTY_ROOT } from './trie.ts'

/** A block with what running it has shown; receipts are there once it was canonical. */
export interface KnownBlock extends EthereumBlock {
  /** Order of arrival. */
  sequence: number
  receipts: ExecutionReceipt[]
  undo: StateUndo
}

/** Both lists in the order in which it happened. */
export interface HeadChange {
  left: KnownBlock[]
  joined: KnownBlock[]
}

/** An account at the beginning. */
export interface GenesisAccount {
  balance?: bigint
  code?: Uint8Array
  slots?: ReadonlyMap<bigint, bigint>
}

/** What all nodes of a network agree on. */
export interface Genesis {
  chainId: bigint
  /** Seconds. */
  timestamp: number
  baseFee: bigint
  gasLimit: number
  accounts: ReadonlyMap<string, GenesisAccount>
  /** EIP-7708. */
  logsTransfers: boolean
}

/** Everything of it is read by others, and written by the functions of this file only. */
export interface EthereumChain {
  readonly genesis: Genesis
  readonly state: WorldState
  readonly known: Map<string, KnownBlock>
  /** By number. */
  readonly canonical: KnownBlock[]
  /** Where a transaction of the canonical chain is. */
  readonly places: Map<string, { block: KnownBlock; index: number }>
}

const ZERO_HASH = `0x${'0'.repeat(64)}`
const ZERO_ADDRESS = `0x${'0'.repeat(40)}`
const WEI_PER_GWEI = 1_000_000_000n

function genesisBlock(genesis: Genesis, stateRoot: string): EthereumBlock {
  const header = {
    ...{ parentHash: ZERO_HASH, coinbase: ZERO_ADDRESS, stateRoot, transactionsRoot: EMPTY_ROOT },
    ...{ receiptsRoot: EMPTY_ROOT, logsBloom: EMPTY_BLOOM, number: 0, gasLimit: genesis.gasLimit, gasUsed: 0 },
    ...{ timestamp: genesis.timestamp, extraData: new Uint8Array(), randao: ZERO_HASH, baseFee: genesis.baseFee },
    withdrawalsRoot: EMPTY_ROOT,
  }
  return sealBlock(header, [], [])
}

export function createChainOf(genesis: Genesis): EthereumChain {
  const state = createState()
  for (const [address, { balance = 0n, code, slots = new Map<bigint, bigint>() }] of genesis.accounts) {
    state.addBalance(address, balance)
    if (code !== undefined) state.setCode(address, code)
    for (const [slot, value] of slots) state.setSlot(address, slot, value)
  }
  const chain: EthereumChain = { genesis, state, known: new Map(), canonical: [], places: new Map() }
  const first = remember(chain, genesisBlock(genesis, state.rootAfter(hashOfBytes(new Uint8Array()))))
  state.seal()
  chain.canonical.push(first)
  return chain
}

/** The tip of the canonical chain. */
export const headOf = (chain: EthereumChain): KnownBlock => chain.canonical.at(-1)!
export const isCanonical = (chain: EthereumChain, block: KnownBlock): boolean =>
  chain.canonical[block.header.number] === block

function remember(chain: EthereumChain, block: EthereumBlock): KnownBlock {
  const known = { ...block, sequence: chain.known.size, receipts: [], undo: [] }
  chain.known.set(block.hash, known)
  return known
}

/** The parts of a header that are chosen, and not computed. */
export interface BlockTerms {
  coinbase: string
  timestamp: number
  extraData: Uint8Array
}

/** The block after the head as its transactions see it. */
export function nextContext(chain: EthereumChain, { coinbase, timestamp, extraData }: BlockTerms): BlockContext {
  const { genesis, canonical } = chain
  const parent = headOf(chain)
  return {
    ...{ chainId: genesis.chainId, number: parent.header.number + 1, timestamp, coinbase },
    ...{ gasLimit: parent.header.gasLimit, baseFee: nextBaseFee(parent.header) },
    randao: hashOfBytes(joined(Buffer.from(parent.hash.slice(2), 'hex'), extraData)),
    hashAt: number => canonical[number]?.hash ?? null,
    logsTransfers: genesis.logsTransfers,
  }
}

function payWithdrawals(state: WorldState, withdrawals: readonly ValidatorWithdrawal[]): void {
  for (const { address, amountGwei } of withdrawals) state.addBalance(address, amountGwei * WEI_PER_GWEI)
}

interface Ran {
  transactions: SignedTransaction[]
  receipts: ExecutionReceipt[]
}

/** Those that can be run now, in their order; the others are passed over. */
function runAll(state: WorldState, context: BlockContext, candidates: Iterable<SignedTransaction>): Ran {
  const [transactions, executions]: [SignedTransaction[], Execution[]] = [[], []]
  let gasLeft = context.gasLimit
  for (const transaction of candidates) {
    if (invalidity(state, context, transaction, gasLeft) !== null) continue
    const execution = execute(state, context, transaction)
    gasLeft -= execution.gasUsed
    transactions.push(transaction)
    executions.push(execution)
  }
  return { transactions, receipts: receiptsOf(transactions, executions) }
}

function headerFor(
  chain: EthereumChain,
  context: BlockContext,
  terms: BlockTerms,
  ran: Ran,
  withdrawals: ValidatorWithdrawal[],
) {
  const parent = headOf(chain)
  const header: EthereumHeader = {
    ...{ parentHash: parent.hash, coinbase: context.coinbase },
    stateRoot: chain.state.rootAfter(parent.header.stateRoot),
    ...commitmentsOf(ran.receipts, withdrawals),
    ...{ number: context.number, gasLimit: context.gasLimit, timestamp: terms.timestamp },
    ...{ extraData: terms.extraData, randao: context.randao, baseFee: context.baseFee },
  }
  return header
}

function join(chain: EthereumChain, block: KnownBlock, receipts: ExecutionReceipt[]): void {
  block.receipts = receipts
  block.undo = chain.state.seal()
  chain.canonical.push(block)
  for (const [index, { hash }] of block.transactions.entries()) chain.places.set(hash, { block, index })
}

function leave(chain: EthereumChain): KnownBlock {
  const block = chain.canonical.pop()!
  chain.state.undo(block.undo)
  block.undo = []
  for (const { hash } of block.transactions) chain.places.delete(hash)
  return block
}

/** A new head, from those of the candidates that are valid. */
export function produceBlock(
  chain: EthereumChain,
  terms: BlockTerms,
  candidates: Iterable<SignedTransaction>,
  withdrawals: ValidatorWithdrawal[] = [],
): KnownBlock {
  const context = nextContext(chain, terms)
  const ran = runAll(chain.state, context, candidates)
  payWithdrawals(chain.state, withdrawals)
  const header = headerFor(chain, context, terms, ran, withdrawals)
  const block = remember(chain, sealBlock(header, ran.transactions, withdrawals))
  join(chain, block, ran.receipts)
  return block
}

/** Runs it on top of the head and compares all that it claims. Throws, with the state as before. */
function connect(chain: EthereumChain, block: KnownBlock): void {
  const { header, transactions, withdrawals } = block
  const context = nextContext(chain, header)
  try {
    const ran = runAll(chain.state, { ...context, randao: header.randao }, transactions)
    payWithdrawals(chain.state, withdrawals)
    const found = headerFor(chain, { ...context, randao: header.randao }, header, ran, withdrawals)
    if (sealBlock(found, ran.transactions, withdrawals).hash !== block.hash) throw new Error('invalid block')
    join(chain, block, ran.receipts)
  } catch (error) {
    chain.state.undo(chain.state.seal())
    throw error
  }
}

/** A block of another node, which moves no head. Throws with the reason for one that stands on nothing, or is there already. */
export function learnBlock(chain: EthereumChain, block: EthereumBlock): KnownBlock {
  if (chain.known.has(block.hash)) throw new Error('already known block')
  const parent = chain.known.get(block.header.parentHash)
  if (parent === undefined) throw new Error('unknown ancestor')
  if (parent.header.number + 1 !== block.header.number) throw new Error('invalid block number')
  return remember(chain, block)
}

/** The head is said to be this block; a shorter chain may win. Throws, with everything as before, when it is unknown or invalid. */
export function moveHead(chain: EthereumChain, hash: string): HeadChange {
  const target = chain.known.get(hash)
  if (target === undefined) throw new Error('unknown block')
  const branch: KnownBlock[] = []
  let at = target
  for (; !isCanonical(chain, at); at = chain.known.get(at.header.parentHash)!) branch.unshift(at)
  const left: KnownBlock[] = []
  while (headOf(chain) !== at) left.push(leave(chain))
  try {
    for (const block of branch) connect(chain, block)
  } catch (error) {
    while (headOf(chain) !== at) leave(chain)
    for (const block of [...left].reverse()) connect(chain, block)
    throw error
  }
  return { left, joined: branch }
}

export function descendsFrom(chain: EthereumChain, younger: KnownBlock, older: KnownBlock): boolean {
  let at: KnownBlock | undefined = younger
  while (at !== undefined && at.header.number > older.header.number) at = chain.known.get(at.header.parentHash)
  return at === older
}

/** As if the node had never seen the block and what stands on it. Throws when it is canonical. */
export function forgetBlocks(chain: EthereumChain, hash: string): void {
  const lowest = chain.known.get(hash)
  if (lowest === undefined || isCanonical(chain, lowest)) throw new Error('not a branch that was left')
  for (const block of [...chain.known.values()]) if (descendsFrom(chain, block, lowest)) chain.known.delete(block.hash)
}

/** Runs in the state after this canonical block. */
export function stateAfter<Result>(
  chain: EthereumChain,
  block: KnownBlock,
  run: (state: WorldState) => Result,
): Result {
  const later = chain.canonical.slice(block.header.number + 1).map(({ undo }) => undo)
  return chain.state.past(later, () => run(chain.state))
}
