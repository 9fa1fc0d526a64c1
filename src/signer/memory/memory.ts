/**
 * The signer's durable memory: the same journal as the watcher's, with a kind of instance for what is signed, voided and generated. A change is decided on
 * memory at once and stands in the journal's order; whoever shows it to the outside awaits `settled` first.
 */
import type { Message } from '../../../machines/messages.ts'
import type { Id, SignerKind } from '../../../machines/ids.ts'
import { corruptStore, invariant } from '../../kernel/fault.ts'
import type { Disk, Ports } from '../../kernel/ports.ts'
import { poolMachine } from '../../../machines/pool.ts'
import { signingMachine } from '../../../machines/signing.ts'
import { voidMachine } from '../../../machines/void.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import type { Archive, Ledger } from '../../ledger/engine.ts'
import { isKind, type Found, type Instance, type InstanceOf } from '../../kernel/entry.ts'
import { openLedger } from '../../ledger/journal.ts'
import { machineOf, step, versionOf, type Machines } from '../../kernel/step.ts'
import { walkJournal } from './history.ts'
import { createPositions, type Positions } from './positions.ts'
import { createRecords, type Promised, type Records } from './records.ts'

/** What a start may have to replay. */
const CHECKPOINT_AFTER_BYTES = 64 * 1024 * 1024

const MACHINES: Machines = { signing: signingMachine, void: voidMachine, pool: poolMachine }

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
  /** Whether that was its position once, in this process or in an earlier one. */
  had(position: MemoryPosition): boolean
  close(): Promise<void>
}

/** Opens or makes the memory in `directory`. Rejects with corruptStore or operating `locked` as the ledger does. */
export async function openMemory(ports: Ports, directory: string): Promise<SignerMemory> {
  const { disk, random, log } = ports
  const abort = (reason: string) => {
    ports.abort(reason)
  }
  const ledger = await openLedger({ disk, directory, random, log, abort })
  const { cut, live, seq } = ledger.opened
  if (cut !== null) log('warn', 'a torn tail was cut: what stood there was never answered', { ...cut })
  const records = createRecords()
  const positions = createPositions()
  for (const instance of live) checkVersion(instance)
  try {
    await learn(disk, directory, records, positions)
  } catch (error) {
    await ledger.journal.close()
    throw error
  }
  const byId = new Map<Id, Instance>(live.map(instance => [instance.id, instance]))
  return run(ports, ledger, { records, positions, live: byId, seq })
}

function checkVersion({ id, version }: Instance): void {
  const known = versionOf(machineOf(MACHINES, id))
  if (version !== known) throw corruptStore(`${id} has version ${version}, this program knows version ${known}`)
}

async function learn(disk: Disk, directory: string, records: Records, positions: Positions): Promise<void> {
  for await (const { commit, hash } of walkJournal(disk, directory)) {
    for (const { image } of commit.entries) {
      if (!isPromised(image)) continue
      checkVersion(image)
      records.learn(image)
    }
    positions.note(commit.entries.at(-1)!.seq, hash)
  }
}

const isPromised = (instance: Instance): instance is Promised => isKind(instance, 'signing') || isKind(instance, 'void')

interface Known {
  records: Records
  positions: Positions
  live: Map<Id, Instance>
  seq: number
}

function run(
  ports: Ports,
  { journal, archive }: Ledger,
  { records, positions, live, seq: opened }: Known,
): SignerMemory {
  let seq = opened
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

  const get = <I extends Id>(id: I) => live.get(id) as Found<I> | undefined

  /** The signer's machines tell nobody anything: what has changed is of the kinds that were told. */
  const change = <M extends Message<SignerKind>>(messages: readonly M[], at: number): Found<M['to']>[] => {
    for (const { to } of messages) {
      if (records.isKept(to)) throw invariant('signed-again', `${to} is signed or voided and does not change`)
    }
    const view = { seq, heights: {}, get, holder: () => undefined }
    const commit = step(MACHINES, view, messages, at)
    if (commit === null) return []
    seq = commit.entries.at(-1)!.seq
    const images = commit.entries.map(({ image }) => image)
    // What an instance was on its way within the commit is overtaken by what it became.
    for (const image of new Map(images.map(each => [each.id, each])).values()) take(image)
    last = journal.append(commit)
    last.then(checkpoint, () => undefined) // whoever waits for `settled` sees the failure
    return images as Found<M['to']>[]
  }

  const position = (): MemoryPosition => {
    const shown = { sequence: journal.durableSeq(), hash: journal.durableHash() }
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
    close: () => journal.close(),
  }
}
