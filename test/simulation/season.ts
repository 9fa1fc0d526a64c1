/** Where a run stands: first everything goes wrong, then nothing more does and all must come to its end. */
import type { Fall } from './machine.ts'

/** How much happens in a run. Pairs are the least and the most, and the seed decides. */
export interface Script {
  stormMs: readonly [number, number]
  references: readonly [number, number]
  withdrawals: readonly [number, number]
  payments: number
  /** Processes fall, messages get lost, the node is away. Without it only the chain moves. */
  isFaulty: boolean
  /** How probable it is that the watcher loses its ledger; half of the times an older copy is put back. */
  loss: number
  /** How probable it is that one transaction pays us with thousands of outputs. */
  flood: number
  /** How often somebody wants a higher fee; null: nobody does. */
  bumpMs: readonly [number, number] | null
  /** One fall, at exactly this await of this machine. */
  fall: { machine: 'watcher' | 'signer'; at: number; how: Fall } | null
}

export interface Season {
  isStormy: boolean
  losesLedger: boolean
  script: Script
}

/** Payments are at most as many as there are mature coins to pay with, so that none spends another one's change. */
export const STORM: Script = {
  stormMs: [30_000, 120_000],
  references: [3, 7],
  withdrawals: [3, 9],
  payments: 60,
  isFaulty: true,
  loss: 0.15,
  flood: 0.03,
  bumpMs: [500, 12_000],
  fall: null,
}

/** Short enough to be run once for every await in it. */
export const SHORT: Script = {
  stormMs: [12_000, 12_000],
  references: [2, 2],
  withdrawals: [2, 2],
  payments: 3,
  isFaulty: false,
  loss: 0,
  flood: 0,
  bumpMs: null,
  fall: null,
}

/** The same, with fees that are raised before a block comes. */
export const SHORT_BUMPED: Script = { ...SHORT, bumpMs: [100, 400] }
