/**
 * S5: a whole run of real processes, and after it a search for what must be nowhere: the phrase, the passphrase, seeds and keys
 * in every spelling, in all output, files, answers, metrics, reports and environments of signer and watcher.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { HDKey } from '@scure/bip32'
import { mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { expect, test } from 'vitest'
import { CLI, daemon } from '../nodes/daemon.ts'
import { startLitecoind, type BitcoinNode } from '../nodes/bitcoin-node.ts'
import { freePort } from '../nodes/port.ts'
import { PATIENCE_MS } from '../patience.ts'
import { startIsolated, type Isolated } from './isolated.ts'
import * as rigs from './rig.ts'
import { authorised, intent } from './rig.ts'

const API_TOKEN = 'api-token-of-the-canary-test'

const root = HDKey.fromMasterSeed(rigs.SEED)
const spellings = (bytes: Uint8Array): Buffer[] => {
  const plain = Buffer.from(bytes)
  const texts = [plain.toString('hex'), plain.toString('base64'), plain.toString('base64url'), plain.join(',')]
  return [plain, ...texts.map(text => Buffer.from(text))]
}
const CANARIES: Buffer[] = [
  ...['zoo zoo', rigs.PASSPHRASE, root.privateExtendedKey].map(text => Buffer.from(text)),
  ...spellings(rigs.SEED),
  ...spellings(mnemonicToEntropy(rigs.PHRASE, wordlist)),
  ...spellings(root.privateKey!),
  ...[0, 1, 2].flatMap(index => spellings(root.derive(`m/84'/1'/0'/0/${index}`).privateKey!)),
]
/** A token may stand in its file and nowhere else. */
const TOKENS = [rigs.TOKEN, API_TOKEN].map(text => Buffer.from(text))

const found = (where: string, bytes: Buffer, canaries: readonly Buffer[]): string[] =>
  canaries
    .filter(canary => bytes.includes(canary))
    .map(canary => `${where}: ${canary.toString('latin1').slice(0, 12)}…`)

function searchFiles(directory: string, tokenFiles: readonly string[]): { hits: string[]; files: number } {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const hits = entries.flatMap(({ parentPath, name }) => {
    const path = join(parentPath, name)
    return found(path, readFileSync(path), tokenFiles.includes(path) ? CANARIES : [...CANARIES, ...TOKENS])
  })
  return { hits, files: entries.length }
}

/** Raw, headers and all. */
function answerOf(options: object, body?: unknown): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, response => {
      const chunks: Buffer[] = [Buffer.from(JSON.stringify(response.rawHeaders))]
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks)))
    })
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

interface Stage {
  rig: rigs.Rig
  signer: Isolated
  watcher: ReturnType<typeof daemon>
  litecoind: BitcoinNode
  port: number
  answers: Buffer[]
}

async function setStage(): Promise<Stage> {
  const rig = await rigs.createRig()
  const file = (name: string) => join(rig.directory, name)
  mkdirSync(file('reports'))
  const reports = { NODE_OPTIONS: `--report-on-signal --report-directory=${file('reports')}` }
  const [litecoind, port, signer] = [await startLitecoind(), await freePort(), await startIsolated(rig, CLI, reports)]
  await litecoind.mine(110)
  writeFileSync(file('api-token'), API_TOKEN)
  writeFileSync(file('signer-token'), rigs.TOKEN)
  writeFileSync(file('node-password'), litecoind.password)
  const node = { url: litecoind.url, username: litecoind.username, passwordFile: './node-password' }
  const confirmations = { credit: 1, final: 2 }
  const followed = { family: 'bitcoin', network: 'litecoin-regtest', asset: 'LTC', node, pollMs: 50, confirmations }
  const config = {
    listen: `127.0.0.1:${port}`,
    apiTokenFile: './api-token',
    dataDirectory: './ledger',
    signer: { url: `unix:${signer.socket}`, tokenFile: './signer-token' },
    chains: { litecoin: followed },
  }
  writeFileSync(file('watcher.yaml'), JSON.stringify(config))
  const watcher = daemon(['watcher', '--config', file('watcher.yaml')])
  await watcher.start()
  return { rig, signer, watcher, litecoind, port, answers: [] }
}

const headersOf = (token: string) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' })

async function ask({ port, answers }: Stage, method: string, path: string, body?: unknown, token = API_TOKEN) {
  const bytes = await answerOf({ host: '127.0.0.1', port, method, path, headers: headersOf(token) }, body)
  answers.push(bytes)
  return bytes.toString()
}

async function askSigner({ signer, answers }: Stage, method: string, path: string, body?: unknown, token = rigs.TOKEN) {
  answers.push(await answerOf({ socketPath: signer.socket, method, path, headers: headersOf(token) }, body))
}

async function until(stage: Stage, path: string, pattern: RegExp): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (let last = ''; !pattern.test(last);) {
    if (performance.now() > deadline) throw new Error(`${path}: ${last}\n${stage.watcher.log().slice(-2000)}`)
    last = await ask(stage, 'GET', path)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** Money comes in and goes out; every route is asked, with good and bad input. */
async function play(stage: Stage): Promise<void> {
  const { litecoind } = stage
  await until(stage, '/v1/chains/litecoin', new RegExp(rigs.ours(0).address))
  await litecoind.pay(rigs.ours(0).address, 10_000_000n)
  await litecoind.mine(2)
  await ask(stage, 'PUT', '/v1/chains/litecoin/addresses/customer-1', {})
  const to = String(await litecoind.rpc('getnewaddress'))
  const wanted = authorised(intent('w-1', 1_000_000n, { to }))
  await until(stage, '/v1/chains/litecoin', /"confirmed":"[1-9]/)
  const { id: _, ...body } = wanted
  await ask(stage, 'PUT', '/v1/withdrawals/w-1', body)
  await until(stage, '/v1/withdrawals/w-1', /"transactionId":"[0-9a-f]{64}"/)
  await litecoind.mine(2)
  await until(stage, '/v1/withdrawals/w-1', /"state":"(paid|final)"/)
  for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/', '/v1/events', '/v1/transfers', '/nothing', '/v1/deposits?after=x']) await ask(stage, 'GET', path) // prettier-ignore
  await ask(stage, 'GET', '/v1/chains', undefined, 'wrong')
  await ask(stage, 'PUT', '/v1/withdrawals/w-2', { nonsense: true })
  for (const path of ['/healthz', '/metrics', '/v1/identity', '/v1/chains/litecoin/addresses', '/v1/chains/litecoin/transfers', '/v1/withdrawals/w-1', '/nothing', '/v1/chains/none/addresses']) await askSigner(stage, 'GET', path) // prettier-ignore
  await askSigner(stage, 'PUT', rigs.attemptPath('bad'), { template: { psbt: 'AAAA' }, intents: [] })
  await askSigner(stage, 'PUT', rigs.attemptPath('bad'), '{')
  await askSigner(stage, 'GET', '/v1/identity', undefined, 'wrong')
}

/** Of the signer's process the first block of its environment holds what it was started with; its children inherit nothing. */
function environmentsOfChildren(pid: number): Buffer[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return children.map(child => readFileSync(`/proc/${child}/environ`))
}

async function reportOf({ rig, signer }: Stage): Promise<void> {
  signer.child.kill('SIGUSR2')
  const reports = join(rig.directory, 'reports')
  await expect.poll(() => readdirSync(reports)).toHaveLength(1)
}

test('S5: after a real run of signer and watcher the secrets are found nowhere', async () => {
  const stage = await setStage()
  const { rig, signer, watcher, litecoind, answers } = stage
  try {
    await play(stage)
    await reportOf(stage)
    const environments = environmentsOfChildren(signer.child.pid!)
    expect(environments).toHaveLength(1)
    expect([await watcher.stop(), await signer.stop()]).toEqual([0, 0])

    const config = join(rig.directory, 'signer.yaml')
    const failing = spawnSync(process.execPath, [CLI, '--verbose', 'signer', '--config', config], {
      encoding: 'buffer',
      env: { LOCKKEEPER_PASSPHRASE: `${rigs.PASSPHRASE}-mistyped` },
    })
    expect(failing.status).toBe(1)
    const outputs = [Buffer.from(signer.output()), Buffer.from(watcher.log()), failing.stdout, failing.stderr]
    expect(outputs[0]!.length).toBeGreaterThan(50)
    expect(answers.length).toBeGreaterThan(25)
    const everywhere = [...CANARIES, ...TOKENS]
    const hits = [...outputs, ...answers, ...environments].flatMap((bytes, n) => found(`said ${n}`, bytes, everywhere))
    expect(hits).toEqual([])
    const tokenFiles = ['token', 'signer-token', 'api-token'].map(name => join(rig.directory, name))
    const searched = searchFiles(rig.directory, tokenFiles)
    expect(searched.hits).toEqual([])
    expect(searched.files).toBeGreaterThan(10)
    expect(existsSync(join(rig.directory, 'memory', 'audit', '1.jsonl'))).toBe(true)
  } finally {
    await Promise.all([watcher.kill9(), litecoind.stop(), signer.stop()])
    await rigs.discard(rig)
  }
})

test('S5: the search would find them', () => {
  for (const canary of [...CANARIES, ...TOKENS]) {
    const text = Buffer.concat([Buffer.from('{"x":"'), canary, Buffer.from('"}')])
    expect(found('x', text, [canary])).toHaveLength(1)
  }
})
