import { rename, rm } from 'node:fs/promises'
import { makeSecretDirectory } from './files.ts'

/** A new directory that is there with all that `make` puts into it, or not at all, whenever we are killed. */
export async function makeWhole(directory: string, make: (directory: string) => Promise<void>): Promise<void> {
  const unfinished = `${directory}.new`
  // Of an earlier start that did not come to its end: nobody has ever used what is in it.
  await rm(unfinished, { recursive: true, force: true })
  await makeSecretDirectory(unfinished)
  await make(unfinished)
  await rename(unfinished, directory)
}
