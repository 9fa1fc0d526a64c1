import { appendFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyStore } from '../../../src/commands/verify.ts'
import { beginAudit, openAudit } from '../../../src/signer/audit/open.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import type { Signer } from '../../../src/signer/main.ts'
import { memoryIn } from '../../../src/signer/memory/memory.ts'
import { simulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, grow, intent, sign, simple } from '../rig.ts'

/** Lines that `init` leaves, and lines with which the service begins. */
const INIT = 2
const START = 2

let rig: rigs.Rig
beforeEach(async () => {
  rig = await rigs.createRig()
})
afterEach(() => rigs.discard(rig))

type Line = Record<string, unknown>
const folder = () => join(rig.directory, 'memory', 'audit')
const files = async () => (await readdir(folder())).filter(name => name.endsWith('.jsonl'))
const textOf = (name: string) => readFile(join(folder(), name), 'utf8')
const linesOf = async (name = '1.jsonl') => (await textOf(name)).trimEnd().split('\n')
const entriesOf = async (name = '1.jsonl') =>
  (await linesOf(name)).map(line => (JSON.parse(line) as { entry: Line }).entry)

/** `lockkeeper verify --config signer.yaml`. */
async function verify(): Promise<{ isSound: boolean; said: string[] }> {
  const said: string[] = []
  const text = 'dataDirectory: ./memory\ntokenFile: ./token\nkeystore: { file: ./keystore.json }'
  const path = join(rig.directory, 'signer.yaml')
  const terminal = { out: (line: string) => said.push(line), err: () => undefined }
  return { isSound: await verifyStore(rig.ports.disk, { path, text, environment: {} }, null, terminal), said }
}

async function traffic(signer: Signer): Promise<void> {
  await grow(signer)
  await sign(signer, 't1', 1, simple(), [authorised(intent('w-1', 1_000_000n))])
  await sign(signer, 't2', 1, simple(1_000_000n, 2, 900_000n), [authorised(intent('w-2', 1_000_000n))])
  await ask(signer, 'GET', '/v1/identity')
}

async function runOnce(use = traffic): Promise<void> {
  const signer = await rigs.start(rig)
  await use(signer)
  await signer.stop()
}

describe('every request and its decision', () => {
  test('is a line that says who, what, when and what the memory was', async () => {
    const body = { template: simple(), intents: [authorised(intent('w-1', 1_000_000n))] }
    await runOnce(async signer => {
      await grow(signer)
      await ask(signer, 'PUT', rigs.attemptPath('t1'), body)
      await ask(signer, 'PUT', rigs.attemptPath('t1'), { ...body, template: simple(1_000_000n, 1, 900_000n) })
      await sign(signer, 't2', 1, simple(1_000_000n, 2, 900_000n), body.intents)
      await ask(signer, 'GET', '/nothing?q=1', undefined, { authorization: `Bearer ${rigs.TOKEN}-reader` })
      await ask(signer, 'GET', '/v1/identity', undefined, { authorization: 'Bearer wrong' })
    })
    const all = await entriesOf()
    expect(all.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(all.slice(0, 3).map(({ what, command }) => [what, command])).toEqual([
      ['started', 'init'],
      ['stopped', undefined],
      ['started', 'signer'],
    ])
    const entries = all.slice(3)
    expect(entries.map(({ what }) => what)).toEqual(['policy', ...Array<string>(6).fill('answered'), 'stopped'])
    const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex')
    expect(entries[2]).toMatchObject({
      at: rig.now.ms,
      who: 'write#1',
      method: 'PUT',
      path: rigs.attemptPath('t1'),
      body: digest,
      status: 200,
      decision: 'signed',
    })
    // It stands on what was not durable when it was written; the line after it shows that this was.
    expect(entries[2]).toMatchObject({ decided: 4, memory: { sequence: 1 } })
    expect(entries[3]!.memory).toMatchObject({ sequence: 4 })
    expect(entries.slice(3, 7).map(({ status, who, decision }) => [status, who, decision])).toEqual([
      [409, 'write#1', 'already-signed-differently'],
      [403, 'write#1', expect.stringMatching(/^refused: .*fee/)],
      [404, 'read#2', 'not-found'],
      [401, 'none', 'unauthorised'],
    ])
  })

  test('is durable before the answer is given', async () => {
    const calls: string[] = []
    const settle = (call: string, path: string) => {
      if (call === 'sync') calls.push(path)
      return Promise.resolve()
    }
    rig = await rigs.createRigOn(simulatedDisk({ seed: 1, settle }))
    const signer = await rigs.start(rig)
    await grow(signer)
    calls.length = 0
    await sign(signer, 't1', 1, simple(), [authorised(intent('w-1', 1_000_000n))])
    expect(calls.map(path => /memory\/(\w+)/.exec(path)![1]).sort()).toEqual(['audit', 'journal'])
    await signer.stop()
  })

  test('of many at once shares a sync', async () => {
    const disk = simulatedDisk({ seed: 1 })
    rig = await rigs.createRigOn(disk)
    const signer = await rigs.start(rig)
    const before = disk.calls.sync
    await Promise.all(Array.from({ length: 100 }, () => ask(signer, 'GET', '/v1/identity')))
    expect(disk.calls.sync - before).toBeLessThan(10)
    await signer.stop()
  })

  test('of strangers is a line up to a bound, and counted beyond it', async () => {
    await runOnce(async signer => {
      for (let n = 0; n < 700; n++) await ask(signer, 'GET', '/healthz', undefined, { authorization: '' })
      await ask(signer, 'GET', '/v1/identity')
    })
    const entries = await entriesOf()
    expect(entries).toHaveLength(INIT + START + 600 + 1 + 1)
    expect(entries.at(-2)).toMatchObject({ path: '/v1/identity', omitted: 100 })
  })

  test('is a short line, however long the request', async () => {
    await runOnce(async signer => {
      await ask(signer, 'GET', `/${'a'.repeat(100_000)}`)
      await signer.handle({ method: 'X'.repeat(1000), path: '/', query: {}, headers: {}, body: new Uint8Array(1) })
    })
    for (const line of await linesOf()) expect(line.length).toBeLessThan(1500)
  })
})

describe('lockkeeper verify', () => {
  test('finds an untouched log sound, and names the key that sealed it', async () => {
    await runOnce()
    await runOnce()
    const { isSound, said } = await verify()
    expect(said.join('\n')).not.toContain('damage:')
    expect(isSound).toBe(true)
    expect(said).toContainEqual(
      expect.stringContaining(`audit: 16 lines in 1 files, sealed by ${identityOf(rigs.SEED).key}`),
    )
  })

  test('finds each line that is removed, doubled, or swapped with the next', async () => {
    await runOnce()
    const lines = await linesOf()
    expect(lines).toHaveLength(INIT + START + 5)
    for (let at = 0; at < lines.length; at++) {
      const removed = lines.toSpliced(at, 1)
      const doubled = lines.toSpliced(at, 0, lines[at]!)
      const swapped = lines.toSpliced(at, 2, ...lines.slice(at, at + 2).reverse())
      for (const wrong of at < lines.length - 1 ? [removed, doubled, swapped] : [removed, doubled]) {
        await writeFile(join(folder(), '1.jsonl'), `${wrong.join('\n')}\n`)
        expect((await verify()).isSound).toBe(false)
        await expect(rigs.start(rig)).rejects.toMatchObject({ type: 'corruptStore' })
      }
    }
  })

  test('finds any byte that is changed', async () => {
    await runOnce()
    const bytes = await readFile(join(folder(), '1.jsonl'))
    for (let at = 0; at < bytes.length; at += 7) {
      const wrong = Buffer.from(bytes)
      wrong[at]! ^= 1
      await writeFile(join(folder(), '1.jsonl'), wrong)
      expect((await verify()).isSound).toBe(false)
    }
  }, 300_000)

  test('finds a log that is missing, emptied, or cut at any line', async () => {
    await runOnce()
    const lines = await linesOf()
    for (let kept = 0; kept < lines.length; kept++) {
      await writeFile(join(folder(), '1.jsonl'), lines.slice(0, kept).map(line => `${line}\n`).join('')) // prettier-ignore
      expect((await verify()).isSound).toBe(false)
    }
    await rm(join(folder(), '1.jsonl'))
    expect((await verify()).isSound).toBe(false)
    await expect(rigs.start(rig)).rejects.toMatchObject({ type: 'corruptStore' })
    await rm(folder(), { recursive: true })
    expect((await verify()).isSound).toBe(false)
  })

  test('finds a missing, changed or forged seal: nobody without the keys can end the log earlier', async () => {
    await runOnce()
    const path = join(folder(), 'seal.json')
    const seal = await readFile(path, 'utf8')
    const { n } = JSON.parse(seal) as { n: number }
    const [last] = (await linesOf()).slice(-2)
    const { hash } = JSON.parse(last!) as { hash: string }
    const other = identityOf(new Uint8Array(64))
    const forged = JSON.stringify({ n: n - 1, hash, ...other.sign(new TextEncoder().encode('anything')) })
    for (const wrong of ['', '{}', seal.replace(`"n":${n}`, `"n":${n - 1}`), forged]) {
      await writeFile(path, wrong)
      expect((await verify()).isSound).toBe(false)
    }
    await rm(path)
    expect((await verify()).isSound).toBe(false)
    for (const wrong of [null, '', '{}', forged]) {
      if (wrong !== null) await writeFile(path, wrong)
      await expect(rigs.start(rig)).rejects.toMatchObject({ type: 'corruptStore' })
    }
  })

  test('finds a memory that lost what the log has seen, and the signer does not start on it (S3)', async () => {
    const signer = await rigs.start(rig)
    await grow(signer)
    await signer.stop()
    const journal = join(rig.directory, 'memory', 'journal', '1.jsonl')
    const earlier = await readFile(journal)
    await runOnce()
    await writeFile(journal, earlier)
    const { isSound, said } = await verify()
    expect(isSound).toBe(false)
    expect(said.join('\n')).toContain('the log has seen memory')
    await expect(rigs.start(rig)).rejects.toThrow(/import the newer memory/)
  })
})

describe('files of the log', () => {
  const { key, sign } = identityOf(rigs.SEED)
  const memory = { position: () => ({ sequence: 0, hash: '' }), had: () => true }
  /** Of the log that `init` has begun. */
  const optionsOf = async () => {
    const { dataDirectory: directory } = rig.config
    const owner = { key, ledgerId: (await memoryIn(rig.ports.disk, directory))!, generation: 1 }
    return { directory, owner, sign, memory }
  }
  const open = async (fileBytes = 1000) => openAudit(rig.ports, await optionsOf(), { fileBytes })
  const fill = async (lines: number) => {
    const audit = await open()
    for (let n = 0; n < lines; n++) await audit.record({ what: 'stopped' })
    await audit.close()
  }

  test('follow each other in one chain, through restarts', async () => {
    await fill(20)
    await fill(20)
    const names = await files()
    expect(names.length).toBeGreaterThan(3)
    const entries = (await Promise.all(names.map(entriesOf))).flat()
    expect(entries.map(({ n }) => n).sort((a, b) => Number(a) - Number(b))).toEqual(entries.map((_, i) => i + 1))
  })

  test('are all missed when one is gone, emptied or renamed', async () => {
    await runOnce(async () => undefined)
    await fill(30)
    expect((await verify()).isSound).toBe(true)
    for (const name of await files()) {
      const bytes = await readFile(join(folder(), name))
      await rm(join(folder(), name))
      expect((await verify()).isSound).toBe(false)
      await writeFile(join(folder(), name), '')
      expect((await verify()).isSound).toBe(false)
      await rm(join(folder(), name))
      await writeFile(join(folder(), `7${name}`), bytes)
      expect((await verify()).isSound).toBe(false)
      await rename(join(folder(), `7${name}`), join(folder(), name))
    }
    expect((await verify()).isSound).toBe(true)
  })

  test('a torn tail is cut, recorded, and no damage', async () => {
    await runOnce()
    await appendFile(join(folder(), '1.jsonl'), '{"hash":"00ab')
    expect((await verify()).isSound).toBe(true)
    await runOnce()
    expect((await entriesOf())[INIT + START + 5]).toMatchObject({ what: 'started', tornBytes: 13 })
    expect((await verify()).isSound).toBe(true)
  })

  test('a log of another signer, another memory or another beginning is refused, and no log is begun over another', async () => {
    await fill(2)
    const options = await optionsOf()
    const other = identityOf(new Uint8Array(64))
    for (const change of [{ key: other.key }, { ledgerId: 'ab'.repeat(16) }, { generation: 2 }]) {
      const opening = openAudit(rig.ports, { ...options, owner: { ...options.owner, ...change } })
      await expect(opening).rejects.toMatchObject({ type: 'corruptStore' })
    }
    await expect(beginAudit(rig.ports, options)).rejects.toMatchObject({ type: 'corruptStore' })
  })

  test('survive power cuts at any call: what was durable stays, and the chain is whole', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      let left = seed
      let cut: () => void = () => undefined
      const isCut = new Promise<void>(resolve => (cut = resolve))
      const settle = async () => {
        if (left-- > 0) return
        cut()
        await new Promise<never>(() => undefined)
      }
      const options = { ...(await optionsOf()), directory: '/d' }
      const begun = simulatedDisk({ seed })
      await (await beginAudit({ ...rig.ports, disk: begun }, options)).close()
      const disk = begun.kill({ seed, settle })
      let durable = 0
      const write = async () => {
        const audit = await openAudit({ ...rig.ports, disk }, options, { fileBytes: 600 })
        for (let n = 0; n < 12; n++) await audit.record({ what: 'stopped' }).then(() => (durable = n + 4))
      }
      await Promise.race([write(), isCut])
      const after = disk.crash({ seed, settle: () => Promise.resolve() })
      const again = await openAudit({ ...rig.ports, disk: after }, options)
      await again.close()
      const kept = after.paths().filter(path => path.endsWith('.jsonl')).flatMap(path =>
        after.peek(path)!.toString().trimEnd().split('\n')) // prettier-ignore
      expect(kept.length).toBeGreaterThanOrEqual(durable + 2)
    }
  })
})
