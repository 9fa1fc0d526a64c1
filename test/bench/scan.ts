/**
 * How fast a block is walked and how much memory a watched script costs. Everything in one run on one machine, so that
 * ratios are comparable; the block is a full one of the main network (test/vectors/bitcoin/block413567.raw).
 */
import { existsSync, readFileSync } from 'node:fs'
import { Block } from 'bitcoinjs-lib'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { scanBlock } from '../../adapters/bitcoin/block.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import type { ByteCursor } from '../../adapters/bitcoin/transaction.ts'
import { compactSize, createSpan, skim } from '../../adapters/bitcoin/transaction.ts'
import { createWatch, type BitcoinWatch } from '../../adapters/bitcoin/watch.ts'
import { alternating, benchRow, collectGarbage, type BenchRow, type Progress } from './measure.ts'

export interface ScanSizes {
  /** Watched scripts and outpoints. */
  scripts: number
  keys: number
  /** How often the two walks take turns; as often again to warm up. */
  rounds: number
}

const HEADER_BYTES = 80
/** bitcoinjs-lib is slow enough to be measured in few rounds. */
const PARSES_MAXIMUM = 7
const network = networkOf('bitcoin')

/** The `n`-th of a fixed sequence of evenly spread bytes (xorshift): scripts and outpoints that nobody uses. */
function spread(bytes: Uint8Array, n: number): Uint8Array {
  let state = (n + 1) * 0x9e3779b1
  for (let i = 0; i < bytes.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state >>> 11
  }
  return bytes
}

/** Kinds as in the block itself: mostly P2PKH, some P2SH, so that every lookup reaches a table of that size. */
function addScripts(watch: BitcoinWatch, scripts: number): void {
  for (let n = 0; n < scripts; n++) {
    const script = scriptFor(n % 4 === 0 ? 'p2sh' : 'p2pkh', spread(new Uint8Array(20), n))
    watch.addAddress(n, addressOf(script, network)!)
  }
}

function addKeys(watch: BitcoinWatch, { scripts, keys }: ScanSizes): void {
  for (let n = 0; n < keys; n++)
    watch.addKey(`c:${Buffer.from(spread(new Uint8Array(32), scripts + n)).toString('hex')}:${n % 3}`, 'coin')
}

/** The walk that a scan makes, without looking anything up. */
export function walkBlock(bytes: Uint8Array): void {
  const cursor: ByteCursor = { bytes, subject: 'block', at: HEADER_BYTES }
  const span = createSpan()
  const count = compactSize(cursor)
  for (let n = 0; n < count; n++) skim(cursor, span, null)
}

function heldBytes(): number {
  collectGarbage()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/** Beside this file, or, when it is compiled to dist/, where it stands in the checkout. */
function readVector(name: string): Uint8Array {
  const places = ['../vectors', '../../../test/vectors'].map(
    path => new URL(`${path}/bitcoin/${name}`, import.meta.url),
  )
  return Uint8Array.from(readFileSync(places.find(place => existsSync(place)) ?? places[0]!))
}

/** A full one of the main network. */
export const readFullBlock = (): Uint8Array => readVector('block413567.raw')

/** The table's own arrays, and what the process holds more than before. */
function benchMemory(watch: BitcoinWatch, scripts: number): BenchRow[] {
  const before = heldBytes()
  addScripts(watch, scripts)
  const heldMore = heldBytes() - before
  const bytes = watch.bytesHeld().scripts
  const mebibytes = (value: number) => `${(value / 2 ** 20).toFixed(1)} MiB`
  return [
    benchRow('bytes per watched script, its arrays', bytes / scripts, { most: 40 }, mebibytes(bytes)),
    benchRow('bytes per watched script, heap and buffers', heldMore / scripts, null, mebibytes(heldMore)),
  ]
}

export function benchScan(sizes: ScanSizes, progress: Progress): BenchRow[] {
  const { scripts, rounds } = sizes
  progress(`a full block against ${scripts.toLocaleString('en')} scripts`)
  const bytes = readFullBlock()
  const watch = createWatch('c', network)
  const memory = benchMemory(watch, scripts)
  addKeys(watch, sizes)

  const context = { chain: 'c', asset: 'BTC', network, watch }
  const scan = () => scanBlock(bytes, context, 1)
  const takeTurns = () => alternating(rounds, () => walkBlock(bytes), scan)
  takeTurns()
  const [walkMs, scanMs] = takeTurns()
  const parse = () => Block.fromBuffer(bytes).transactions!.map(transaction => transaction.getId())
  const [parsedMs] = alternating(Math.min(rounds, PARSES_MAXIMUM), parse, scan)
  const times = (one: number, other: number) => `${one.toFixed(2)} ms / ${other.toFixed(2)} ms`
  return [
    benchRow('block scan / the same walk without matching', scanMs / walkMs, { most: 3 }, times(scanMs, walkMs)),
    benchRow('bitcoinjs-lib parse and ids / block scan', parsedMs / scanMs, { least: 30 }, times(parsedMs, scanMs)),
    ...memory,
  ]
}
