/**
 * The signer's durable memory: the same journal as the watcher's, with a kind of instance for what is signed, voided and generated. A change is decided on
 * memory at once and stands in the journal's order; whoever shows it to the outside awaits `settled` first.
 */
import type { Message } from '../../../machines/messages.ts'
import type { Id, SignerKind } from '../../../machines/ids.ts'
import { corruptStore, invariant } from '../../kernel/fault.ts'
import { upgradeOf, versionsOf } from '../../kernel/migration.ts'
import type { Disk, Ports } from '../../kernel/ports.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import type { Archive, Ledger } from '../../ledger/engine.ts'
import { isKind, type Found, type Instance, type InstanceOf } from '../../kernel/entry.ts'
import { lowdbEngine } from '../../ledger/lowdb/engine.ts'
import { step, type Machines } from '../../kernel/step.ts'
import { firstHash, lastSeqOf } from '../../ledger/record.ts'
import { signerMachines as ourMachines } from './machines.ts'
import { createPositions, type Positions } from './positions.ts'
import { createRecords, type Promised, type Records } from './records.ts'

/** What a memory needs of the machine. */
export type MemoryPorts = Pick<Ports, 'disk' | 'random' | 'log' | 'abort'>

/** What the signer knows. Reads show what is decided; whoever tells the outside awaits `settled`. */
export interface SignerMemory {
  records: Records
  archive: Archive
  /** Live ones only: what is signed or voided has left memory, see `records` and `archive`. */
  get<I extends Id>(id: I): Found<I> | undefined
  pools(): InstanceOf<'pool'>[]
  /** The attempts that are stored and not signed, and what is known of them, as characters of JSON. */
  unsigned(): { readonly attempts: number; readonly characters: number }
  /** Delivers the events to their instances as one commit; answers what they became. Not durable before `settled`. */
  change<M extends Message<SignerKind>>(messages: readonly M[], at: number): Found<M['to']>[]
  /** Resolves when everything changed so far is durable; rejects for ever once the disk has failed. */
  settled(): Promise<void>
  /** The durable end: never ahead of what a crash leaves. */
  position(): MemoryPosition
  /** Whether it still stands where it was opened: null, or what is wrong. */
  check(): Promise<string | null>
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
  const memory = { live: () => [], reservations: () => [] }
  const engine = lowdbEngine(ports.disk, directory)
  const { journal } = await engine.open({
    ports,
    upgrade: upgradeOf(ourMachines),
    versions: versionsOf(ourMachines),
    memory,
    ledgerId,
  })
  await journal.close()
}

/** Which memory is there, by its own word; null where there is none. Throws corruptStore where its head is damaged or gone. */
export async function memoryIn(disk: Disk, directory: string): Promise<string | null> {
  const closed = await lowdbEngine(disk, directory).inspect()
  await closed?.close()
  return closed?.ledgerId ?? null
}

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
 * Opens the memory that the keystore names: always in files, because the signer opens no connection. Rejects with
 * corruptStore where it is missing, another one or damaged, and with operating `locked` as the ledger does.
 */
export async function openMemory(
  ports: MemoryPorts,
  directory: string,
  ledgerId: string,
  machines: Machines = ourMachines,
): Promise<SignerMemory> {
  await refuseOtherMemory(ports.disk, directory, ledgerId)
  const live = new Map<Id, Instance>()
  const memory = { live: () => live.values(), reservations: () => [] }
  const ledger = await lowdbEngine(ports.disk, directory).open({
    ports,
    upgrade: upgradeOf(machines),
    versions: versionsOf(machines),
    memory,
  })
  for (const instance of ledger.opened.live) live.set(instance.id, instance)
  const records = createRecords()
  const positions = createPositions()
  positions.note(0, firstHash(ledgerId))
  try {
    await learn(ledger, records, positions)
  } catch (error) {
    await ledger.journal.close()
    throw error
  }
  return run(machines, ledger, { records, positions, live })
}

async function learn({ archive }: Ledger, records: Records, positions: Positions): Promise<void> {
  for await (const { commit, hash } of archive.commits()) {
    for (const { image } of commit.entries) if (isPromised(image)) records.learn(image)
    positions.note(lastSeqOf(commit), hash)
  }
}

const isPromised = (instance: Instance): instance is Promised => isKind(instance, 'signing') || isKind(instance, 'void')

interface Known {
  records: Records
  positions: Positions
  live: Map<Id, Instance>
}

function run(
  machines: Machines,
  { journal, archive, opened }: Ledger,
  { records, positions, live }: Known,
): SignerMemory {
  let { seq } = opened
  const unsigned = { attempts: 0, characters: 0 }
  let last: Promise<void> = Promise.resolve()

  const count = (instance: Instance | undefined, sign: 1 | -1): void => {
    if (instance === undefined || instance.ended || !isKind(instance, 'signing')) return
    unsigned.attempts += sign
    unsigned.characters += sign * JSON.stringify(instance.context).length
  }
  for (const instance of live.values()) count(instance, 1)

  const take = (instance: Instance): void => {
    count(live.get(instance.id), -1)
    count(instance, 1)
    if (instance.ended) live.delete(instance.id)
    else live.set(instance.id, instance)
    if (isPromised(instance)) records.learn(instance)
  }

  const get = <I extends Id>(id: I) => live.get(id) as Found<I> | undefined

  /** The signer's machines tell nobody anything: what has changed is of the kinds that were told. */
  const change = <M extends Message<SignerKind>>(messages: readonly M[], at: number): Found<M['to']>[] => {
    for (const { to } of messages) {
      if (records.isKept(to)) throw invariant('signed-again', `${to} is signed or voided and does not change`)
    }
    const view = { seq, heights: {}, get, holder: () => undefined }
    const commit = step(machines, view, messages, at)
    if (commit === null) return []
    seq = lastSeqOf(commit)
    const images = commit.entries.map(({ image }) => image)
    // What an instance was on its way within the commit is overtaken by what it became.
    for (const image of new Map(images.map(each => [each.id, each])).values()) take(image)
    last = journal.append(commit)
    last.catch(() => undefined) // whoever waits for `settled` sees the failure
    return images as Found<M['to']>[]
  }

  const position = (): MemoryPosition => {
    const shown = journal.position()
    positions.note(shown.sequence, shown.hash)
    return shown
  }

  return {
    records,
    archive,
    get,
    unsigned: () => unsigned,
    pools: () => [...live.values()].filter(instance => isKind(instance, 'pool')),
    change,
    settled: () => last,
    position,
    had: ({ sequence, hash }) => positions.had(sequence, hash),
    check: () => journal.check(),
    close: () => journal.close(),
  }
}
