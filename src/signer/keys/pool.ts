/**
 * The addresses of one chain: they follow from the seed, so their number and age are stored, and a fingerprint of each, by
 * which a start knows them without deriving them all again.
 */
import type { Derived, Deriver } from '../../../adapters/adapter.ts'
import type { Allowance } from '../signing/allowance.ts'
import { boundary, corruptStore } from '../../kernel/fault.ts'
import { firstThat } from '../../kernel/bisect.ts'
import { MAXIMUM_POOL } from '../../signer-api/shapes.ts'
import type { Clock } from '../../kernel/ports.ts'
import type { PoolContext } from '../../../machines/pool.ts'
import { poolId } from '../../../machines/ids.ts'
import { tell } from '../../../machines/messages.ts'
import type { SignerMemory } from '../memory/memory.ts'

/** About 50 ms; between two slices others have their turn. */
const SLICE = 200

/** Of the stored runs of addresses so many are derived again at each start, spread over all of them. */
const SAMPLES = 32

/** An address with its age: milliseconds since 1970 UTC. */
export interface PooledAddress extends Derived {
  createdAt: number
  /** The ledger that it was made for; null where none was named. */
  ledgerId: string | null
}

/** The addresses of one chain, by index from 0, without gaps. */
export interface AddressPool {
  size(): number
  /** Index 0; null as long as there is no address. */
  treasury(): string | null
  /** Of an address that exists; of an account whose addresses are told apart by a data field, the treasury's. */
  indexOf(address: string): number | undefined
  /** Makes sure that there are so many. Answers whether there were fewer; what was added is not durable yet. */
  grow(size: number, ledgerId: string | null): Promise<boolean>
  /** By index from `from`, at most `limit`. */
  list(from: number, limit: number): PooledAddress[]
}

/** `seed`: the BIP-39 seed, 64 bytes. */
export interface PoolOptions {
  chain: string
  deriver: Deriver
  seed: Uint8Array
  memory: SignerMemory
  clock: Clock
  /** Of addresses. */
  growth: Allowance
}

/** Derives what is stored. Throws corruptStore when the seed or the network is another than that of the memory. */
export async function openPool({ chain, deriver, seed, memory, clock, growth }: PoolOptions): Promise<AddressPool> {
  const book = memory.records.addressesOf(chain)
  /** Derived, and not stored yet: those that follow the last one in the book. */
  let ahead: string[] = []
  const extensions = memory
    .pools()
    .map(({ context }) => context)
    .filter(extension => extension.chain === chain)
  extensions.sort((a, b) => a.from - b.from)
  const size = (): number => {
    const end = extensions.at(-1)
    return end === undefined ? 0 : end.from + end.count
  }

  /** Ahead of what is stored, in slices; two growths at once help each other. */
  const deriveUpTo = async (target: number): Promise<void> => {
    const derived = () => book.size() + ahead.length
    while (derived() < target) {
      const end = Math.min(target, derived() + SLICE)
      while (derived() < end) ahead.push(nameOf(deriver.derive(seed, derived())))
      if (derived() < target) await pause(clock)
    }
  }

  /** Those up to the end that the memory now has. `seq`: of the transition that made it so. */
  const keep = (seq: number): void => {
    const count = Math.max(0, size() - book.size())
    book.add(ahead.slice(0, count), seq)
    ahead = ahead.slice(count)
  }

  const grow: AddressPool['grow'] = async (target, ledgerId) => {
    if (target > MAXIMUM_POOL) throw boundary('pool-too-large', `a pool holds at most ${MAXIMUM_POOL} addresses`)
    if (target > size()) growth.spend(target - size())
    await deriveUpTo(target)
    const from = size()
    if (target <= from) return false
    const id = poolId(chain, from)
    const data = { chain, from, count: target - from, address: nameOf(deriver.derive(seed, from)), ledgerId }
    memory.change([tell(id, 'pool.extended', clock.now(), data)], clock.now())
    const extended = memory.get(id)!
    extensions.push(extended.context)
    keep(extended.seq)
    return true
  }

  const list: AddressPool['list'] = (from, limit) => {
    const count = Math.max(0, Math.min(limit, size() - from))
    return Array.from({ length: count }, (_, i) => {
      const { createdAt, ledgerId } = extensions[positionOf(extensions, from + i)]!
      return { ...deriver.derive(seed, from + i), createdAt, ledgerId }
    })
  }

  const otherOwner = ({ from, address }: PoolContext) =>
    corruptStore(`the memory of ${chain} belongs to another phrase or network: index ${from} should be ${address}`)
  for (const extension of sampleOf(extensions)) {
    if (nameOf(deriver.derive(seed, extension.from)) !== extension.address) throw otherOwner(extension)
  }
  await deriveUpTo(size())
  keep(memory.position().sequence)
  for (const extension of extensions) {
    if (book.indexOf(extension.address) !== extension.from) throw otherOwner(extension)
  }
  const treasury = () => (size() > 0 ? deriver.derive(seed, 0).address : null)
  return { size, treasury, indexOf: address => book.indexOf(address), grow, list }
}

/** What tells an address from all others: where a data field does, the account alone is the treasury. */
const nameOf = ({ address, dataField }: Derived): string => (dataField === null ? address : `${address}:${dataField}`)

/** The first, the last, and some between. */
function sampleOf(extensions: readonly PoolContext[]): PoolContext[] {
  const step = Math.max(1, Math.ceil(extensions.length / SAMPLES))
  return extensions.filter((_, n) => n % step === 0 || n === extensions.length - 1)
}

/** The extension that holds an index that exists: the last that begins at or before it. */
const positionOf = (extensions: readonly PoolContext[], index: number): number =>
  firstThat(extensions.length, n => extensions[n]!.from > index) - 1

const pause = (clock: Clock): Promise<void> =>
  new Promise(resolve => {
    clock.wake(0, resolve)
  })
