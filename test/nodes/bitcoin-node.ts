/**
 * A real node of the bitcoin family in regtest: temporary data, free ports, no peers. Killed with the test process,
 * whatever becomes of the test. It is litecoind, or in test/nodes the daemon that `BITCOIND` names: `BITCOIND=/path npm test`.
 * Which coin it is says the daemon itself, and all that differs between them stands here.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { createRpc, fromSatoshi, type NodeAccess, type Rpc } from '../../adapters/bitcoin/rpc.ts'
import type { Disk } from '../../src/kernel/ports.ts'
import { createRequest } from '../../src/shell/request.ts'
import { inTime, PATIENCE_MS } from '../patience.ts'
import { freePort } from './port.ts'

/** What the tests must know of a coin's daemon. */
export interface Coin {
  /** Of the chain in the tests' configuration, and so in ids and paths. */
  chain: 'litecoin' | 'bitcoin'
  asset: 'LTC' | 'BTC'
  network: 'litecoin-regtest' | 'bitcoin-regtest'
  /**
   * Whether a transaction that pays more takes the place of a pending one without being told to: Bitcoin Core since 28.0
   * (`-mempoolfullrbf` is on, and gone in 29), Knots; litecoind 0.21 replaces nothing without `-mempoolreplacement=1`.
   */
  replaces: boolean
  /** The first block with an MWEB in regtest. */
  mwebHeight: number | null
}

const LITECOIN: Coin = {
  chain: 'litecoin',
  asset: 'LTC',
  network: 'litecoin-regtest',
  replaces: false,
  mwebHeight: 432,
}
const BITCOIN: Coin = { chain: 'bitcoin', asset: 'BTC', network: 'bitcoin-regtest', replaces: true, mwebHeight: null }

/** By the first line that a daemon says to `-version`. */
export function coinOf(version: string): Coin | null {
  const [first = ''] = version.split('\n')
  if (/^Litecoin Core /.test(first)) return LITECOIN
  return /^Bitcoin (Core|Knots) /.test(first) ? BITCOIN : null
}

const LITECOIND = 'litecoind'
const BITCOIND = process.env.BITCOIND ?? ''
const BINARY = BITCOIND === '' ? LITECOIND : BITCOIND

function coinIn(binary: string): Coin {
  const { stdout, error } = spawnSync(binary, ['-version'], { encoding: 'utf8' })
  if (error) throw new Error(`BITCOIND=${binary} cannot be run: ${error.message}`)
  const coin = coinOf(stdout)
  if (coin === null) throw new Error(`BITCOIND=${binary} is not Bitcoin Core, Knots or Litecoin Core: ${stdout.trim()}`)
  return coin
}

/** Of the daemon that test/nodes runs on. */
export const COIN: Coin = BITCOIND === '' ? LITECOIN : coinIn(BITCOIND)

/** Of an output in an RPC's answer: Bitcoin Core since 22.0 says `address`, litecoind 0.21 `addresses`; null where there is none. */
export const addressIn = (script: { address?: string; addresses?: string[] }): string | null =>
  script.address ?? script.addresses?.[0] ?? null

export interface NodeOptions {
  /** Serve REST; on unless said otherwise. */
  rest?: boolean
  /** Further arguments, such as `-mempoolreplacement=1`. */
  extra?: string[]
}

export interface BitcoinNode {
  url: string
  username: string
  password: string
  directory: string
  pid(): number
  /** The result of an RPC; rejects with the node's error. */
  rpc: (method: string, ...params: unknown[]) => Promise<unknown>
  /** Mines to the node's own wallet; the hashes. Makes the peg-in that the first block with an MWEB must have. */
  mine: (count: number) => Promise<string[]>
  /**
   * From now on blocks pay nobody's address: a reorganisation drops what spends a coinbase that is young again, so a payer
   * whose payments must survive may own no young coinbase.
   */
  mineForNobody(): void
  /** Pays from the node's own wallet; the transaction id. */
  pay(address: string, amountSat: bigint): Promise<string>
  stop(): Promise<void>
  kill9(): Promise<void>
  /** With the same data and port, after `kill9` too; not after `stop`, which removes the data. */
  restart(extra?: string[]): Promise<void>
}

/** A P2WPKH script whose key nobody has; another one each time, so that no block is the copy of one that was invalidated. */
const nobody = (n: number) => Uint8Array.from([0, 20, n & 255, n >> 8, ...Array.from({ length: 18 }, () => 1)])
const WALLET = 'harness'
/** It exists, or it is loaded. */
const WALLET_ERROR = -4
const START_PAUSE_MS = 100
const PEG_IN_COINS = '1'

const noDisk = {} as Disk
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

function launch(binary: string, directory: string, port: number, options: NodeOptions): ChildProcess {
  const args = [
    '-regtest',
    `-datadir=${directory}`,
    `-rpcport=${port}`,
    '-rpcuser=harness',
    '-rpcpassword=harness',
    `-rest=${options.rest === false ? 0 : 1}`,
    '-server=1',
    '-listen=0',
    '-connect=0',
    '-dnsseed=0',
    '-txindex=0',
    '-dbcache=8',
    '-par=1',
    // A wallet makes all of its keys in advance when it is created: a thousand unless told otherwise.
    '-keypool=20',
    '-fallbackfee=0.0002',
    '-printtoconsole=0',
    ...(options.extra ?? []),
  ]
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

async function waitUntilReady(binary: string, child: ChildProcess, rpc: Rpc): Promise<void> {
  let output = ''
  const failures: string[] = []
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.once('error', error => failures.push(error.message))
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until;) {
    if (failures.length > 0 || child.exitCode !== null)
      throw new Error(
        `${binary} did not start (install it, and see that it runs): ${[...failures, output.trim()].join(' ')}`,
      )
    try {
      await rpc.call(z.unknown(), 'getblockchaininfo')
      return
    } catch {
      await sleep(START_PAUSE_MS)
    }
  }
  throw new Error(`${binary} was not ready after ${PATIENCE_MS} ms: ${output.trim()}`)
}

function ended(binary: string, child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const exit = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return inTime(exit, () => `${binary} was told to stop`).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
}

async function openWallet(rpc: Rpc): Promise<void> {
  const created = await rpc.ask(z.unknown(), [WALLET_ERROR], 'createwallet', WALLET)
  if (created.ok) return
  const loaded = await rpc.ask(z.unknown(), [WALLET_ERROR], 'loadwallet', WALLET)
  if (!loaded.ok && !/already loaded/.test(loaded.message)) throw new Error(`no wallet: ${loaded.message}`)
}

/** litecoind, whatever test/nodes runs on. Rejects when it is not installed or does not become ready. */
export const startLitecoind = (options: NodeOptions = {}): Promise<BitcoinNode> => start(LITECOIND, LITECOIN, options)

/** The daemon that test/nodes runs on. Rejects when it is not installed or does not become ready. */
export const startNode = (options: NodeOptions = {}): Promise<BitcoinNode> => start(BINARY, COIN, options)

async function start(binary: string, coin: Coin, options: NodeOptions): Promise<BitcoinNode> {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-node-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const access: NodeAccess = { url, username: 'harness', password: 'harness' }
  const requester = createRequest(null)
  const rpc = createRpc(access, requester.request, noDisk)
  let child = launch(binary, directory, port, options)
  const ready = async () => {
    await waitUntilReady(binary, child, rpc)
    await openWallet(rpc)
  }
  try {
    await ready()
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  const call = (method: string, ...params: unknown[]) => rpc.call(z.unknown(), method, ...params)
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await ended(binary, child)
  }
  let nobodies = 0
  const address = async (): Promise<string> =>
    nobodies > 0
      ? addressOf(nobody(nobodies++), networkOf(coin.network))!
      : z.string().parse(await call('getnewaddress'))
  const pay = async (to: string, amountSat: bigint) =>
    z.string().parse(await call('sendtoaddress', to, fromSatoshi(amountSat)))

  async function mine(count: number): Promise<string[]> {
    const generate = async (n: number) => z.array(z.string()).parse(await call('generatetoaddress', n, await address()))
    if (coin.mwebHeight === null) return generate(count)
    const missing = coin.mwebHeight - 1 - z.number().parse(await call('getblockcount'))
    if (missing < 0 || count <= missing) return generate(count)
    const before = missing === 0 ? [] : await generate(missing)
    await call('sendtoaddress', await call('getnewaddress', '', 'mweb'), PEG_IN_COINS)
    return [...before, ...(await generate(count - before.length))]
  }

  return {
    url,
    username: 'harness',
    password: 'harness',
    directory,
    pid: () => child.pid!,
    rpc: call,
    mine,
    mineForNobody: () => void (nobodies = 1),
    pay,
    stop: async () => {
      await end('SIGTERM')
      requester.close()
      rmSync(directory, { recursive: true, force: true })
    },
    kill9: () => end('SIGKILL'),
    restart: async (extra = options.extra ?? []) => {
      await end('SIGTERM')
      child = launch(binary, directory, port, { ...options, extra })
      await ready()
    },
  }
}
