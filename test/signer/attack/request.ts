/** One request as the thief sends it: the template that a move describes, and the intents that are to justify it. */
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import type { Sign } from './moves.ts'
import type { Side } from './side.ts'

export interface Request {
  chain: string
  transfer: string
  n: number
  template: Json
  intents: readonly AuthorisedIntent[]
}

/** Null where there is not enough for what the move would pay. */
export function requestOf({ chain, other, backend, maximumPaid, templateFor }: Side, move: Sign): Request | null {
  const intents = backend.intentsFor(move.pays.slice(0, maximumPaid), move.round, move.twist)
  const template = templateFor(move, intents)
  if (template === null) return null
  const shown = move.twist.kind === 'omitted intent' ? intents.slice(1) : intents
  return {
    chain: move.twist.kind === 'chain' ? other : chain,
    transfer: `t${move.transfer}`,
    n: move.n,
    template,
    intents: shown,
  }
}
