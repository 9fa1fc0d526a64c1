/** Files handled through the disk port: read whole where they are small, and replaced so that a crash leaves the old or the new one. */
import { dirname } from 'node:path'
import { boundary, corruptStore } from './kernel/fault.ts'
import type { Disk, File } from './kernel/ports.ts'

const COPY_BYTES = 4 * 1024 * 1024

/** What an offline check found in a file. */
export interface Finding {
  file: string
  /** Byte in the file. */
  offset: number
  problem: string
  /** False for what the next start repairs by itself: a torn tail, a missing index. */
  damage: boolean
}

/** Opens a file that must be there, and closes it again. */
export async function withFile<T>(disk: Disk, path: string, use: (file: File) => Promise<T>): Promise<T> {
  const file = await disk.open(path, { create: false })
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** Throws a boundary fault `file-too-large` beyond `maximumBytes`; a missing file rejects as the port does. */
export const readWhole = (disk: Disk, path: string, maximumBytes: number): Promise<Uint8Array> =>
  withFile(disk, path, async file => {
    const size = await file.size()
    if (size > maximumBytes) throw boundary('file-too-large', `${path} has ${size} bytes, more than ${maximumBytes}`)
    return file.read(0, size)
  })

/** After a crash the file is the old one or the new one, whole; once this has resolved, the new one. */
export async function replaceFile(disk: Disk, path: string, write: (file: File) => Promise<void>): Promise<void> {
  const file = await disk.open(`${path}.tmp`, { create: true })
  try {
    await file.truncate(0)
    await write(file)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(`${path}.tmp`, path)
  await disk.syncDirectory(dirname(path))
}

/**
 * Puts a fresh copy of a file's first `length` bytes in its place. What a start reads may be in the page cache only, and a
 * sync would not help: where one has failed under the process before, the kernel holds those pages for clean. A copy is
 * written for certain. Throws corruptStore when the file is shorter.
 */
export const rewriteStart = (disk: Disk, path: string, length: number): Promise<void> =>
  replaceFile(disk, path, file => copyBytes(disk, path, length, file))

/**
 * A new file with what another one holds now, up to its last newline, durable when it resolves: of a file that only grows, and is
 * written to meanwhile, the whole lines. Rejects as the port does where there is none.
 */
export async function copyStart(disk: Disk, from: string, to: string): Promise<void> {
  const length = await withFile(disk, from, async file => endOfLines(file, await file.size()))
  const file = await disk.open(to, { create: true })
  try {
    await file.truncate(0)
    await copyBytes(disk, from, length, file)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** How far the whole lines go. */
async function endOfLines(file: File, size: number): Promise<number> {
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - COPY_BYTES)
    const newline = Buffer.from(await file.read(start, end - start)).lastIndexOf(10)
    if (newline >= 0) return start + newline + 1
    end = start
  }
  return 0
}

const copyBytes = (disk: Disk, from: string, length: number, to: File): Promise<void> =>
  withFile(disk, from, async file => {
    for (let at = 0; at < length;) {
      const chunk = await file.read(at, Math.min(COPY_BYTES, length - at))
      if (chunk.length === 0) throw corruptStore(`${from}: byte ${at}: became shorter while it was read`)
      await to.append(chunk)
      at += chunk.length
    }
  })
