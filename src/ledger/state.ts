/** What a history leads to: the live instances and who has reserved what. */
import type { Id } from '../../machines/ids.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { Commit, Instance } from '../kernel/entry.ts'

/** What all commits together leave behind. */
export interface State {
  live: Map<Id, Instance>
  reservations: Map<SpendKey, Id>
  /** Of the last commit: milliseconds since 1970 UTC, and each chain's tip. */
  at: number
  heights: Record<string, number>
}

/** Before the first commit. */
export const emptyState = (): State => ({ live: new Map(), reservations: new Map(), at: 0, heights: {} })

/** Entries are whole after-images, so a commit that the state has already seen may be applied again. */
export function replay(state: State, commit: Commit): void {
  for (const { image } of commit.entries)
    if (image.ended) state.live.delete(image.id)
    else state.live.set(image.id, image)
  for (const key of commit.release) state.reservations.delete(key)
  for (const [key, id] of commit.reserve) state.reservations.set(key, id)
  state.at = commit.at
  state.heights = commit.heights
}
