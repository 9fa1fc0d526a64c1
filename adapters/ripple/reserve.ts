/**
 * What the account must keep by the rules of the network: the base reserve, and something for each object that it owns, tickets among them.
 * The server says how much as of its last validated ledger; it is shown, and plans ask anew.
 * https://xrpl.org/docs/concepts/accounts/reserves
 */

/** Of one account, as far as a server has said. */
export interface Reserve {
  /** Drops; 0 before a server has said. */
  drops(): bigint
  noteTerms(terms: { baseReserve: bigint; ownerReserve: bigint }): void
  /** How many objects it owns; null where there is no such account. */
  noteOwned(owned: number | null): void
}

/** Nothing is known yet. */
export function createReserve(): Reserve {
  let terms = { baseReserve: 0n, ownerReserve: 0n }
  let owned: number | null = null
  return {
    drops: () => (owned === null ? 0n : terms.baseReserve + terms.ownerReserve * BigInt(owned)),
    noteTerms: next => void (terms = next),
    noteOwned: next => void (owned = next),
  }
}
