/** SIGHUP: running daemons take other tokens, and stay with those that they have where the file is no good. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { daemon, type Daemon } from '../nodes/daemon.ts'
import { nodeKeys, prepare, writeSigner, writeWatcher } from '../nodes/system.ts'
import { PATIENCE_MS } from '../patience.ts'

/** Nobody listens there, which keeps no watcher from serving. */
const NO_NODE = { url: 'http://127.0.0.1:1', username: 'u', password: 'p' }
const PATIENCE = { timeout: PATIENCE_MS }

const statusOf = async (url: string, token: string) =>
  (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status

function occurrences(text: () => string, word: string): number {
  return text().split(word).length - 1
}

/** Hangs up, and waits until the log says what came of it. */
async function hangUp({ pid, log }: Daemon, said: string): Promise<void> {
  const before = occurrences(log, said)
  process.kill(pid(), 'SIGHUP')
  await expect.poll(() => occurrences(log, said), PATIENCE).toBeGreaterThan(before)
}

const ANEW = 'tokens read anew'
const KEPT = 'the tokens stay as they were'

test('both daemons take other tokens at SIGHUP, and the watcher shows the signer the other one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-reload-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const place = await prepare(directory)
  writeSigner(place)
  writeWatcher(place, place.signerUrl, nodeKeys(directory, NO_NODE.url, NO_NODE))
  const [signer, watcher] = ['signer', 'watcher'].map(name =>
    daemon([name, '--config', join(directory, `${name}.yaml`)]),
  ) as [Daemon, Daemon]
  onTestFinished(async () => void (await Promise.all([signer.kill9(), watcher.kill9()])))
  await Promise.all([signer.start(), watcher.start()])
  const [ofApi, ofSigner] = ['api-token', 'signer-token'].map(name => join(directory, 'secrets', name)) as [
    string,
    string,
  ]
  const first = readFileSync(ofApi, 'utf8').split('\n')[0]!
  const [chains, identity] = [`${place.url}/v1/chains`, `${place.signerUrl}/v1/identity`]
  expect(await statusOf(chains, first)).toBe(200)

  writeFileSync(ofApi, 'read:only-to-look\n')
  await hangUp(watcher, KEPT)
  expect(watcher.log()).toContain('none of its tokens may write')
  expect([await statusOf(chains, first), await statusOf(chains, 'only-to-look')]).toEqual([200, 401])

  writeFileSync(ofSigner, 'another-token-of-the-signer\n')
  chmodSync(ofSigner, 0o644)
  await hangUp(signer, KEPT)
  expect(signer.log()).toContain(`chmod 600 ${ofSigner}`)
  chmodSync(ofSigner, 0o600)
  await hangUp(signer, ANEW)
  expect(await statusOf(identity, 'another-token-of-the-signer')).toBe(200)

  // The watcher shows the token of before, until it is told.
  const isRefused = async () => {
    const { problems } = (await (await fetch(`${place.url}/readyz`)).json()) as { problems: string[] }
    return problems.some(problem => problem.includes('the signer cannot be used'))
  }
  await expect.poll(isRefused, PATIENCE).toBe(true)
  writeFileSync(ofApi, 'another-token-of-the-api\n')
  await hangUp(watcher, `"file":"${ofApi}","inForce":1`)
  expect([await statusOf(chains, first), await statusOf(chains, 'another-token-of-the-api')]).toEqual([401, 200])
  await expect.poll(isRefused, PATIENCE).toBe(false)
  expect([await watcher.stop(), await signer.stop()]).toEqual([0, 0])
})
