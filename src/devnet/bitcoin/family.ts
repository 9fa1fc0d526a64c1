/** The bitcoin family of the demonstration. */
import type { DevnetChain, DevnetFamily } from '../devnet.ts'
import { attachDaemon, startDaemon } from './daemon.ts'
import { simulate } from './simulated.ts'

const COIN = 100_000_000n

const CONFIRMATIONS = { credit: 3, final: 12 }
/** Nodes on this machine may be asked often. */
const WATCHER = { pollMs: 200 }

const litecoin: DevnetChain = {
  name: 'litecoin',
  network: 'litecoin-regtest',
  asset: 'LTC',
  decimals: 8,
  confirmations: CONFIRMATIONS,
  watcher: { ...WATCHER, minimumDeposit: '100000' },
  policy: { maximumFeeRate: 500, perTransaction: String(50n * COIN) },
  funding: 20n * COIN,
  deposits: [COIN / 10n, COIN / 2n],
  withdrawals: [COIN / 20n, COIN / 4n],
}

const dogecoin: DevnetChain = {
  name: 'dogecoin',
  network: 'dogecoin-regtest',
  asset: 'DOGE',
  decimals: 8,
  confirmations: CONFIRMATIONS,
  watcher: { ...WATCHER, minimumDeposit: String(COIN), fees: { target: 3, fallbackRate: 1000, maximumRate: 5000 } },
  policy: { maximumFeeRate: 5000, perTransaction: String(100_000n * COIN) },
  funding: 50_000n * COIN,
  deposits: [100n * COIN, 900n * COIN],
  withdrawals: [20n * COIN, 400n * COIN],
}

export const bitcoinFamily: DevnetFamily = {
  family: 'bitcoin',
  chains: [litecoin, dogecoin],
  simulate,
  daemons: { litecoind: { chain: litecoin, start: tools => startDaemon('litecoind', litecoin, tools) } },
  attach: (url, toolsOf) => attachDaemon(url, [litecoin, dogecoin], toolsOf),
}
