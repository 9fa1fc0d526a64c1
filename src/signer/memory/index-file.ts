/**
 * What the records have learned, in a file beside the memory, so that a start need not read everything that was ever signed.
 * It is a convenience and never believed without proof: each block carries a MAC over the one before, under a key that
 * follows from the seed, so that a thief who can write files cannot make the signer forget. Whatever is cut, changed, or
 * does not agree with the journal is made again from the journal. Nothing waits for it, and it is never synced.
 *
 *     block      magic (4 bytes), bytes of facts (4), seq up to which all facts are in (8), hash of the journal there (32),
 *                facts, HMAC-SHA256 over the MAC before and all of this (32)
 */
import { createHmac } from 'node:crypto'
import type { Disk, File } from '../../kernel/ports.ts'
import { asBuffer } from '../../lines.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'

/** Its name in the signer's data directory. */
export const RECORDS_INDEX = 'records.index'

const MAGIC = 'LKR2'
const HEADER_BYTES = 48
const MAC_BYTES = 32
/** So much is gathered before it is written: what a kill leaves out is read from the journal. */
const BLOCK_BYTES = 64 * 1024
/** No block is larger: a guard while reading. */
const MAXIMUM_BYTES = 4 * 1024 * 1024

/** The facts that no process has to learn again. */
export interface RecordsIndex {
  /** Up to where the journal is in it. */
  end: MemoryPosition
  /** A fact of this transition. Of rising `seq`. */
  add(bytes: Buffer, seq: number): void
  /** Writes what is durable by now, where it is worth a block or `all` of it is wanted. Rejects as the disk does. */
  write(durable: MemoryPosition, all: boolean): Promise<void>
  /** Begins anew: what was in it does not belong to this journal. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Whose index it is. `key`: 32 bytes. */
export interface IndexOptions {
  disk: Disk
  path: string
  key: Uint8Array
  /** Which memory it belongs to, and by which machines its images were read. */
  owner: string
}

/** Takes facts one behind the other. */
type Take = (facts: Buffer) => void

/**
 * Reads the blocks that are whole and ours, handing on their facts, and cuts the rest off. `begin` is told how many bytes will come at
 * most.
 */
export async function openIndex(options: IndexOptions, begin: (bytes: number) => Take): Promise<RecordsIndex> {
  const { disk, path } = options
  const file = await disk.open(path, { create: true })
  try {
    const size = await file.size()
    const chain = await readBlocks(options, windowOn(file, size), size, begin(size))
    await file.truncate(chain.bytes)
    return runIndex(options, file, chain)
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Where the chain of blocks ends. */
interface Chain {
  bytes: number
  mac: Buffer
  end: MemoryPosition
}

const firstChain = ({ key, owner }: IndexOptions): Chain => ({
  bytes: 0,
  mac: createHmac('sha256', key).update(owner).digest(),
  end: { sequence: 0, hash: '' },
})

/** So much is read at once. */
const WINDOW_BYTES = 8 * 1024 * 1024

type ReadAt = (offset: number, length: number) => Promise<Buffer>

/** For whoever goes through a file from its beginning to its end, a little at a time. */
function windowOn(file: File, size: number): ReadAt {
  let start = 0
  let bytes: Buffer = Buffer.alloc(0)
  return async (offset, length) => {
    if (offset < start || offset + length > start + bytes.length) {
      start = offset
      bytes = asBuffer(await file.read(offset, Math.min(Math.max(length, WINDOW_BYTES), size - offset)))
    }
    return bytes.subarray(offset - start, offset - start + length)
  }
}

async function readBlocks(options: IndexOptions, readAt: ReadAt, size: number, take: Take): Promise<Chain> {
  let chain = firstChain(options)
  for (;;) {
    const block = await readBlock(options, readAt, chain, size)
    if (block === null) return chain
    take(block.facts)
    chain = block.chain
  }
}

/** Null where there is no whole block of ours. */
async function readBlock({ key }: IndexOptions, readAt: ReadAt, chain: Chain, size: number) {
  if (size - chain.bytes < HEADER_BYTES + MAC_BYTES) return null
  const header = await readAt(chain.bytes, HEADER_BYTES)
  const length = header.readUInt32LE(4)
  const end = chain.bytes + HEADER_BYTES + length + MAC_BYTES
  if (header.toString('latin1', 0, 4) !== MAGIC || length > MAXIMUM_BYTES || end > size) return null
  const rest = await readAt(chain.bytes + HEADER_BYTES, length + MAC_BYTES)
  const facts = rest.subarray(0, length)
  const mac = macOf(key, chain.mac, header, facts)
  if (!mac.equals(rest.subarray(length))) return null
  const position = { sequence: header.readDoubleLE(8), hash: header.toString('hex', 16, 48) }
  return { facts, chain: { bytes: end, mac, end: position } }
}

const macOf = (key: Uint8Array, before: Buffer, header: Buffer, facts: Buffer): Buffer =>
  createHmac('sha256', key).update(before).update(header).update(facts).digest()

function headerOf(facts: Buffer, { sequence, hash }: MemoryPosition): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(MAGIC, 'latin1')
  header.writeUInt32LE(facts.length, 4)
  header.writeDoubleLE(sequence, 8)
  header.write(hash, 16, 'hex')
  return header
}

function runIndex(options: IndexOptions, file: File, read: Chain): RecordsIndex {
  let chain = read
  let waiting: { bytes: Buffer; seq: number }[] = []
  let waitingBytes = 0
  let last: Promise<unknown> = Promise.resolve()
  const inOrder = <Result>(job: () => Promise<Result>): Promise<Result> => {
    const done = last.then(job)
    last = done.catch(() => undefined)
    return done
  }

  const append = async (facts: Buffer, end: MemoryPosition): Promise<void> => {
    const header = headerOf(facts, end)
    const mac = macOf(options.key, chain.mac, header, facts)
    await file.append(Buffer.concat([header, facts, mac]))
    chain = { bytes: chain.bytes + header.length + facts.length + mac.length, mac, end }
  }

  /** All of one transition's facts are in before a block says so. */
  const writeAll = async (durable: MemoryPosition): Promise<void> => {
    const ready = waiting.filter(({ seq }) => seq <= durable.sequence)
    waiting = waiting.filter(({ seq }) => seq > durable.sequence)
    waitingBytes = waiting.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const before = chain.end
    let block: Buffer[] = []
    let blockBytes = 0
    for (const { bytes } of ready) {
      if (blockBytes + bytes.length > BLOCK_BYTES && blockBytes > 0) {
        await append(Buffer.concat(block), before)
        block = []
        blockBytes = 0
      }
      block.push(bytes)
      blockBytes += bytes.length
    }
    if (durable.sequence > before.sequence || blockBytes > 0) await append(Buffer.concat(block), durable)
  }

  return {
    get end() {
      return chain.end
    },
    add(bytes, seq) {
      waiting.push({ bytes, seq })
      waitingBytes += bytes.length
    },
    write: (durable, all) =>
      all || waitingBytes >= BLOCK_BYTES ? inOrder(() => writeAll(durable)) : Promise.resolve(),
    clear: () =>
      inOrder(async () => {
        await file.truncate(0)
        chain = firstChain(options)
        waiting = []
        waitingBytes = 0
      }),
    close: () => inOrder(() => file.close()),
  }
}
