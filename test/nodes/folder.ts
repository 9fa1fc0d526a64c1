/** What a folder takes on the disk. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes of all files in it and below; one that is renamed or removed meanwhile counts nothing. */
export function bytesIn(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) bytes += bytesIn(path)
    else bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}
