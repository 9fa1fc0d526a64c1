/**
 * The node's next blocks while one is being applied: their hashes are asked for a few heights in advance, and the first of them is
 * downloaded already. A hash that was asked for earlier is as good as one that is asked for now, if its block stands on our tip;
 * where it does not, or where all has been taken, the node is looked at anew.
 */

/** Hashes under way. */
const DEPTH = 3
/** Blocks that may be taken before the node is looked at anew: how high it is, and whether it has left what we stand on. */
const TAKEN_MAXIMUM = 16

export interface Lookahead {
  /** The node was looked at: `hash` is its block at this height, or null where it has none. */
  begin(height: number, hash: string | null, nodeHeight: number): void
  /** The node's block at this height as it was asked for; null where it was not, and then nothing is known any more. */
  take(height: number): Promise<{ hash: string; nodeHeight: number } | null>
  /** Begins to download the next one. */
  prefetch(): void
  reset(): void
}

export interface LookaheadOptions {
  /** Of the node's best chain; null above its tip. */
  hashAt: (height: number) => Promise<string | null>
  /** Begins to download. Never rejects. */
  download: (hash: string) => void
}

export function createLookahead({ hashAt, download }: LookaheadOptions): Lookahead {
  let hashes: Promise<string | null>[] = []
  let first = 0
  let top = 0
  let left = 0

  const reset = (): void => {
    hashes = []
  }
  const fill = (): void => {
    while (hashes.length < Math.min(DEPTH, left) && first + hashes.length <= top)
      // What fails is asked for again when the node is looked at anew, and fails there.
      hashes.push(hashAt(first + hashes.length).catch(() => null))
  }
  return {
    reset,
    begin(height, hash, nodeHeight) {
      first = height
      top = nodeHeight
      left = TAKEN_MAXIMUM
      hashes = hash === null ? [] : [Promise.resolve(hash)]
      if (hash !== null) fill()
    },
    async take(height) {
      const asked = height === first && height < top ? hashes.shift() : undefined
      if (asked === undefined) {
        reset()
        return null
      }
      first++
      left--
      fill()
      const hash = await asked
      return hash === null ? null : { hash, nodeHeight: top }
    },
    prefetch() {
      void hashes[0]?.then(hash => {
        if (hash !== null) download(hash)
      })
    },
  }
}
