/**
 * The signer's machine is lost, and there is its phrase: the whole way as docs/operations.md has it, with the real command
 * and real processes.
 */
import { claim } from '../../../src/kernel/untyped.ts'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { HttpResult } from '../../../src/kernel/ports.ts'
import { intentBytes, attestationBytes, keyFrom, signBytes } from '../../../src/canonical.ts'
import { isSigned } from '../../../src/signatures.ts'
import { createRequest } from '../../../src/shell/request.ts'
import { daemon, run, type Daemon } from '../../nodes/daemon.ts'
import * as rigs from '../rig.ts'
import { intent, simple, transferOf } from '../rig.ts'
import { PATIENCE_MS } from '../../patience.ts'

const POOL = 25
const AMOUNT = 1_000_000n

let directory = ''
let running: Daemon | null = null
const requester = createRequest()
const at = (...names: string[]) => join(directory, ...names)
const command = (...args: string[]) => run(args)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'restored-'))
  await writeFile(at('phrase'), `${rigs.PHRASE}\n`)
})
afterEach(async () => {
  await stop()
  await rm(directory, { recursive: true })
})

/** A machine with its own directory, as `init` leaves it and an operator completes it. */
async function furnish(machine: string, ...more: string[]): Promise<void> {
  expect(await command('init', '--directory', at(machine), ...more)).toMatchObject({ status: 0, stderr: '' })
  const path = at(machine, 'signer.yaml')
  const chain = '  litecoin: { family: bitcoin, network: litecoin-regtest, asset: LTC }\n'
  const yaml = (await readFile(path, 'utf8')).replace('127.0.0.1:4200', 'unix:./s.sock')
  await writeFile(path, yaml + chain)
}

const config = (machine: string) => ['--config', at(machine, 'signer.yaml')]

async function start(machine: string): Promise<void> {
  running = daemon(['signer', ...config(machine)])
  await running.start()
}

async function stop(): Promise<void> {
  const ending = running
  running = null
  if (ending !== null) expect(await ending.stop()).toBe(0)
}

interface Answer {
  status: number
  headers: HttpResult['headers']
  body: Record<string, unknown>
}

async function ask(
  machine: string,
  method: 'GET' | 'PUT',
  path: string,
  body?: unknown,
  headers = {},
): Promise<Answer> {
  const token = (await readFile(at(machine, 'secrets', 'signer-token'), 'utf8')).trim()
  const answer = await requester.request({
    method,
    url: `unix:${at(machine, 's.sock')}:${path}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: body === undefined ? null : new TextEncoder().encode(JSON.stringify(body)),
    timeoutMs: PATIENCE_MS,
    maximumBytes: 1_000_000,
  })
  return { ...answer, body: JSON.parse(Buffer.from(answer.body).toString()) as Record<string, unknown> }
}

/** What a backend and a watcher know of a signer. */
async function look(machine: string) {
  expect((await ask(machine, 'PUT', '/v1/chains/litecoin/address-pool', { size: POOL })).status).toBeLessThan(300)
  const addresses = await ask(machine, 'GET', '/v1/chains/litecoin/addresses?from=0&limit=1000')
  const items = claim<Record<string, unknown>[]>(addresses.body)
  return {
    identity: (await ask(machine, 'GET', '/v1/identity')).body,
    // All but when each was made.
    addresses: items.map(({ createdAt, ...rest }) => ({ ...rest, isDated: typeof createdAt === 'string' })),
  }
}

/** A payment that the backend of `machine` has authorised. */
async function pay(machine: string, backend: string, id = 'w-1', salt = 1): Promise<Answer> {
  const seed = keyFrom(await readFile(at(backend, 'secrets', 'backend.key'), 'utf8'))
  const plain = intent(id, AMOUNT)
  const intents = [{ ...plain, authorisations: [signBytes(seed, intentBytes(plain, rigs.WALLET))] }]
  const path = `/v1/chains/litecoin/transfers/${transferOf(id + String(salt))}/attempts/1`
  return ask(machine, 'PUT', path, { template: simple(AMOUNT, salt), intents })
}

/** What a watcher shows: the highest memory that it has seen. */
const seenBy = ({ headers }: Answer) => ({
  'lockkeeper-memory-sequence': headers['lockkeeper-memory-sequence']!,
  'lockkeeper-memory-hash': headers['lockkeeper-memory-hash']!,
})

const readPublic = async (machine: string) => (await readFile(at(machine, 'secrets', 'backend.pub'), 'utf8')).trim()

async function replaceKey(machine: string, from: string, to: string): Promise<void> {
  const path = at(machine, 'signer.yaml')
  await writeFile(path, (await readFile(path, 'utf8')).replace(from, to))
}

describe('a signer restored from its phrase on a new machine', () => {
  test('S3: has every address, attestation and its identity again, pays no old authorisation, and takes new ones', async () => {
    await furnish('old', '--phrase-file', at('phrase'))
    await start('old')
    const before = await look('old')
    expect((await pay('old', 'old')).body).toMatchObject({ state: 'signed' })
    await stop()
    // Nothing of the old machine is used from here on, but its backend, which is another machine.
    await furnish('new', '--phrase-file', at('phrase'))
    await start('new')
    const after = await look('new')
    expect(after).toEqual(before)
    expect(after.addresses).toHaveLength(POOL)
    const [, first] = claim<
      {
        address: string
        attestation: { key: string; signature: string }
      }[]
    >(after.addresses)
    const attested = { chain: 'litecoin', address: first!.address, dataField: null, index: 1 }
    expect(isSigned(first!.attestation, attestationBytes(attested))).toBe(true)

    expect(await pay('new', 'old')).toMatchObject({ status: 202, body: { state: 'awaitingApproval' } })
    expect((await pay('new', 'new', 'w-2', 2)).body).toMatchObject({ state: 'signed' })
    await stop()

    await replaceKey('new', await readPublic('new'), await readPublic('old'))
    const refused = await command('signer', ...config('new'))
    expect(refused).toMatchObject({ status: 2, stdout: '' })
    expect(refused.stderr).toMatch(
      /^lockkeeper: authorisation\.keys\.0: this keystore was restored from its phrase.*\n$/,
    )
  })

  test('S3: is refused by whoever saw the memory of the old one, until the export is imported', async () => {
    await furnish('old', '--phrase-file', at('phrase'))
    await start('old')
    await look('old')
    const paid = await pay('old', 'old')
    const seen = seenBy(paid)
    await stop()
    const exported = await command('signer-memory', 'export', ...config('old'), '--out', at('memory.json'))
    expect(exported).toMatchObject({ status: 0, stderr: '' })

    await furnish('new', '--phrase-file', at('phrase'), '--backend-key', await readPublic('old'))
    expect((await command('signer', ...config('new'))).status).toBe(2)
    const imported = (...more: string[]) =>
      command('signer-memory', 'import', ...config('new'), '--from', at('memory.json'), ...more)
    // The file does not say whether it is the newest, so the old key stays dead until somebody does.
    expect(await imported()).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('still do not count') as string,
    })
    expect((await command('signer', ...config('new'))).status).toBe(2)
    const position = `${seen['lockkeeper-memory-sequence']}:${seen['lockkeeper-memory-hash']}`
    expect(await imported('--seen', position)).toMatchObject({ status: 0, stderr: '' })
    await start('new')
    expect((await ask('new', 'GET', '/v1/identity', undefined, seen)).status).toBe(200)
    const again = await pay('new', 'old')
    expect(again.body).toEqual(paid.body)
    expect(seenBy(again)).toEqual(seen)
    expect((await pay('new', 'old', 'w-1', 2)).status).toBe(403)
    await stop()
    expect(await command('verify', ...config('new'))).toMatchObject({ status: 0, stderr: '' })
  })

  test('S3: a memory that holds less than was seen answers memory-behind to everything', async () => {
    await furnish('old', '--phrase-file', at('phrase'))
    await start('old')
    await look('old')
    const seen = seenBy(await pay('old', 'old'))
    await stop()
    await furnish('new', '--phrase-file', at('phrase'))
    await start('new')
    for (const path of ['/v1/identity', '/v1/chains/litecoin/addresses', '/v1/withdrawals/w-1']) {
      const { status, body } = await ask('new', 'GET', path, undefined, seen)
      expect([status, body.kind]).toEqual([409, 'memory-behind'])
    }
  })

  test('S3: begins with a key made elsewhere only after a person has said that it is new', async () => {
    await furnish('other')
    const key = await readPublic('other')
    await furnish('new', '--phrase-file', at('phrase'), '--backend-key', key)
    expect((await command('signer', ...config('new'))).stderr).toContain('restored from its phrase')
    expect(await command('signer-memory', 'begin', ...config('new'))).toMatchObject({ status: 0, stderr: '' })
    await start('new')
    await look('new')
    expect((await pay('new', 'other')).body).toMatchObject({ state: 'signed' })
  })
})
