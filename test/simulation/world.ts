/**
 * Virtual time. Whatever a process waits for is an event here; one event is settled at a time, in the order of their
 * times (equals in an order that the seed decides), and only when nobody has anything left to do. So a run is the same,
 * step by step, each time that its seed is run.
 */
import { createHash } from 'node:crypto'
import { diceOf, type Dice } from './random.ts'

export interface World {
  readonly dice: Dice
  /** Milliseconds since 1970 UTC. */
  now(): number
  /** Runs once, so much later; the answer cancels it. */
  after(ms: number, run: () => void): () => void
  sleep(ms: number): Promise<void>
  /** What has happened, for the hash over all of it and for whoever looks into a failure. */
  trace(line: string): void
  /** Over every line so far. */
  hash(): string
  lines(): readonly string[]
  /** What must never be has been: the run ends at once. The first one counts. */
  violate(reason: string): void
  violation(): string | null
  /** Settles events until `isOver` says so, a violation is found, or the time is up; answers whether it was `isOver`. */
  run(isOver: () => boolean, deadline: number): Promise<boolean>
}

interface Planned {
  at: number
  order: number
  run: (() => void) | null
}

const START_MS = Date.parse('2026-01-01T00:00:00Z')

const isBefore = (a: Planned, b: Planned) => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap: the earliest is at 0. */
function push(heap: Planned[], planned: Planned): void {
  let at = heap.push(planned) - 1
  for (let parent = (at - 1) >> 1; at > 0 && isBefore(planned, heap[parent]!); parent = (at - 1) >> 1) {
    heap[at] = heap[parent]!
    heap[(at = parent)] = planned
  }
}

function pop(heap: Planned[]): Planned | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return first
  heap[0] = last
  for (let at = 0; ;) {
    const [left, right] = [2 * at + 1, 2 * at + 2]
    let least = at
    if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left
    if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right
    if (least === at) return first
    heap[at] = heap[least]!
    heap[(at = least)] = last
  }
}

/** Every promise that can go on has gone on: nothing else here uses macrotasks. */
const settled = () => new Promise<void>(resolve => setImmediate(resolve))

export function createWorld(seed: number): World {
  const dice = diceOf(seed)
  const heap: Planned[] = []
  const digest = createHash('sha256')
  const lines: string[] = []
  let now = START_MS
  let reason: string | null = null

  const after: World['after'] = (ms, run) => {
    const planned: Planned = { at: now + Math.max(0, ms), order: dice.roll(), run }
    push(heap, planned)
    return () => (planned.run = null)
  }
  const trace = (line: string) => {
    const dated = `${now - START_MS} ${line}`
    digest.update(dated)
    lines.push(dated)
  }
  return {
    dice,
    after,
    trace,
    now: () => now,
    sleep: ms => new Promise(resolve => after(ms, resolve)),
    hash: () => digest.copy().digest('hex'),
    lines: () => lines,
    violate(said) {
      trace(`VIOLATION ${said}`)
      reason ??= said
    },
    violation: () => reason,
    async run(isOver, deadline) {
      for (;;) {
        await settled()
        if (reason !== null) return false
        if (isOver()) return true
        const next = pop(heap)
        if (next === undefined) throw new Error('nothing will ever happen again')
        if (next.at > deadline) {
          push(heap, next)
          now = deadline
          return false
        }
        if (next.run === null) continue
        now = Math.max(now, next.at)
        next.run()
      }
    },
  }
}
