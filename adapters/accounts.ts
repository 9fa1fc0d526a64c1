/** What the books of families have in common where a chain keeps a balance for each account. */
import { accountId, movementId, type IdOf } from '../machines/ids.ts'
import { tell, type Message } from '../machines/messages.ts'
import { heightOf, type Amount, type Delta, type Place } from '../machines/vocabulary.ts'
import { isKind, type InstanceOf } from '../src/kernel/entry.ts'
import { accountFacet } from '../src/kernel/facets.ts'
import type { SourceAccount } from './adapter.ts'
import type { AssetBalance, BookView } from './book.ts'

/** What one transaction changes of one balance of ours. */
export interface Moved {
  /** A fact of the chain, the same whenever this change is seen: `<chain>:<transaction>:<what of it>`. */
  name: string
  account: SourceAccount
  asset: string
  /** Base units. */
  delta: Delta
  place: Place
}

/** An account hears that it is open before it hears of money. The treasury opens by itself, with the signer's first address. */
export function toAccount({ memory, policy, at }: BookView, { account, name, asset, delta, place }: Moved): Message[] {
  const id = accountId(policy.name, account.index)
  const { name: chain, credit, final } = policy
  const opened = { chain, ...account, windowMs: 0 }
  return [
    ...(memory.get(id) === undefined ? [tell(id, 'account.opened', at, opened)] : []),
    tell(movementId(name), 'funds.moved', at, { chain, account: id, asset, delta, credit, final, place }),
  ]
}

interface Sums {
  confirmed: bigint
  pending: bigint
}

/** What goes is gone at once; what comes is there when it is deep enough. */
function addMovement(sums: Sums, { context: { delta, place, credit } }: InstanceOf<'movement'>, height: number): void {
  const amount = BigInt(delta)
  if (amount < 0n || height >= heightOf(place.height, credit)) sums.confirmed += amount
  else sums.pending += amount
}

const EMPTY: Readonly<Sums> = { confirmed: 0n, pending: 0n }

/** What one account has, by asset; base units. A movement whose block has left the chain counts for nothing. */
export function balancesOfAccount(
  { memory, policy }: Omit<BookView, 'at'>,
  id: IdOf<'account'>,
): ReadonlyMap<string, Readonly<Sums>> {
  const balances = new Map<string, Sums>()
  const sumsOf = (asset: string): Sums => {
    const known = balances.get(asset) ?? { ...EMPTY }
    balances.set(asset, known)
    return known
  }
  for (const [asset, amount] of Object.entries(memory.get(id)?.context.settled ?? {}))
    sumsOf(asset).confirmed += BigInt(amount)
  const height = memory.heights[policy.name] ?? -1
  for (const movement of memory.find(accountFacet(id)).flatMap(each => memory.get(each) ?? []))
    if (movement.value === 'placed') addMovement(sumsOf(movement.context.asset), movement, height)
  return balances
}

/** What transfers that are in no block yet will cost of each asset, fees among them; base units. */
export type Committed = ReadonlyMap<string, bigint>

/** Every asset of the chain, each once. `committed`: bound to what is under way. */
export function accountBalances(view: Omit<BookView, 'at'>, committed: Committed): AssetBalance[] {
  const { memory, policy } = view
  const sums = new Map<string, Sums>(Object.keys(policy.assets).map(asset => [asset, { ...EMPTY }]))
  for (const { id } of memory.list('account', policy.name))
    for (const [asset, { confirmed, pending }] of balancesOfAccount(view, id)) {
      const sum = sums.get(asset)
      if (sum === undefined) continue
      sum.confirmed += confirmed
      sum.pending += pending
    }
  return [...sums].map(([asset, { confirmed, pending }]) => ({
    asset,
    confirmed: String(confirmed),
    pending: String(pending),
    reserved: String(committed.get(asset) ?? 0n),
  }))
}

/**
 * What live transfers of these accounts will cost that is not in a block: the most that their fees can be, and what they pay to others.
 * A sweep moves within us and costs its fee alone.
 */
export function committedBy({ memory, policy }: Omit<BookView, 'at'>, account: IdOf<'account'> | null): Committed {
  const committed = new Map<string, bigint>()
  const add = (asset: string, amount: bigint) => committed.set(asset, (committed.get(asset) ?? 0n) + amount)
  for (const transfer of memory.list('transfer', policy.name, 'underway')) {
    if (account !== null && transfer.context.account !== account) continue
    add(policy.asset, BigInt(transfer.context.fee))
    for (const { id } of transfer.context.withdrawals) {
      const withdrawal = memory.get(id)
      if (withdrawal !== undefined && isKind(withdrawal, 'withdrawal'))
        add(withdrawal.context.asset, BigInt(withdrawal.context.amount))
    }
  }
  return committed
}

/** What each account holds of the chain's own asset as of this block, as `<chain>:<address>`; base units. */
export function countedAccounts(memory: BookView['memory'], chain: string, { height }: Place): Map<string, Amount> {
  return new Map(
    memory.list('account', chain).map(({ id, context: { address, settled } }) => {
      const moved = memory.find(accountFacet(id)).flatMap(each => memory.get(each) ?? [])
      const there = moved.filter(({ value, context }) => value === 'placed' && context.place.height <= height)
      const sum = there.reduce((total, { context }) => total + BigInt(context.delta), sumOf(settled))
      return [`${chain}:${address}`, sum.toString()] as const
    }),
  )
}

/** Where an account holds one asset alone. */
const sumOf = (settled: Readonly<Record<string, Amount>>): bigint =>
  Object.values(settled).reduce((total, amount) => total + BigInt(amount), 0n)
