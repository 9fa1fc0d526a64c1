/** What costs much and is looked at often: computed anew only so often that it costs a small share of a processor, however large the ledger. */
import type { Clock } from '../kernel/ports.ts'

/** Once computed, it rests so many times as long as that took: half a hundredth of a processor. */
const REST = 200

/** The last answer, which may be so old as its cost allows; what is quick to compute is never old. */
export function paced<Answer>(clock: Pick<Clock, 'monotonic'>, compute: () => Answer): () => Answer {
  let known: { answer: Answer; until: number } | null = null
  return () => {
    const begun = clock.monotonic()
    if (known !== null && begun < known.until) return known.answer
    const answer = compute()
    const ended = clock.monotonic()
    known = { answer, until: ended + (ended - begun) * REST }
    return answer
  }
}
