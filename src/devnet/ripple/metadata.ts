/** What a transaction has changed, as its metadata say. https://xrpl.org/docs/references/protocol/transactions/metadata */
import { accountKey, ownerCount, ticketKey, type Account } from './state.ts'

/** Before and after, by address; undefined where there was none. */
export type Touched = ReadonlyMap<string, { before: Account | undefined; after: Account | undefined }>

export interface TransactionMetadata {
  AffectedNodes: object[]
  TransactionIndex: number
  TransactionResult: string
  delivered_amount?: string
  ParentBatchID?: string
}

type Fields = Record<string, string | number>

const fieldsOf = (address: string, account: Account): Fields => ({
  Account: address,
  Balance: account.balance.toString(),
  Flags: account.flags,
  OwnerCount: ownerCount(account),
  Sequence: account.sequence,
  ...(account.tickets.size > 0 && { TicketCount: account.tickets.size }),
})

function changedFields(before: Fields, after: Fields): Fields {
  return Object.fromEntries(Object.entries(before).filter(([name, value]) => after[name] !== value))
}

function rootNode(address: string, before: Account | undefined, after: Account | undefined): object[] {
  const common = { LedgerEntryType: 'AccountRoot', LedgerIndex: accountKey(address) }
  if (before === undefined)
    return after === undefined ? [] : [{ CreatedNode: { ...common, NewFields: fieldsOf(address, after) } }]
  const earlier = fieldsOf(address, before)
  const final = after === undefined ? { ...earlier, Balance: '0' } : fieldsOf(address, after)
  const fields = { FinalFields: final, PreviousFields: changedFields(earlier, final) }
  return [after === undefined ? { DeletedNode: { ...common, ...fields } } : { ModifiedNode: { ...common, ...fields } }]
}

function ticketNodes(address: string, before: Account | undefined, after: Account | undefined): object[] {
  const [had, has] = [before?.tickets ?? new Set<number>(), after?.tickets ?? new Set<number>()]
  const node = (ticket: number) => ({ LedgerEntryType: 'Ticket', LedgerIndex: ticketKey(address, ticket) })
  const fields = (ticket: number) => ({ Account: address, TicketSequence: ticket })
  return [
    ...[...has]
      .filter(ticket => !had.has(ticket))
      .map(ticket => ({ CreatedNode: { ...node(ticket), NewFields: fields(ticket) } })),
    ...[...had]
      .filter(ticket => !has.has(ticket))
      .map(ticket => ({ DeletedNode: { ...node(ticket), FinalFields: fields(ticket) } })),
  ]
}

export const affectedNodes = (touched: Touched): object[] =>
  [...touched].flatMap(([address, { before, after }]) => [
    ...rootNode(address, before, after),
    ...ticketNodes(address, before, after),
  ])
