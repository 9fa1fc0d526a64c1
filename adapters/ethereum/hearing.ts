/** Who hears of what a block says of our accounts. */
import { accountId, chainId, isIdOf, type Id } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import { isKind, type Instance } from '../../src/kernel/entry.ts'
import { blockFacet } from '../../src/kernel/facets.ts'
import { balancesOfAccount, toAccount } from '../accounts.ts'
import type { BookView } from '../book.ts'
import { attemptWith, toDeposit, toSpender } from '../hearing.ts'
import { unseenPayment, type AccountFact, type AccountPayment, type AccountSpend, type BalanceRead } from './block.ts'

/** What our own transactions move between our accounts is no deposit, but for a withdrawal to one of them. */
function isDeposit(view: BookView, { own, index, transaction }: AccountPayment): boolean {
  if (index === 0) return false
  if (!own) return true
  const attempt = attemptWith(view, transaction)
  const transfer = attempt === null ? undefined : view.memory.get(attempt)?.context.transfer
  return transfer !== undefined && view.memory.get(transfer)?.context.purpose === 'payment'
}

function onPayment(view: BookView, fact: AccountPayment): Message[] {
  const { id: name, index, address, asset, amount: delta, place } = fact
  const moved = toAccount(view, { name, account: { index, address }, asset, delta, place })
  return isDeposit(view, fact) ? [...moved, toDeposit(view, fact)] : moved
}

function onSpend(view: BookView, fact: AccountSpend): Message {
  const attempt = attemptWith(view, fact.transaction)
  return toSpender(view, fact, fact.place, { attempt, key: fact.keys[0]! })
}

/** Read as of the block on which the ledger stands, it is what the movements come to, or money has come that nothing has shown. */
function onBalance(view: BookView, fact: BalanceRead): Message[] {
  const { memory, policy } = view
  const chain = memory.get(chainId(policy.name))?.context
  if (chain?.applied !== true || chain.blocks.at(-1)?.hash !== fact.place.hash) return []
  const sums = balancesOfAccount(view, accountId(policy.name, fact.index)).get(policy.asset)
  const rise = fact.amount - (sums === undefined ? 0n : sums.confirmed + sums.pending)
  return rise > 0n ? onPayment(view, unseenPayment(policy.name, policy.asset, fact, rise)) : []
}

/** E23: whoever was given the say over an account of ours may empty it at any time. */
export const delegated = (address: string): string =>
  `${address} is ours and has code: somebody else decides over it (EIP-7702)`

/** In the order of the chain. */
export function hearFacts(view: BookView, facts: readonly AccountFact[]): Message[] {
  return facts.flatMap((fact): Message[] => {
    switch (fact.kind) {
      case 'payment.seen':
        return onPayment(view, fact)
      case 'spend.seen':
        return [onSpend(view, fact)]
      case 'balance.taken': {
        const { name, index, address, asset, delta, place } = fact
        return toAccount(view, { name, account: { index, address }, asset, delta, place })
      }
      case 'balance.read':
        return onBalance(view, fact)
      case 'account.delegated': {
        const reason = `${delegated(fact.address)}: ${fact.transaction}`
        return [tell(chainId(view.policy.name), 'invariant.violated', view.at, { reason })]
      }
    }
  })
}

/** Beyond any reorg, money may be moved on: what waits for that looks again. The treasury is asked for each payment anyway. */
export function settledAccount(before: Instance | undefined, after: Instance): Id[] {
  if (!isKind(after, 'movement') || after.value !== 'settled' || before?.value === 'settled') return []
  const { account, chain } = after.context
  return account === accountId(chain, 0) ? [] : [account]
}

/** Accounts with money that has just become deep enough to be moved. */
function ripened({ memory, policy }: BookView): Id[] {
  const { name: chain, credit } = policy
  const { blocks } = memory.get(chainId(chain))!.context
  const deep = blocks.at(-credit)
  if (deep === undefined) return []
  const movements = memory.find(blockFacet(chain, deep.hash)).flatMap(id => {
    const instance = isIdOf(['movement'], id) ? memory.get(id) : undefined
    return instance !== undefined && isKind(instance, 'movement') ? [instance] : []
  })
  return movements
    .filter(({ value, context }) => value === 'placed' && !context.delta.startsWith('-'))
    .map(({ context }) => context.account)
    .filter(id => id !== accountId(chain, 0))
}

/** The end of a block: accounts of which something may be swept. */
export function wakeAccounts(view: BookView, revisited: readonly Id[]): Message[] {
  const ids = new Set([...revisited, ...ripened(view)])
  return [...ids].filter(id => isIdOf(['account'], id)).map(id => tell(id, 'upkeep.needed', view.at, {}))
}
