/** The nano family of the demonstration. */
import type { DevnetChain, DevnetFamily } from '../devnet.ts'
import { simulateNano } from './simulated.ts'

const NANO = 10n ** 30n

const nano: DevnetChain = {
  name: 'nano',
  network: 'nano-dev',
  asset: 'XNO',
  decimals: 30,
  confirmations: { credit: 1, final: 1 },
  /** Nodes on this machine may be asked often. */
  watcher: { pollMs: 200, minimumDeposit: String(NANO / 1000n), sweep: { minimum: String(NANO / 10n) } },
  policy: { perTransaction: String(1000n * NANO) },
  funding: 500n * NANO,
  deposits: [NANO, 50n * NANO],
  withdrawals: [NANO / 2n, 20n * NANO],
}

export const nanoFamily: DevnetFamily = {
  family: 'nano',
  chains: [nano],
  simulate: simulateNano,
  daemons: {},
  attach: async () => null,
}
