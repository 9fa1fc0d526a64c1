/** What the watcher's API shows, as types. test/client/types.test-d.ts holds them to the schemas that the watcher answers by. */

/** By whom, and over what it is about. Both standard base64. */
export interface Signature {
  key: string
  signature: string
}

/** An address that was given to a reference of yours. */
export interface Address {
  chain: string
  reference: string | null
  address: string
  dataField: string | null
  index: number
  publicKey: string
  attestation: Signature
  state: string
}

/** `deposit.amount` is in base units, `decimals` of one unit of the asset. */
export interface Deposit {
  /** A fact of the chain: the same in every watcher. */
  id: string
  chain: string
  asset: string
  decimals: number | null
  address: string
  dataField: string | null
  reference: string | null
  amount: string
  state: string
  confirmations: number
  required: number
  transactionId: string
  outputIndex: number
  blockHash: string | null
  blockHeight: number | null
  reason: string | null
  updatedAt: string
  revision: number
}

/** The signer's word that nothing more is signed for a withdrawal up to this round, and what was. */
export interface Receipt extends Signature {
  chain: string
  id: string
  purpose: 'lockkeeper-void-v1'
  round: number
  signed: string[]
  spendKeys?: string[] | undefined
  spendKeysSignature?: string | undefined
}

export interface Withdrawal {
  id: string
  chain: string
  asset: string
  decimals: number | null
  to: string
  dataField: string | null
  amount: string
  expiresAt: string | null
  round: number
  memory: number | null
  state: string
  reason: string | null
  transferId: string | null
  transactionId: string | null
  /** This withdrawal's share, base units. */
  fee: string | null
  confirmations: number
  required: number
  receipt: Receipt | null
  updatedAt: string
  revision: number
}

/** What every event has; `seq` numbers them without gaps. */
interface Transition {
  seq: number
  at: string
  id: string
  chain: string
  event: string
  from: string | null
  to: string
  revision: number
}

/** One committed transition; `data` is the resource as of that event. */
export type LedgerEvent =
  | (Transition & { kind: 'deposit'; data: Deposit })
  | (Transition & { kind: 'withdrawal'; data: Withdrawal })
  | (Transition & {
      kind: 'chain' | 'address' | 'transfer' | 'attempt' | 'account' | 'coin' | 'movement' | 'transaction'
      data: Record<string, unknown>
    })

/** How far a ledger's feed was read. Another `ledgerId` is another ledger, whose feed begins anew. */
export interface Cursor {
  ledgerId: string
  after: number
}

/** What was read at once, and where to go on. Store `cursor` in the transaction that applies `events`. */
export interface Page {
  events: LedgerEvent[]
  cursor: Cursor
  /** It is another ledger than before: it tells from the beginning, under the ids that you know. */
  isNewLedger: boolean
}

/** A withdrawal that you want paid. */
export interface Wish {
  /** Yours, and the same for ever: under it is paid at most once in each round. */
  id: string
  chain: string
  asset: string
  to: string
  dataField?: string | null
  /** Base units; the recipient gets exactly so much. */
  amount: string
  expiresAt?: string | null
  /** 1 unless said; one higher only after `failed`. */
  round?: number
  /** The least sequence of the signer's memory at which it may be signed. Store it: a repetition says the same. */
  memory?: number | null
  note?: string | null
}

/** What became of a cancellation. */
export interface Cancellation {
  /** True only on the signer's own word that nothing was signed for it, and nothing ever will be. Else go on watching it. */
  mayRefund: boolean
  receipt: Receipt | null
}
