/**
 * What the signer's keeper does while the service is stopped. Each command has the data directory for itself, so none runs
 * beside the service, and is a pair of lines in the audit log: which command, by whom and about what, durable before it
 * does anything; and how it ended.
 */
import { Fault } from '../../kernel/fault.ts'
import type { Disk, Ports } from '../../kernel/ports.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { lowdbEngine } from '../../ledger/lowdb/engine.ts'
import { firstHash, lastSeqOf } from '../../ledger/record.ts'
import { beginAudit, openAudit } from '../audit/open.ts'
import { createPositions, type Positions } from '../memory/positions.ts'
import type { AuditPorts } from '../audit/writer.ts'
import type { MemoryBinding } from '../keys/binding.ts'
import type { IdentityKey } from '../keys/identity.ts'
import type { OpenedBy } from '../audit/trail.ts'

const MAXIMUM_ABOUT = 256

/** What work on a stopped signer needs of the machine. */
export type OfflinePorts = Pick<Ports, 'clock' | 'random' | 'disk' | 'derive' | 'log' | 'abort'>

/** The two places that belong together: paths of the keystore and of the signer's data directory. */
export interface Premises {
  keystore: string
  directory: string
}

/** Of the signer's data directory: whose log it is, and what is done. */
export interface Deed {
  directory: string
  identity: IdentityKey
  binding: MemoryBinding
  command: NonNullable<OpenedBy['command']>
  /** Who asked, as the operating system says. */
  by: string
  about: string | null
  /** The log begins with this deed. */
  isFirst?: boolean
}

/**
 * Holds the directory's lock meanwhile; `use` gets ports for which it counts as held.
 * Rejects with operating `locked` while a signer or another command runs, and as `use` does.
 */
export async function holding<Given extends { disk: Disk }, Result>(
  ports: Given,
  directory: string,
  use: (ports: Given) => Promise<Result>,
): Promise<Result> {
  const unlock = await lowdbEngine(ports.disk, directory).lock()
  const disk: Disk = { ...ports.disk, lock: () => Promise.resolve(() => Promise.resolve()) }
  try {
    return await use({ ...ports, disk })
  } finally {
    await unlock()
  }
}

/**
 * Within `holding`: does it between the two lines of the log. Rejects with corruptStore, and does nothing, when log or memory are missing,
 * damaged or not those of the keystore, or when the memory lacks what the log has seen of it (S3).
 */
export async function recorded<Result>(ports: AuditPorts, deed: Deed, use: () => Promise<Result>): Promise<Result> {
  const { directory, identity, binding, command, by, about } = deed
  let past = await walkPast(ports.disk, directory, binding.ledgerId)
  const memory = { position: () => past.end, had: (position: MemoryPosition) => past.had(position) }
  const owner = { ...binding, key: identity.key }
  const opening = { command, by, about: about?.slice(0, MAXIMUM_ABOUT) ?? null }
  const open = deed.isFirst === true ? beginAudit : openAudit
  const audit = await open(ports, { directory, owner, sign: identity.sign, memory, opening })
  let result: Result
  try {
    result = await use()
  } catch (error) {
    await audit.close(error instanceof Fault ? error.kind : 'failed')
    throw error
  }
  past = await walkPast(ports.disk, directory, binding.ledgerId)
  await audit.close()
  return result
}

/** Where a memory is and where it was. */
export interface Past {
  end: MemoryPosition
  had(position: MemoryPosition): boolean
  positions: Positions
}

/** Of the memory in this directory, empty where there is none. Throws corruptStore for one that is damaged. */
export async function walkPast(disk: Disk, directory: string, ledgerId: string): Promise<Past> {
  const positions = createPositions()
  let end: MemoryPosition = { sequence: 0, hash: firstHash(ledgerId) }
  positions.note(0, end.hash)
  const memory = await lowdbEngine(disk, directory).inspect()
  try {
    for await (const { commit, hash } of memory?.commits() ?? []) {
      end = { sequence: lastSeqOf(commit), hash }
      positions.note(end.sequence, hash)
    }
  } finally {
    await memory?.close()
  }
  return { end, had: ({ sequence, hash }) => positions.had(sequence, hash), positions }
}
