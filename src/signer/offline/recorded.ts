/**
 * What the signer's keeper does while the service is stopped. Each command has the data directory for itself, so none runs
 * beside the service, and is a pair of lines in the audit log: which command, by whom and about what, durable before it
 * does anything; and how it ended.
 */
import { Fault } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { lowdbEngine } from '../../ledger/lowdb/engine.ts'
import { endOf } from '../../ledger/record.ts'
import { openAudit } from '../audit/open.ts'
import type { AuditPorts } from '../audit/writer.ts'
import type { IdentityKey } from '../keys/identity.ts'
import type { OpenedBy } from '../audit/trail.ts'

const MAXIMUM_ABOUT = 256

/** Of the signer's data directory: whose log it is, and what is done. */
export interface Deed {
  directory: string
  identity: IdentityKey
  command: NonNullable<OpenedBy['command']>
  /** Who asked, as the operating system says. */
  by: string
  about: string | null
}

/**
 * Holds the directory's lock meanwhile; `use` gets ports for which it counts as held.
 * Rejects with operating `locked` while a signer or another command runs, and as `use` does.
 */
export async function holding<Ports extends { disk: Disk }, Result>(
  ports: Ports,
  directory: string,
  use: (ports: Ports) => Promise<Result>,
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
 * Within `holding`: does it between the two lines of the log. Rejects with corruptStore, and does nothing, when log or memory are damaged
 * or the memory lacks what the log has seen of it (S3).
 */
export async function recorded<Result>(ports: AuditPorts, deed: Deed, use: () => Promise<Result>): Promise<Result> {
  const { directory, identity, command, by, about } = deed
  let position = await positionOf(ports.disk, directory)
  const opening = { command, by, about: about?.slice(0, MAXIMUM_ABOUT) ?? null }
  const audit = await openAudit(ports, { directory, identity, position: () => position, opening })
  let result: Result
  try {
    result = await use()
  } catch (error) {
    await audit.close(error instanceof Fault ? error.kind : 'failed')
    throw error
  }
  position = await positionOf(ports.disk, directory)
  await audit.close()
  return result
}

async function positionOf(disk: Disk, directory: string): Promise<MemoryPosition> {
  const memory = await lowdbEngine(disk, directory).inspect()
  if (memory === null) return { sequence: 0, hash: '' }
  return endOf(memory).finally(() => memory.close())
}
