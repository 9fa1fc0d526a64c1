/** Daemons that run: their metrics, and SIGHUP, at which they take other tokens or stay with those that they have. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { METRICS, type Metric } from '../../src/metrics/catalogue.ts'
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
async function hangUp(of: Daemon, said: string): Promise<void> {
  const { log } = of
  const before = occurrences(log, said)
  process.kill(of.pid(), 'SIGHUP')
  await expect.poll(() => occurrences(log, said), PATIENCE).toBeGreaterThan(before)
}

const ANEW = 'tokens read anew'
const KEPT = 'the tokens stay as they were'

let directory = ''
let place: Awaited<ReturnType<typeof prepare>>
let signer: Daemon
let watcher: Daemon

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lockkeeper-reload-'))
  place = await prepare(directory)
  writeSigner(place)
  writeWatcher(place, place.signerUrl, nodeKeys(directory, NO_NODE.url, NO_NODE))
  signer = daemon(['signer', '--config', join(directory, 'signer.yaml')])
  watcher = daemon(['watcher', '--config', join(directory, 'watcher.yaml')])
  await Promise.all([signer.start(), watcher.start()])
})
afterAll(async () => {
  await Promise.all([signer.kill9(), watcher.kill9()])
  rmSync(directory, { recursive: true, force: true })
})

test.each(['watcher', 'signer'] as const)('a %s shows every metric of the catalogue, and no other', async name => {
  const text = await (await fetch(`${name === 'watcher' ? place.url : place.signerUrl}/metrics`)).text()
  const described = [...text.matchAll(/^# HELP (\w+) /gm)].map(([, metric]) => metric)
  const listed = Object.entries<Metric>(METRICS).filter(([, { shownBy }]) => shownBy === name || shownBy === 'both')
  expect(described.sort()).toEqual(listed.map(([metric]) => metric).sort())
  expect(text).toContain(`lockkeeper_build_info{daemon="${name}"`)
})

test('both daemons take other tokens at SIGHUP, and the watcher shows the signer the other one', async () => {
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
