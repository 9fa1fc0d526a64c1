/**
 * The whole system as an operator runs it: a real litecoind, a signer and a watcher as processes of their own, and a
 * backend's view of the API. Each has its own temporary directory and ports, and is stopped by its pid.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, startLitecoind, type Litecoind } from './litecoind.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const CLI = join(ROOT, 'dist', 'src', 'cli.js')
const PASSPHRASE = 'a passphrase for tests only'
const READY_MS = 30_000
const POLL_MS = 50

export interface Daemon {
  start(): Promise<number>
  /** SIGKILL; resolves when the process is gone. */
  kill9(): Promise<void>
  /** SIGTERM; the exit status. */
  stop(): Promise<number | null>
  pid(): number
  log(): string
}

export interface Answer<Body = Record<string, unknown>> {
  status: number
  body: Body
}

export interface System {
  litecoind: Litecoind
  signer: Daemon
  watcher: Daemon
  directory: string
  url: string
  token: string
  get<Body = Record<string, unknown>>(path: string): Promise<Answer<Body>>
  put<Body = Record<string, unknown>>(path: string, body?: unknown): Promise<Answer<Body>>
  /** Asks until `accept` says yes; rejects with the last answer when it takes too long. */
  until<Body = Record<string, unknown>>(path: string, accept: (body: Body) => boolean, ms?: number): Promise<Body>
  /** An address of ours for this reference. */
  address(reference: string): Promise<string>
  close(): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const gone = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise(resolve => child.once('exit', code => resolve(code)))

/** Milliseconds from the start to the line that says it serves. */
function launch(args: string[], sink: (text: string) => void): { child: ChildProcess; ready: Promise<number> } {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, LOCKKEEPER_PASSPHRASE: PASSPHRASE },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.stderr.on('data', (chunk: Buffer) => sink(chunk.toString()))
  const ready = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${args[0]!} is not ready after ${READY_MS} ms`)), READY_MS)
    child.stdout.on('data', (chunk: Buffer) => {
      sink(chunk.toString())
      if (!chunk.toString().includes('ready on')) return
      clearTimeout(timer)
      resolve(performance.now() - startedAt)
    })
    child.once('exit', code => {
      clearTimeout(timer)
      reject(new Error(`${args[0]!} ended with ${code} before it was ready`))
    })
  })
  ready.catch(() => {})
  return { child, ready }
}

export function daemon(args: string[]): Daemon {
  let child: ChildProcess | undefined
  let text = ''
  return {
    async start() {
      const launched = launch(args, more => (text += more))
      child = launched.child
      try {
        return await launched.ready
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${text.slice(-2000)}`)
      }
    },
    async kill9() {
      child?.kill('SIGKILL')
      if (child) await gone(child)
    },
    async stop() {
      child?.kill('SIGTERM')
      return child ? gone(child) : null
    },
    pid: () => child!.pid!,
    log: () => text,
  }
}

export function initialise(directory: string): void {
  const made = spawnSync(process.execPath, [CLI, 'init', '--directory', directory], {
    env: { ...process.env, LOCKKEEPER_PASSPHRASE: PASSPHRASE },
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`init failed: ${made.stderr}`)
}

export interface SystemOptions {
  /** Keys of the chain `litecoin` in watcher.yaml, merged over the defaults below. */
  chain?: Record<string, unknown>
  /** Keys of the chain's policy in signer.yaml. */
  policy?: Record<string, unknown>
  /** Blocks mined before the watcher starts: enough for mature coins to pay with. */
  blocks?: number
}

/** YAML is a superset of JSON. */
async function configure(directory: string, litecoind: Litecoind, options: SystemOptions): Promise<string> {
  const [watcherPort, signerPort] = [await freePort(), await freePort()]
  writeFileSync(join(directory, 'secrets', 'node-password'), litecoind.password)
  const chain = {
    family: 'bitcoin',
    network: 'litecoin-regtest',
    asset: 'LTC',
    node: { url: litecoind.url, username: litecoind.username, passwordFile: './secrets/node-password' },
    pollMs: 50,
    confirmations: { credit: 3, final: 20 },
    minimumDeposit: '1000',
    ...options.chain,
  }
  const listen = `127.0.0.1:${watcherPort}`
  const watcher = { listen, signer: { url: `http://127.0.0.1:${signerPort}` }, chains: { litecoin: chain } }
  const policy = { maximumFeeRate: 1000, maximumFee: '10000000', perTransaction: '100000000000', ...options.policy }
  const signed = { family: 'bitcoin', network: 'litecoin-regtest', asset: 'LTC', policy }
  const keystore = { file: './data/signer/keystore.json', passphraseEnv: 'LOCKKEEPER_PASSPHRASE' }
  const signer = { listen: `127.0.0.1:${signerPort}`, keystore, chains: { litecoin: signed } }
  writeFileSync(join(directory, 'watcher.yaml'), JSON.stringify(watcher))
  writeFileSync(join(directory, 'signer.yaml'), JSON.stringify(signer))
  return `http://${listen}`
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** litecoind, signer and watcher, ready; the treasury is empty. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-system-'))
  initialise(directory)
  const litecoind = await startLitecoind()
  await litecoind.mine(options.blocks ?? 110)
  const url = await configure(directory, litecoind, options)
  const token = readFileSync(join(directory, 'secrets', 'api-token'), 'utf8')
    .trim()
    .split('\n')[0]!
  const signer = daemon(['signer', '--config', join(directory, 'signer.yaml')])
  const watcher = daemon(['watcher', '--config', join(directory, 'watcher.yaml')])

  const ask = async (method: string, path: string, body?: unknown): Promise<Answer<never>> => {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const answer = await fetch(`${url}${path}`, init)
    return { status: answer.status, body: (await answer.json()) as never }
  }

  const system: System = {
    ...{ litecoind, signer, watcher, directory, url, token },
    get: path => ask('GET', path),
    put: (path, body = {}) => ask('PUT', path, body),
    async until(path, accept, ms = 20_000) {
      const deadline = performance.now() + ms
      let last: unknown
      while (performance.now() < deadline) {
        try {
          const { status, body } = await ask('GET', path)
          last = body
          if (status === 200 && accept(body)) return body
        } catch (error) {
          last = error
        }
        await pause(POLL_MS)
      }
      throw new Error(`${path} did not become as expected: ${JSON.stringify(last)}\n${watcher.log().slice(-3000)}`)
    },
    async address(reference) {
      for (let tries = 0; tries < 200; tries++) {
        const { status, body } = await ask('PUT', `/v1/chains/litecoin/addresses/${reference}`, {})
        if (status < 300) return (body as { address: string }).address
        await pause(POLL_MS)
      }
      throw new Error(`no address for ${reference}`)
    },
    async close() {
      await Promise.all([watcher.kill9(), signer.kill9(), litecoind.stop()])
      rmSync(directory, { recursive: true, force: true })
    },
  }
  try {
    await signer.start()
    await watcher.start()
    return system
  } catch (error) {
    await system.close()
    throw error
  }
}
