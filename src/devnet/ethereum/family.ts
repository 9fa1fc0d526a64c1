/** EVM chains in the demonstration. */
import type { DevnetChain, DevnetFamily } from '../devnet.ts'
import { simulateEthereum } from './simulated.ts'

const ETHER = 1_000_000_000_000_000_000n
const GWEI = 1_000_000_000n
const CHAIN_ID = 31_337

const ethereum: DevnetChain = {
  name: 'ethereum',
  network: { chainId: CHAIN_ID },
  asset: 'ETH',
  decimals: 18,
  confirmations: { credit: 3, final: 12 },
  watcher: {
    pollMs: 200,
    minimumDeposit: String(ETHER / 1000n),
    sweep: { minimum: String(ETHER / 50n) },
  },
  policy: {
    maximumFeeRate: Number(500n * GWEI),
    maximumFee: String(ETHER / 20n),
    gasFunding: String(ETHER / 200n),
    perTransaction: String(50n * ETHER),
  },
  funding: 20n * ETHER,
  deposits: [ETHER / 20n, ETHER / 2n],
  withdrawals: [ETHER / 50n, ETHER / 5n],
}

export const ethereumFamily: DevnetFamily = {
  family: 'ethereum',
  chains: [ethereum],
  async simulate({ name }, tools) {
    const devnet = await simulateEthereum({ name, chainId: CHAIN_ID }, tools)
    // What waits in a node's pool is not looked at there: of a payment that is spent again nothing would be seen.
    const { doubleSpend: _, ...accidents } = devnet.accidents
    return { ...devnet, accidents }
  },
  daemons: {},
  attach: async () => null,
}
