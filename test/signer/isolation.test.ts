/** The signer as a process in an empty network namespace, and the guard that shuts the ways out of it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRequest } from '../../src/shell/request.ts'
import { createSignerClient } from '../../src/watcher/signer-client.ts'
import { startIsolated, type Isolated } from './isolated.ts'
import * as rigs from './rig.ts'
import { authorised, intent, simple } from './rig.ts'

let rig: rigs.Rig
let running: Isolated | undefined
beforeEach(async () => {
  rig = await rigs.createRig()
})
afterEach(async () => {
  running?.child.kill('SIGKILL')
  running = undefined
  await rigs.discard(rig)
})

describe('a signer in an empty network namespace', () => {
  test('signs over its Unix socket for a client outside, without a network interface of its own', async () => {
    running = await startIsolated(rig)
    const { child, socket, ready, stop } = running
    expect(ready).toBe(`unix:${socket}`)
    // unshare(1) has become the signer, so its view of the network is that of its process.
    const interfaces = readFileSync(`/proc/${child.pid}/net/dev`, 'utf8').match(/^\s*\S+:/gm)
    expect(interfaces?.map(line => line.trim())).toEqual(['lo:'])
    expect(readFileSync(`/proc/${child.pid}/net/route`, 'utf8').trim().split('\n')).toHaveLength(1)

    const requester = createRequest()
    const client = createSignerClient({ url: `unix:${socket}`, token: () => rigs.TOKEN }, requester.request)
    await client.growPool('litecoin', 3, 'l')
    const [treasury] = await client.addresses('litecoin', 0, 1)
    expect(treasury!.address).toBe(rigs.ours(0).address)
    const name = { chain: 'litecoin', transferId: rigs.transferOf('t'), n: 1 }
    const answer = await client.sign(name, simple(), [authorised(intent('w-1', 1_000_000n))], null)
    expect(answer.kind).toBe('signed')
    requester.close()
    expect(await stop()).toBe(0)
  })
})

/** Runs in a process of its own, because what the guard shuts stays shut. */
function runGuarded(body: string): unknown {
  const guard = join(process.cwd(), 'dist', 'src', 'shell', 'guard.js')
  const script = `
    const early = { net: await import('node:net'), dns: await import('node:dns') }
    const { connect } = await import('node:net')
    const { forbidConnections } = await import(${JSON.stringify(guard)})
    forbidConnections(); forbidConnections()
    const tried = async job => { try { await job(); return 'went through' } catch (error) { return error.kind ?? String(error) } }
    ${body}`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

const WAYS_OUT = [
  `(await import('node:net')).connect(80, '127.0.0.1')`,
  `(await import('node:net')).createConnection({ path: '/run/some.sock' })`,
  `new (await import('node:net')).Socket().connect(80, '127.0.0.1')`,
  `connect(80, '127.0.0.1')`,
  `early.net.connect(80, '127.0.0.1')`,
  `(await import('node:tls')).connect(443, '127.0.0.1')`,
  `(await import('node:http')).get('http://127.0.0.1')`,
  `(await import('node:http')).request('http://127.0.0.1')`,
  `(await import('node:https')).get('https://127.0.0.1')`,
  `(await import('node:https')).request('https://127.0.0.1')`,
  `(await import('node:http2')).connect('http://127.0.0.1')`,
  `(await import('node:dgram')).createSocket('udp4')`,
  `(await import('node:dns')).lookup('example.org', () => undefined)`,
  `(await import('node:dns')).resolve('example.org', () => undefined)`,
  `early.dns.resolve4('example.org', () => undefined)`,
  `(await import('node:dns/promises')).lookup('example.org')`,
  `(await import('node:dns/promises')).resolveTxt('example.org')`,
  `new (await import('node:dns')).Resolver().resolve4('example.org', () => undefined)`,
  `new (await import('node:dns/promises')).Resolver().resolve4('example.org')`,
  `fetch('http://127.0.0.1')`,
  `new (await import('node:worker_threads')).Worker('x', { eval: true })`,
  `(await import('node:child_process')).spawn('curl', ['http://127.0.0.1'])`,
  `(await import('node:child_process')).execFileSync('true')`,
  `(await import('node:child_process')).exec('true')`,
  `(await import('node:child_process')).spawn('flock', ['-n', '/tmp/x', 'sh', '-c', 'curl http://127.0.0.1'])`,
  `(await import('node:child_process')).spawn('flock', ['-n', '/tmp/x', '-c', 'curl'])`,
  `(await import('node:child_process')).spawn('flock', ['-c', '/tmp/x', 'cat'])`,
  `process.binding('tcp_wrap')`,
  `process._linkedBinding('x')`,
  `process.dlopen({ exports: {} }, '/tmp/x.node')`,
  `(await import('node:inspector')).open(0)`,
]

describe('the guard', () => {
  test('makes every way out throw, also one that was imported before', () => {
    const jobs = WAYS_OUT.map(way => `async () => ${way}`).join(',\n')
    const results = runGuarded(`
      const results = []
      for (const job of [${jobs}]) results.push(await tried(job))
      console.log(JSON.stringify(results))`) as string[]
    const expected = WAYS_OUT.map(way => [way, 'no-network'])
    expect(results.map((result, n) => [WAYS_OUT[n], result])).toEqual(expected)
  })

  test('leaves SIGUSR1 without a debugger', () => {
    const url = runGuarded(`
      process.kill(process.pid, 'SIGUSR1')
      await new Promise(resolve => setTimeout(resolve, 500))
      console.log(JSON.stringify((await import('node:inspector')).url() ?? null))`)
    expect(url).toBeNull()
  })

  test('lets a server listen on an address, on localhost and on a Unix socket', () => {
    const places = [{ host: '127.0.0.1', port: 0 }, { host: 'localhost', port: 0 }, { path: join(rig.directory, 's') }]
    const listened = runGuarded(`
      const { createServer } = await import('node:http')
      for (const where of ${JSON.stringify(places)}) {
        const server = createServer()
        await new Promise((resolve, reject) => server.once('error', reject).listen(where, resolve))
        server.close()
      }
      console.log('true')`)
    expect(listened).toBe(true)
  })
})
