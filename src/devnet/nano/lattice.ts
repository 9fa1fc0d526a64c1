/**
 * A block lattice in memory, by the rules of nano_node: each account has a chain of its own, and a send is receivable until a block of its
 * receiver takes it. Nothing here knows of time or of RPC. Source of the rules, in their order: `nano/secure/ledger_processor.cpp`.
 */
import { addressOf, accountKeyOf } from '../../../adapters/nano/address.ts'
import { hashOf, ZERO_HASH, type StateBlock } from '../../../adapters/nano/block.ts'
import { verify } from '../../../adapters/nano/ed25519.ts'
import type { Network } from '../../../adapters/nano/network.ts'
import { difficultyOf } from '../../../adapters/nano/work-search.ts'
import { upperHex } from '../../../adapters/hex.ts'
import type { LatticeBlock, SignedBlock, Subtype } from './block.ts'
import { EPOCH_LINKS, genesisAccount } from './genesis.ts'

interface Account {
  address: string
  /** In their order. */
  chain: string[]
  confirmedHeight: number
}

export interface WaitingSend {
  amount: bigint
  /** Who has sent it. */
  source: string
}

/** In the words of the node's RPC. */
export type BlockRefusal =
  | 'Old block'
  | 'Bad signature'
  | 'Fork'
  | 'Gap previous block'
  | 'Gap source block'
  | 'Unreceivable'
  | 'Balance and amount delta do not match'
  | 'Block work is less than threshold'
  | 'Block work is insufficient'
  | 'Block attempts to open the burn account'

/** All addresses are canonical. */
export interface Lattice {
  readonly network: Network
  readonly blocks: ReadonlyMap<string, LatticeBlock>
  readonly accounts: ReadonlyMap<string, Account>
  /** By receiver, then by the send's hash. */
  receivable(address: string): ReadonlyMap<string, WaitingSend>
  head(address: string): LatticeBlock | undefined
  confirmedHead(address: string): LatticeBlock | undefined
  /** Unconfirmed, as they came. */
  readonly unconfirmed: ReadonlySet<string>
  confirmedCount(): number
  /** Takes the block, or says why not. `isTrusted`: made by the caller, so that nothing needs to be verified. */
  process(block: SignedBlock, timestamp: number, isTrusted?: boolean): BlockRefusal | null
  /** With all that it stands on. Answers what was confirmed by it. */
  confirm(hash: string): string[]
  /** With all that stands on it; what is confirmed stays. Answers what has gone. */
  rollBack(hash: string): string[]
}

const BURN_KEY = '0'.repeat(64)

interface Workings {
  network: Network
  blocks: Map<string, LatticeBlock>
  accounts: Map<string, Account>
  receivables: Map<string, Map<string, WaitingSend>>
  unconfirmed: Set<string>
  confirmedCount: number
}

const keyOf = ({ network }: Workings, address: string): string => upperHex(accountKeyOf(address, network))
const NOTHING: ReadonlyMap<string, WaitingSend> = new Map()

function headOf({ accounts, blocks }: Workings, address: string): LatticeBlock | undefined {
  const last = accounts.get(address)?.chain.at(-1)
  return last === undefined ? undefined : blocks.get(last)
}

function isSigned(workings: Workings, block: SignedBlock, hash: string): boolean {
  const isEpoch = EPOCH_LINKS.includes(block.link)
  const signer = isEpoch ? genesisAccount(workings.network) : block.account
  return verify(Buffer.from(block.signature, 'hex'), Buffer.from(hash, 'hex'), accountKeyOf(signer, workings.network))
}

const worthOf = (workings: Workings, { account, previous, work }: SignedBlock): bigint => {
  const root = previous === ZERO_HASH ? keyOf(workings, account) : previous
  return difficultyOf(Buffer.from(root, 'hex'), BigInt(`0x${work}`))
}

/** What it does on top of the account's head, or why it can do nothing. */
function judge(workings: Workings, block: SignedBlock): { subtype: Subtype; amount: bigint } | BlockRefusal {
  const { blocks, receivables } = workings
  const head = headOf(workings, block.account)
  if (keyOf(workings, block.account) === BURN_KEY) return 'Block attempts to open the burn account'
  if (head !== undefined) {
    if (block.previous === ZERO_HASH) return 'Fork'
    if (!blocks.has(block.previous)) return 'Gap previous block'
    if (head.hash !== block.previous) return 'Fork'
  } else if (block.previous !== ZERO_HASH) return 'Gap previous block'
  else if (block.link === ZERO_HASH) return 'Gap source block'
  const before = head?.balance ?? 0n
  const after = BigInt(block.balance)
  if (after < before) return { subtype: 'send', amount: before - after }
  if (after === before && EPOCH_LINKS.includes(block.link)) return { subtype: 'epoch', amount: 0n }
  if (block.link === ZERO_HASH)
    return after === before ? { subtype: 'change', amount: 0n } : 'Balance and amount delta do not match'
  if (!blocks.has(block.link)) return 'Gap source block'
  const receivable = receivables.get(block.account)?.get(block.link)
  if (receivable === undefined) return 'Unreceivable'
  const amount = after - before
  return receivable.amount === amount ? { subtype: 'receive', amount } : 'Balance and amount delta do not match'
}

const destinationOf = ({ network }: Workings, { link }: StateBlock): string =>
  addressOf(Buffer.from(link, 'hex'), network)

function put(workings: Workings, address: string, hash: string, receivable: WaitingSend): void {
  const its = workings.receivables.get(address) ?? new Map<string, WaitingSend>()
  workings.receivables.set(address, its.set(hash, receivable))
}

function append(workings: Workings, block: LatticeBlock): void {
  const { blocks, accounts, unconfirmed, receivables } = workings
  const { account: address, link } = block.block
  const account = accounts.get(address) ?? { address, chain: [], confirmedHeight: 0 }
  const previous = account.chain.at(-1)
  if (previous !== undefined) blocks.get(previous)!.successor = block.hash
  account.chain.push(block.hash)
  accounts.set(address, account)
  blocks.set(block.hash, block)
  unconfirmed.add(block.hash)
  if (block.subtype === 'send')
    put(workings, destinationOf(workings, block.block), block.hash, { amount: block.amount, source: address })
  if (block.subtype === 'receive') receivables.get(address)?.delete(link)
}

function process(workings: Workings, block: SignedBlock, timestamp: number, isTrusted = false): BlockRefusal | null {
  const { network, blocks } = workings
  const hash = hashOf(block, network)
  const worth = isTrusted ? network.work.send : worthOf(workings, block)
  if (worth < network.work.receive) return 'Block work is less than threshold'
  if (blocks.has(hash)) return 'Old block'
  if (!isTrusted && !isSigned(workings, block, hash)) return 'Bad signature'
  const judged = judge(workings, block)
  if (typeof judged === 'string') return judged
  if (worth < (judged.subtype === 'send' || judged.subtype === 'change' ? network.work.send : network.work.receive))
    return 'Block work is insufficient'
  const height = (headOf(workings, block.account)?.height ?? 0) + 1
  append(workings, {
    ...{ hash, block, ...judged, balance: BigInt(block.balance), height },
    ...{ successor: null, confirmed: false, timestamp },
  })
  return null
}

/** A block is confirmed with its whole chain below it, and a receive with what it receives. */
function confirm(workings: Workings, hash: string): string[] {
  const { blocks, accounts, unconfirmed } = workings
  const confirmed: string[] = []
  const waiting = [hash]
  for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
    const known = blocks.get(next)
    const below =
      known === undefined ? [] : [known.block.previous, ...(known.subtype === 'receive' ? [known.block.link] : [])]
    const open = below.filter(each => blocks.get(each)?.confirmed === false)
    if (open.length > 0) {
      waiting.push(...open)
      continue
    }
    waiting.pop()
    if (known === undefined || known.confirmed) continue
    known.confirmed = true
    unconfirmed.delete(next)
    accounts.get(known.block.account)!.confirmedHeight = known.height
    workings.confirmedCount++
    confirmed.push(next)
  }
  return confirmed
}

function remove(workings: Workings, known: LatticeBlock): void {
  const { blocks, accounts, unconfirmed, receivables } = workings
  const { hash, block, subtype, amount } = known
  const account = accounts.get(block.account)!
  account.chain.pop()
  if (account.chain.length === 0) accounts.delete(block.account)
  const previous = blocks.get(block.previous)
  if (previous !== undefined) previous.successor = null
  blocks.delete(hash)
  unconfirmed.delete(hash)
  if (subtype === 'send') receivables.get(destinationOf(workings, block))?.delete(hash)
  const source = subtype === 'receive' ? blocks.get(block.link) : undefined
  if (source !== undefined) put(workings, block.account, block.link, { amount, source: source.block.account })
}

function rollBack(workings: Workings, hash: string): string[] {
  const { blocks } = workings
  const gone: string[] = []
  const waiting = [hash]
  for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
    const known = blocks.get(next)
    if (known === undefined || known.confirmed) {
      waiting.pop()
      continue
    }
    const receiver = known.subtype === 'send' ? receiverOf(workings, known) : undefined
    const above = known.successor ?? receiver
    if (above !== undefined) {
      waiting.push(above)
      continue
    }
    waiting.pop()
    remove(workings, known)
    gone.push(next)
  }
  return gone
}

/** The block that has received it. */
function receiverOf(workings: Workings, { hash, block }: LatticeBlock): string | undefined {
  const { accounts, blocks } = workings
  const chain = accounts.get(destinationOf(workings, block))?.chain ?? []
  return chain.find(each => blocks.get(each)?.subtype === 'receive' && blocks.get(each)?.block.link === hash)
}

/** The lattice of the development network, with its genesis. */
export function createLatticeOf(network: Network, genesis: readonly LatticeBlock[]): Lattice {
  const workings: Workings = {
    ...{ network, blocks: new Map(), accounts: new Map(), receivables: new Map() },
    ...{ unconfirmed: new Set(), confirmedCount: 0 },
  }
  for (const block of genesis) append(workings, { ...block })
  for (const { hash } of genesis) confirm(workings, hash)
  return {
    network,
    blocks: workings.blocks,
    accounts: workings.accounts,
    unconfirmed: workings.unconfirmed,
    receivable: address => workings.receivables.get(address) ?? NOTHING,
    head: address => headOf(workings, address),
    confirmedHead(address) {
      const account = workings.accounts.get(address)
      const hash = account?.chain[account.confirmedHeight - 1]
      return hash === undefined ? undefined : workings.blocks.get(hash)
    },
    confirmedCount: () => workings.confirmedCount,
    process: (block, timestamp, isTrusted) => process(workings, block, timestamp, isTrusted),
    confirm: hash => confirm(workings, hash),
    rollBack: hash => rollBack(workings, hash),
  }
}
