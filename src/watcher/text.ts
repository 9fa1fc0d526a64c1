import { boundary } from '../../adapters/fault.ts'
import type { Disk } from '../../adapters/ports.ts'

const MAXIMUM_BYTES = 64 * 1024

/** A small text file through the disk port: a token, a password. Throws a boundary fault that names it. */
export async function readText(disk: Disk, path: string): Promise<string> {
  if (!(await disk.exists(path))) throw boundary('configuration', `the file ${path} is missing`)
  const file = await disk.open(path, { create: false })
  try {
    const size = await file.size()
    if (size > MAXIMUM_BYTES) throw boundary('configuration', `the file ${path} has ${size} bytes: it cannot be right`)
    return new TextDecoder().decode(await file.read(0, size))
  } finally {
    await file.close()
  }
}
