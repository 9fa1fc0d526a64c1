/**
 * The signer's durable memory: the same journal as the watcher's, with a kind of instance for what is signed, voided and generated. A change is decided on
 * memory at once and stands in the journal's order; whoever shows it to the outside awaits `settled` first.
 */
import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import type { Message } from '../../../machines/messages.ts'
import type { Id, SignerKind } from '../../../machines/ids.ts'
import { corruptStore, invariant, reasonOf } from '../../kernel/fault.ts'
import { upgradeOf, versionsOf } from '../../kernel/migration.ts'
import type { Disk, Ports } from '../../kernel/ports.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import type { History, Ledger } from '../../ledger/engine.ts'
import { isKind, type Found, type Instance, type InstanceOf } from '../../kernel/entry.ts'
import { lowdbEngine } from '../../ledger/lowdb/engine.ts'
import { createFingerprints, decodeFacts, encodeFact, HASH_BYTES } from './facts.ts'
import { RECORDS_INDEX, openIndex, type RecordsIndex } from './index-file.ts'
import { step, type Machines } from '../../kernel/step.ts'
import { firstHash, lastSeqOf } from '../../ledger/record.ts'
import { signerMachines as ourMachines } from './machines.ts'
import { createPositions, type Positions } from './positions.ts'
import { countUnsigned, type Unsigned } from './unsigned.ts'
import { createRecords, type Promised, type Records } from './records.ts'

/** What a memory needs of the machine. */
export type MemoryPorts = Pick<Ports, 'disk' | 'random' | 'log' | 'abort'>

/** What the signer knows. Reads show what is decided; whoever tells the outside awaits `settled`. */
export interface SignerMemory {
  records: Records
  /** Found by the records: of the memory no second index is kept. */
  archive: History
  /** Live ones only: what is signed or voided has left memory, see `records` and `archive`. */
  get<I extends Id>(id: I): Found<I> | undefined
  pools(): InstanceOf<'pool'>[]
  /** The attempts that are stored and not signed. */
  unsigned(): Unsigned
  /** Delivers the events to their instances as one commit; answers what they became. Not durable before `settled`. */
  change<M extends Message<SignerKind>>(messages: readonly M[], at: number): Found<M['to']>[]
  /** The sequence of what was changed last, durable or not. */
  decided(): number
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
export async function createSignerMemory(ports: MemoryPorts, directory: string, ledgerId: string): Promise<void> {
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
    isIndexed: false,
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

/** What a memory is opened with beside its place. */
export interface MemoryOptions {
  machines?: Machines
  /** The BIP-39 seed: what was learned is kept beside the memory under a key that follows from it. Without it all is read again. */
  seed?: Uint8Array
}

/** What the index's key is for, apart from every other that follows from the seed. */
const INDEX_INFO = 'lockkeeper-records-index-v1'

/**
 * Opens the memory that the keystore names: always in files, because the signer opens no connection. Rejects with
 * corruptStore where it is missing, another one or damaged, and with operating `locked` as the ledger does.
 */
export async function openMemory(
  ports: MemoryPorts,
  directory: string,
  ledgerId: string,
  { machines = ourMachines, seed }: MemoryOptions = {},
): Promise<SignerMemory> {
  await refuseOtherMemory(ports.disk, directory, ledgerId)
  const live = new Map<Id, Instance>()
  const memory = { live: () => live.values(), reservations: () => [] }
  const ledger = await lowdbEngine(ports.disk, directory).open({
    ports,
    upgrade: upgradeOf(machines),
    versions: versionsOf(machines),
    memory,
    isIndexed: false,
  })
  for (const instance of ledger.opened.live) live.set(instance.id, instance)
  const key = seed === undefined ? null : createHmac('sha256', seed).update(INDEX_INFO).digest()
  const secret = key ?? ports.random.bytes(KEY_BYTES)
  try {
    const place =
      key === null
        ? null
        : { disk: ports.disk, path: join(directory, RECORDS_INDEX), key, owner: ownerOf(ledgerId, machines) }
    const known = await learn(ports, ledger, { ledgerId, secret, place })
    return run(ports, machines, ledger, { ...known, live })
  } catch (error) {
    await ledger.journal.close()
    throw error
  }
}

const KEY_BYTES = 32

/** By other versions of the machines other facts would have been learned. */
const ownerOf = (ledgerId: string, machines: Machines): string =>
  JSON.stringify([ledgerId, Object.entries(machines).map(([name, { version }]) => [name, version])])

interface Learning {
  ledgerId: string
  secret: Uint8Array
  place: Parameters<typeof openIndex>[0] | null
}

/** What the index holds is taken from there where it follows from the journal; all else is read. */
async function learn({ log }: MemoryPorts, ledger: Ledger, { ledgerId, secret, place }: Learning): Promise<Learned> {
  let index: RecordsIndex | null = null
  const begin = (expectedBytes: number) =>
    createKnown(secret, ledgerId, { learned: (bytes, seq) => index?.add(bytes, seq), expectedBytes })
  let known = begin(0)
  if (place !== null)
    index = await openIndex(place, bytes => {
      known = begin(bytes)
      return known.take
    })
  try {
    if (index !== null && !(await isPastOf(index.end, ledger))) {
      log('warn', 'what was signed is learned from the whole journal: the index beside it is missing, old or changed')
      await index.clear()
      known = begin(0)
    }
    await readOn(ledger, known, index)
    return { ...known, index }
  } catch (error) {
    await index?.close()
    throw error
  }
}

/** Whether the journal was there once, so that what was learned until then holds. */
async function isPastOf({ sequence, hash }: MemoryPosition, { archive, journal }: Ledger): Promise<boolean> {
  if (sequence === 0) return journal.position().sequence === 0
  for await (const found of archive.commits(sequence))
    return lastSeqOf(found.commit) === sequence && found.hash === hash
  return false
}

async function readOn(
  { archive, journal }: Ledger,
  { records, note }: Known,
  index: RecordsIndex | null,
): Promise<void> {
  const from = index?.end.sequence ?? 0
  for await (const { commit, hash } of archive.commits(from + 1)) {
    for (const { image } of commit.entries) if (isPromised(image)) records.learn(image)
    const position = { sequence: lastSeqOf(commit), hash }
    note(position)
    await index?.write(position, false)
  }
  await index?.write(journal.position(), true)
}

/** What is known of the past. */
interface Known {
  records: Records
  positions: Positions
  note: (position: MemoryPosition) => void
  take: (facts: Buffer) => void
}

/** Whom each new fact is told, and how many bytes of older ones are to come. */
interface Telling {
  learned: (bytes: Buffer, seq: number) => void
  expectedBytes: number
}

interface Learned extends Known {
  index: RecordsIndex | null
}

function createKnown(secret: Uint8Array, ledgerId: string, { learned, expectedBytes }: Telling): Known {
  const records = createRecords(createFingerprints(secret), learned, expectedBytes)
  const positions = createPositions()
  positions.note(0, firstHash(ledgerId))
  return {
    records,
    positions,
    note({ sequence, hash }) {
      if (!positions.note(sequence, hash)) return
      learned(
        encodeFact({ kind: 'position', seq: sequence, hash: Buffer.from(hash, 'hex').subarray(0, HASH_BYTES) }),
        sequence,
      )
    },
    take(facts) {
      for (const fact of decodeFacts(facts)) {
        if (fact.kind === 'position') positions.take(fact.seq, fact.hash)
        else records.take(fact)
      }
    },
  }
}

const isPromised = (instance: Instance): instance is Promised => isKind(instance, 'signing') || isKind(instance, 'void')

interface Running extends Learned {
  live: Map<Id, Instance>
}

function run(
  { log }: MemoryPorts,
  machines: Machines,
  { journal, archive, opened }: Ledger,
  { records, positions, note, index, live }: Running,
): SignerMemory {
  let { seq } = opened
  const counted = countUnsigned()
  let last: Promise<void> = Promise.resolve()

  for (const instance of live.values()) counted.take(instance)

  const take = (instance: Instance): void => {
    counted.take(instance)
    if (instance.ended) live.delete(instance.id)
    else live.set(instance.id, instance)
    if (isPromised(instance)) records.learn(instance)
  }

  /** Only the next start misses what cannot be written, and learns it again. */
  const keep = (all: boolean): Promise<void> =>
    (index?.write(position(), all) ?? Promise.resolve()).catch((error: unknown) => {
      log('warn', 'the index of what was signed cannot be written: the next start reads more', {
        reason: reasonOf(error),
      })
    })

  const get = <I extends Id>(id: I) => live.get(id) as Found<I> | undefined

  /** The signer's machines tell nobody anything: what has changed is of the kinds that were told. */
  const change = <M extends Message<SignerKind>>(messages: readonly M[], at: number): Found<M['to']>[] => {
    for (const { to } of messages) {
      if (records.keptAt(to) !== null) throw invariant('signed-again', `${to} is signed or voided and does not change`)
    }
    const view = { seq, heights: {}, get, holder: () => undefined }
    const commit = step(machines, view, messages, at)
    if (commit === null) return []
    seq = lastSeqOf(commit)
    const images = commit.entries.map(({ image }) => image)
    // What an instance was on its way within the commit is overtaken by what it became.
    for (const image of new Map(images.map(each => [each.id, each])).values()) take(image)
    last = journal.append(commit)
    last.then(() => keep(false)).catch(() => undefined) // whoever waits for `settled` sees the failure
    return images as Found<M['to']>[]
  }

  const position = (): MemoryPosition => {
    const shown = journal.position()
    note(shown)
    return shown
  }

  return {
    records,
    archive,
    get,
    unsigned: () => counted.unsigned,
    pools: () => [...live.values()].filter(instance => isKind(instance, 'pool')),
    change,
    decided: () => seq,
    settled: () => last,
    position,
    had: ({ sequence, hash }) => positions.had(sequence, hash),
    check: () => journal.check(),
    async close() {
      await last.catch(() => undefined)
      await keep(true)
      await index?.close()
      await journal.close()
    },
  }
}
