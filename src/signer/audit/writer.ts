/** Writes the audit log: lines in the order in which they come, many sharing one sync, and a seal now and then. */
import { join } from 'node:path'
import { operating, reasonOf, unknownOutcome, type Fault } from '../../kernel/fault.ts'
import type { Clock, Disk, File, Log } from '../../kernel/ports.ts'
import type { Authorisation, MemoryPosition } from '../../../machines/vocabulary.ts'
import {
  AUDIT,
  SEAL,
  auditFile,
  encodeEntry,
  encodeSeal,
  sealBytes,
  type LogOwner,
  type OpenedBy,
  type PolicyRules,
  type Recordable,
} from './trail.ts'

/** Requests under way are bounded by the server's connections; beyond this many the disk has stopped. */
const MAXIMUM_WAITING = 10_000
/** A seal covers the lines of so long a time: so much of the end a killed signer leaves unsealed. */
const SEAL_MS = 200

/** What the log needs of the machine: a sync that fails ends the process by `abort`. */
export interface AuditPorts {
  disk: Disk
  clock: Clock
  log: Log
  abort(reason: string): void
}

/** Whose log it is, where it stands, and what it says of the memory. */
export interface AuditOptions {
  /** The signer's data directory. */
  directory: string
  owner: LogOwner
  sign: (bytes: Uint8Array) => Authorisation
  /** How far the durable memory is, and whether it was there once. */
  memory: { position: () => MemoryPosition; had: (position: MemoryPosition) => boolean }
  /** Which command opens the log, for whom; the service unless said. */
  opening?: OpenedBy
}

/** Takes lines in the order in which they come. */
export interface AuditLog {
  /** Resolves when the line is durable; rejects with operating `audit-behind`, unknownOutcome `disk-failed`. */
  record: (entry: Recordable) => Promise<void>
  /** What the last policy line says; null where there is none. */
  policy: () => PolicyRules | null
  /** Seals the end. `reason`: the kind of the fault that ended it. */
  close: (reason?: string) => Promise<void>
}

/** Where the log ends. */
export interface End {
  first: number
  n: number
  hash: string
  bytes: number
  tornBytes: number
  memory: MemoryPosition
  /** The last decision that a line of this process stands on. */
  decided: number
  policy: PolicyRules | null
}

type Line = Recordable & { at: number; memory: MemoryPosition }

interface Waiting {
  line: Line
  done: () => void
  failed: (error: Fault) => void
}

interface Store {
  ports: AuditPorts
  options: AuditOptions
  fileBytes: number
  file: File
  end: End
}

/** Goes on behind `end`. Every write goes through one loop, so lines and seals never overtake each other. */
export function runAudit(store: Store): AuditLog {
  const { ports, options } = store
  let waiting: Waiting[] = []
  let failure: Fault | null = null
  let writing: Promise<void> | null = null
  let isSealDue = false
  let isClosing = false
  /** Cancels the seal to come. */
  let unsealed: (() => void) | null = null

  const fail = (error: unknown, group: readonly Waiting[]): void => {
    const fault = unknownOutcome('disk-failed', `the audit log cannot be written: ${reasonOf(error)}`, error)
    failure = fault
    for (const { failed } of [...group, ...waiting]) failed(fault)
    ports.abort(fault.message)
  }

  const sealLater = (): void => {
    unsealed ??= ports.clock.wake(SEAL_MS, () => {
      isSealDue = true
      writing ??= write()
    })
  }

  const work = async (group: readonly Waiting[]): Promise<void> => {
    if (group.length > 0) {
      await writeLines(store, group)
      return sealLater()
    }
    isSealDue = false
    unsealed = null
    const { sequence } = options.memory.position()
    await writeSeal(store, false)
    // What a line stands on is named by a seal, be the disk ever so slow: else its end could be cut off from the memory.
    if (sequence < store.end.decided && failure === null && !isClosing) sealLater()
  }

  const write = async (): Promise<void> => {
    while ((waiting.length > 0 || isSealDue) && failure === null) {
      const group = waiting
      waiting = []
      await work(group).catch((error: unknown) => fail(error, group))
    }
    writing = null
  }

  const record: AuditLog['record'] = entry => {
    if (failure !== null) return Promise.reject(failure)
    if (waiting.length >= MAXIMUM_WAITING) return Promise.reject(operating('audit-behind', 'the disk is too slow'))
    const line = { ...entry, at: ports.clock.now(), memory: options.memory.position() }
    const durable = new Promise<void>((done, failed) => waiting.push({ line, done, failed }))
    writing ??= Promise.resolve().then(write)
    return durable
  }

  const close: AuditLog['close'] = async (reason?: string) => {
    isClosing = true
    if (failure === null) await record(reason === undefined ? { what: 'stopped' } : { what: 'stopped', reason })
    unsealed?.()
    await writing
    unsealed?.()
    if (failure === null) await writeSeal(store, true)
    await store.file.close()
  }
  return { record, policy: () => store.end.policy, close }
}

async function writeLines(store: Store, group: readonly Waiting[]): Promise<void> {
  const opening = store.end.bytes >= store.fileBytes ? [await openNext(store)] : []
  await store.file.append(Buffer.concat([...opening, ...group.map(({ line }) => encode(store, line))]))
  await store.file.sync()
  for (const { done } of group) done()
}

function encode({ end }: Store, line: Line): Buffer {
  const { what, at, memory, ...rest } = line
  const encoded = encodeEntry(end.hash, { n: end.n + 1, at, what, memory, ...rest } as Parameters<
    typeof encodeEntry
  >[1])
  end.n += 1
  end.hash = encoded.hash
  if (line.what === 'answered') end.decided = Math.max(end.decided, line.decided ?? 0)
  if (line.what === 'policy') end.policy = { digest: line.digest, rules: line.rules }
  end.bytes += encoded.bytes.length
  return encoded.bytes
}

/** The chain goes on: the first line of the new file repeats the hash of the last of the old one. */
async function openNext(store: Store): Promise<Buffer> {
  const { ports, options, end } = store
  await store.file.close()
  store.file = await ports.disk.open(join(options.directory, auditFile(end.n + 1)), { create: true })
  await ports.disk.syncDirectory(join(options.directory, AUDIT))
  end.bytes = 0
  const now = { at: ports.clock.now(), memory: options.memory.position() }
  const continued = encode(store, { what: 'continued', previous: end.hash, ...now })
  // A start reads the last file only, and compares its policy with what it finds there.
  const policy = end.policy === null ? [] : [encode(store, { what: 'policy', ...end.policy, changes: [], ...now })]
  return Buffer.concat([continued, ...policy])
}

/**
 * Replaced as a whole: a power cut leaves this seal or an earlier one, and never an empty one, so that a seal which is not
 * there was removed. `isDurable`: it is this one for certain.
 */
export async function writeSeal(
  { ports, options, end }: Pick<Store, 'ports' | 'options' | 'end'>,
  isDurable: boolean,
): Promise<void> {
  const { ledgerId, generation } = options.owner
  const sealed = { n: end.n, hash: end.hash, ledgerId, generation, memory: options.memory.position() }
  const bytes = encodeSeal(sealed, options.sign(sealBytes(sealed)))
  const path = join(options.directory, SEAL)
  const beside = await ports.disk.open(`${path}.tmp`, { create: true })
  await beside.truncate(0)
  await beside.append(bytes)
  await beside.sync()
  await beside.close()
  await ports.disk.rename(`${path}.tmp`, path)
  if (isDurable) await ports.disk.syncDirectory(join(options.directory, AUDIT))
}
