/** What the ledger's balances are compared with after a rebuild. */
import type { Amount, Place, SpendKey } from '../../machines/vocabulary.ts'
import { accountFacet } from '../../src/kernel/facets.ts'
import type { BookMemory } from '../book-memory.ts'
import type { Unexplained } from '../book.ts'

/** As of this block, by account and asset; what is nothing is left out. */
export function balancesAt(memory: BookMemory, chain: string, { height }: Place): Map<string, Amount> {
  const sums = new Map<string, bigint>()
  const add = (key: string, amount: bigint) => sums.set(key, (sums.get(key) ?? 0n) + amount)
  for (const { id, context } of memory.list('account', chain)) {
    const keyOf = (asset: string) => `${chain}:${context.address}:${asset}`
    for (const [asset, amount] of Object.entries(context.settled)) add(keyOf(asset), BigInt(amount))
    for (const movement of memory.find(accountFacet(id)).flatMap(each => memory.get(each) ?? []))
      if (movement.value === 'placed' && movement.context.place.height <= height)
        add(keyOf(movement.context.asset), BigInt(movement.context.delta))
  }
  return new Map([...sums].filter(([, amount]) => amount !== 0n).map(([key, amount]) => [key, String(amount)]))
}

const nonceOf = (key: SpendKey): bigint => BigInt(key.slice(key.lastIndexOf(':') + 1))

/**
 * Transfers that wait for a block while a later nonce of their account is in one: theirs was consumed before the first block that was
 * read, or by what a reorganisation took back.
 */
export function passedOverNonces(memory: BookMemory, chain: string): Unexplained {
  const transfers = memory.list('transfer', chain)
  const highest = new Map<string, bigint>()
  for (const { context } of transfers) {
    if (context.place === null) continue
    for (const key of context.spendKeys) {
      const known = highest.get(context.account)
      if (known === undefined || nonceOf(key) > known) highest.set(context.account, nonceOf(key))
    }
  }
  const earlier = transfers
    .filter(({ context }) => context.place === null)
    .flatMap(({ context: { account, spendKeys } }) =>
      spendKeys.filter(key => nonceOf(key) < (highest.get(account) ?? -1n)),
    )
  return { earlier, unseen: [] }
}
