/** The last blocks of a chain as its transitions told of them, those that left it too: one rule for the watcher and the page. */

/** A transition of a chain, as far as blocks are concerned. */
export interface ToldBlock {
  event: string
  /** ISO 8601. */
  at: string
  /** Of the chain's tip as of the event. */
  height: number
  hash: string | null
}

export interface ShownBlock {
  height: number
  hash: string | null
  at: string
  /** A later event took it back. */
  isGone: boolean
}

/**
 * `told` of one chain, oldest first. A block is told once more when its facts are all applied, and a reorganisation tells
 * each block that leaves: what stands at its height afterwards is another one.
 */
export function blocksOn(before: readonly ShownBlock[], told: readonly ToldBlock[], limit: number): ShownBlock[] {
  const blocks = before.map(block => ({ ...block }))
  for (const { event, at, height, hash } of told) {
    if (event === 'block.disconnected') {
      const gone = blocks.findLast(block => !block.isGone && block.height === height + 1)
      if (gone !== undefined) gone.isGone = true
    }
    const isKnown = blocks.some(block => !block.isGone && block.height === height)
    if (event === 'block.connected' && !isKnown) blocks.push({ height, hash, at, isGone: false })
  }
  return blocks.slice(-limit)
}
