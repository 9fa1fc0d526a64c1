/**
 * Seeds that fail without a fix that they, or runs like them, have led to; each with what it was. A change of the simulation
 * changes what a seed stands for: then another one is to be looked for, with the fix taken out.
 */
export const FOUND: readonly { seed: number; found: string }[] = [
  {
    seed: 2011,
    found: 'another node could not say what a lost block had held, so that a double-spent parent was not seen',
  },
  {
    seed: 5008,
    found: 'a parent was replaced while it was being read, so that nobody ever knew why its child could not come',
  },
]
