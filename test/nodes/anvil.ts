/**
 * A real node for developers, from its npm package: temporary, on the loopback, mining only when told to. Killed with the test
 * process, whatever becomes of the test.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inTime, PATIENCE_MS } from '../patience.ts'
import { freePort } from './port.ts'

export interface Anvil {
  url: string
  pid(): number
  /** The same again at the same place; with `--state` with all its blocks, and without its pool. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const require = createRequire(import.meta.url)
const PAUSE_MS = 50
const PACKAGES: Readonly<Record<string, string>> = {
  'linux x64': 'anvil-linux-amd64',
  'linux arm64': 'anvil-linux-arm64',
  'darwin x64': 'anvil-darwin-amd64',
  'darwin arm64': 'anvil-darwin-arm64',
}
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** The program of this machine's package, which npm installs without running anything. Throws where there is none. */
function anvilBinary(): string {
  const machine = `${process.platform} ${process.arch}`
  const name = PACKAGES[machine]
  if (name === undefined) throw new Error(`anvil has no package for ${machine}`)
  const beside = dirname(dirname(require.resolve('@foundry-rs/anvil/package.json')))
  const binary = join(beside, name, 'bin', 'anvil')
  if (!existsSync(binary)) throw new Error(`${binary} is missing: npm ci, with optional dependencies`)
  return binary
}

async function isReady(url: string): Promise<boolean> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })
  const headers = { 'content-type': 'application/json' }
  return fetch(url, { method: 'POST', headers, body }).then(
    answer => answer.ok,
    () => false,
  )
}

/** `arguments` beside those of every test: Osaka, and no block by itself. Rejects when it does not become ready. */
export async function startAnvil(extra: readonly string[] = []): Promise<Anvil> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const given = ['--port', `${port}`, '--hardfork', 'osaka', '--no-mining', '--silent', ...extra]
  let child = await started(url, given)
  const stop = async (signal: NodeJS.Signals) => {
    const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.kill(signal)
    await inTime(exited, () => 'anvil was told to stop')
  }
  return {
    url,
    pid: () => child.pid!,
    async restart() {
      // It writes its state down when it is interrupted.
      await stop('SIGINT')
      child = await started(url, given)
    },
    stop: () => stop('SIGTERM'),
  }
}

async function started(url: string, given: readonly string[]): Promise<ChildProcess> {
  const child = spawn(anvilBinary(), given, { stdio: 'ignore' })
  running.add(child)
  child.once('exit', () => running.delete(child))
  for (const until = performance.now() + PATIENCE_MS; !(await isReady(url));) {
    if (child.exitCode !== null || performance.now() > until) throw new Error(`anvil did not start at ${url}`)
    await sleep(PAUSE_MS)
  }
  return child
}
