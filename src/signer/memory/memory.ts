/**
 * The signer's durable memory: the same journal as the watcher's, with a kind of instance for what is signed, voided and generated. A change is decided on
 * memory at once and stands in the journal's order; whoever shows it to the outside awaits `settled` first.
 */
import { corruptStore, invariant } from '../../kernel/fault.ts'
import type { Disk, Ports } from '../../kernel/ports.ts'
import { poolMachine } from '../../../machines/pool.ts'
import { signingMachine } from '../../../machines/signing.ts'
import { voidMachine } from '../../../machines/void.ts'
import type { Addressed, Id, MemoryPosition } from '../../../machines/vocabulary.ts'
import type { Archive, Ledger } from '../../ledger/engine.ts'
import type { Instance } from '../../kernel/entry.ts'
import { readHead } from '../../ledger/head.ts'
import { openLedger, type LedgerPorts } from '../../ledger/journal.ts'
import { firstHash } from '../../ledger/line.ts'
import { kindOf, machineOf, step, versionOf, type Machines } from '../../kernel/step.ts'
import { walkJournal } from './history.ts'
import { createPositions, type Positions } from './positions.ts'
import { createRecords, type Records } from './records.ts'

/** What a start may have to replay. */
const CHECKPOINT_AFTER_BYTES = 64 * 1024 * 1024

const MACHINES: Machines = { signing: signingMachine, void: voidMachine, pool: poolMachine }
/** Kinds whose instances say what was promised to the outside. */
const PROMISES = ['signing', 'void']

/** What a memory needs of the machine. */
export type MemoryPorts = Pick<Ports, 'disk' | 'log' | 'abort'>

/** What the signer knows. Reads show what is decided; whoever tells the outside awaits `settled`. */
export interface SignerMemory {
  records: Records
  archive: Archive
  /** Live ones only: what is signed or voided has left memory, see `records` and `archive`. */
  get(id: Id): Instance | undefined
  pools(): Instance[]
  /** The attempts that are stored and not signed, and what is known of them, as characters of JSON. */
  unsigned(): { readonly attempts: number; readonly characters: number }
  /** Delivers the events to their instances as one commit; answers what they became. Not durable before `settled`. */
  change(messages: readonly Addressed[], at: number): Instance[]
  /** Resolves when everything changed so far is durable; rejects for ever once the disk has failed. */
  settled(): Promise<void>
  /** The durable end: never ahead of what a crash leaves. */
  position(): MemoryPosition
  /** Whether that was its position once, in this process or in an earlier one. */
  had(position: MemoryPosition): boolean
  close(): Promise<void>
}

/**
 * Makes the memory with this id: empty, durable and closed again. Throws corruptStore where there is one, operating `locked`.
 */
export async function createMemory(ports: MemoryPorts, directory: string, ledgerId: string): Promise<void> {
  if ((await memoryIn(ports.disk, directory)) !== null)
    throw corruptStore(`${directory}: there is a memory, and none was expected`)
  const ledger = await openLedger(ledgerPorts(ports, directory, ledgerId))
  await ledger.journal.close()
}

/** A new ledger's id is drawn at random, and from it follows its first hash; ours is in the keystore already. */
export function ledgerPorts(ports: MemoryPorts, directory: string, ledgerId: string): LedgerPorts {
  const { disk, log } = ports
  const random = { bytes: () => new Uint8Array(Buffer.from(ledgerId, 'hex')) }
  const abort = (reason: string) => {
    ports.abort(reason)
  }
  return { disk, directory, random, log, abort }
}

/** Which memory is there, by its own word; null where there is none. Throws corruptStore where its head is damaged. */
export const memoryIn = async (disk: Disk, directory: string): Promise<string | null> =>
  (await readHead(disk, directory))?.ledgerId ?? null

/** Throws corruptStore when the memory in `directory` is missing, or is not the one that the keystore names. */
async function refuseOtherMemory(disk: Disk, directory: string, ledgerId: string): Promise<void> {
  const found = await memoryIn(disk, directory)
  if (found === ledgerId) return
  const problem = found === null ? 'is missing' : `is another one (${found})`
  throw corruptStore(
    `${directory}: the memory that belongs to the keystore (${ledgerId}) ${problem}: put it back, or import an export of ` +
      'it (lockkeeper signer-memory import); if it is lost, begin with backend keys never used before (signer-memory begin)',
  )
}

/**
 * Opens the memory that the keystore names. Rejects with corruptStore where it is missing, another one or damaged, and with
 * operating `locked` as the ledger does.
 */
export async function openMemory(ports: MemoryPorts, directory: string, ledgerId: string): Promise<SignerMemory> {
  const { disk, log } = ports
  await refuseOtherMemory(disk, directory, ledgerId)
  const ledger = await openLedger(ledgerPorts(ports, directory, ledgerId))
  const { cut, live, seq } = ledger.opened
  if (cut !== null) log('warn', 'a torn tail was cut: what stood there was never answered', { ...cut })
  const records = createRecords()
  const positions = createPositions()
  positions.note(0, firstHash(ledgerId))
  for (const instance of live) checkVersion(instance)
  try {
    await learn(disk, directory, records, positions)
  } catch (error) {
    await ledger.journal.close()
    throw error
  }
  const byId = new Map(live.map(instance => [instance.id, instance]))
  return run(ports, ledger, { records, positions, live: byId, seq })
}

function checkVersion({ id, version }: Instance): void {
  const known = versionOf(machineOf(MACHINES, id))
  if (version !== known) throw corruptStore(`${id} has version ${version}, this program knows version ${known}`)
}

async function learn(disk: Disk, directory: string, records: Records, positions: Positions): Promise<void> {
  for await (const { commit, hash } of walkJournal(disk, directory)) {
    for (const { image } of commit.entries) {
      if (!isPromise(image.id)) continue
      checkVersion(image)
      records.learn(image)
    }
    positions.note(commit.entries.at(-1)!.seq, hash)
  }
}

const isPromise = (id: Id): boolean => PROMISES.includes(kindOf(id))

interface Known {
  records: Records
  positions: Positions
  live: Map<Id, Instance>
  seq: number
}

function run(
  ports: MemoryPorts,
  { journal, archive }: Ledger,
  { records, positions, live, seq: opened }: Known,
): SignerMemory {
  let seq = opened
  const unsigned = { attempts: 0, characters: 0 }
  let last: Promise<void> = Promise.resolve()

  const count = (instance: Instance | undefined, sign: 1 | -1): void => {
    if (instance === undefined || instance.ended || kindOf(instance.id) !== 'signing') return
    unsigned.attempts += sign
    unsigned.characters += sign * JSON.stringify(instance.context).length
  }
  for (const instance of live.values()) count(instance, 1)

  const take = (instance: Instance): void => {
    count(live.get(instance.id), -1)
    count(instance, 1)
    if (instance.ended) live.delete(instance.id)
    else live.set(instance.id, instance)
    if (isPromise(instance.id)) records.learn(instance)
  }

  const checkpoint = (): void => {
    if (journal.bytesSinceCheckpoint() < CHECKPOINT_AFTER_BYTES) return
    journal
      .checkpoint(
        () => live.values(),
        () => [],
      )
      .catch((error: unknown) => {
        ports.log('error', 'checkpoint failed', { reason: String(error) })
      })
  }

  const change: SignerMemory['change'] = (messages, at) => {
    for (const { to } of messages) {
      if (records.isKept(to)) throw invariant('signed-again', `${to} is signed or voided and does not change`)
    }
    const view = { seq, heights: {}, get: (id: Id) => live.get(id), holder: () => undefined }
    const commit = step(MACHINES, view, messages, at)
    if (commit === null) return []
    seq = commit.entries.at(-1)!.seq
    const images = commit.entries.map(({ image }) => image)
    // What an instance was on its way within the commit is overtaken by what it became.
    for (const image of new Map(images.map(each => [each.id, each])).values()) take(image)
    last = journal.append(commit)
    last.then(checkpoint, () => undefined) // whoever waits for `settled` sees the failure
    return images
  }

  const position = (): MemoryPosition => {
    const shown = { sequence: journal.durableSeq(), hash: journal.durableHash() }
    positions.note(shown.sequence, shown.hash)
    return shown
  }

  return {
    records,
    archive,
    get: id => live.get(id),
    unsigned: () => unsigned,
    pools: () => [...live.values()].filter(({ id }) => kindOf(id) === 'pool'),
    change,
    settled: () => last,
    position,
    had: ({ sequence, hash }) => positions.had(sequence, hash),
    close: () => journal.close(),
  }
}
