/** Small files, read whole through the disk port. */
import { boundary } from './kernel/fault.ts'
import type { Disk } from './kernel/ports.ts'

/** Throws a boundary fault `file-too-large` beyond `maximumBytes`; a missing file rejects as the port does. */
export async function readWhole(disk: Disk, path: string, maximumBytes: number): Promise<Uint8Array> {
  const file = await disk.open(path, { create: false })
  try {
    const size = await file.size()
    if (size > maximumBytes) throw boundary('file-too-large', `${path} has ${size} bytes, more than ${maximumBytes}`)
    return await file.read(0, size)
  } finally {
    await file.close()
  }
}
