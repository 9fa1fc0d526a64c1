/** Every choice, byte and delay of a simulation comes from here, and so from one seed. */

/** mulberry32: small, and the same everywhere. Numbers from 0 to below 1. */
export function randomFrom(seed: number): () => number {
  let at = seed >>> 0
  return () => {
    at = (at + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(at ^ (at >>> 15), at | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Dice {
  /** From 0 to below 1. */
  roll(): number
  chance(probability: number): boolean
  /** A whole number, both ends included. */
  between(least: number, most: number): number
  /** Throws for an empty list. */
  pick<T>(list: readonly T[]): T
  bytes(length: number): Uint8Array
}

export function diceOf(seed: number): Dice {
  const roll = randomFrom(seed)
  const between = (least: number, most: number) => least + Math.floor(roll() * (most - least + 1))
  return {
    roll,
    between,
    chance: probability => roll() < probability,
    pick(list) {
      if (list.length === 0) throw new Error('nothing to pick from')
      return list[Math.floor(roll() * list.length)]!
    },
    bytes: length => Uint8Array.from({ length }, () => between(0, 255)),
  }
}
