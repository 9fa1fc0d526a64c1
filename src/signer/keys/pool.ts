/** The addresses of one chain: they follow from the seed, so only their number and age are stored. */
import type { Derived, Deriver } from '../../../adapters/adapter.ts'
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

/** An address with its age: milliseconds since 1970 UTC. */
export interface Listed extends Derived {
  createdAt: number
  /** The ledger that it was made for; null where none was named. */
  ledgerId: string | null
}

/** The addresses of one chain, by index from 0, without gaps. */
export interface AddressPool {
  size(): number
  /** Index 0; null as long as there is no address. */
  treasury(): string | null
  /** Of an address that exists. */
  indexOf(address: string): number | undefined
  /** Makes sure that there are so many. Answers whether there were fewer; what was added is not durable yet. */
  grow(size: number, ledgerId: string | null): Promise<boolean>
  /** By index from `from`, at most `limit`. */
  list(from: number, limit: number): Listed[]
}

/** `seed`: the BIP-39 seed, 64 bytes. */
export interface PoolOptions {
  chain: string
  deriver: Deriver
  seed: Uint8Array
  memory: SignerMemory
  clock: Clock
}

/** Derives what is stored. Throws corruptStore when the seed or the network is another than that of the memory. */
export async function openPool({ chain, deriver, seed, memory, clock }: PoolOptions): Promise<AddressPool> {
  const known = new Map<string, number>()
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
    while (known.size < target) {
      const end = Math.min(target, known.size + SLICE)
      while (known.size < end) known.set(deriver.derive(seed, known.size).address, known.size)
      if (known.size < target) await pause(clock)
    }
  }

  const grow: AddressPool['grow'] = async (target, ledgerId) => {
    if (target > MAXIMUM_POOL) throw boundary('pool-too-large', `a pool holds at most ${MAXIMUM_POOL} addresses`)
    await deriveUpTo(target)
    const from = size()
    if (target <= from) return false
    const id = poolId(chain, from)
    const data = { chain, from, count: target - from, address: deriver.derive(seed, from).address, ledgerId }
    memory.change([tell(id, 'pool.extended', clock.now(), data)], clock.now())
    extensions.push(memory.get(id)!.context)
    return true
  }

  const list: AddressPool['list'] = (from, limit) => {
    const count = Math.max(0, Math.min(limit, size() - from))
    return Array.from({ length: count }, (_, i) => {
      const { createdAt, ledgerId } = extensions[positionOf(extensions, from + i)]!
      return { ...deriver.derive(seed, from + i), createdAt, ledgerId }
    })
  }

  for (const { from, address } of extensions) {
    if (deriver.derive(seed, from).address === address) continue
    throw corruptStore(
      `the memory of ${chain} belongs to another phrase or network: index ${from} should be ${address}`,
    )
  }
  await deriveUpTo(size())
  const indexOf = (address: string): number | undefined => {
    const index = known.get(address)
    return index !== undefined && index < size() ? index : undefined
  }
  return { size, treasury: () => (size() > 0 ? deriver.derive(seed, 0).address : null), indexOf, grow, list }
}

/** The extension that holds an index that exists: the last that begins at or before it. */
const positionOf = (extensions: readonly PoolContext[], index: number): number =>
  firstThat(extensions.length, n => extensions[n]!.from > index) - 1

const pause = (clock: Clock): Promise<void> =>
  new Promise(resolve => {
    clock.wake(0, resolve)
  })
