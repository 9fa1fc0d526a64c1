/** Writes the memory into a file, offline. Reads every line and changes nothing. */
import { join } from 'node:path'
import { boundary, corruptStore } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import { LOCK } from '../../ledger/files.ts'
import { readHead } from '../../ledger/head.ts'
import { firstHash } from '../../ledger/line.ts'
import { walkJournal } from '../memory/history.ts'
import type { IdentityKey } from '../keys/identity.ts'
import { describeMemory, signMetadata, type Metadata } from './interchange.ts'

const PIECE_BYTES = 1024 * 1024

/**
 * Throws boundary `no-memory` or `exists`, operating `locked` while a signer runs, corruptStore for a damaged memory.
 */
export async function exportMemory(
  disk: Disk,
  directory: string,
  identity: IdentityKey,
  out: string,
): Promise<Metadata> {
  if (await disk.exists(out)) throw boundary('exists', `${out} exists and is never overwritten`)
  const unlock = await disk.lock(join(directory, LOCK))
  try {
    const head = await readHead(disk, directory)
    if (head === null) throw boundary('no-memory', `there is no memory in ${directory}`)
    let end = { sequence: 0, hash: firstHash(head.ledgerId) }
    for await (const { commit, hash } of walkJournal(disk, directory)) {
      end = { sequence: commit.entries.at(-1)!.seq, hash }
    }
    const metadata = signMetadata(describeMemory(head.ledgerId, end.sequence, end.hash), identity)
    await write(disk, directory, out, metadata)
    return metadata
  } finally {
    await unlock()
  }
}

/** One commit a line, so that an import never holds more than one. */
async function write(disk: Disk, directory: string, out: string, metadata: Metadata): Promise<void> {
  const file = await disk.open(out, { create: true })
  let pieces: Buffer[] = []
  let bytes = 0
  const add = async (text: string | Buffer, isLast = false) => {
    const piece = Buffer.from(text as string)
    pieces.push(piece)
    bytes += piece.length
    if (bytes < PIECE_BYTES && !isLast) return
    await file.append(Buffer.concat(pieces))
    pieces = []
    bytes = 0
  }
  try {
    await add(`{"metadata":${JSON.stringify(metadata)},"commits":[`)
    let last = ''
    for await (const { bytes: line, hash } of walkJournal(disk, directory)) {
      await add(last === '' ? '\n' : ',\n')
      await add(line)
      last = hash
    }
    if (metadata.sequence > 0 && last !== metadata.hash) throw corruptStore(`${directory} changed while it was read`)
    await add('\n]}\n', true)
    await file.sync()
  } finally {
    await file.close()
  }
}
