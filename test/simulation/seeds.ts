/** Seeds that have found something, each with what it was. They are run by every `npm test`. */
export const FOUND: readonly { seed: number; found: string }[] = [
  { seed: 4, found: 'a withdrawal asked for before the treasury existed was never planned' },
  { seed: 8, found: 'a reorg below the first block that was followed halted the chain for ever' },
]
