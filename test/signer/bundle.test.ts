/** What an operator installs: the signer in one file, and packages that run nothing when they are installed. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRequest } from '../../src/shell/request.ts'
import { publicKeyOf } from '../../src/canonical.ts'
import { createSignerClient } from '../../src/watcher/signer-client.ts'
import { PATIENCE_MS } from '../patience.ts'
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

/** All that comes into the signer. One more is a decision: who brings it in says here that it is needed. */
const PACKAGES = `
  @koa/router @noble/curves @noble/hashes @scure/base @scure/bip32 @scure/bip39 @xrplf/isomorphic accepts
  base-x bech32 bignumber.js bip174 bitcoinjs-lib bs58 bs58check content-disposition content-type
  cookies debug deep-equal delegates depd destroy ee-first encodeurl escape-html fresh http-assert http-errors
  inherits keygrip koa koa-compose lowdb media-typer micro-eth-signer micro-packed mime-db mime-types ms
  negotiator on-finished parseurl path-to-regexp ripple-address-codec ripple-binary-codec setprototypeof
  statuses tiny-secp256k1 toidentifier tsscmp type-is uint8array-tools valibot varuint-bitcoin vary xstate
  yaml zod
`
  .trim()
  .split(/\s+/)

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
    expect([...new Set(rows.map(([name]) => name))].sort()).toEqual(PACKAGES.toSorted())
    const locked = Object.entries(await readLock()).map(([path, { version, license }]) =>
      [path.split('node_modules/').at(-1), version, license].join(' '),
    )
    for (const row of rows) expect(locked).toContain(row.join(' '))
    const marked = new Set([...code.matchAll(/^\/\/ (?:\S*\/)?node_modules\/.*$/gm)].map(([line]) => nameOf(line)))
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
      const client = createSignerClient({ url: `unix:${isolated.socket}`, token: () => rigs.TOKEN }, requester.request)
      await client.growPool('litecoin', 5, 'l')
      const name = { chain: 'litecoin', transferId: rigs.transferOf('t'), n: 1 }
      const { transactionId, signedTransaction: raw } = expected.body
      const answer = await client.sign(name, simple(), [authorised(intent('w-1', 1_000_000n))], null)
      expect(answer).toEqual({ kind: 'signed', transactionId, raw })
    } finally {
      requester.close()
      expect(await isolated.stop()).toBe(0)
      await Promise.all([rigs.discard(rig), rigs.discard(plain)])
    }
  })

  describe('alone on a machine', () => {
    let machine = ''
    beforeAll(async () => {
      machine = await mkdtemp(join(tmpdir(), 'machine-'))
      await copyFile(join(directory, 'signer.mjs'), join(machine, 'signer.mjs'))
    })
    afterAll(() => rm(machine, { recursive: true }))

    const secrets = { LOCKKEEPER_PASSPHRASE: 'one of a test', LOCKKEEPER_NEW_PASSPHRASE: 'one of a test' }
    const run = (...args: string[]) => {
      const options = { cwd: machine, encoding: 'utf8', env: { PATH: process.env.PATH, ...secrets } } as const
      const { status, stdout, stderr } = spawnSync(process.execPath, ['signer.mjs', ...args], options)
      return { status, out: stdout.trimEnd().split('\n'), err: stderr }
    }
    const CONFIG = ['--config', 'D/signer.yaml']
    const CHAIN = '  litecoin: { family: bitcoin, network: litecoin-regtest, asset: LTC }\n'

    /** Starts the service, waits until it serves, and ends it. */
    const serve = () => {
      const script = `timeout ${PATIENCE_MS / 1000} sh -c 'node signer.mjs signer --config D/signer.yaml & P=$!; until [ -S D/s.sock ]; do
        kill -0 $P || break; sleep 0.1; done; kill $P; wait $P'`
      const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, ...secrets }
      return spawnSync('sh', ['-c', script], { cwd: machine, encoding: 'utf8', env })
    }

    test('each command that a signer’s machine needs runs from the one file', async () => {
      const key = publicKeyOf(new Uint8Array(32).fill(9))
      const made = run('init', '--directory', 'D', '--backend-key', key)
      expect(made).toMatchObject({ status: 0, err: '' })
      const phrase = made.out.find(line => line.split(' ').length === 24)!
      const files = await readdir(join(machine, 'D'), { recursive: true })
      expect(files.sort()).toEqual([
        'data',
        'data/signer',
        'data/signer/HEAD.json',
        'data/signer/LOCK',
        'data/signer/audit',
        'data/signer/audit/1.jsonl',
        'data/signer/audit/seal.json',
        'data/signer/checkpoint',
        'data/signer/index',
        'data/signer/journal',
        'data/signer/journal/1.jsonl',
        'data/signer/keystore.json',
        'secrets',
        'secrets/signer-token',
        'secrets/wallet.pub',
        'signer.yaml',
      ])
      const yaml = await readFile(join(machine, 'D', 'signer.yaml'), 'utf8')
      expect(yaml).toContain(key)
      await writeFile(join(machine, 'D', 'signer.yaml'), `${yaml.replace('127.0.0.1:4200', 'unix:./s.sock')}${CHAIN}`)

      expect(serve()).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^lockkeeper signer ready on unix:/) as string,
      })
      const proof = run('signer', 'prove', ...CONFIG, '--challenge', 'x')
      expect(proof).toMatchObject({ status: 0, err: '' })
      await writeFile(join(machine, 'proof'), proof.out.join('\n'))
      expect(run('check-proof', '--proof', 'proof', '--challenge', 'x')).toMatchObject({ status: 0, err: '' })
      expect(run('check-proof', '--proof', 'proof', '--challenge', 'y').status).toBe(1)
      expect(run('keystore', 'passphrase', ...CONFIG)).toMatchObject({ status: 0, err: '' })
      expect(run('signer-memory', 'export', ...CONFIG, '--out', 'memory.json')).toMatchObject({ status: 0, err: '' })
      expect(run('signer-memory', 'import', ...CONFIG, '--from', 'memory.json')).toMatchObject({ status: 0, err: '' })
      const verified = run('verify', ...CONFIG)
      expect(verified).toMatchObject({ status: 0, err: '' })
      expect(verified.out).toContain('opened by: init 1, signer 1, prove 1, passphrase 1, export 1, import 1')

      await writeFile(join(machine, 'phrase'), phrase)
      const again = run('init', '--directory', 'E', '--phrase-file', 'phrase', '--backend-key', key)
      expect(again).toMatchObject({ status: 0, err: '' })
      const restored = ['--config', 'E/signer.yaml']
      expect(run('signer', ...restored)).toMatchObject({
        status: 2,
        err: expect.stringContaining('restored from its phrase') as string,
      })
      expect(run('signer-memory', 'begin', ...restored)).toMatchObject({ status: 0, err: '' })
    })

    test('S6: a damaged WebAssembly in it is one line and status 1', async () => {
      const broken = join(machine, 'broken')
      await mkdir(broken)
      const at = code.indexOf("Buffer.from('AGFzb")
      const begin = at < 0 ? code.indexOf('Buffer.from("AGFzb') : at
      expect(begin).toBeGreaterThan(0)
      const wrong = [`${code.slice(0, begin + 2000)}${code.slice(begin + 4000)}`, code.replace('AGFzb', 'AGFzA')]
      for (const text of wrong) {
        await writeFile(join(broken, 'signer.mjs'), text)
        const { status, stderr } = spawnSync(process.execPath, ['signer.mjs', 'signer', ...CONFIG], {
          cwd: broken,
          encoding: 'utf8',
        })
        expect([status, stderr]).toEqual([
          1,
          expect.stringMatching(/^lockkeeper: .*WebAssembly.*install it again\)?\n$/),
        ])
      }
    })
  })
})
