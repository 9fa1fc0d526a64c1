/** A full disk: the process ends, and names the file that could not be written. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CLI, PASSPHRASE } from '../nodes/daemon.ts'
import { prepare, writeSigner } from '../nodes/system.ts'
import { inTime } from '../patience.ts'

/** util-linux; as an ordinary user it needs user namespaces. */
const namespaced = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
/** What stands there at the start, and a few hundred lines of the audit log. */
const DISK_KIB = 256
const REQUESTS_MAXIMUM = 5000

test('a signer whose disk is full ends with 1 and names the file', async () => {
  const { status: able, stderr: why } = spawnSync('unshare', [...namespaced, 'true'], { encoding: 'utf8' })
  expect(able, `this test needs unshare(1) and mount namespaces: ${why}`).toBe(0)
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-full-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const place = await prepare(directory)
  writeSigner(place)
  const script = `
    cp -a "$1" "$1.before" && mount -t tmpfs -o size=${DISK_KIB}k,mode=700 tmpfs "$1" && cp -a "$1.before/." "$1/" &&
    exec "$2" "$3" signer --config "$4"`
  const data = join(directory, 'data', 'signer')
  const args = ['sh', '-c', script, 'sh', data, process.execPath, CLI, join(directory, 'signer.yaml')]
  const child = spawn('unshare', [...namespaced, ...args], {
    env: { ...process.env, LOCKKEEPER_PASSPHRASE: PASSPHRASE },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [out, text] = ['', '']
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  const ready = new Promise<void>(resolve =>
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (out.includes('ready on')) resolve()
    }),
  )
  await inTime(Promise.race([ready, ended]), () => `the signer starts: ${text}`)

  const token = readFileSync(join(directory, 'secrets', 'signer-token'), 'utf8').trim()
  const ask = () => fetch(`${place.signerUrl}/v1/identity`, { headers: { authorization: `Bearer ${token}` } })
  for (let n = 0; n < REQUESTS_MAXIMUM && child.exitCode === null; n++) await ask().catch(() => undefined)
  expect(await inTime(ended, () => `the signer ends: ${text}`)).toBe(1)
  const last = text.trimEnd().split('\n').at(-1)!
  expect(JSON.parse(last)).toMatchObject({ level: 'error', msg: 'aborted' })
  expect(last).toContain(join(data, 'audit'))
  expect(last).toContain('ENOSPC')
})
