/**
 * Where the money is. An account's whole balance stands behind its last block; what was signed on top of that is built on before it is
 * confirmed, block by block, because each names the one before.
 */
import { attemptId, isIdOf, type IdOf } from '../../machines/ids.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import { isKind, type Instance, type InstanceOf } from '../../src/kernel/entry.ts'
import { facetOf, transactionFacet } from '../../src/kernel/facets.ts'
import { committedBy } from '../accounts.ts'
import type { BookMemory, Worth } from '../book-memory.ts'
import type { SourceAccount } from '../adapter.ts'
import type { AssetBalance, BookView } from '../book.ts'
import { ZERO_HASH, type StateBlock } from './block.ts'
import { frontierKey, readKey } from './key.ts'
import type { Draft } from './template.ts'

/** So many blocks of one account may wait to be confirmed: each can be sent again, in its order. */
export const PIPELINE_MAXIMUM = 16

/** A send that can be received now. */
export interface Receivable {
  hash: string
  amount: bigint
}

/** Why nothing may be built on an account's last block now. */
export interface Obstacle {
  reason: string
  /** When to look again, in milliseconds; null for with the next round. */
  againMs: number | null
}

/** What may be spent of one account, as the ledger knows it. */
export interface LatticeFunds {
  /** The block behind which the next one goes; 64 zeros where there is none. */
  previous: string
  /** That block, where it is one that is under way here; else it is the node's to tell. */
  block: StateBlock | null
  /** Raw; after that block. */
  balance: bigint
  /** Its last confirmed block that was read, and those of ours on top of it, in their order. */
  chain: readonly string[]
  obstacle: Obstacle | null
  /** Largest first. */
  receivables: readonly Receivable[]
  /** Raw; what other accounts of ours hold, which will be swept. */
  elsewhere: bigint
}

/** A template as its block and that block's hash. */
export type ReadTemplate = (template: InstanceOf<'attempt'>['context']['template']) => Pick<Draft, 'block' | 'hash'>

/** Coins of one account that nobody has spent: its place in its chain, and what it can receive. */
export const accountCoinFacet = (chain: string, index: number) => facetOf(['coin'], 'account-coin', `${chain}|${index}`)

/** In a block, and not spent in one. */
const isThere = ({ context: { place, spent } }: InstanceOf<'coin'>): boolean => place !== null && spent === null

const coinsOf = ({ memory, policy }: Pick<BookView, 'memory' | 'policy'>, index: number): InstanceOf<'coin'>[] =>
  memory
    .find(accountCoinFacet(policy.name, index))
    .flatMap(id => memory.get(id) ?? [])
    .filter(isThere)

function attemptOn(memory: BookMemory, holder: IdOf<'transfer'>): InstanceOf<'attempt'> | undefined {
  const { attempts = 0 } = memory.get(holder)?.context ?? {}
  return attempts === 0 ? undefined : memory.get(attemptId(holder, attempts))
}

/** The signer answers in a moment, or a person has to approve. */
const UNSIGNED: Obstacle = { reason: 'its last block is not signed yet', againMs: 300 }
/** The round that confirms one of them says so. */
const FULL: Obstacle = { reason: `${PIPELINE_MAXIMUM} of its blocks wait to be confirmed`, againMs: null }
const LATER_MS = 2000

/** Only what is signed is built on, and what no node refuses: else all that is behind it would wait for ever. */
function obstacleOf({ context }: InstanceOf<'attempt'>): Obstacle | null {
  if (context.transactionId === null) return UNSIGNED
  return context.reason === null ? null : { reason: `its last block waits: ${context.reason}`, againMs: LATER_MS }
}

interface Tail {
  previous: string
  block: StateBlock | null
  chain: string[]
  obstacle: Obstacle | null
}

/** From the last confirmed block up, block by block, through what holds the place behind each. */
function follow(view: BookView, address: string, confirmed: string, read: ReadTemplate): Tail {
  const { memory, policy } = view
  const tail: Tail = { previous: confirmed, block: null, chain: [confirmed], obstacle: null }
  for (;;) {
    const holder = memory.holder(frontierKey(policy.name, address, tail.previous))
    if (holder === undefined || !isIdOf(['transfer'], holder)) return tail
    const attempt = attemptOn(memory, holder)
    if (attempt === undefined) return { ...tail, obstacle: UNSIGNED }
    const { block, hash } = read(attempt.context.template)
    const obstacle = tail.chain.length >= PIPELINE_MAXIMUM ? FULL : obstacleOf(attempt)
    tail.chain.push(hash)
    tail.previous = hash
    tail.block = block
    if (obstacle !== null) return { ...tail, obstacle }
  }
}

const sumOf = (coins: readonly InstanceOf<'coin'>[]): bigint =>
  coins.reduce((sum, { context }) => sum + BigInt(context.amount), 0n)

/** Whatever is there, reserved or not: so that it is summed up once and not for each plan. */
export const worthOfCoin = (instance: Instance): Omit<Worth, 'instance'> | null =>
  isKind(instance, 'coin') && isThere(instance) ? { amount: BigInt(instance.context.amount), isReady: true } : null

/** What `source` may spend now. */
export function fundsOf(view: BookView, { index, address }: SourceAccount, read: ReadTemplate): LatticeFunds {
  const { memory, policy } = view
  const coins = coinsOf(view, index)
  const sorted = coins.map(coin => ({ coin, ...readKey(policy.name, coin.context.key) }))
  const frontier = sorted.find(({ sort }) => sort === 'frontier')
  const tail = follow(view, address, frontier?.hash ?? ZERO_HASH, read)
  const free = sorted.filter(({ sort, coin }) => sort === 'receivable' && memory.holder(coin.context.key) === undefined)
  return {
    ...tail,
    balance: BigInt(tail.block?.balance ?? frontier?.coin.context.amount ?? 0),
    receivables: free
      .map(({ hash, coin }) => ({ hash, amount: BigInt(coin.context.amount) }))
      .sort((a, b) => (a.amount > b.amount ? -1 : a.amount < b.amount ? 1 : 0)),
    elsewhere: memory.worths(policy.name).ready - sumOf(coins),
  }
}

/** What is sent and not received is ours all the same. */
export function latticeBalances(view: Omit<BookView, 'at'>): AssetBalance[] {
  const { memory, policy } = view
  const { ready } = memory.worths(policy.name)
  const reserved = committedBy(view, null).get(policy.asset) ?? 0n
  return [{ asset: policy.asset, confirmed: String(ready), pending: '0', reserved: String(reserved) }]
}

/** Signed blocks of ours that are in no round yet and on which one with these keys stands, oldest first. */
export function blocksBefore(memory: BookMemory, chain: string, keys: readonly SpendKey[]): string[] {
  const parents: string[] = []
  let wanted: readonly SpendKey[] = keys
  for (let depth = 0; depth < PIPELINE_MAXIMUM; depth++) {
    const place = wanted.map(key => readKey(chain, key)).find(({ sort }) => sort === 'frontier')
    const id = place === undefined ? undefined : memory.one(transactionFacet(chain, place.hash))
    const attempt = id === undefined ? undefined : memory.get(id)
    if (attempt === undefined || attempt.context.place !== null || attempt.context.raw === null) break
    parents.unshift(attempt.context.raw)
    wanted = attempt.context.spendKeys
  }
  return parents
}
