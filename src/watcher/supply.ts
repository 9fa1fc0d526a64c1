/**
 * What the watcher wants of the signer besides signatures: at the start, all that it has signed and this ledger lacks;
 * from then on, enough free addresses.
 */
import { boundary, Fault, operating, reasonOf } from '../kernel/fault.ts'
import type { Clock, Log } from '../kernel/ports.ts'
import type { AddressContext, GeneratedAddress } from '../../machines/address.ts'
import type { WithdrawalContext } from '../../machines/withdrawal.ts'
import type { Archive } from '../ledger/engine.ts'
import type { SignedRecord } from '../orchestrator/inbound.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { addressId } from '../orchestrator/routes/blocks.ts'
import { chainContext, type Orchestrator } from '../orchestrator/orchestrator.ts'
import { healthOf, type Health } from './health.ts'
import { startLoop, type Loop } from './loop.ts'
import { heldFor, type SignerClient } from './signer-client.ts'

export interface SupplyOptions {
  chain: string
  pool: { low: number; high: number }
  signer: SignerClient
  orchestrator: Orchestrator
  archive: Archive
  health: Health
  clock: Clock
  log: Log
}

const CHECK_MS = 1000
const RULES_MS = 5000
const RETRY_MS = 2000
const PAGE = 1000

const withdrawalOf = (instance: { context: object }) => instance.context as WithdrawalContext
const isUnbound = (instance: { context: object }) => withdrawalOf(instance).transfer === null
const addressOf = (instance: { context: object }) => instance.context as AddressContext

/** Addresses that may be given to a reference. */
export const freeAddresses = (memory: LiveMemory, chain: string): AddressContext[] =>
  memory
    .list('address', chain, 'watched')
    .map(addressOf)
    .filter(({ index, isFormer }) => index > 0 && !isFormer)

/** How many the ledger knows: indices are without gaps from 0. */
const knownAddresses = (memory: LiveMemory, chain: string): number =>
  ['generated', 'watched', 'assigned'].reduce((sum, state) => sum + memory.count('address', chain, state), 0)

/** Whose identity key has attested this chain's addresses; null before there is one. */
export function attesterOf(memory: LiveMemory, chain: string): string | null {
  const treasury = memory.get(addressId(chain, 0))
  return treasury === undefined ? null : addressOf(treasury).attestation.key
}

/** What has left memory has ended well or badly; it needs no adoption. */
async function lacks({ orchestrator, archive }: SupplyOptions, { transferId, n }: SignedRecord): Promise<boolean> {
  const id = `attempt/${transferId}:${n}`
  return orchestrator.memory.get(id) === undefined && (await archive.read(id)) === null
}

/**
 * A ledger that was put back from an older copy does not know to whom a later one has given what is free in it. What the
 * signer has and this ledger lacks shows that there was a later one.
 */
async function retain({ chain, orchestrator, clock, log }: SupplyOptions): Promise<void> {
  if (freeAddresses(orchestrator.memory, chain).length === 0) return
  log('warn', 'this ledger is older than what the signer remembers: its free addresses are given to nobody', { chain })
  await orchestrator.dispatch({ type: 'addresses.retained', at: clock.now(), data: { chain } })
}

async function retainIfOutdated(options: SupplyOptions): Promise<void> {
  const { chain, signer, orchestrator } = options
  const known = knownAddresses(orchestrator.memory, chain)
  const [later] = known === 0 ? [] : await signer.addresses(chain, known, 1)
  if (later !== undefined) await retain(options)
}

async function recall(options: SupplyOptions): Promise<void> {
  const { chain, signer, orchestrator, clock, health, log } = options
  for (let after: number | null = chainContext(orchestrator.memory, chain)!.recalled; after !== null;) {
    const { items, receipts, until, next } = await signer.signed(chain, after)
    const records: SignedRecord[] = []
    for (const item of items) if (await lacks(options, item)) records.push(item)
    if (records.length > 0) {
      log('warn', 'adopting what the signer has signed and this ledger lacks', { chain, count: records.length })
      await retain(options)
    }
    const data = { chain, records, receipts, until, seen: signer.seen() }
    await orchestrator.dispatch({ type: 'signer.recalled', at: clock.now(), data })
    after = next
  }
  health.trigger.noted({ chain, isRecalled: true })
}

/**
 * Addresses that the signer already has and this ledger does not know were perhaps given away before the ledger was lost
 * (`isFormer`): they are watched, and given to nobody but a reference that names them.
 */
async function fetchAddresses(options: SupplyOptions, isFormer: boolean): Promise<void> {
  const { chain, signer, orchestrator, clock } = options
  for (;;) {
    const known = knownAddresses(orchestrator.memory, chain)
    const found: GeneratedAddress[] = await signer.addresses(chain, known, PAGE)
    const addresses = found.map(address => ({ ...address, isFormer }))
    if (addresses.length > 0)
      await orchestrator.dispatch({
        type: 'addresses.generated',
        at: clock.now(),
        data: { chain, addresses, seen: signer.seen() },
      })
    if (addresses.length < PAGE) return
  }
}

async function refill(options: SupplyOptions): Promise<void> {
  const { chain, pool, signer, orchestrator } = options
  const { memory } = orchestrator
  const free = freeAddresses(memory, chain).length
  if (knownAddresses(memory, chain) > 0 && free >= Math.max(pool.low, 1)) return
  await fetchAddresses(options, true)
  const treasury = 1
  const missing = pool.high - freeAddresses(memory, chain).length
  const size = Math.max(knownAddresses(memory, chain), treasury) + missing
  await signer.growPool(chain, size)
  await fetchAddresses(options, false)
}

/**
 * What the signer wants of a payment may be changed by its operator; whoever was held for what is wanted no more is paid.
 * Also tells readiness whether it answers.
 */
async function askRules({ chain, signer, orchestrator, health, clock }: SupplyOptions): Promise<void> {
  const rules = await signer.rules(chain)
  const attester = attesterOf(orchestrator.memory, chain)
  if (rules !== null && attester !== null && rules.wallet !== attester)
    throw operating(
      'other-signer',
      `the signer's identity is ${rules.wallet}, the ledger's addresses are ${attester}'s: is signer.url right?`,
    )
  const isNew = JSON.stringify(rules) !== JSON.stringify(healthOf(health, chain).rules)
  if (!isNew) return
  health.trigger.noted({ chain, rules })
  const held = orchestrator.memory.list('withdrawal', chain, 'held')
  const ids = held.filter(one => heldFor(rules, withdrawalOf(one)) === null && isUnbound(one)).map(({ id }) => id)
  if (ids.length > 0)
    await orchestrator.dispatch({ type: 'withdrawals.approved', at: clock.now(), data: { chain, ids } })
}

/** When the signer is asked next although nothing is wanted of it; each question is a line in its audit log. */
interface Asking {
  at: number
}

async function turn(options: SupplyOptions, asking: Asking): Promise<number> {
  const { chain, orchestrator, health, clock, log } = options
  const context = chainContext(orchestrator.memory, chain)
  if (context === null) return CHECK_MS / 10
  try {
    if (clock.now() >= asking.at || !healthOf(health, chain).isRecalled) {
      await askRules(options)
      asking.at = clock.now() + RULES_MS
    }
    if (!healthOf(health, chain).isRecalled) {
      // Before anything that it lacks is stored: a crash in between must leave the proof that it was lacking.
      await retainIfOutdated(options)
      await fetchAddresses(options, true)
      await recall(options)
    }
    if (context.blocks.length > 0) await refill(options)
    health.trigger.noted({ chain, signerProblem: null })
    return context.blocks.length > 0 ? CHECK_MS : CHECK_MS / 10
  } catch (error) {
    const reason = reasonOf(error)
    log(error instanceof Fault ? 'warn' : 'error', 'signer trouble', { chain, reason })
    health.trigger.noted({ chain, signerProblem: reason })
    asking.at = 0
    return RETRY_MS
  }
}

export function startSupply(options: SupplyOptions): Loop {
  const asking: Asking = { at: 0 }
  return startLoop(options.clock, () => turn(options, asking))
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
