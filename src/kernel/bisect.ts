/** Bisection: where, in an order, something begins to hold. */

/**
 * The first of the numbers 0 to `count` - 1 for which it holds; `count` when it holds for none. Once it holds, it must
 * hold for all that follow. Asks at most log2(count) + 1 times.
 */
export function firstThat(count: number, holds: (n: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** As `firstThat`, where each answer has to be read from somewhere; rejects as `holds` does. */
export async function firstThatAsync(count: number, holds: (n: number) => Promise<boolean>): Promise<number> {
  let low = 0
  let high = count
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (await holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
