/** Enough free addresses: the signer is asked for more when few are left, and what it has made is taken into the ledger. */
import type { AddressContext } from '../../machines/address.ts'
import { addressId } from '../../machines/ids.ts'
import type { InstanceOf } from '../kernel/entry.ts'
import { boundary, Fault } from '../kernel/fault.ts'
import type { Clock, Log } from '../kernel/ports.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { SignerClient } from './signer-client.ts'

export interface AddressPoolOptions {
  chain: string
  /** Below `low` free addresses, so many more are asked for that there are `high`. */
  pool: { low: number; high: number }
  signer: SignerClient
  orchestrator: Orchestrator
  /** Ours: an address that was made for another ledger is given away by that one. */
  ledgerId: string
  clock: Clock
  log: Log
}

const PAGE = 1000

const isFree = ({ context: { index, isFormer } }: InstanceOf<'address'>): boolean => index > 0 && !isFormer

/** Addresses that may be given to a reference. */
export const freeAddresses = (memory: LiveMemory, chain: string): AddressContext[] =>
  memory
    .list('address', chain, 'watched')
    .filter(isFree)
    .map(({ context }) => context)

/** The first of them: giving one away costs the same, however many there are. */
export const freeAddress = (memory: LiveMemory, chain: string): AddressContext | undefined =>
  memory.page('address', { chain, state: 'watched', after: 0, limit: 1 }, isFree)[0]?.context

/** How many the ledger knows: indices are without gaps from 0. */
export const knownAddresses = (memory: LiveMemory, chain: string): number =>
  ['generated', 'watched', 'assigned'].reduce((sum, state) => sum + memory.count('address', chain, state), 0)

/** Whose identity key has attested this chain's addresses; null before there is one. */
export const attesterOf = (memory: LiveMemory, chain: string): string | null =>
  memory.get(addressId(chain, 0))?.context.attestation.key ?? null

/**
 * Takes in what the signer has and this ledger does not. `areFormer`: they were perhaps given away before the ledger was
 * lost. Those, and what was made for another ledger, are watched, and given to nobody but a reference that names them.
 */
export async function fetchAddresses(options: Omit<AddressPoolOptions, 'pool'>, areFormer: boolean): Promise<void> {
  const { chain, signer, orchestrator, ledgerId, clock } = options
  for (;;) {
    const known = knownAddresses(orchestrator.memory, chain)
    const found = await signer.addresses(chain, known, PAGE)
    const addresses = found.map(({ ledgerId: its, ...address }) => ({
      ...address,
      isFormer: areFormer || its !== ledgerId,
    }))
    if (addresses.length > 0)
      await orchestrator.dispatch({
        type: 'addresses.generated',
        at: clock.now(),
        data: { chain, addresses, position: signer.position() },
      })
    if (addresses.length < PAGE) return
  }
}

/** Who else may have had addresses made. */
interface Sharing {
  role: 'paying' | 'watching'
  /** Another ledger that is known to use the signer. */
  otherLedger: string | null
}

const isOutage = (error: unknown): boolean =>
  error instanceof Fault && (error.type === 'operating' || error.type === 'unknownOutcome')

/**
 * The addresses of another ledger on the same signer, fetched with each block: `grown` where some were not known. What only watches must miss none
 * of them: `unknown` where the signer does not answer; one that pays knows its own, and goes on.
 */
export async function completeAddresses(
  options: Omit<AddressPoolOptions, 'pool'>,
  { role, otherLedger }: Sharing,
): Promise<'complete' | 'grown' | 'unknown'> {
  const isWatching = role === 'watching'
  if (!isWatching && otherLedger === null) return 'complete'
  const { chain, orchestrator } = options
  const known = knownAddresses(orchestrator.memory, chain)
  try {
    await fetchAddresses(options, isWatching)
  } catch (error) {
    if (!isOutage(error)) throw error
    return isWatching ? 'unknown' : 'complete'
  }
  return knownAddresses(orchestrator.memory, chain) > known ? 'grown' : 'complete'
}

/** Answers whether more were asked for. */
export async function refillPool(options: AddressPoolOptions): Promise<boolean> {
  const { chain, pool, signer, orchestrator, ledgerId } = options
  const { memory } = orchestrator
  const free = freeAddresses(memory, chain).length
  if (knownAddresses(memory, chain) > 0 && free >= Math.max(pool.low, 1)) return false
  await fetchAddresses(options, true)
  const treasury = 1
  const missing = pool.high - freeAddresses(memory, chain).length
  const size = Math.max(knownAddresses(memory, chain), treasury) + missing
  await signer.growPool(chain, size, ledgerId)
  await fetchAddresses(options, false)
  return true
}

/**
 * A new ledger that starts at the tip would not see what was paid to addresses given out before. Rejects with a boundary
 * fault when the signer already has addresses of this chain.
 */
export async function refuseFormerAddresses(signer: SignerClient, chain: string): Promise<void> {
  const [first] = await signer.addresses(chain, 0, 1)
  if (first !== undefined)
    throw boundary(
      'configuration',
      `chains.${chain}.startHeight: latest is refused, because the signer already has addresses of this chain: give the height from which to follow it`,
    )
}
