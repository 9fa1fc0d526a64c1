/** The actions of the node's RPC, as nano_node V27 answers them (`nano/node/json_handler.cpp`). */
import { canonical } from '../../../adapters/nano/address.ts'
import { hashOf, stateBlock, ZERO_HASH } from '../../../adapters/nano/block.ts'
import { difficultyOf, workText } from '../../../adapters/nano/work-search.ts'
import {
  balanceOf,
  blockAnswer,
  historyAnswer,
  isAddress,
  listAnswer,
  mapAnswer,
  receivablesOf,
  receivableSum,
  type RpcValue,
} from './answers.ts'
import type { NanoFaults } from './faults.ts'
import type { LatticeBlock, SignedBlock } from './block.ts'
import type { Lattice, BlockRefusal } from './lattice.ts'

/** What is answered as `error`. */
export class ActionFailure extends Error {}

/** What the actions work on. */
export interface NanoNodeState {
  lattice: Lattice
  faults: NanoFaults
  /** Takes a block, or says why not. */
  take: (block: SignedBlock) => BlockRefusal | null
  work: (root: string, threshold: bigint) => bigint
  /** Milliseconds. */
  now: () => number
}

type Body = Readonly<Record<string, unknown>>
type Action = (node: NanoNodeState, body: Body) => { [key: string]: RpcValue }

const isSet = (body: Body, name: string, otherwise = false): boolean =>
  body[name] === undefined ? otherwise : body[name] === true || body[name] === 'true' || body[name] === '1'
const HASH = /^[0-9A-Fa-f]{64}$/
const ALL = Number.MAX_SAFE_INTEGER

function textIn(body: Body, name: string): string {
  const value = body[name]
  if (typeof value !== 'string') throw new ActionFailure('Unable to parse JSON')
  return value
}

function accountIn({ lattice }: NanoNodeState, text: string): string {
  if (!isAddress(text, lattice.network)) throw new ActionFailure('Bad account number')
  return canonical(text, lattice.network)
}

function hashIn(body: Body, name = 'hash'): string {
  const text = textIn(body, name)
  if (!HASH.test(text)) throw new ActionFailure('Invalid block hash')
  return text.toUpperCase()
}

function numberIn(body: Body, name: string, otherwise: number): number {
  const value = body[name]
  if (value === undefined) return otherwise
  const read = Number(value)
  if (!Number.isSafeInteger(read) || read < 0) throw new ActionFailure('Invalid count limit')
  return read
}

function listIn(body: Body, name: string): string[] {
  const value = body[name]
  return Array.isArray(value) ? value.map(String) : []
}

function knownIn({ lattice }: NanoNodeState, hash: string): LatticeBlock {
  const known = lattice.blocks.get(hash)
  if (known === undefined) throw new ActionFailure('Block not found')
  return known
}

function weightOf(lattice: Lattice, account: string): bigint {
  const heads = [...lattice.accounts.keys()].map(address => lattice.head(address)!)
  return heads.reduce((sum, { block, balance }) => (block.representative === account ? sum + balance : sum), 0n)
}

/** Of accounts that are asked for together, those that cannot be answered are named apart. */
function eachAccount(
  node: NanoNodeState,
  body: Body,
  name: string,
  answer: (account: string) => RpcValue,
): { [key: string]: RpcValue } {
  const found: [string, RpcValue][] = []
  const errors: [string, RpcValue][] = []
  for (const text of listIn(body, 'accounts')) {
    try {
      found.push([text, answer(accountIn(node, text))])
    } catch (error) {
      if (!(error instanceof ActionFailure)) throw error
      errors.push([text, error.message])
    }
  }
  return {
    ...(found.length === 0 ? {} : { [name]: mapAnswer(found) }),
    ...(errors.length === 0 ? {} : { errors: mapAnswer(errors) }),
  }
}

const headIn = ({ lattice }: NanoNodeState, account: string): LatticeBlock => {
  const head = lattice.head(account)
  if (head === undefined) throw new ActionFailure('Account not found')
  return head
}

const accountInfo: Action = (node, body) => {
  const { lattice } = node
  const account = accountIn(node, textIn(body, 'account'))
  const head = headIn(node, account)
  const confirmed = lattice.confirmedHead(account)
  const [height, frontier] = [String(confirmed?.height ?? 0), confirmed?.hash ?? ZERO_HASH]
  const withConfirmed = isSet(body, 'include_confirmed')
  const receivable = String(receivableSum(lattice, account, false))
  const confirmedReceivable = String(receivableSum(lattice, account, true))
  return {
    frontier: head.hash,
    open_block: lattice.accounts.get(account)!.chain[0]!,
    representative_block: head.hash,
    balance: String(head.balance),
    ...(withConfirmed ? { confirmed_balance: String(confirmed?.balance ?? 0n) } : {}),
    modified_timestamp: String(head.timestamp),
    block_count: String(head.height),
    account_version: '2',
    ...(withConfirmed
      ? { confirmed_height: height, confirmed_frontier: frontier }
      : { confirmation_height: height, confirmation_height_frontier: frontier }),
    ...(isSet(body, 'representative') ? { representative: head.block.representative } : {}),
    ...(isSet(body, 'representative') && withConfirmed
      ? { confirmed_representative: confirmed?.block.representative ?? head.block.representative }
      : {}),
    ...(isSet(body, 'weight') ? { weight: String(weightOf(lattice, account)) } : {}),
    ...(isSet(body, 'receivable') ? { pending: receivable, receivable } : {}),
    ...(isSet(body, 'receivable') && withConfirmed
      ? { confirmed_pending: confirmedReceivable, confirmed_receivable: confirmedReceivable }
      : {}),
  }
}

/** From `head` on, or from an end of the account's chain. */
const accountHistory: Action = (node, body) => {
  const { lattice, faults } = node
  const isReverse = isSet(body, 'reverse')
  const start = body['head'] === undefined ? null : knownIn(node, hashIn(body, 'head'))
  const account = start?.block.account ?? accountIn(node, textIn(body, 'account'))
  const chain = [...(lattice.accounts.get(account)?.chain ?? [])].slice(faults.prunedHeight)
  if (isReverse && chain.length === 0) throw new ActionFailure('Account not found')
  const ordered = isReverse ? chain : chain.reverse()
  const from = start === null ? 0 : ordered.indexOf(start.hash)
  const left = from < 0 ? [] : ordered.slice(from + numberIn(body, 'offset', 0))
  const history: RpcValue[] = []
  const count = numberIn(body, 'count', ALL)
  let next: string | undefined
  for (const hash of left) {
    next = hash
    if (history.length === count) break
    const entry = historyAnswer(lattice.blocks.get(hash)!, lattice, isSet(body, 'raw'))
    if (entry !== null) history.push(entry)
    next = undefined
  }
  return {
    account,
    history: listAnswer(history),
    ...(next === undefined ? {} : { [isReverse ? 'next' : 'previous']: next }),
  }
}

/** In the order of their hashes; sorted, the largest come first. */
function receivables(node: NanoNodeState, body: Body, account: string, offset: number): RpcValue {
  const count = numberIn(body, 'count', ALL)
  const threshold = BigInt(body['threshold'] === undefined ? 0 : textIn(body, 'threshold'))
  const isSorted = isSet(body, 'sorting')
  const withSource = isSet(body, 'source')
  const all = receivablesOf(node.lattice, account, isSet(body, 'include_only_confirmed', true))
  if (!withSource && !isSorted && threshold === 0n)
    return listAnswer(all.slice(offset, offset + count).map(([hash]) => hash))
  const large = all.filter(([, { amount }]) => amount >= threshold)
  const ordered = isSorted
    ? large.sort(([, a], [, b]) => (a.amount > b.amount ? -1 : a.amount < b.amount ? 1 : 0))
    : large
  return mapAnswer(
    ordered
      .slice(offset, offset + count)
      .map(([hash, { amount, source }]) => [hash, withSource ? { amount: String(amount), source } : String(amount)]),
  )
}

const receivable: Action = (node, body) => ({
  blocks: receivables(node, body, accountIn(node, textIn(body, 'account')), numberIn(body, 'offset', 0)),
})

/** `sorting` sorts what was chosen without it. */
const accountsReceivable: Action = (node, body) => {
  const found = listIn(body, 'accounts').map(text => {
    const account = accountIn(node, text)
    return [account, receivables(node, { ...body, sorting: 'false' }, account, 0)] as const
  })
  return { blocks: mapAnswer(found.filter(([, blocks]) => blocks !== '')) }
}

const blockInfo: Action = (node, body) =>
  blockAnswer(knownIn(node, hashIn(body)), node.lattice.network, isSet(body, 'json_block'))

function blockExtras({ lattice }: NanoNodeState, body: Body, known: LatticeBlock): { [key: string]: RpcValue } {
  const { hash, subtype, block } = known
  const receiver = subtype === 'send' ? [...lattice.accounts.values()].flatMap(({ chain }) => chain) : []
  const received = receiver.find(each => {
    const other = lattice.blocks.get(each)!
    return other.subtype === 'receive' && other.block.link === hash
  })
  const isOpen = subtype === 'send' && received === undefined ? '1' : '0'
  return {
    ...(isSet(body, 'receivable') ? { pending: isOpen, receivable: isOpen } : {}),
    ...(isSet(body, 'receive_hash') ? { receive_hash: received ?? ZERO_HASH } : {}),
    ...(isSet(body, 'source')
      ? { source_account: subtype === 'receive' ? lattice.blocks.get(block.link)!.block.account : '0' }
      : {}),
  }
}

const blocksInfo: Action = (node, body) => {
  const { lattice } = node
  const hashes = listIn(body, 'hashes')
  if (hashes.some(hash => !HASH.test(hash))) throw new ActionFailure('Invalid block hash')
  const missing = hashes.filter(hash => !lattice.blocks.has(hash))
  if (missing.length > 0 && !isSet(body, 'include_not_found')) throw new ActionFailure('Block not found')
  const found = hashes.flatMap(hash => lattice.blocks.get(hash) ?? [])
  const answer = (known: LatticeBlock) => ({
    ...blockAnswer(known, lattice.network, isSet(body, 'json_block')),
    ...blockExtras(node, body, known),
  })
  return {
    blocks: mapAnswer(found.map(known => [known.hash, answer(known)])),
    ...(isSet(body, 'include_not_found') ? { blocks_not_found: listAnswer(missing) } : {}),
  }
}

const WORK = /^[0-9a-f]{1,16}$/
const HEX = /^[0-9A-Fa-f]{1,128}$/

function blockIn({ lattice }: NanoNodeState, body: Body): SignedBlock {
  const isJson = isSet(body, 'json_block')
  const given: unknown = isJson ? body['block'] : parsed(body['block'])
  const { signature, work, link_as_account: _, ...rest } = Object(given) as Record<string, unknown>
  const block = stateBlock.safeParse(rest)
  const addresses = block.success ? [block.data.account, block.data.representative] : []
  const isRight =
    block.success &&
    addresses.every(address => isAddress(address, lattice.network)) &&
    [signature, work].every(field => typeof field === 'string') &&
    HEX.test(String(signature)) &&
    WORK.test(String(work))
  if (!isRight) throw new ActionFailure('Block is invalid')
  return {
    ...block.data,
    account: canonical(block.data.account, lattice.network),
    signature: String(signature).padStart(128, '0'),
    work: String(work).padStart(16, '0'),
  }
}

function parsed(text: unknown): unknown {
  try {
    return typeof text === 'string' ? (JSON.parse(text) as unknown) : null
  } catch {
    return null
  }
}

/** The caller's word for what the block does, against the account's present balance and not that of its previous block. */
function checkSubtype({ lattice }: NanoNodeState, subtype: string, { previous, account, balance }: SignedBlock): void {
  if (previous !== ZERO_HASH && !lattice.blocks.has(previous)) throw new ActionFailure('Gap previous block')
  const before = lattice.head(account)?.balance ?? 0n
  const after = BigInt(balance)
  const wrongBalance = 'Invalid block balance for given subtype'
  const wrongPrevious = 'Invalid previous block for given subtype'
  const refuse = (isWrong: boolean, why: string) => {
    if (isWrong) throw new ActionFailure(why)
  }
  switch (subtype) {
    case 'send':
      return refuse(before <= after, wrongBalance)
    case 'receive':
      return refuse(before > after, wrongBalance)
    case 'open':
      return refuse(previous !== ZERO_HASH, wrongPrevious)
    case 'change':
      refuse(before !== after, wrongBalance)
      return refuse(previous === ZERO_HASH, wrongPrevious)
    default:
      throw new ActionFailure('Invalid block subtype')
  }
}

const process: Action = (node, body) => {
  const block = blockIn(node, body)
  const { subtype } = body
  if (typeof subtype === 'string' && subtype !== '') checkSubtype(node, subtype, block)
  const refusal = node.take(block)
  if (refusal === 'Block work is less than threshold') throw new ActionFailure(refusal)
  if (isSet(body, 'async')) return { started: '1' }
  if (refusal !== null) throw new ActionFailure(refusal)
  return { hash: hashOf(block, node.lattice.network) }
}

const TWO_64 = 1n << 64n
/** `max_work_generate_multiplier`. */
const MAXIMUM_MULTIPLIER = 64n

/** How many times as hard as a send's. */
const multiplierOf = (base: bigint, difficulty: bigint): string =>
  (Number(TWO_64 - base) / Number(TWO_64 - difficulty)).toFixed(15)

const workGenerate: Action = ({ lattice, work }, body) => {
  const hash = hashIn(body)
  const { send, receive } = lattice.network.work
  const difficulty = body['difficulty'] === undefined ? send : BigInt(`0x${textIn(body, 'difficulty')}`)
  const hardest = TWO_64 - (TWO_64 - send) / MAXIMUM_MULTIPLIER
  if (difficulty > hardest || difficulty < receive)
    throw new ActionFailure('Difficulty above config limit or below publish threshold')
  const found = work(hash, difficulty)
  const worth = difficultyOf(Buffer.from(hash, 'hex'), found)
  return { hash, work: workText(found), difficulty: workText(worth), multiplier: multiplierOf(send, worth) }
}

const workValidate: Action = ({ lattice }, body) => {
  const { send, receive } = lattice.network.work
  const worth = difficultyOf(Buffer.from(hashIn(body), 'hex'), BigInt(`0x${textIn(body, 'work')}`))
  const flag = (is: boolean) => (is ? '1' : '0')
  return {
    ...{ valid_all: flag(worth >= send), valid_receive: flag(worth >= receive) },
    ...{ difficulty: workText(worth), multiplier: multiplierOf(send, worth) },
  }
}

const blockCount: Action = ({ lattice }) => ({
  count: String(lattice.blocks.size),
  unchecked: '0',
  cemented: String(lattice.confirmedCount()),
})

const version: Action = ({ lattice }) => ({
  ...{ rpc_version: '1', store_version: '24', protocol_version: '21', node_vendor: 'Nano V27.1' },
  ...{ store_vendor: 'LMDB 0.9.70', network: 'dev', network_identifier: lattice.network.genesis },
  build_info: '75f1479b5 "GNU C++ version " "12.2.0" "BOOST 108100" BUILT "Nov 22 2026"',
})

const telemetry: Action = ({ lattice, faults, now }) => ({
  block_count: String(lattice.blocks.size + faults.behindBlocks),
  cemented_count: String(lattice.confirmedCount() + faults.behindBlocks),
  ...{ unchecked_count: '0', account_count: String(lattice.accounts.size), bandwidth_cap: '10485760', peer_count: '0' },
  ...{ protocol_version: '21', uptime: '97', genesis_block: lattice.network.genesis },
  ...{ major_version: '27', minor_version: '1', patch_version: '0', pre_release_version: '0', maker: '0' },
  timestamp: String(now()),
  active_difficulty: workText(lattice.network.work.send),
  ...{ node_id: 'node_1bc7h18pzs6bx1rhfferg7g68jya7wz5r85oje979q6g7rgwnbreej6rkc83', signature: '0'.repeat(128) },
})

/** By name. What is not here is answered as an unknown command. */
export const NANO_ACTIONS: Readonly<Partial<Record<string, Action>>> = {
  account_info: accountInfo,
  account_history: accountHistory,
  account_balance: (node, body) =>
    balanceOf(node.lattice, accountIn(node, textIn(body, 'account')), isSet(body, 'include_only_confirmed', true)),
  accounts_balances: (node, body) =>
    eachAccount(node, body, 'balances', account =>
      balanceOf(node.lattice, account, isSet(body, 'include_only_confirmed', true)),
    ),
  accounts_frontiers: (node, body) => eachAccount(node, body, 'frontiers', account => headIn(node, account).hash),
  accounts_representatives: (node, body) =>
    eachAccount(node, body, 'representatives', account => headIn(node, account).block.representative),
  accounts_receivable: accountsReceivable,
  receivable,
  pending: (node, body) => ({ deprecated: '1', ...receivable(node, body) }),
  block_info: blockInfo,
  blocks_info: blocksInfo,
  block_account: (node, body) => ({ account: knownIn(node, hashIn(body)).block.account }),
  block_confirm: (node, body) => {
    knownIn(node, hashIn(body))
    return { started: '1' }
  },
  block_count: blockCount,
  block_hash: (node, body) => ({ hash: hashOf(blockIn(node, body), node.lattice.network) }),
  frontier_count: ({ lattice }) => ({ count: String(lattice.accounts.size) }),
  process,
  telemetry,
  validate_account_number: (node, body) => ({
    valid: isAddress(textIn(body, 'account'), node.lattice.network) ? '1' : '0',
  }),
  version,
  work_generate: workGenerate,
  work_validate: workValidate,
}
