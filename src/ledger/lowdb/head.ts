/**
 * HEAD.json says what the ledger consists of: one line `{"hash":"<64 hex>","head":<body>}`, the hash over the body, replaced
 * as a whole (written aside, synced, renamed, directory synced).
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { corruptStore, reasonOf } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import { replaceFile, withFile } from '../../file.ts'
import { HEAD } from './files.ts'

/** A segment as HEAD.json knows it. */
export interface HeadSegment {
  first: number
  /** The hash of the last line before it. */
  previous: string
  /** Of a closed one; null of the one that is appended to. */
  bytes: number | null
}

/** HEAD.json. */
export interface Head {
  format: 1
  ledgerId: string
  checkpoint: { seq: number; hash: string } | null
  /** In order, at least one; the last is the one appended to. */
  segments: HeadSegment[]
}

const HEAD_MAXIMUM_BYTES = 64 * 1024 * 1024

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Null where there is none. Throws corruptStore where it is damaged. */
export async function readHead(disk: Disk, directory: string): Promise<Head | null> {
  const path = join(directory, HEAD)
  if (!(await disk.exists(path))) return null
  const bytes = await withFile(disk, path, async file => {
    const length = await file.size()
    if (length > HEAD_MAXIMUM_BYTES) throw corruptStore(`${path}: byte 0: larger than any that this version writes`)
    return file.read(0, length)
  })
  const text = Buffer.from(bytes).toString('utf8')
  const parts = /^\{"hash":"([0-9a-f]{64})","head":(.*)\}\n$/s.exec(text)
  if (!parts || digest(parts[2]!) !== parts[1])
    throw corruptStore(`${path}: byte 0: damaged or changed by hand; restore it`)
  return parseHead(path, parts[2]!)
}

function parseHead(path: string, body: string): Head {
  try {
    const head = JSON.parse(body) as Head
    // A newer format is as unreadable to us as a damaged one.
    if ((head.format as number) !== 1) throw new Error(`format ${String(head.format)}, and this version reads format 1`)
    return head
  } catch (error) {
    throw corruptStore(`${path}: byte 0: ${reasonOf(error)}`)
  }
}

/** Durable and whole, or not at all. */
export async function writeHead(disk: Disk, directory: string, head: Head): Promise<void> {
  const body = JSON.stringify(head)
  const bytes = Buffer.from(`{"hash":"${digest(body)}","head":${body}}\n`)
  await replaceFile(disk, join(directory, HEAD), file => file.append(bytes))
}
