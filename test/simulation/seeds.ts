/** Seeds that have found something, each with what it was. They are run by every `npm test`. */
export const FOUND: readonly { seed: number; found: string }[] = [
  { seed: 3, found: 'a withdrawal asked for before the treasury existed was never planned' },
  { seed: 8, found: 'a reorg below the first block that was followed halted the chain for ever' },
  { seed: 38, found: 'change of a transfer that had died stayed unconfirmed, and among the funds, for ever' },
]
