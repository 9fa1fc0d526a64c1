/** What the node has found, handed to the family's book, which knows who hears of it. */
import type { Fact } from '../../../adapters/adapter.ts'
import type { Message } from '../../../machines/messages.ts'
import type { RouteView } from './view.ts'

/** Of a block, or of one that is left. */
export const onFacts = (view: RouteView, facts: readonly Fact[]): Message[] => view.policy.book.hear(view, facts)

/** Of no block: hints. */
export const onPending = (view: RouteView, facts: readonly Fact[]): Message[] => view.policy.book.overhear(view, facts)

/** Whether these facts would be heard of without an alarm. */
export const areExplained = (view: RouteView, facts: readonly Fact[]): boolean =>
  facts.every(({ kind }) => kind !== 'spend.seen') ||
  onFacts(view, facts).every(({ event }) => event.type !== 'spend.unexplained')
