import { boundary } from '../kernel/fault.ts'
import type { Disk } from '../kernel/ports.ts'
import { readWhole } from '../file.ts'

const MAXIMUM_BYTES = 64 * 1024

/** A small text file through the disk port: a token, a password. Throws a boundary fault that names it. */
export async function readTextOn(disk: Disk, path: string): Promise<string> {
  if (!(await disk.exists(path))) throw boundary('configuration', `the file ${path} is missing`)
  return new TextDecoder().decode(await readWhole(disk, path, MAXIMUM_BYTES))
}
