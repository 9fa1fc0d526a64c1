/** What the actors outside know for certain, and so what the system is measured against. Never lost, whatever crashes. */

export interface Assigned {
  reference: string
  address: string
  index: number
}

export interface Wanted {
  id: string
  to: string
  amount: bigint
  round: number
  expiresAt: string | null
  /** The least memory of the signer that it is authorised for. */
  memory: number | null
  /** How many of the two keys have approved it. */
  approvals: 0 | 1 | 2
  /** The backend has asked for its cancellation: it asks for no further round. */
  isGivenUp: boolean
  /** The watcher has answered 2xx to it. */
  isAccepted: boolean
}

/** An instance as the feed told it last. */
export interface Told {
  kind: string
  id: string
  state: string
  data: Record<string, unknown>
}

export interface Books {
  /** Another backend's watcher uses the same signer: names begin with this. */
  prefix: string
  isShared: boolean
  ledgerId: string | null
  /** Counts the ledgers that were lost: what a lost one answered says nothing of the present one. */
  losses: number
  /** The backend has given the present ledger back what only the backend knows. */
  isRestored: boolean
  /** As JSON; the event with seq n stands at n - 1. */
  events: string[]
  /** By `kind/id`. */
  told: Map<string, Told>
  addresses: Map<string, Assigned>
  /** Every reference that there will be has an address. */
  isAssigned: boolean
  withdrawals: Map<string, Wanted>
  /** Withdrawals whose money the backend has given back to its user, and why it might: they must never be paid. */
  refunded: Map<string, 'receipt' | 'chain'>
  /** Deposits that the backend has credited and not taken back: id and amount. */
  credited: Map<string, bigint>
  /** Acknowledged at least once in this ledger. */
  acknowledged: Set<string>
  /** Transactions that payers made. */
  payments: Set<string>
  treasury: string | null
  /** How far the signer's memory was, as the watcher has shown it. */
  memory: number | null
}

export const newBooks = (prefix = ''): Books => ({
  prefix,
  isShared: false,
  ledgerId: null,
  losses: 0,
  isRestored: true,
  events: [],
  told: new Map(),
  addresses: new Map(),
  isAssigned: false,
  withdrawals: new Map(),
  refunded: new Map(),
  credited: new Map(),
  acknowledged: new Set(),
  payments: new Set(),
  treasury: null,
  memory: null,
})

export const toldOf = (books: Books, kind: string): Told[] =>
  [...books.told.values()].filter(told => told.kind === kind)
