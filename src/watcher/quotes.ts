/** What a withdrawal would cost now, as the chain's node says; asked for often, the node is asked seldom. */
import type { Node, Quote } from '../../adapters/adapter.ts'
import type { Clock } from '../kernel/ports.ts'

/** So long an answer is as good as new. */
const FRESH_MS = 5000

interface Asked {
  at: number
  quote: Promise<Quote>
}

/** Rejects as `Node.quote` does; a failure is not kept. */
export function createQuotes(nodes: Readonly<Record<string, Pick<Node, 'quote'>>>, clock: Clock) {
  const asked = new Map<string, Asked>()
  return (chain: string): Promise<Quote> => {
    const now = clock.monotonic()
    const known = asked.get(chain)
    if (known !== undefined && now - known.at < FRESH_MS) return known.quote
    const quote = nodes[chain]!.quote()
    asked.set(chain, { at: now, quote })
    quote.catch(() => asked.delete(chain))
    return quote
  }
}
