/**
 * How long the daemons take until they serve, and until they end: the real command, started as an operator starts it. A
 * signer's start is compared with the scrypt of its own keystore, which is meant to be slow; the rest of it is not.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { derive } from '../../src/shell/ports.ts'
import { daemon, run } from '../nodes/daemon.ts'
import { prepare, writeSigner, writeWatcher } from '../nodes/system.ts'
import { benchRow, medianOf, timedAsync, type BenchRow, type Progress } from './measure.ts'

export interface StartSizes {
  /** The parts take turns, and the median counts. */
  rounds: number
}

/** Of one round, in milliseconds. */
interface Round {
  signer: number
  scrypt: number
  /** Node's own start, and the code that a signer needs. */
  loading: number
  /** After a kill, with the ledger that it had. */
  watcher: number
  /** From SIGTERM to the end. */
  signerEnd: number
  watcherEnd: number
}

const KEY_BYTES = 32
const ms = (value: number): string => `${value.toFixed(0)} ms`

async function scrypt(keystore: string): Promise<void> {
  const { N, r, p } = JSON.parse(readFileSync(keystore, 'utf8')) as { N: number; r: number; p: number }
  await derive(new Uint8Array(KEY_BYTES), new Uint8Array(KEY_BYTES), { N, r, p }, KEY_BYTES)
}

async function measure(directory: string): Promise<Round> {
  const signer = daemon(['signer', '--config', join(directory, 'signer.yaml')])
  const watcher = daemon(['watcher', '--config', join(directory, 'watcher.yaml')])
  try {
    const signerMs = await signer.start()
    const loading = await timedAsync(() => run(['signer', '--help']))
    const scryptMs = await timedAsync(() => scrypt(join(directory, 'data', 'signer', 'keystore.json')))
    await watcher.start()
    await watcher.kill9()
    const watcherMs = await watcher.start()
    const watcherEnd = await timedAsync(() => watcher.stop())
    const signerEnd = await timedAsync(() => signer.stop())
    return { signer: signerMs, scrypt: scryptMs, loading, watcher: watcherMs, signerEnd, watcherEnd }
  } finally {
    await Promise.all([watcher.kill9(), signer.kill9()])
  }
}

/** The chain's node is not there: both daemons serve without it. */
async function furnish(directory: string): Promise<void> {
  const place = await prepare(directory)
  const node = { url: 'http://127.0.0.1:1', username: 'nobody', passwordFile: './secrets/node-password' }
  writeFileSync(join(directory, 'secrets', 'node-password'), 'none')
  writeWatcher(place, place.signerUrl, node)
  writeSigner(place)
}

export async function benchStart({ rounds }: StartSizes, progress: Progress): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-start-'))
  try {
    await furnish(directory)
    const all: Round[] = []
    for (let round = 1; round <= rounds; round++) {
      progress(`starts, round ${round} of ${rounds}`)
      all.push(await measure(directory))
    }
    return rowsOf(all)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function rowsOf(all: readonly Round[]): BenchRow[] {
  const medianIn = (part: (round: Round) => number) => medianOf(all.map(part))
  const [signer, scrypt, loading] = [
    medianIn(round => round.signer),
    medianIn(round => round.scrypt),
    medianIn(round => round.loading),
  ]
  const parts = `${ms(signer)}: scrypt ${ms(scrypt)}, loading ${ms(loading)}, checks ${ms(signer - scrypt - loading)}`
  const watcher = medianIn(round => round.watcher)
  const ends = [medianIn(round => round.watcherEnd), medianIn(round => round.signerEnd)] as const
  return [
    benchRow("a signer's start / its scrypt", signer / scrypt, { most: 2 }, parts),
    benchRow('seconds until a killed watcher serves again', watcher / 1000, { most: 2 }, ms(watcher)),
    benchRow(
      'seconds from SIGTERM to the end, the slower',
      Math.max(...ends) / 1000,
      { most: 5 },
      `watcher ${ms(ends[0])}, signer ${ms(ends[1])}`,
    ),
  ]
}
