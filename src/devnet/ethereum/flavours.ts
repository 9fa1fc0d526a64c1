/**
 * How the nodes in use differ: what they call themselves, and in which words and under which codes they refuse a transaction.
 * Codes are no help to whoever has to decide: the same one means everything at one node, and one thing at another.
 */

/** Why a transaction does not get in, with the figures that some nodes say. */
export type PoolRefusal =
  | { reason: 'undecodable'; detail: string }
  | { reason: 'known' }
  | { reason: 'wrong chain'; have: bigint; want: bigint }
  | { reason: 'unprotected' }
  | { reason: 'nonce too low'; next: bigint; nonce: bigint }
  | { reason: 'underpriced replacement' }
  | { reason: 'insufficient funds'; balance: bigint; cost: bigint; queued: bigint }
  | { reason: 'gas too low'; gas: bigint; minimum: number }
  | { reason: 'below floor'; gas: bigint; minimum: number }
  | { reason: 'gas too high'; gas: bigint; maximum: number }
  | { reason: 'beyond block' }
  | { reason: 'tip above fee'; tip: bigint; fee: bigint }
  | { reason: 'fee above cap'; fee: bigint; cap: bigint }
  | { reason: 'underpriced'; tip: bigint; minimum: bigint }
  | { reason: 'too large' }
  | { reason: 'too large creation'; size: number; maximum: number }
  | { reason: 'no authorizations' }
  | { reason: 'delegated limit' }
  | { reason: 'delegated gap' }
  | { reason: 'reserved' }
  | { reason: 'full' }

/** An error as JSON-RPC carries it. */
export interface NodeRefusal {
  code: number
  message: string
}

export interface Flavour {
  /** `web3_clientVersion`. */
  version: string
  /** How much more a replacement must pay, in hundredths. */
  bumpPercent: bigint
  /** Whether what an account has in the pool already counts against its balance. */
  countsQueued: boolean
  /** Wei that a transaction may cost in fees before RPC refuses it; null for no limit. */
  feeCap: bigint | null
  /** Transactions that any chain would take (before EIP-155). */
  takesUnprotected: boolean
  /** What is answered for a tag that names no block yet; null is answered as null. */
  absentTag: (tag: string) => NodeRefusal | null
  refuse(refusal: PoolRefusal): NodeRefusal
}

export type FlavourName = 'geth' | 'erigon' | 'nethermind' | 'reth' | 'besu' | 'anvil'

const SERVER_ERROR = -32_000
const INVALID_PARAMS = -32_602
const REJECTED = -32_003
/** Nethermind's. */
const TRANSACTION_REJECTED = -32_010
const WEI_PER_ETHER = 1_000_000_000_000_000_000n

/** Two decimals, cut. */
const inEther = (wei: bigint): string => {
  const hundredths = (wei * 100n) / WEI_PER_ETHER
  return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')}`
}

function fundsInGeth({ balance, cost, queued }: { balance: bigint; cost: bigint; queued: bigint }): string {
  const overshot = queued + cost - balance
  const spent = queued === 0n ? '' : `queued cost ${queued}, `
  return `insufficient funds for gas * price + value: balance ${balance}, ${spent}tx cost ${cost}, overshot ${overshot}`
}

/** core/txpool/validation.go, core/txpool/errors.go, core/error.go. */
function sayInGeth(refusal: PoolRefusal): string {
  switch (refusal.reason) {
    case 'undecodable':
      return refusal.detail
    case 'known':
      return 'already known'
    case 'wrong chain':
      return `invalid sender: invalid chain id for signer: have ${refusal.have} want ${refusal.want}`
    case 'unprotected':
      return 'only replay-protected (EIP-155) transactions allowed over RPC'
    case 'nonce too low':
      return `nonce too low: next nonce ${refusal.next}, tx nonce ${refusal.nonce}`
    case 'underpriced replacement':
      return 'replacement transaction underpriced'
    case 'insufficient funds':
      return fundsInGeth(refusal)
    case 'gas too low':
      return `intrinsic gas too low: gas ${refusal.gas}, minimum needed ${refusal.minimum}`
    case 'below floor':
      return `insufficient gas for floor data gas cost: gas ${refusal.gas}, minimum needed ${refusal.minimum}`
    case 'gas too high':
      return `transaction gas limit too high (cap: ${refusal.maximum}, tx: ${refusal.gas})`
    case 'beyond block':
      return 'exceeds block gas limit'
    case 'tip above fee':
      return 'max priority fee per gas higher than max fee per gas'
    case 'fee above cap':
      return `tx fee (${inEther(refusal.fee)} ether) exceeds the configured cap (${inEther(refusal.cap)} ether)`
    case 'underpriced':
      return `transaction underpriced: gas tip cap ${refusal.tip}, minimum needed ${refusal.minimum}`
    case 'too large':
      return 'oversized data'
    case 'too large creation':
      return `max initcode size exceeded: code size ${refusal.size}, limit ${refusal.maximum}`
    case 'no authorizations':
      return 'set code tx must have at least one authorization tuple'
    case 'delegated limit':
      return 'in-flight transaction limit reached for delegated accounts'
    case 'delegated gap':
      return 'gapped-nonce tx from delegated accounts'
    case 'reserved':
      return 'address already reserved'
    case 'full':
      return 'txpool is full'
  }
}

type Words = Readonly<Partial<Record<PoolRefusal['reason'], string>>>

/** A node that says some things in its own words, and the rest in geth's. */
const saying =
  (code: number, words: Words) =>
  (refusal: PoolRefusal): NodeRefusal => ({ code, message: words[refusal.reason] ?? sayInGeth(refusal) })

/** erigon's txnprovider/txpool, `DiscardReason`. */
const ERIGON: Words = {
  known: 'already known',
  'nonce too low': 'nonce too low',
  'underpriced replacement': 'could not replace existing tx',
  'insufficient funds': 'insufficient funds',
  'gas too low': 'IntrinsicGas',
  underpriced: 'underpriced',
  'too large': 'oversized data',
  full: 'pending sub-pool is full',
}

/** Nethermind's `AcceptTxResult`, as of the releases of 2025. */
const NETHERMIND: Words = {
  known: 'AlreadyKnown',
  'nonce too low': 'OldNonce',
  'underpriced replacement': 'ReplacementNotAllowed',
  'insufficient funds': 'InsufficientFunds',
  'beyond block': 'GasLimitExceeded',
  'gas too low': 'Invalid, TxGasLimitTooLow: intrinsic gas too low',
  underpriced: 'FeeTooLow',
  'delegated limit': 'NotCurrentNonceForDelegation',
  full: 'FeeTooLowToCompete',
}

/** Besu's `TransactionInvalidReason` by `JsonRpcErrorConverter`. */
function refuseAsBesu(refusal: PoolRefusal): NodeRefusal {
  switch (refusal.reason) {
    case 'known':
      return { code: SERVER_ERROR, message: 'Known transaction' }
    case 'nonce too low':
      return { code: -32_001, message: 'Nonce too low' }
    case 'insufficient funds':
      return { code: -32_004, message: 'Upfront cost exceeds account balance' }
    case 'underpriced replacement':
      return { code: SERVER_ERROR, message: 'Replacement transaction underpriced' }
    case 'gas too low':
      return { code: -32_003, message: 'Intrinsic gas exceeds gas limit' }
    case 'beyond block':
      return { code: -32_005, message: 'Transaction gas limit exceeds block gas limit' }
    case 'wrong chain':
      return { code: SERVER_ERROR, message: 'Wrong chainId' }
    case 'unprotected':
      return { code: SERVER_ERROR, message: 'ChainId is required' }
    case 'undecodable':
      return { code: INVALID_PARAMS, message: 'Invalid transaction params (missing or incorrect)' }
    default:
      return { code: SERVER_ERROR, message: sayInGeth(refusal) }
  }
}

function refuseAsAnvil(refusal: PoolRefusal): NodeRefusal {
  switch (refusal.reason) {
    case 'undecodable':
      return { code: INVALID_PARAMS, message: 'Failed to decode transaction' }
    case 'known':
      return { code: REJECTED, message: 'transaction already imported' }
    case 'nonce too low':
      return { code: REJECTED, message: 'nonce too low' }
    case 'insufficient funds':
      return { code: REJECTED, message: 'Insufficient funds for gas * price + value' }
    case 'gas too low':
    case 'below floor':
      return { code: SERVER_ERROR, message: 'intrinsic gas too low' }
    case 'gas too high':
      return { code: SERVER_ERROR, message: 'intrinsic gas too high -- tx.gas_limit > env.cfg.tx_gas_limit_cap' }
    case 'beyond block':
      return { code: SERVER_ERROR, message: 'intrinsic gas too high -- tx.gas_limit > env.block.gas_limit' }
    case 'wrong chain':
      return { code: REJECTED, message: 'invalid chain id for signer' }
    case 'tip above fee':
      return { code: REJECTED, message: 'max priority fee per gas higher than max fee per gas' }
    default:
      return { code: REJECTED, message: sayInGeth(refusal) }
  }
}

const COMMON = {
  ...{ bumpPercent: 10n, countsQueued: true, feeCap: WEI_PER_ETHER, takesUnprotected: false },
  absentTag: (tag: string) => ({ code: SERVER_ERROR, message: `${tag} block not found` }),
}

export const FLAVOURS: Readonly<Record<FlavourName, Flavour>> = {
  geth: {
    ...COMMON,
    version: 'Geth/v1.16.7-stable-b9f3a3d9/linux-amd64/go1.25.1',
    refuse: saying(SERVER_ERROR, {}),
  },
  erigon: {
    ...COMMON,
    version: 'erigon/3.2.2/linux-amd64/go1.24.9',
    refuse: saying(SERVER_ERROR, ERIGON),
    absentTag: () => ({ code: -39_001, message: 'Unknown block' }),
  },
  nethermind: {
    ...COMMON,
    version: 'Nethermind/v1.35.2+faa9b9e6/linux-x64/dotnet10.0.0',
    absentTag: () => null,
    refuse: saying(TRANSACTION_REJECTED, NETHERMIND),
  },
  reth: {
    ...COMMON,
    version: 'reth/v1.9.3-27a8c0f/x86_64-unknown-linux-gnu',
    refuse: saying(REJECTED, { 'insufficient funds': 'insufficient funds for gas * price + value' }),
  },
  besu: { ...COMMON, version: 'besu/v25.11.0/linux-x86_64/openjdk-java-21', refuse: refuseAsBesu },
  anvil: {
    ...COMMON,
    ...{ countsQueued: false, feeCap: null, takesUnprotected: true },
    version: 'anvil/v1.7.1',
    refuse: refuseAsAnvil,
  },
}
