/**
 * What the signer has signed and voided, compared with this ledger: at each start, and whenever the signer shows that the
 * ledger lacks something. Before that nothing is followed or planned.
 */
import { attemptId, transferId as idOfTransfer, withdrawalId, type Id } from '../../machines/ids.ts'
import type { Book } from '../../adapters/book.ts'
import type { Instance } from '../kernel/entry.ts'
import type { Clock, Log } from '../kernel/ports.ts'
import type { Archive } from '../ledger/engine.ts'
import type { SignedRecord } from '../orchestrator/inbound.ts'
import { chainContext, type Orchestrator } from '../orchestrator/orchestrator.ts'
import { isSameKeys } from './performers.ts'
import { fetchAddresses, freeAddresses, knownAddresses } from './address-pool.ts'
import { healthOf, type Health } from './health.ts'
import type { ListedRecord, SignerClient } from './signer-client.ts'

export interface ReconciliationOptions {
  chain: string
  signer: SignerClient
  orchestrator: Orchestrator
  archive: Archive
  ledgerId: string
  health: Health
  /** What stands for these spend keys. */
  held: Book['held']
  clock: Clock
  log: Log
}

const ADDRESSES_PAGE = 1000

/**
 * What was signed and has left memory has ended well or badly; it needs no adoption. What is planned here, or was given up here before it was signed, and
 * was signed under the same name for another watcher, does.
 */
async function isLacking({ orchestrator, archive }: ReconciliationOptions, record: SignedRecord): Promise<boolean> {
  const id = attemptId(idOfTransfer(record.transferId), record.n)
  const known = orchestrator.memory.get(id)?.context
  if (known === undefined) return ((await archive.read(id))?.context.transactionId ?? null) === null
  return known.transactionId === null && !isSameKeys(known.spendKeys, record.spendKeys)
}

/** Made, or signed, for this ledger; or it is not known for which. */
const isPerhapsOurs = ({ ledgerId: ours }: ReconciliationOptions, { ledgerId }: { ledgerId: string | null }): boolean =>
  ledgerId === ours || ledgerId === null

/**
 * A ledger that was put back from an older copy does not know to whom a later one has given what is free in it. What the
 * signer has for it and it lacks shows that there was a later one; what it has for another ledger says nothing of this one.
 */
async function retainFree({ chain, orchestrator, clock, log }: ReconciliationOptions): Promise<void> {
  if (freeAddresses(orchestrator.memory, chain).length === 0) return
  log('warn', 'this ledger is older than what the signer remembers: its free addresses are given to nobody', { chain })
  await orchestrator.dispatch({ type: 'addresses.retained', at: clock.now(), data: { chain } })
}

async function retainIfOutdated(options: ReconciliationOptions): Promise<void> {
  const { chain, signer, orchestrator } = options
  const known = knownAddresses(orchestrator.memory, chain)
  if (known === 0) return
  for (let from = known; ;) {
    const later = await signer.addresses(chain, from, ADDRESSES_PAGE)
    if (later.some(address => isPerhapsOurs(options, address))) return retainFree(options)
    if (later.length < ADDRESSES_PAGE) return
    from += later.length
  }
}

/** Whether another ledger has had addresses made by the same signer, as far as the latest of them tell: said once. */
export async function noteOtherLedger(options: ReconciliationOptions): Promise<void> {
  const { chain, signer, orchestrator, ledgerId, health, log } = options
  const from = Math.max(0, knownAddresses(orchestrator.memory, chain) - ADDRESSES_PAGE)
  const latest = await signer.addresses(chain, from, ADDRESSES_PAGE)
  const other = latest.findLast(address => address.ledgerId !== null && address.ledgerId !== ledgerId)
  if (other === undefined || other.ledgerId === healthOf(health, chain).otherLedger) return
  log('warn', 'another ledger uses the same signer', { chain, ledgerId: other.ledgerId })
  health.trigger.noted({ chain, otherLedger: other.ledgerId })
}

/** What they are about: what they spend and pay, and they themselves. */
const subjectsOf = ({ held }: ReconciliationOptions, { transferId, n, spendKeys, intents }: SignedRecord): Id[] => {
  const transfer = idOfTransfer(transferId)
  return [transfer, attemptId(transfer, n), ...held(spendKeys), ...intents.map(({ id }) => withdrawalId(id))]
}

/** What has ended of what they are about. */
async function endedFor(options: ReconciliationOptions, records: readonly SignedRecord[]): Promise<Instance[]> {
  const { orchestrator, archive } = options
  const ended: Instance[] = []
  for (const id of new Set(records.flatMap(record => subjectsOf(options, record)))) {
    const instance = orchestrator.memory.get(id) === undefined ? await archive.read(id) : null
    if (instance !== null) ended.push(instance)
  }
  return ended
}

async function adoptMissing(options: ReconciliationOptions): Promise<void> {
  const { chain, signer, orchestrator, clock, log } = options
  for (let after: number | null = chainContext(orchestrator.memory, chain)!.recalled; after !== null;) {
    const { items, receipts, until, next } = await signer.signed(chain, after)
    const records: ListedRecord[] = []
    for (const item of items) if (await isLacking(options, item)) records.push(item)
    if (records.length > 0) {
      log('warn', 'adopting what the signer has signed and this ledger lacks', { chain, count: records.length })
      if (records.some(record => isPerhapsOurs(options, record))) await retainFree(options)
    }
    const ended = await endedFor(options, records)
    const data = { chain, records, receipts, ended, until, position: signer.position() }
    await orchestrator.dispatch({ type: 'signer.recalled', at: clock.now(), data })
    after = next
  }
}

/** Everything that the signer has and this ledger lacks: addresses first, then what was signed and voided. */
export async function reconcile(options: ReconciliationOptions): Promise<void> {
  // Before anything that it lacks is stored: a crash in between must leave the proof that it was lacking.
  await retainIfOutdated(options)
  await fetchAddresses(options, true)
  await adoptMissing(options)
  await noteOtherLedger(options)
  options.health.trigger.noted({ chain: options.chain, isReconciled: true })
}
