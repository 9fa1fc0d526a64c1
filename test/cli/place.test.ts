/** The data directory is taken away or replaced under a running process: it ends, and says why. */
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { begin, type Begun } from '../nodes/daemon.ts'
import { nodeKeys, prepare, writeSigner, writeWatcher } from '../nodes/system.ts'
import { inTime } from '../patience.ts'

const LOOK_MS = 20

/** Nobody listens there, which keeps no watcher from serving. */
const NO_NODE = { url: 'http://127.0.0.1:1', username: 'u', password: 'p' }

async function serving(name: string, config: string): Promise<Begun> {
  const begun = begin([name, '--config', config])
  onTestFinished(() => begun.kill9())
  const ready = async () => {
    while (!begun.stdout().includes('ready on')) await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
  await inTime(Promise.race([ready(), begun.ended]), () => `${name} starts`)
  return begun
}

const harms = {
  removed: (path: string) => rmSync(path, { recursive: true }),
  replaced(path: string) {
    renameSync(path, `${path}.old`)
    cpSync(`${path}.old`, path, { recursive: true })
  },
}

test.each([
  { name: 'watcher', harm: 'removed' as const },
  { name: 'watcher', harm: 'replaced' as const },
  { name: 'signer', harm: 'removed' as const },
  { name: 'signer', harm: 'replaced' as const },
])('a $name whose data directory is $harm ends with 1', async ({ name, harm }) => {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-place-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const place = await prepare(directory)
  writeSigner(place)
  writeWatcher(place, place.signerUrl, nodeKeys(directory, NO_NODE.url, NO_NODE))
  const begun = await serving(name, join(directory, `${name}.yaml`))
  harms[harm](join(directory, 'data', name))
  const { status, stderr } = await inTime(begun.ended, () => `${name} ends`)
  // Whichever notices first: the signer's audit log is sealed again and again.
  expect(stderr).toContain(join(directory, 'data', name))
  expect(status).toBe(1)
})
