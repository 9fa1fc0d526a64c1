/**
 * How long a test waits for what must come. A guard against hanging and nothing else: no test asserts how long anything takes,
 * what is worth a figure is a row of `lockkeeper bench`. Machines are busy: it is far above what anything takes on an idle one.
 */
export const PATIENCE_MS = 120_000
/** Of one whole test, and of what stands before and after it. */
export const TEST_MS = 600_000
/** Of a test that runs everything at size: the soak, the lost ledgers, the sweep of the simulation. */
export const LONG_TEST_MS = 1_800_000

/** Rejects with `saying()` unless the promise settles in time. */
export async function inTime<T>(promise: Promise<T>, saying: () => string, ms = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${saying()}: still nothing after ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
