/** `lockkeeper up` as a stranger has it: the real command, with its daemons, on a PATH that holds nothing else. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runningOf } from '../../src/shell/processes.ts'

const CLI = join(process.cwd(), 'bin', 'lockkeeper.js')
const DATA = 'lockkeeper-data'

interface Up {
  child: ChildProcess
  directory: string
  text: () => string
  /** Resolves when it has printed so. */
  prints: (pattern: RegExp) => Promise<void>
  /** The exit status; null where a signal ended it. */
  end: (signal: NodeJS.Signals) => Promise<number | null>
  ended: Promise<number | null>
}

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-up-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A PATH with Node, and what every machine has. */
function barePath(directory: string): string {
  const bin = join(directory, 'bin')
  mkdirSync(bin, { recursive: true })
  const programs: [string, string][] = [['node', process.execPath]]
  for (const name of ['sh', 'sleep', 'cat', 'flock']) programs.push([name, join('/usr/bin', name)])
  for (const [name, target] of programs) symlinkSync(target, join(bin, name))
  return bin
}

function launch(directory: string, args: readonly string[] = [], path = process.env['PATH']): Up {
  const child = spawn(process.execPath, [CLI, 'up', ...args], {
    cwd: directory,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGTERM'))
  let text = ''
  const listeners = new Set<() => void>()
  const hear = (chunk: Buffer) => {
    text += chunk.toString()
    listeners.forEach(listen => listen())
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  const prints = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const listen = () => {
        if (pattern.test(text)) resolve()
      }
      listeners.add(listen)
      listen()
      void ended.then(status => reject(new Error(`it ended with ${status} before it said ${String(pattern)}: ${text}`)))
    })
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return ended
  }
  return { child, directory, text: () => text, prints, end, ended }
}

const urlOf = ({ text }: Up): string => /^ {2}watcher +(http\S+)/m.exec(text())![1]!

async function addressOf(up: Up): Promise<unknown> {
  const token = readFileSync(join(up.directory, DATA, 'secrets', 'api-token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${urlOf(up)}/v1/chains/litecoin/addresses/somebody`, { method: 'PUT', headers })
  return ((await answer.json()) as { address: unknown }).address
}

const left = ({ directory }: Up) => runningOf(join(directory, DATA, 'processes.json'))
const secretsOf = ({ directory }: Up): string[] =>
  ['api-token', 'read-token', 'signer-token', 'backend.key', 'passphrase', 'node-password'].map(name =>
    readFileSync(join(directory, DATA, 'secrets', name), 'utf8').trim(),
  )

test('without any daemon installed: coins come in and go out, Ctrl-C stops all, and the next start goes on from there', async () => {
  const directory = makeDirectory()
  const path = barePath(directory)
  const first = launch(directory, ['--accidents', '0'], path)
  await first.prints(/w-1 is paid by/)
  await first.prints(/w-2 is paid by/)
  const address = await addressOf(first)
  expect(await first.end('SIGINT')).toBe(0)
  expect(left(first)).toEqual([])
  expect(first.text()).toMatch(/credits? and \d+ payments? found on the chains, none of them twice/)
  for (const secret of secretsOf(first)) expect(first.text()).not.toContain(secret)

  const second = launch(directory, ['--accidents', '0'], path)
  await second.prints(/its books: [1-9]\d* deposits?, [1-9]\d* withdrawals?/)
  await second.prints(/is paid by/)
  expect(await addressOf(second)).toBe(address)
  expect(await second.end('SIGTERM')).toBe(0)
  expect(second.text()).toMatch(/none of them twice/)
})

test('every accident is announced, and borne', async () => {
  const up = launch(makeDirectory(), ['--accidents', '1'])
  const names = ['reorg', 'double-spend', 'fake deposit', 'slow signer', 'watcher crash']
  for (const name of names) {
    await up.prints(new RegExp(`▲ ${name.toUpperCase()}: `))
    await up.prints(new RegExp(`✔ ${name}: `))
  }
  expect(up.text()).not.toContain('✘ books')
  expect(await up.end('SIGINT')).toBe(0)
  expect(up.text()).toMatch(/none of them twice/)
})

test('a closed terminal stops everything', async () => {
  const up = launch(makeDirectory(), ['--accidents', '0'])
  await up.prints(/is asked for/)
  expect(left(up).map(({ name }) => name)).toEqual(['lockkeeper up', 'signer', 'watcher'])
  expect(await up.end('SIGHUP')).toBe(0)
  expect(left(up)).toEqual([])
})

test('killed, it leaves nothing behind either, and the next start goes on', async () => {
  const directory = makeDirectory()
  const up = launch(directory, ['--accidents', '0'])
  await up.prints(/is asked for/)
  await up.end('SIGKILL')
  await expect.poll(() => left(up)).toEqual([])
  const again = launch(directory, ['--accidents', '0'])
  await again.prints(/is paid by/)
  expect(await again.end('SIGINT')).toBe(0)
  expect(again.text()).toMatch(/none of them twice/)
})

test('a second one names the first, which goes on', async () => {
  const directory = makeDirectory()
  const first = launch(directory, ['--accidents', '0'])
  await first.prints(/Ctrl-C stops everything/)
  const second = launch(directory)
  expect(await second.ended).toBe(1)
  expect(second.text()).toContain(`lockkeeper up runs already (pid ${first.child.pid})`)
  await first.prints(/is paid by/)
  expect(await first.end('SIGINT')).toBe(0)
})

test('the same on a real litecoind', async () => {
  const directory = makeDirectory()
  const up = launch(directory, ['--node', 'litecoind', '--accidents', '0'])
  await up.prints(/w-1 is paid by/)
  expect(await addressOf(up)).toMatch(/^rltc1/)
  expect(await up.end('SIGINT')).toBe(0)
  expect(up.text()).toMatch(/none of them twice/)
  const simulated = launch(directory)
  expect(await simulated.ended).toBe(1)
  expect(simulated.text()).toContain('was begun with litecoind nodes, not with simulated')
})

test('a first start that finds no node decides nothing: the next one may have other networks', async () => {
  const directory = makeDirectory()
  const failed = launch(directory, ['--node', 'http://user:password@127.0.0.1:1'])
  expect(await failed.ended).toBe(1)
  expect(failed.text()).not.toContain('password')
  const simulated = launch(directory, ['--accidents', '0'])
  await simulated.prints(/is asked for/)
  expect(await simulated.end('SIGTERM')).toBe(0)
  const other = launch(directory, ['--node', 'http://127.0.0.1:1'])
  expect(await other.ended).toBe(1)
  expect(other.text()).toContain('was begun with simulated nodes, not with http://127.0.0.1:1')
})

test.each([
  [['--node', 'nosuchd'], 2, 'neither a URL nor one of litecoind'],
  [['--accidents', 'often'], 2, 'not a number of seconds'],
])('up %j is refused in one line', async (args, expected, words) => {
  const up = launch(makeDirectory(), args)
  expect(await up.ended).toBe(expected)
  expect(up.text()).toContain(words)
  expect(up.text().trim().split('\n')).toHaveLength(1)
})
