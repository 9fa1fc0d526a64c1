/** The ripple family of the demonstration. */
import type { DevnetChain, DevnetFamily } from '../devnet.ts'
import { simulateRipple } from './simulated.ts'

const XRP = 1_000_000n

/** Its id says that it is nobody's network; above 1024 it stands in each transaction. */
const NETWORK_ID = 21_337

const ripple: DevnetChain = {
  name: 'ripple',
  network: { networkId: NETWORK_ID },
  asset: 'XRP',
  decimals: 6,
  confirmations: { credit: 1, final: 1 },
  /** Nodes on this machine may be asked often. */
  watcher: { pollMs: 200, minimumDeposit: '100000', tickets: { low: 5, high: 20 } },
  policy: { maximumFee: '100000', maximumTickets: 50, perTransaction: String(1000n * XRP) },
  funding: 500n * XRP,
  deposits: [10n * XRP, 50n * XRP],
  withdrawals: [2n * XRP, 10n * XRP],
}

export const rippleFamily: DevnetFamily = {
  family: 'ripple',
  chains: [ripple],
  simulate: simulateRipple,
  daemons: {},
  attach: async () => null,
}
