/** Which addresses are ours: asked for both ends of every transaction and every transfer of a token, from their digits alone. */
import { invariant } from '../../src/kernel/fault.ts'
import type { Watch } from '../adapter.ts'
import { createTable } from '../../src/kernel/table.ts'

const ADDRESS_BYTES = 20

/** `address` canonical. Invariant fault `address-twice` where it is known under another index. */
export interface AccountWatch extends Watch {
  /** Of 20 bytes in hex with `0x`, or -1. */
  indexOf(address: string): number
  /** Of ours, in the order in which they came; `from` goes round. */
  some(from: number, count: number): readonly { index: number; address: string }[]
  size(): number
  /** Memory in typed arrays. */
  bytesHeld(): number
}

/** Empty: the ledger's memory fills it at the start. Addresses are spread as hashes are, which is what they are made of. */
export function createWatch(): AccountWatch {
  const table = createTable(ADDRESS_BYTES)
  const known: { index: number; address: string }[] = []
  const scratch = Buffer.alloc(ADDRESS_BYTES)
  const bytesOf = (address: string): Buffer => {
    scratch.write(address.slice(2), 'hex')
    return scratch
  }
  return {
    addAddress(index, address) {
      const before = table.size()
      const entry = table.add(bytesOf(address), 0)
      if (table.size() === before && table.value(entry) !== index)
        throw invariant('address-twice', `${address} has index ${table.value(entry)} and ${index}`)
      table.setValue(entry, index)
      if (table.size() > before) known.push({ index, address })
    },
    indexOf(address) {
      const entry = table.find(bytesOf(address), 0)
      return entry === -1 ? -1 : table.value(entry)
    },
    // Addresses alone are looked for: what a nonce is spent by shows by its sender.
    changed: () => undefined,
    some: (from, count) =>
      Array.from({ length: Math.min(count, known.length) }, (_, n) => known[(from + n) % known.length]!),
    size: () => table.size(),
    bytesHeld: () => table.bytesHeld(),
  }
}
