/**
 * How fast a block is walked and how much memory a watched script costs. Everything in one run on one machine, so that
 * ratios are comparable; the block is a full one of the main network (test/vectors/bitcoin/block413567.raw).
 */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { Block } from 'bitcoinjs-lib'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { scanBlock } from '../../adapters/bitcoin/block.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import type { Cursor, Matcher } from '../../adapters/bitcoin/transaction.ts'
import { compactSize, createSpan, skim } from '../../adapters/bitcoin/transaction.ts'
import { createWatch, type BitcoinWatch } from '../../adapters/bitcoin/watch.ts'

export interface BenchRow {
  row: string
  ratio: number
  wanted: string
}

const SCRIPTS = 1_000_000
const KEYS = 200_000
const HEADER_BYTES = 80
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
function fill(watch: BitcoinWatch): void {
  for (let n = 0; n < SCRIPTS; n++) {
    const script = scriptFor(n % 4 === 0 ? 'p2sh' : 'p2pkh', spread(new Uint8Array(20), n))
    watch.addAddress(n, addressOf(script, network)!)
  }
  for (let n = 0; n < KEYS; n++)
    watch.addKey(`c:${Buffer.from(spread(new Uint8Array(32), SCRIPTS + n)).toString('hex')}:${n % 3}`, 'coin')
}

function walk(bytes: Uint8Array, matcher: Matcher | null): number {
  const cursor: Cursor = { bytes, subject: 'block', at: HEADER_BYTES }
  const span = createSpan()
  let touched = 0
  const count = compactSize(cursor)
  for (let n = 0; n < count; n++) {
    skim(cursor, span, matcher)
    if (span.touched) touched++
  }
  return touched
}

function timed(run: () => unknown): number {
  const startMs = performance.now()
  run()
  return performance.now() - startMs
}

const medianOf = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1]!

/** Median of `rounds` runs, in milliseconds. */
const median = (rounds: number, run: () => unknown): number =>
  medianOf(Array.from({ length: rounds }, () => timed(run)))

/** Medians of two that take turns, so that whatever else the machine does hits both. */
function alternating(rounds: number, first: () => unknown, second: () => unknown): [number, number] {
  const times = Array.from({ length: rounds }, () => [timed(first), timed(second)] as const)
  return [medianOf(times.map(pair => pair[0])), medianOf(times.map(pair => pair[1]))]
}

function heldBytes(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

export function benchScan(): Promise<BenchRow[]> {
  const bytes = Uint8Array.from(readFileSync(new URL('../vectors/bitcoin/block413567.raw', import.meta.url)))
  const collect = globalThis.gc ?? (() => undefined)
  const watch = createWatch('c', network)
  collect()
  const before = { rss: process.memoryUsage().rss, held: heldBytes() }
  fill(watch)
  collect()
  const after = { rss: process.memoryUsage().rss, held: heldBytes() }

  const warmRounds = 50
  alternating(
    warmRounds,
    () => walk(bytes, null),
    () => walk(bytes, watch),
  )
  const [plainMs, matchedMs] = alternating(
    201,
    () => walk(bytes, null),
    () => walk(bytes, watch),
  )
  const scanMs = median(51, () => scanBlock(bytes, { chain: 'c', asset: 'BTC', network, watch }, 1))
  const parsedMs = median(7, () => Block.fromBuffer(bytes).transactions!.map(transaction => transaction.getId()))

  const row = (name: string, ratio: number, wanted: string): BenchRow => ({ row: name, ratio, wanted })
  return Promise.resolve([
    row(
      `walk with ${SCRIPTS} scripts and ${KEYS} outpoints (${matchedMs.toFixed(2)} ms) / plain walk (${plainMs.toFixed(2)} ms)`,
      matchedMs / plainMs,
      '<= 3',
    ),
    row(`bitcoinjs-lib parse and ids (${parsedMs.toFixed(0)} ms) / walk with matching`, parsedMs / matchedMs, '>= 30'),
    row(`bitcoinjs-lib parse and ids / scanBlock (${scanMs.toFixed(2)} ms)`, parsedMs / scanMs, '>= 30'),
    row('bytes per watched script, typed arrays', watch.bytesHeld().scripts / SCRIPTS, '<= 40'),
    row(
      'bytes per watched script, process heap and array buffers, outpoints included',
      (after.held - before.held) / SCRIPTS,
      'reported',
    ),
    row(
      'bytes per watched script, rss, outpoints and garbage included',
      (after.rss - before.rss) / SCRIPTS,
      'reported',
    ),
  ])
}
