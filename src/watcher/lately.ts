/**
 * What happened lately, for whoever looks: the last blocks of each chain, and how much was committed in each span of the last
 * hour. A read model in memory: what came before this process is read from the end of the journal, once, when somebody first asks.
 */
import { kindOf } from '../../machines/ids.ts'
import { chainOf, isKind, type Commit, type Entry } from '../kernel/entry.ts'
import type { Clock } from '../kernel/ports.ts'
import type { Archive } from '../ledger/engine.ts'
import { blocksOn, type ShownBlock, type ToldBlock } from '../inspector/blocks.ts'

/** Blocks that are shown of a chain. */
const BLOCKS = 24
/** Transitions that they are made of: a block has two, and a reorganisation one for each that leaves. */
const TOLD = 8 * BLOCKS
/** Entries at the journal's end that are read for them. */
const READ_BACK = 10_000
const PAGE = 1000
const SPAN_MS = 120_000
const SPANS = 30
/** Moments of the journal that are looked up, so that a span of an hour of any traffic is right to a thirtieth. */
const SAMPLES = 30

export interface Throughput {
  /** Milliseconds since 1970 UTC. */
  until: number
  spanMs: number
  /** Transitions in each span, the oldest first; the last is under way. */
  spans: number[]
}

export interface Lately {
  /** A commit that is durable, in their order. */
  note(commit: Commit): void
  /** What is known; null where the journal is still being read, which this begins. */
  blocks(chain: string): ShownBlock[] | null
  throughput(): Throughput | null
}

interface State {
  archive: Pick<Archive, 'entries'>
  clock: Pick<Clock, 'now'>
  /** Seq of the last entry that was durable when this began. */
  last: number
  told: Map<string, ToldBlock[]>
  /** By number of the span since 1970. */
  spans: Map<number, number>
  isRead: boolean
  reading: Promise<void> | null
}

const spanOf = (at: number): number => Math.floor(at / SPAN_MS)

function toldBy(at: number, { event, image }: Entry): [string, ToldBlock] | null {
  if (!isKind(image, 'chain') || !event.startsWith('block.')) return null
  const { height, blocks } = image.context
  return [chainOf(image), { event, at: new Date(at).toISOString(), height, hash: blocks.at(-1)?.hash ?? null }]
}

function noteTold(told: Map<string, ToldBlock[]>, at: number, entries: readonly Entry[]): void {
  for (const entry of entries) {
    if (kindOf(entry.image.id) !== 'chain') continue
    const [chain, block] = toldBy(at, entry) ?? []
    if (chain !== undefined && block !== undefined) told.set(chain, [...(told.get(chain) ?? []), block].slice(-TOLD))
  }
}

function addTo(spans: Map<number, number>, span: number, count: number): void {
  spans.set(span, (spans.get(span) ?? 0) + count)
}

/** Before what this process has seen. */
async function readBlocks({ archive, last, told }: State): Promise<void> {
  const before = new Map<string, ToldBlock[]>()
  for (let after = Math.max(0, last - READ_BACK); after < last;) {
    const page = await archive.entries(after, Math.min(PAGE, last - after))
    for (const { at, entry } of page) noteTold(before, at, [entry])
    const next = page.at(-1)?.entry.seq ?? last
    if (next <= after) break
    after = next
  }
  for (const [chain, blocks] of before) told.set(chain, [...blocks, ...(told.get(chain) ?? [])].slice(-TOLD))
}

interface Moment {
  seq: number
  at: number
}

/**
 * Transitions are numbered without gaps, so how many there were between two moments is the difference of two numbers: a few dozen
 * entries are looked up, whatever the traffic was.
 */
async function readSpans({ archive, clock, last, spans }: State): Promise<void> {
  const since = clock.now() - SPANS * SPAN_MS
  const at = async (seq: number): Promise<number> => (await archive.entries(seq - 1, 1))[0]?.at ?? clock.now()
  let [low, high] = [0, last]
  // Exact to a hundredth: a bar of a graph is no finer.
  for (let step = 64; high - step > 0 && low === 0; step *= 4) {
    if ((await at(last - step)) < since) low = last - step
    else high = last - step
  }
  while (high - low > Math.max(1, (last - low) / 100)) {
    const middle = Math.floor((low + high) / 2)
    if ((await at(middle)) < since) low = middle
    else high = middle
  }
  const step = Math.max(1, (last - low) / SAMPLES)
  let before: Moment = { seq: low, at: since }
  for (let seq = low + step; Math.floor(seq) <= last; seq += step) {
    const next: Moment = { seq: Math.floor(seq), at: Math.max(await at(Math.floor(seq)), before.at) }
    spread(spans, before, next)
    before = next
  }
}

/** As if they had come evenly. */
function spread(spans: Map<number, number>, from: Moment, to: Moment): void {
  const [first, final] = [spanOf(from.at), spanOf(to.at)]
  const count = to.seq - from.seq
  const length = to.at - from.at
  for (let span = first; span <= final; span++) {
    const begin = Math.max(from.at, span * SPAN_MS)
    const end = Math.min(to.at, (span + 1) * SPAN_MS)
    addTo(spans, span, length === 0 ? (span === final ? count : 0) : (count * (end - begin)) / length)
  }
}

function read(state: State): void {
  state.reading ??= Promise.all([readBlocks(state), readSpans(state)]).then(
    () => void (state.isRead = true),
    // It is asked again; what is wrong with the journal is said by whoever needs it.
    () => void (state.reading = null),
  )
}

/** @param last seq of the last durable entry when it begins */
export function createLately(archive: Pick<Archive, 'entries'>, clock: Pick<Clock, 'now'>, last: number): Lately {
  const state: State = { archive, clock, last, told: new Map(), spans: new Map(), isRead: false, reading: null }
  return {
    note({ at, entries }) {
      noteTold(state.told, at, entries)
      addTo(state.spans, spanOf(at), entries.length)
      const oldest = spanOf(clock.now()) - SPANS
      for (const span of state.spans.keys()) if (span < oldest) state.spans.delete(span)
    },
    blocks(chain) {
      read(state)
      return state.isRead ? blocksOn([], state.told.get(chain) ?? [], BLOCKS) : null
    },
    throughput() {
      read(state)
      if (!state.isRead) return null
      const present = spanOf(clock.now())
      const spans = Array.from({ length: SPANS }, (_, n) => state.spans.get(present - SPANS + 1 + n) ?? 0)
      return { until: (present + 1) * SPAN_MS, spanMs: SPAN_MS, spans: spans.map(Math.round) }
    },
  }
}
