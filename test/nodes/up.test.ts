import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CLI } from './daemon.ts'

/** `lockkeeper up` in a directory; resolves with what it printed once it is ready. */
async function start(directory: string) {
  const child = spawn(process.execPath, [CLI, 'up'], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGTERM'))
  let text = ''
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  const ready = new Promise<void>(resolve => {
    const hear = (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('Ctrl-C')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })
  await Promise.race([ready, ended])
  const stop = () => {
    child.kill('SIGINT')
    return ended
  }
  const url = /^watcher +(\S+)$/m.exec(text)?.[1]
  if (url === undefined) throw new Error(`not ready: ${text}`)
  return { url, stop }
}

async function addressOf(directory: string, url: string): Promise<unknown> {
  const token = readFileSync(join(directory, 'lockkeeper-data', 'secrets', 'api-token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${url}/v1/chains/litecoin/addresses/user-1`, { method: 'PUT', headers })
  return ((await answer.json()) as { address: unknown }).address
}

test('up makes everything from nothing, stops at Ctrl-C, and remembers at the next start', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-up-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const first = await start(directory)
  const address = await addressOf(directory, first.url)
  expect(address).toMatch(/^rltc1/)
  expect(await first.stop()).toBe(0)
  const second = await start(directory)
  expect(await addressOf(directory, second.url)).toBe(address)
  expect(await second.stop()).toBe(0)
})
