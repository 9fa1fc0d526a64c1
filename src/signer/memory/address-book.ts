/** The addresses of one chain, by fingerprint: tells ours from foreign ones, and a start need not derive them again. */
import { invariant } from '../../kernel/fault.ts'
import { createTable } from '../../kernel/table.ts'
import { KEY_BYTES, type Fingerprints } from './facts.ts'

/** So many share one fact. */
const AT_ONCE = 1000

/** By index from 0, without gaps. */
export interface AddressBook {
  size(): number
  /** Of an address that is in it. */
  indexOf(address: string): number | undefined
  /** Goes on behind the last. `seq`: of the transition that made them. */
  add(addresses: readonly string[], seq: number): void
  /** What was learned before: fingerprints, one behind the other; those that are known already are passed over. */
  take(first: number, keys: Uint8Array): void
}

/** Empty. */
export function createAddressBook(
  fingerprints: Fingerprints,
  learned: (first: number, keys: Uint8Array, seq: number) => void,
): AddressBook {
  const table = createTable(KEY_BYTES)

  const take: AddressBook['take'] = (first, keys) => {
    if (first > table.size()) throw invariant('address-gap', `address ${first} follows ${table.size()}`)
    for (let n = table.size() - first; n < keys.length / KEY_BYTES; n++) {
      table.setValue(table.add(keys, n * KEY_BYTES), first + n)
    }
  }
  return {
    size: () => table.size(),
    indexOf(address) {
      const entry = table.find(fingerprints.key('address', address), 0)
      return entry === -1 ? undefined : table.value(entry)
    },
    add(addresses, seq) {
      for (let from = 0; from < addresses.length; from += AT_ONCE) {
        const keys = addresses.slice(from, from + AT_ONCE).map(address => fingerprints.key('address', address))
        const [first, joined] = [table.size(), Buffer.concat(keys)]
        take(first, joined)
        learned(first, joined, seq)
      }
    },
    take,
  }
}
