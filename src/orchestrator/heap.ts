/** A binary heap with lazy deletion: what is popped must be checked against the present by the caller. */
export interface Heap<Id extends string> {
  push(at: number, id: Id): void
  /** The lowest, or undefined. */
  peek(): Item<Id> | undefined
  pop(): Item<Id> | undefined
}

interface Item<Id extends string> {
  at: number
  id: Id
}

const before = (a: Item<string>, b: Item<string>): boolean => a.at < b.at || (a.at === b.at && a.id < b.id)

/** Empty; push and pop cost the logarithm of its size. */
export function createHeap<Id extends string>(): Heap<Id> {
  const items: Item<Id>[] = []
  const swap = (i: number, j: number) => {
    const item = items[i]!
    items[i] = items[j]!
    items[j] = item
  }
  const rise = (from: number) => {
    for (let i = from; i > 0;) {
      const parent = (i - 1) >> 1
      if (!before(items[i]!, items[parent]!)) return
      swap(i, parent)
      i = parent
    }
  }
  const sink = () => {
    for (let i = 0; ;) {
      const left = 2 * i + 1
      let least = i
      if (left < items.length && before(items[left]!, items[least]!)) least = left
      if (left + 1 < items.length && before(items[left + 1]!, items[least]!)) least = left + 1
      if (least === i) return
      swap(i, least)
      i = least
    }
  }
  return {
    push(at, id) {
      items.push({ at, id })
      rise(items.length - 1)
    },
    peek: () => items[0],
    pop() {
      const first = items[0]
      const last = items.pop()
      if (last !== undefined && items.length > 0) {
        items[0] = last
        sink()
      }
      return first
    },
  }
}
