/**
 * What the demonstration needs of a currency family: one record, registered in families.ts. Everything else (the screen, the
 * traffic, the accidents, the books) asks no family anything that does not stand here.
 */
import type { Json } from '../../machines/vocabulary.ts'
import type { HttpAnswer, HttpRequest } from '../http.ts'
import type { Ports } from '../kernel/ports.ts'

/** A payment that stands on the network's canonical chain. Amounts are base units. */
export interface OnChainPayment {
  transactionId: string
  amount: bigint
}

/** What people and miners do to one network that runs. Whatever resolves is known to the node. */
export interface Devnet {
  /** `node` in watcher.yaml. */
  node: DaemonAccess
  /** For the screen: what it is and where. */
  title: string
  height(): Promise<number>
  mine(): Promise<void>
  /** From outside; `dataField` where the address is told apart by one. The transaction id. */
  pay(address: string, amount: bigint, dataField?: string | null): Promise<string>
  /** Somebody else's address, another one each time. */
  strangerAddress(): Promise<string>
  /** What stands at these addresses, in as many payments as were made. */
  received(addresses: readonly string[]): Promise<Map<string, OnChainPayment[]>>
  accidents: Accidents
  /** Rejects with what ended it; settles never otherwise. */
  failed: Promise<never>
  /** No block comes any more, and nothing is answered. */
  stop(): Promise<void>
}

/** What can befall a network; absent where its family knows no such thing. Each resolves when it has happened. */
export interface Accidents {
  /** The last `depth` blocks are replaced by more others, which hold no transaction. */
  reorganise?: (depth: number) => Promise<void>
  /**
   * A payment that is taken back by another one of the same coins. `isSeen` is awaited in between, with the transaction id;
   * no block comes meanwhile.
   */
  doubleSpend?: (address: string, amount: bigint, isSeen: (transactionId: string) => Promise<void>) => Promise<void>
  /** A transaction that looks as if it paid the address, and does not. */
  pretend?: { words: string; send: (address: string, amount: bigint, dataField?: string | null) => Promise<string> }
}

export interface DaemonAccess {
  url: string
  username?: string
  passwordFile?: string
  cookieFile?: string
}

/** One chain of a family. Amounts are base units. */
export interface DevnetChain {
  /** In configuration, ids and paths. */
  name: string
  /** As the family names it in the configuration. */
  network: Json
  asset: string
  decimals: number
  confirmations: { credit: number; final: number }
  /** Further keys of watcher.yaml and signer.yaml. */
  watcher: Record<string, unknown>
  policy: Record<string, unknown>
  /** What the treasury gets at the first start, and what users pay and withdraw: the least and the most. */
  funding: bigint
  deposits: readonly [bigint, bigint]
  withdrawals: readonly [bigint, bigint]
}

/** What a network is started with. */
export interface DevnetTools {
  ports: Pick<Ports, 'clock' | 'random' | 'disk' | 'request'>
  /** Its own, made already. */
  directory: string
  username: string
  password: string
  passwordFile: string
  /** Answers HTTP on loopback until it is stopped. */
  serve: (handle: (request: HttpRequest) => Promise<HttpAnswer>) => Promise<{ url: string; stop: () => Promise<void> }>
  /** On loopback, a moment ago. */
  freePort: () => Promise<number>
  /** A program as a process of its own, stopped with all others. */
  launch: (command: string, args: readonly string[]) => void
  /** What a person has to know of it, in one line. */
  say: (line: string) => void
}

export interface DevnetFamily {
  family: string
  chains: readonly DevnetChain[]
  /** On disk it goes on where it was. */
  simulate: (chain: DevnetChain, tools: DevnetTools) => Promise<Devnet>
  /** Real daemons that can take the place of the simulated networks: by the name of the command. */
  daemons: Readonly<Record<string, DevnetDaemon>>
  /** A real node that runs already, by its URL; null where it is of another family. */
  attach: (url: string, toolsOf: (chain: string) => Promise<DevnetTools>) => Promise<AttachedChain | null>
}

export interface DevnetDaemon {
  chain: DevnetChain
  start: (tools: DevnetTools) => Promise<Devnet>
}

export interface AttachedChain {
  chain: DevnetChain
  devnet: Devnet
}
