/** What an operator installs: the signer in one file, and packages that run nothing when they are installed. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRequest } from '../../src/shell/request.ts'
import { createSignerClient } from '../../src/watcher/signer.ts'
import { startIsolated } from './isolated.ts'
import * as rigs from './rig.ts'
import { authorised, intent, simple } from './rig.ts'

interface Locked {
  version?: string
  dev?: boolean
  devOptional?: boolean
  hasInstallScript?: boolean
  license?: string
}

const readLock = async () =>
  (JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }).packages

test('npm ci --ignore-scripts is enough: no package that runs at a user has an install script', async () => {
  const { '': root, ...packages } = await readLock()
  expect(root).toBeDefined()
  const installed = Object.entries(packages).filter(([, { dev }]) => dev !== true)
  expect(installed.length).toBeGreaterThan(50)
  expect(installed.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([name]) => name)).toEqual([])
})

/** The package of the innermost `node_modules/` in a path. */
const nameOf = (path: string) => /^(@[^/]+\/)?[^/]+/.exec(path.split('node_modules/').at(-1)!)![0]

describe('npm run build:signer', () => {
  let directory = ''
  let code = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bundle-'))
    const built = spawnSync(process.execPath, ['scripts/build-signer.mjs', directory], { encoding: 'utf8' })
    expect(built.status, built.stderr).toBe(0)
    code = await readFile(join(directory, 'signer.mjs'), 'utf8')
  })
  afterAll(() => rm(directory, { recursive: true }))

  test('makes one file that imports nothing but what Node has built in', async () => {
    expect((await readdir(directory)).sort()).toEqual(['PACKAGES.md', 'signer.mjs'])
    const imported = [...code.matchAll(/^import .*? from "([^"]+)";$/gm)].map(([, name]) => name!)
    expect(imported.length).toBeGreaterThan(5)
    const isBuiltin = (name: string) => builtinModules.includes(name.replace(/^node:/, ''))
    expect(imported.filter(name => !isBuiltin(name))).toEqual([])
  })

  test('lists every package in it with version and licence, as the lock file has them', async () => {
    const list = await readFile(join(directory, 'PACKAGES.md'), 'utf8')
    expect(list).toContain(createHash('sha256').update(code).digest('hex'))
    const rows = [...list.matchAll(/^\| (\S+) \| (\d\S*) \| (\S+) \|$/gm)].map(([, ...row]) => row)
    expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining(['tiny-secp256k1', 'koa', 'zod', 'xstate']))
    const locked = Object.entries(await readLock()).map(([path, { version, license }]) =>
      [path.split('node_modules/').at(-1), version, license].join(' '),
    )
    for (const row of rows) expect(locked).toContain(row.join(' '))
    const marked = new Set([...code.matchAll(/^\/\/ node_modules\/.*$/gm)].map(([line]) => nameOf(line)))
    expect(marked.size).toBeGreaterThan(50)
    for (const name of marked) expect(rows.map(([listed]) => listed)).toContain(name)
  })

  test('the file signs the same bytes as the signer it was made from, alone in an empty network namespace', async () => {
    const [rig, plain] = [await rigs.createRig(), await rigs.createRig()]
    const signer = await rigs.start(plain)
    await rigs.grow(signer)
    const expected = await rigs.sign(signer, 't', 1, simple(), [authorised(intent('w-1', 1_000_000n))])
    await signer.stop()
    const isolated = await startIsolated(rig, join(directory, 'signer.mjs'))
    const requester = createRequest()
    try {
      const client = createSignerClient({ url: `unix:${isolated.socket}`, token: rigs.TOKEN }, requester.request)
      await client.growPool('litecoin', 5)
      const name = { chain: 'litecoin', transferId: rigs.transferOf('t'), n: 1 }
      const { transactionId, signedTransaction: raw } = expected.body
      const answer = await client.sign(name, simple(), [authorised(intent('w-1', 1_000_000n))])
      expect(answer).toEqual({ kind: 'signed', transactionId, raw })
    } finally {
      requester.close()
      expect(await isolated.stop()).toBe(0)
      await Promise.all([rigs.discard(rig), rigs.discard(plain)])
    }
  })
})
