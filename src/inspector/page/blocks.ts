/** The last blocks of a chain as the feed told of them, those that left it too. */
import { claim } from '../../kernel/untyped.ts'
import type { ApiEvent } from './shapes.ts'

export interface ShownBlock {
  height: number
  hash: string | null
  at: string
  /** A later event took it back. */
  isGone: boolean
}

interface Told {
  height: number
  blockHash?: string | null
}

/**
 * `events` of one chain, oldest first. A block is told once more when its facts are all applied, and a reorganisation tells
 * each block that leaves: what stands at its height afterwards is another one.
 */
export function blocksOf(events: readonly ApiEvent[], limit: number): ShownBlock[] {
  const blocks: ShownBlock[] = []
  for (const { event, at, data } of events) {
    const { height, blockHash = null } = claim<Told>(data)
    if (event === 'block.disconnected') {
      const gone = blocks.findLast(block => !block.isGone && block.height === height + 1)
      if (gone !== undefined) gone.isGone = true
    }
    const isKnown = blocks.some(block => !block.isGone && block.height === height)
    if (event === 'block.connected' && !isKnown) blocks.push({ height, hash: blockHash, at, isGone: false })
  }
  return blocks.slice(-limit)
}
