/**
 * What differs between the networks of the Bitcoin family, as the `chainparams.cpp` and `policy.h` of Bitcoin Core,
 * Litecoin Core 0.21 and Dogecoin Core 1.14 say. A further currency of the family is one more entry here.
 */
import { boundary } from '../../src/kernel/fault.ts'

/** The parameters in which the family's networks differ. Source: each daemon's chainparams.cpp. */
export interface Network {
  name: string
  /** BIP-173 prefix. On chains without segwit it is the one to refuse. */
  bech32: string
  /** Prefix of Litecoin's MWEB addresses (LIP-0003), which are refused; null elsewhere. */
  mwebPrefix: string | null
  pubKeyHash: number
  /** All accepted versions of P2SH; the first is the canonical one. */
  scriptHash: readonly [number, ...number[]]
  /** SLIP-44; 1 for every test network. */
  coinType: number
  /** Hash of block 0 as displayed. */
  genesis: string
  segwit: boolean
  taproot: boolean
  /** Blocks may end in an MWEB extension block (LIP-0002). */
  mweb: boolean
  /** Block headers may carry the proof of a parent chain (merged mining). */
  auxpow: boolean
  coinbaseMaturity: number
  dust: DustRule
  fees: FeeDefaults
  /** Between two blocks on average, as `nPowTargetSpacing` says; null where blocks are made at will. */
  blockSeconds: number | null
  /** No amount above this exists; Dogecoin has no cap but that of the format. */
  maximumSat: bigint
}

/** What stands where the configuration says nothing. Rates in sat/vB. */
export interface FeeDefaults {
  /** Less is not relayed, or not mined, by nodes that nobody has configured otherwise. */
  minimumRate: number
  /** Where the node knows no rate. */
  fallbackRate: number
  /** The watcher's and the signer's cap. */
  maximumRate: number
  /** The signer's cap for one transaction. */
  maximumFeeSat: bigint
}

/** `relay`: Core's rule, from the cost of spending the output. `fixed`: Dogecoin's. */
export type DustRule = { kind: 'relay'; satPerKvB: bigint } | { kind: 'fixed'; sat: bigint }

/** A coin is 10^8 satoshi, in every network of the family. */
export const COIN_DECIMALS = 8
const COIN_SAT = 10n ** BigInt(COIN_DECIMALS)

const bitcoinFees: FeeDefaults = { minimumRate: 1, fallbackRate: 2, maximumRate: 500, maximumFeeSat: 1_000_000n }

/**
 * Nodes relay from 0.001 DOGE/kB on, but miners take 0.01 DOGE/kB and more: `RECOMMENDED_MIN_TX_FEE` and
 * `DEFAULT_BLOCK_MIN_TX_FEE` in https://github.com/dogecoin/dogecoin/blob/master/src/policy/policy.h, and
 * doc/fee-recommendation.md there. Wallets pay up to a hundred times as much. Nodes refuse a fee of 100 DOGE (`-maxtxfee`).
 */
const dogecoinFees: FeeDefaults = {
  minimumRate: 1_000,
  fallbackRate: 1_000,
  maximumRate: 50_000,
  maximumFeeSat: 20n * COIN_SAT,
}

const bitcoin: Network = {
  name: 'bitcoin',
  bech32: 'bc',
  mwebPrefix: null,
  pubKeyHash: 0x00,
  scriptHash: [0x05],
  coinType: 0,
  genesis: '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
  segwit: true,
  taproot: true,
  mweb: false,
  auxpow: false,
  coinbaseMaturity: 100,
  dust: { kind: 'relay', satPerKvB: 3_000n },
  fees: bitcoinFees,
  blockSeconds: 600,
  maximumSat: 21_000_000n * COIN_SAT,
}

const bitcoinTest: Network = { ...bitcoin, bech32: 'tb', pubKeyHash: 0x6f, scriptHash: [0xc4], coinType: 1 }

const litecoin: Network = {
  ...bitcoin,
  name: 'litecoin',
  bech32: 'ltc',
  mwebPrefix: 'ltcmweb',
  pubKeyHash: 0x30,
  // 0x05 is the old version, shared with Bitcoin; litecoind still reads it and never writes it.
  scriptHash: [0x32, 0x05],
  coinType: 2,
  genesis: '12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2',
  mweb: true,
  dust: { kind: 'relay', satPerKvB: 30_000n },
  blockSeconds: 150,
  maximumSat: 84_000_000n * COIN_SAT,
}

const litecoinTest: Network = {
  ...litecoin,
  mwebPrefix: 'tmweb',
  pubKeyHash: 0x6f,
  scriptHash: [0x3a, 0xc4],
  coinType: 1,
}

const dogecoin: Network = {
  ...bitcoin,
  name: 'dogecoin',
  bech32: 'doge',
  pubKeyHash: 0x1e,
  scriptHash: [0x16],
  coinType: 3,
  genesis: '1a91e3dace36e2be3bf030a65679fe821aa1d6ef92e7c9902eb318182c355691',
  segwit: false,
  taproot: false,
  auxpow: true,
  coinbaseMaturity: 240,
  // The soft limit: below it relays ask for an extra fee, below a tenth of it they refuse.
  dust: { kind: 'fixed', sat: 1_000_000n },
  fees: dogecoinFees,
  blockSeconds: 60,
  maximumSat: 2n ** 63n - 1n,
}

const dogecoinTest: Network = { ...dogecoin, bech32: 'tdge', pubKeyHash: 0x71, scriptHash: [0xc4], coinType: 1 }

const list: readonly Network[] = [
  bitcoin,
  {
    ...bitcoinTest,
    name: 'bitcoin-testnet4',
    genesis: '00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043',
  },
  {
    ...bitcoinTest,
    name: 'bitcoin-signet',
    genesis: '00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6',
  },
  {
    ...bitcoinTest,
    name: 'bitcoin-regtest',
    blockSeconds: null,
    bech32: 'bcrt',
    genesis: '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
  },
  litecoin,
  {
    ...litecoinTest,
    name: 'litecoin-testnet',
    bech32: 'tltc',
    genesis: '4966625a4b2851d9fdee139e56211a0d88575f59ed816ff5e6a63deb4e3e29a0',
  },
  {
    ...litecoinTest,
    name: 'litecoin-regtest',
    blockSeconds: null,
    bech32: 'rltc',
    genesis: '530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9',
  },
  dogecoin,
  {
    ...dogecoinTest,
    name: 'dogecoin-testnet',
    genesis: 'bb0a78264637406b6360aad926284d544d7049f45189db5664f3c4d07350559e',
  },
  {
    ...dogecoinTest,
    name: 'dogecoin-regtest',
    blockSeconds: null,
    bech32: 'dcrt',
    pubKeyHash: 0x6f,
    genesis: '3d2160a3b5dc4a9d62e7e66a295f70313ac808440ef7400d6c0772171ce973a5',
    coinbaseMaturity: 60,
  },
]

/** Every known network, by the name that the configuration uses. */
export const NETWORKS: Readonly<Record<string, Network>> = Object.fromEntries(
  list.map(network => [network.name, network]),
)

/** Boundary fault `unknown-network` for a name that is not in NETWORKS. */
export function networkOf(name: string): Network {
  const network = Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined
  if (network === undefined)
    throw boundary('unknown-network', `unknown network ${name}; known are ${Object.keys(NETWORKS).join(', ')}`)
  return network
}
