/** Writes the memory into a file, offline. Reads every line and changes nothing. */
import { boundary, corruptStore } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { ClosedLedger } from '../../ledger/engine.ts'
import { lowdbEngine } from '../../ledger/lowdb/engine.ts'
import { endOf } from '../../ledger/record.ts'
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
  const memory = await lowdbEngine(disk, directory).inspect()
  if (memory === null) throw boundary('no-memory', `there is no memory in ${directory}`)
  try {
    const { sequence, hash } = await endOf(memory)
    const metadata = signMetadata(describeMemory(memory.ledgerId, sequence, hash), identity)
    await write(disk, memory, out, metadata)
    return metadata
  } finally {
    await memory.close()
  }
}

/** One commit a line, so that an import never holds more than one. */
async function write(disk: Disk, memory: ClosedLedger, out: string, metadata: Metadata): Promise<void> {
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
    for await (const { record, hash } of memory.commits()) {
      await add(last === '' ? '\n' : ',\n')
      await add(record)
      last = hash
    }
    if (metadata.sequence > 0 && last !== metadata.hash) throw corruptStore('the memory changed while it was read')
    await add('\n]}\n', true)
    await file.sync()
  } finally {
    await file.close()
  }
}
