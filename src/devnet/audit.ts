/** The backend's books beside the chains themselves: what only a second look shows. */
import type { DemoBook, CreditRecord, WithdrawalRecord } from './book.ts'
import type { Devnet, OnChainPayment } from './devnet.ts'

export interface Audited {
  /** What must never be; empty when all is well. */
  problems: string[]
  /** Credits and payments that were found on the chains. */
  credits: number
  payments: number
  /** What the books have and the chains do not have now: a block may have been left a moment ago. */
  unsettled: number
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n)

function groupBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

/** All that is credited for one transaction to one address, beside what that transaction has paid to it. */
function checkCredits(credits: readonly CreditRecord[], payments: readonly OnChainPayment[], audited: Audited): void {
  const { address, transactionId } = credits[0]!
  const paid = payments.filter(payment => payment.transactionId === transactionId)
  const credited = sum(credits.map(({ amount }) => BigInt(amount)))
  if (paid.length === 0) audited.unsettled += credits.length
  else if (credited === sum(paid.map(({ amount }) => amount))) audited.credits += credits.length
  else audited.problems.push(`${credited} is credited for ${transactionId}, which pays otherwise to ${address}`)
}

const PAID = ['paid', 'final']

/** Each destination is used once, so whatever it got was for this withdrawal. */
function checkWithdrawal(withdrawal: WithdrawalRecord, payments: readonly OnChainPayment[], audited: Audited): void {
  const { id, amount, receipt, state } = withdrawal
  if (payments.length > 1) audited.problems.push(`${id} is paid ${payments.length} times`)
  if (payments.length > 0 && receipt !== null) audited.problems.push(`${id} is paid and refunded`)
  if (payments.some(payment => payment.amount !== BigInt(amount)))
    audited.problems.push(`${id} is paid in part or more`)
  audited.payments += payments.length
  if (payments.length === 0 && PAID.includes(state)) audited.unsettled++
}

/** @param devnets by the names of their chains */
export async function auditBooks(book: DemoBook, devnets: ReadonlyMap<string, Devnet>): Promise<Audited> {
  const audited: Audited = { problems: [], credits: 0, payments: 0, unsettled: 0 }
  for (const [chain, devnet] of devnets) {
    const credits = [...book.deposits.values()].filter(deposit => deposit.chain === chain && deposit.isCredited)
    const withdrawals = [...book.withdrawals.values()].filter(withdrawal => withdrawal.chain === chain)
    const addresses = [...credits.map(({ address }) => address), ...withdrawals.map(({ to }) => to)]
    const received = await devnet.received([...new Set(addresses)])
    for (const group of groupBy(credits, ({ address, transactionId }) => `${address} ${transactionId}`).values())
      checkCredits(group, received.get(group[0]!.address)!, audited)
    for (const withdrawal of withdrawals) checkWithdrawal(withdrawal, received.get(withdrawal.to)!, audited)
  }
  return audited
}
