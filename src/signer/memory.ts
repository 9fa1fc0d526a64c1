/**
 * The signer's durable memory: the same journal as the watcher's, with two kinds of instances. A change is decided on
 * memory at once and stands in the journal's order; whoever shows it to the outside awaits `settled` first.
 */
import { corruptStore, invariant } from '../../adapters/fault.ts'
import type { Ports } from '../../adapters/ports.ts'
import { poolMachine } from '../../machines/pool.ts'
import { signingMachine } from '../../machines/signing.ts'
import type { Addressed, Id } from '../../machines/vocabulary.ts'
import type { Archive, Ledger } from '../ledger/engine.ts'
import type { Instance } from '../ledger/entry.ts'
import { openLedger } from '../ledger/journal.ts'
import { kindOf, machineOf, step, versionOf, type Machines } from '../orchestrator/step.ts'
import { createRecords, type Records } from './records.ts'

/** Templates may be large: few are held at a time. */
const LEARN_PAGE = 100
/** What a start may have to replay. */
const CHECKPOINT_AFTER_BYTES = 64 * 1024 * 1024

const MACHINES: Machines = { signing: signingMachine, pool: poolMachine }

export interface Memory {
  records: Records
  archive: Archive
  /** Live ones only: what is signed has left memory, see `records` and `archive`. */
  get(id: Id): Instance | undefined
  pools(): Instance[]
  /** How many attempts are stored that are not signed. */
  unsigned(): number
  /** Delivers the events to their instances as one commit. */
  change(messages: readonly Addressed[], at: number): void
  /** Resolves when everything changed so far is durable; rejects for ever once the disk has failed. */
  settled(): Promise<void>
  /** The durable end: never ahead of what a crash leaves. */
  position(): { sequence: number; hash: string }
  close(): Promise<void>
}

/** Opens or makes the memory in `directory`. Rejects with corruptStore or operating `locked` as the ledger does. */
export async function openMemory(ports: Ports, directory: string): Promise<Memory> {
  const { disk, random, log } = ports
  const abort = (reason: string) => {
    ports.abort(reason)
  }
  const ledger = await openLedger({ disk, directory, random, log, abort })
  const { cut, live, seq } = ledger.opened
  if (cut !== null) log('warn', 'a torn tail was cut: what stood there was never answered', { ...cut })
  const records = createRecords()
  for (const instance of live) checkVersion(instance)
  await learnArchived(ledger.archive, records)
  return run(ports, ledger, records, new Map(live.map(instance => [instance.id, instance])), seq)
}

function checkVersion({ id, version }: Instance): void {
  const known = versionOf(machineOf(MACHINES, id))
  if (version !== known) throw corruptStore(`${id} has version ${version}, this program knows version ${known}`)
}

async function learnArchived(archive: Archive, records: Records): Promise<void> {
  for (let after = 0; ;) {
    const page = await archive.list({ kind: 'signing', after, limit: LEARN_PAGE })
    for (const instance of page) {
      checkVersion(instance)
      records.learn(instance)
      after = instance.seq
    }
    if (page.length < LEARN_PAGE) return
  }
}

function run(ports: Ports, ledger: Ledger, records: Records, live: Map<Id, Instance>, opened: number): Memory {
  const { journal, archive } = ledger
  let seq = opened
  let unsigned = [...live.keys()].filter(id => kindOf(id) === 'signing').length
  let last: Promise<void> = Promise.resolve()
  for (const instance of live.values()) if (kindOf(instance.id) === 'signing') records.learn(instance)

  const take = (instance: Instance): void => {
    const wasLive = live.has(instance.id)
    if (instance.ended) live.delete(instance.id)
    else live.set(instance.id, instance)
    if (kindOf(instance.id) !== 'signing') return
    unsigned += Number(!instance.ended) - Number(wasLive)
    records.learn(instance)
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

  const change: Memory['change'] = (messages, at) => {
    for (const { to } of messages) {
      if (records.digestOf(to) !== undefined) throw invariant('signed-again', `${to} is signed and does not change`)
    }
    const view = { seq, heights: {}, get: (id: Id) => live.get(id), holder: () => undefined }
    const commit = step(MACHINES, view, messages, at)
    if (commit === null) return
    seq = commit.entries.at(-1)!.seq
    for (const { image } of commit.entries) take(image)
    last = journal.append(commit)
    last.then(checkpoint, () => undefined) // whoever waits for `settled` sees the failure
  }

  return {
    records,
    archive,
    get: id => live.get(id),
    unsigned: () => unsigned,
    pools: () => [...live.values()].filter(({ id }) => kindOf(id) === 'pool'),
    change,
    settled: () => last,
    position: () => ({ sequence: journal.durableSeq(), hash: journal.durableHash() }),
    close: () => journal.close(),
  }
}
