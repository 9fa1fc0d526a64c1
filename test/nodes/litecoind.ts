/**
 * A real `litecoind -regtest` of its own: temporary data, free ports, no peers. Killed with the test process, whatever
 * becomes of the test.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
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

export interface LitecoindOptions {
  /** Serve REST; on unless said otherwise. */
  rest?: boolean
  /** Further arguments, such as `-mempoolreplacement=1`. */
  extra?: string[]
}

export interface Litecoind {
  url: string
  username: string
  password: string
  directory: string
  pid(): number
  /** The result of an RPC; rejects with the node's error. */
  rpc: (method: string, ...params: unknown[]) => Promise<unknown>
  /** Mines to the node's own wallet; the hashes. Makes the peg-in that the block activating MWEB must have. */
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
const BINARY = 'litecoind'
const WALLET = 'harness'
/** It exists, or it is loaded. */
const WALLET_ERROR = -4
const START_PAUSE_MS = 100
/** Below the height at which regtest activates MWEB, whose first block is valid only with a peg-in. */
const HEIGHT_BEFORE_MWEB = 431
const PEG_IN_COINS = '1'

const noDisk = {} as Disk
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (typeof address === 'object' && address) resolve(address.port)
        else reject(new Error('no free port'))
      })
    })
  })
}

function launch(directory: string, port: number, options: LitecoindOptions): ChildProcess {
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
    '-fallbackfee=0.0002',
    '-printtoconsole=0',
    ...(options.extra ?? []),
  ]
  const child = spawn(BINARY, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

async function waitUntilReady(child: ChildProcess, rpc: Rpc): Promise<void> {
  let output = ''
  const failures: string[] = []
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.once('error', error => failures.push(error.message))
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until;) {
    if (failures.length > 0 || child.exitCode !== null)
      throw new Error(
        `${BINARY} did not start (install it, and see that it runs): ${[...failures, output.trim()].join(' ')}`,
      )
    try {
      await rpc.call(z.unknown(), 'getblockchaininfo')
      return
    } catch {
      await sleep(START_PAUSE_MS)
    }
  }
  throw new Error(`${BINARY} was not ready after ${PATIENCE_MS} ms: ${output.trim()}`)
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const exit = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return inTime(exit, () => `${BINARY} was told to stop`).catch((error: unknown) => {
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

/** Rejects when litecoind is not installed or does not become ready. */
export async function startLitecoind(options: LitecoindOptions = {}): Promise<Litecoind> {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-litecoind-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const access: NodeAccess = { url, username: 'harness', password: 'harness' }
  const requester = createRequest(null)
  const rpc = createRpc(access, requester.request, noDisk)
  let child = launch(directory, port, options)
  const ready = async () => {
    await waitUntilReady(child, rpc)
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
    await ended(child)
  }
  let nobodies = 0
  const address = async (): Promise<string> =>
    nobodies > 0
      ? addressOf(nobody(nobodies++), networkOf('litecoin-regtest'))!
      : z.string().parse(await call('getnewaddress'))
  const pay = async (to: string, amountSat: bigint) =>
    z.string().parse(await call('sendtoaddress', to, fromSatoshi(amountSat)))

  async function mine(count: number): Promise<string[]> {
    const height = z.number().parse(await call('getblockcount'))
    const generate = async (n: number) => z.array(z.string()).parse(await call('generatetoaddress', n, await address()))
    if (height > HEIGHT_BEFORE_MWEB || height + count <= HEIGHT_BEFORE_MWEB) return generate(count)
    const before = height === HEIGHT_BEFORE_MWEB ? [] : await generate(HEIGHT_BEFORE_MWEB - height)
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
      child = launch(directory, port, { ...options, extra })
      await ready()
    },
  }
}
