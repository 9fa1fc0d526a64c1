/**
 * A signer that was restored from its phrase has forgotten what it signed, and an authorisation of old would be good
 * again. A note beside the keystore says so, with the backend keys that are known to be new: no other key counts until
 * the memory is imported.
 */
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { boundary, corruptStore } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import { readWhole, replaceFile } from '../../file.ts'

const NAME = 'restored.json'
const MAXIMUM_BYTES = 64 * 1024

const noteSchema = z.strictObject({ newKeys: z.array(z.string()) })

const pathOf = (keystore: string): string => join(dirname(keystore), NAME)

/** The keys that were never used before, or null when this keystore was not restored, or its memory is back. */
async function readNote(disk: Disk, keystore: string): Promise<string[] | null> {
  const path = pathOf(keystore)
  if (!(await disk.exists(path))) return null
  try {
    return noteSchema.parse(JSON.parse(new TextDecoder().decode(await readWhole(disk, path, MAXIMUM_BYTES)))).newKeys
  } catch {
    throw corruptStore(`${path} is damaged: without it old authorisations could be used again`)
  }
}

/** Written when a phrase is restored, and when a person states that further keys were never used before. */
export async function noteRestored(disk: Disk, keystore: string, keys: readonly string[]): Promise<void> {
  const newKeys = [...new Set([...((await readNote(disk, keystore)) ?? []), ...keys])]
  const text = new TextEncoder().encode(`${JSON.stringify({ newKeys }, null, 2)}\n`)
  await replaceFile(disk, pathOf(keystore), file => file.append(text))
}

/** Once the memory is imported, old authorisations find what they were used for. */
export async function forgetRestored(disk: Disk, keystore: string): Promise<void> {
  const path = pathOf(keystore)
  if (!(await disk.exists(path))) return
  await disk.remove(path)
  await disk.syncDirectory(dirname(path))
}

/** Throws a boundary fault `configuration` for a backend key that may have authorised something before (S3). */
export async function refuseOldKeys(disk: Disk, keystore: string, keys: readonly string[]): Promise<void> {
  const newKeys = await readNote(disk, keystore)
  const index = keys.findIndex(key => newKeys?.includes(key) === false)
  if (index < 0) return
  throw boundary(
    'configuration',
    `authorisation.keys.${index}: this keystore was restored from its phrase, and what was authorised with an old key ` +
      'could be paid again: import the memory, or use new keys and say so (lockkeeper signer-memory import, begin)',
  )
}
