/** A consistent copy of an audit log while its signer goes on: the seal first, then the lines, which only grow. */
import { join } from 'node:path'
import { copyStart } from '../../file.ts'
import type { Disk } from '../../kernel/ports.ts'
import { AUDIT, firstOf, SEAL } from './trail.ts'

/** Nothing where there is none. The memory is copied after it: an answer is remembered before it is noted. */
export async function copyAudit(disk: Disk, from: string, to: string): Promise<void> {
  const names = (await disk.list(join(from, AUDIT))).filter(name => firstOf(name) !== null)
  if (names.length === 0) return
  await disk.makeDirectory(join(to, AUDIT))
  if (await disk.exists(join(from, SEAL))) await copyStart(disk, join(from, SEAL), join(to, SEAL))
  // A file that began meanwhile holds lines behind those that are copied.
  for (const name of names) await copyStart(disk, join(from, AUDIT, name), join(to, AUDIT, name))
  await disk.syncDirectory(join(to, AUDIT))
}
