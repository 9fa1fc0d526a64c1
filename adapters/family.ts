/** What a family is to the watcher and to the signer, each of which opens it for a chain of its configuration. */
import type { Amount, Json } from '../machines/vocabulary.ts'
import type { Clock, Disk, Log, Request, Work } from '../src/kernel/ports.ts'
import type { Deriver, Node, Planner, Proofs, Signable, Watch } from './adapter.ts'
import type { AssetPolicy, Book } from './book.ts'

export interface WatchingFamily {
  watch: Watch
  node: Node
  planner: Planner
  book: Book
  signable: Signable
  /** Between two blocks on average, or null where blocks are made at will. */
  blockSeconds: number | null
  /** What moves on the chain, by symbol: the native asset and listed tokens. */
  assets: Readonly<Record<string, AssetPolicy>>
}

/** A chain of the watcher's configuration, as far as a family reads it. */
export interface WatchedChain {
  /** Its name in the configuration. */
  chain: string
  family: string
  network: Json
  asset: string
  /** Of the native asset; base units. */
  minimumDeposit: Amount
  node: { url: string; username?: string; password?: string; cookieFile?: string | undefined }
  /** What the family alone has in its configuration, and how deep it is asked to wait, as that was read. */
  own: Readonly<Record<string, unknown>>
}

/** What families need of the outside world. */
export interface WatchingPorts {
  request: Request
  disk: Disk
  clock: Clock
  log: Log
  work: Work
}

/** Throws a boundary fault `configuration` for what this version of the family cannot do. */
export type OpenWatching = (chain: WatchedChain, ports: WatchingPorts) => WatchingFamily

export interface SigningFamily {
  signable: Signable
  deriver: Deriver
  /** As the family's inspections name it. */
  network: string
  /** What its templates can move: the native asset, in which fees are paid, and then the tokens. */
  assets: readonly [string, ...string[]]
}

/** A chain of the signer's configuration, as far as a family reads it. */
export interface SigningChain {
  family: string
  network: Json
  asset: string
  /** Where the family has tokens. */
  tokens?: readonly { asset: string; contract: string }[] | undefined
  /** Where accounts name whom they are represented by. */
  representative?: string | undefined
  /** As far as a family's own rules read it. */
  policy?: { maximumFee?: Amount | undefined; maximumTickets?: number | undefined } | undefined
}

/**
 * Throws a boundary fault `configuration` for what this version of the family cannot do, and an invariant fault
 * `crypto-backend` when the family's cryptography does not give a known answer. `chain` is its name in the configuration.
 */
export type OpenSigning = (chain: string, configured: SigningChain) => SigningFamily

/** `network`: as the family's inspections name it. Boundary fault for a network that is not known. */
export type OpenProofs = (network: string) => Proofs
