/** What can be wrong with a server of the XRP Ledger that answers. Changed by whoever drives it, at any time. */

/** An error that is answered in a method's place. */
export interface NamedError {
  error: string
  code: number
  message: string
}

export interface RippleFaults {
  /** By method; those of `*` are answered to every method. */
  errors: Map<string, NamedError>
  /** So many of the last ledgers it has not validated yet. */
  lagLedgers: number
  /** Ledgers that it does not have, from the first to the last of each. */
  gaps: [number, number][]
  /** Of `server_info`; `full` unless said otherwise. */
  serverState: string
  isAmendmentBlocked: boolean
  /** It warns that an amendment that it does not know has a majority. */
  isAmendmentWarned: boolean
  /** It speaks as a Clio, with its rippled or without. */
  clio: 'connected' | 'alone' | null
  /** Its last validated ledger is so much older than it is; seconds. */
  staleSeconds: number
  /** What is asked for as validated is answered as if it were not. */
  isUnvalidated: boolean
  /** Ledgers are given without their transactions. */
  hidesTransactions: boolean
  /** `account_tx` looks no further back than this, and says so. */
  narrowedFrom: number
  /** The server does not know how much a payment has delivered. */
  hidesDelivered: boolean
  /** Transactions are taken, answered as applied, and forgotten. */
  losesTransactions: boolean
  /** Whatever is asked for, answers have the shapes of version 1. */
  isOld: boolean
  /** `network_id` is not said. */
  hidesNetworkId: boolean
}

export const createRippleFaults = (): RippleFaults => ({
  errors: new Map(),
  lagLedgers: 0,
  gaps: [],
  serverState: 'full',
  isAmendmentBlocked: false,
  isAmendmentWarned: false,
  clio: null,
  staleSeconds: 0,
  isUnvalidated: false,
  hidesTransactions: false,
  narrowedFrom: 0,
  hidesDelivered: false,
  losesTransactions: false,
  isOld: false,
  hidesNetworkId: false,
})
