import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadSignerConfig } from '../../src/config.ts'
import type { Running } from '../../src/shell/daemon.ts'
import { refuseOpenSecrets, startSigner } from '../../src/shell/signer.ts'
import * as rigs from './rig.ts'
import { authorised, intent, simple, standard } from './rig.ts'

let rig: rigs.Rig
let running: Running
const headers = { authorization: `Bearer ${rigs.TOKEN}`, 'content-type': 'application/json' }
const put = (path: string, body: unknown) =>
  fetch(`http://${running.address}${path}`, { method: 'PUT', headers, body: JSON.stringify(body) })
const start = async () => {
  const text = `listen: 127.0.0.1:0\ndataDirectory: ./memory\nkeystore: { file: ./keystore.json }\ntokenFile: ./token\n${standard({})}`
  running = await startSigner(loadSignerConfig(text, rig.directory), rigs.PASSPHRASE, 'error')
}

beforeEach(async () => {
  rig = await rigs.createRig()
  await start()
})
afterEach(async () => {
  await running.stop()
  await rigs.discard(rig)
})

describe('the signer over HTTP', () => {
  test('makes addresses, signs, and gives the same bytes after a restart', async () => {
    expect((await put('/v1/chains/litecoin/address-pool', { size: 3 })).status).toBe(201)
    const request = { template: simple(), intents: [authorised(intent('w-1', 1_000_000n))] }
    const first = await put(rigs.attemptPath('t'), request)
    expect(first.status).toBe(200)
    expect(first.headers.get('lockkeeper-memory-sequence')).toBe('4')
    const body = await first.text()
    await running.stop()
    await start()
    const again = await put(rigs.attemptPath('t'), request)
    expect(await again.text()).toBe(body)
  })

  test('a body just under 16 MiB is read, one above is refused with 413', async () => {
    const attempt = (bytes: number) =>
      put(rigs.attemptPath('t'), { template: { psbt: 'A'.repeat(bytes) }, intents: [] })
    expect((await attempt(16 * 1024 * 1024 - 100)).status).toBe(403)
    expect((await attempt(16 * 1024 * 1024)).status).toBe(413)
  })

  test('answers health and metrics without a token, and nothing else', async () => {
    const get = (path: string) => fetch(`http://${running.address}${path}`)
    expect((await get('/healthz')).status).toBe(200)
    const metrics = await get('/metrics')
    expect(metrics.headers.get('content-type')).toContain('text/plain')
    expect(await metrics.text()).toContain('lockkeeper_signer_signed_total{chain="litecoin"} 0')
    expect((await get('/v1/identity')).status).toBe(401)
  })
})

test.each(['token', 'keystore.json'])('a %s that every user of the machine may read is refused by name', async name => {
  const path = join(rig.directory, name)
  await refuseOpenSecrets(rig.config)
  await chmod(path, 0o604)
  await expect(refuseOpenSecrets(rig.config)).rejects.toThrow(`${path} is open to every user`)
  await chmod(path, 0o640)
  await refuseOpenSecrets(rig.config)
})
