/** Choices of the demonstration, from the random port. */
import type { Random } from '../kernel/ports.ts'

export interface Dice {
  /** Between both, inclusive. */
  between(least: number, most: number): number
  amount(range: readonly [bigint, bigint]): bigint
  pick<Item>(items: readonly Item[]): Item
}

const BYTES = 6
const STEPS = 2 ** (8 * BYTES)

export function createDice(random: Random): Dice {
  /** At least 0 and below 1. */
  const roll = () => Buffer.from(random.bytes(BYTES)).readUIntBE(0, BYTES) / STEPS
  const between = (least: number, most: number) => least + Math.floor(roll() * (most - least + 1))
  return {
    between,
    amount: ([least, most]) => least + (BigInt(Math.floor(roll() * STEPS)) * (most - least)) / BigInt(STEPS),
    pick: items => items[between(0, items.length - 1)]!,
  }
}
