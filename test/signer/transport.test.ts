/** Who gets through to the signer: a Unix socket, and mutual TLS with certificates made here. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../src/kernel/fault.ts'
import type { Request } from '../../src/kernel/ports.ts'
import { loadSignerConfig, loadWatcherConfig } from '../../src/config.ts'
import type { Running } from '../../src/shell/daemon.ts'
import { createRequest } from '../../src/shell/request.ts'
import { startSigner } from '../../src/shell/signer.ts'
import { createSignerClient } from '../../src/watcher/signer-client.ts'
import { PATIENCE_MS } from '../patience.ts'
import { createAuthority, type Authority, type Certificate } from './certificates.ts'
import * as rigs from './rig.ts'
import { authorised, intent, simple, standard } from './rig.ts'

let rig: rigs.Rig
let ours: Authority
let strangers: Authority
let signer: Certificate
let watcher: Certificate
/** Signed by the same authority, and not listed. */
let unlisted: Certificate
let foreign: Certificate
let running: Running | undefined

beforeAll(async () => {
  rig = await rigs.createRig()
  const directory = join(rig.directory, 'certificates')
  await mkdir(directory)
  ours = createAuthority(directory, 'ours')
  strangers = createAuthority(directory, 'strangers')
  signer = ours.issue('signer')
  watcher = ours.issue('watcher')
  unlisted = ours.issue('unlisted')
  foreign = strangers.issue('foreign')
})
afterEach(async () => {
  await running?.stop()
  running = undefined
})
afterAll(() => rigs.discard(rig))

async function start(listen: string, tls = ''): Promise<Running> {
  const files = 'dataDirectory: ./memory\nkeystore: { file: ./keystore.json }\ntokenFile: ./token'
  const text = `listen: ${listen}\n${files}\n${tls}\n${standard({})}`
  running = await startSigner(loadSignerConfig(text, rig.directory), rigs.PASSPHRASE, 'error')
  return running
}

const mutual = (fingerprints: readonly string[]) =>
  `tls: { ca: ${ours.cert}, cert: ${signer.cert}, key: ${signer.key}, clientFingerprints: ${JSON.stringify(fingerprints)} }`
const clientTls = async ({ cert, key }: Certificate, { cert: ca } = ours) => ({
  ca: await readFile(ca, 'utf8'),
  cert: await readFile(cert, 'utf8'),
  key: await readFile(key, 'utf8'),
})

/** Pool, addresses and a signature, as the watcher asks for them. */
async function signThrough(url: string, request: Request): Promise<string> {
  const client = createSignerClient({ url, token: () => rigs.TOKEN }, request)
  await client.growPool('litecoin', 3, 'l')
  const name = { chain: 'litecoin', transferId: rigs.transferOf('t'), n: 1 }
  return (await client.sign(name, simple(), [authorised(intent('w-1', 1_000_000n))], null)).kind
}

/** What the client of a server that does not want it is told. */
async function refusalOf(url: string, certificate: Certificate | null, authority = ours): Promise<string> {
  const tls = certificate === null ? null : await clientTls(certificate, authority)
  const requester = createRequest(tls ?? ({ ca: await readFile(authority.cert, 'utf8') } as never))
  try {
    const headers = { authorization: `Bearer ${rigs.TOKEN}` }
    const call = { method: 'GET' as const, url: `${url}/v1/identity`, headers, body: null }
    const { status } = await requester.request({ ...call, timeoutMs: PATIENCE_MS, maximumBytes: 10_000 })
    return `answered ${status}`
  } catch (error) {
    return error instanceof Fault ? error.kind : 'failed'
  } finally {
    requester.close()
  }
}

/** What the audit log says of the last request: how it came, and with which token. */
async function lastAsked(): Promise<unknown> {
  await running!.stop()
  running = undefined
  const lines = (await readFile(join(rig.directory, 'memory', 'audit', '1.jsonl'), 'utf8')).trimEnd().split('\n')
  const entries = lines.map(line => (JSON.parse(line) as { entry: { what: string; from: string; who: string } }).entry)
  const last = entries.filter(({ what }) => what === 'answered').at(-1)
  return last && [last.from, last.who]
}

test('over a Unix socket the watcher gets its signature', async () => {
  const { address } = await start('unix:./signer.sock')
  expect(address).toBe(`unix:${join(rig.directory, 'signer.sock')}`)
  const requester = createRequest()
  expect(await signThrough(address, requester.request)).toBe('signed')
  requester.close()
  expect(await lastAsked()).toEqual(['unix', 'write#1'])
})

test('over loopback the audit log names the address', async () => {
  const { address } = await start('127.0.0.1:0')
  const requester = createRequest()
  expect(await signThrough(`http://${address}`, requester.request)).toBe('signed')
  requester.close()
  expect(await lastAsked()).toEqual(['tcp 127.0.0.1', 'write#1'])
})

describe('mutual TLS', () => {
  test('lets the pinned certificate in, as watcher.yaml names it', async () => {
    const { address } = await start('127.0.0.1:0', mutual([watcher.fingerprint]))
    const yaml = `signer: { url: "https://${address}", tls: { ca: ${ours.cert}, cert: ${watcher.cert}, key: ${watcher.key} } }`
    const { url } = loadWatcherConfig(yaml, rig.directory).signer
    const requester = createRequest(await clientTls(watcher))
    expect(await signThrough(url, requester.request)).toBe('signed')
    requester.close()
    const plain = watcher.fingerprint.replaceAll(':', '').toLowerCase()
    expect(await lastAsked()).toEqual([`tls ${plain}`, 'write#1'])
  })

  test('the audit log tells one certificate of the authority from another', async () => {
    const { address } = await start('127.0.0.1:0', mutual([]))
    await refusalOf(`https://${address}`, watcher)
    await refusalOf(`https://${address}`, unlisted)
    const plain = unlisted.fingerprint.replaceAll(':', '').toLowerCase()
    expect(await lastAsked()).toEqual([`tls ${plain}`, 'write#1'])
  })

  test('takes a fingerprint without colons and in lower case too', async () => {
    const { address } = await start('127.0.0.1:0', mutual([watcher.fingerprint.replaceAll(':', '').toLowerCase()]))
    expect(await refusalOf(`https://${address}`, watcher)).toBe('answered 200')
  })

  test('without pinned fingerprints any certificate of the authority will do, and no other', async () => {
    const { address } = await start('127.0.0.1:0', mutual([]))
    expect(await refusalOf(`https://${address}`, unlisted)).toBe('answered 200')
    expect(await refusalOf(`https://${address}`, foreign, ours)).not.toMatch(/^answered/)
    expect(await refusalOf(`https://${address}`, null)).not.toMatch(/^answered/)
  })

  test('refuses a missing certificate, one of another authority, and one that is not pinned', async () => {
    const { address } = await start('127.0.0.1:0', mutual([watcher.fingerprint]))
    for (const certificate of [null, foreign, unlisted]) {
      expect(await refusalOf(`https://${address}`, certificate)).not.toMatch(/^answered/)
    }
    expect(await refusalOf(`https://${address}`, watcher)).toBe('answered 200')
  })

  test('the client refuses a signer whose certificate its authority did not sign: nothing was sent', async () => {
    const { address } = await start('127.0.0.1:0', mutual([watcher.fingerprint]))
    expect(await refusalOf(`https://${address}`, watcher, strangers)).toBe('unreachable')
  })

  test('a certificate does not replace the token', async () => {
    const { address } = await start('127.0.0.1:0', mutual([watcher.fingerprint]))
    const requester = createRequest(await clientTls(watcher))
    const call = { method: 'GET' as const, url: `https://${address}/v1/identity`, headers: {}, body: null }
    expect((await requester.request({ ...call, timeoutMs: PATIENCE_MS, maximumBytes: 10_000 })).status).toBe(401)
    requester.close()
  })

  test('speaks TLS 1.3 only', async () => {
    const { address } = await start('127.0.0.1:0', mutual([watcher.fingerprint]))
    const { ca, cert, key } = await clientTls(watcher)
    const [host, port] = address.split(':') as [string, string]
    const outcome = new Promise(resolve => {
      const socket = connect({ host, port: Number(port), ca, cert, key, maxVersion: 'TLSv1.2' })
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      socket.once('secureConnect', () => resolve('connected'))
    })
    expect(await outcome).toMatch(/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/)
  })
})

describe('where the signer listens', () => {
  const load =
    (listen: string, more = '') =>
    () =>
      loadSignerConfig(`listen: ${listen}\n${more}`, rig.directory)

  test.each(['0.0.0.0:4200', '192.168.1.7:4200', '"[::]:4200"', 'signer.example.org:4200'])(
    'without TLS %s is refused at start',
    listen => {
      expect(load(listen)).toThrow(/listen: without tls the signer listens on loopback or a Unix socket only/)
      expect(load(listen, mutual([]))).not.toThrow()
    },
  )

  test.each(['127.0.0.1:4200', '127.8.9.1:4200', '"[::1]:4200"', 'localhost:4200', 'unix:/run/signer.sock'])(
    '%s needs no TLS',
    listen => {
      expect(load(listen)).not.toThrow()
    },
  )
})
