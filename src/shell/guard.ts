/**
 * The signer opens no connection. Nothing of ours tries to; this is for what a package might try some day: every way
 * out that Node offers throws, and is gone from the built-in modules before anything else runs. It is a tripwire and not a
 * wall: code that runs in this process can look for other ways. The wall is the kernel's (deploy/: an empty network
 * namespace).
 */
import { claim } from '../kernel/untyped.ts'
import childProcess, { ChildProcess } from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import http from 'node:http'
import http2 from 'node:http2'
import inspector from 'node:inspector'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import { isAbsolute } from 'node:path'
import net, { isIP, Socket } from 'node:net'
import tls from 'node:tls'
import workerThreads from 'node:worker_threads'
import { invariant } from '../kernel/fault.ts'

/** The kernel's file lock (lock.ts) is held by a child: the one program, with these arguments. */
const isAllowed = (file: string, args: readonly string[]): boolean =>
  file === 'flock' &&
  args.length === 4 &&
  args[0] === 'flock' &&
  args[1] === '-n' &&
  isAbsolute(args[2]!) &&
  args[3] === 'cat'

type Members = Record<string, unknown>

interface Program {
  file: string
  /** The first is the program's own name. */
  args?: readonly string[]
}

/** A function or a class that only throws. It is called with and without `new`. */
const forbidden = (name: string) =>
  function refuse(): never {
    throw invariant('no-network', `${name}: this process opens no connections`)
  }

const BUILTINS: Record<string, readonly [object, readonly string[]]> = {
  net: [net, ['connect', 'createConnection']],
  'net.Socket': [Socket.prototype, ['connect']],
  tls: [tls, ['connect']],
  http: [http, ['request', 'get']],
  https: [https, ['request', 'get']],
  http2: [http2, ['connect']],
  dgram: [dgram, ['createSocket']],
  'dgram.Socket': [dgram.Socket.prototype, ['bind', 'connect', 'send']],
  child_process: [childProcess, ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawnSync']],
  worker_threads: [workerThreads, ['Worker']],
  global: [globalThis, ['fetch', 'WebSocket', 'EventSource']],
  // What Node's own modules stand on, behind all of the above.
  process: [process, ['binding', '_linkedBinding', 'dlopen']],
  inspector: [inspector, ['open']],
}

/** Shuts every way out of this process, for good. Servers still listen. May be called again. */
export function forbidConnections(): void {
  for (const [name, [holder, members]] of Object.entries(BUILTINS)) {
    for (const member of members) if (member in holder) replace(holder, member, forbidden(`${name}.${member}`))
  }
  forbidNames()
  forbidPrograms()
  forbidDebugger()
  syncBuiltinESMExports()
}

function replace(holder: object, member: string, value: unknown): void {
  Object.defineProperty(holder, member, { value, writable: false, configurable: true, enumerable: true })
}

/** `server.listen({ host })` looks its host up, so what needs no question to anybody is let through. */
function forbidNames(): void {
  // It is called with whatever it was asked for.
  const { lookup } = claim<{ lookup: (...args: unknown[]) => unknown }>(dns)
  const resolvers = { 'dns.Resolver': dns.Resolver.prototype, 'dns.promises.Resolver': dns.promises.Resolver.prototype }
  for (const [name, holder] of Object.entries({ dns, 'dns.promises': dns.promises, ...resolvers })) {
    const members = claim<Members>(holder)
    for (const member of Object.getOwnPropertyNames(members)) {
      if (/^(lookup|lookupService|reverse|resolve\w*)$/.test(member)) {
        replace(members, member, forbidden(`${name}.${member}`))
      }
    }
  }
  const refuse = forbidden('dns.lookup')
  replace(dns, 'lookup', (host: unknown, ...rest: unknown[]) =>
    isIP(String(host)) > 0 || host === 'localhost' ? lookup(host, ...rest) : refuse(),
  )
}

let hasDebuggerShut = false

/** Node opens a port for a debugger at SIGUSR1, unless somebody hears the signal. */
function forbidDebugger(): void {
  if (!hasDebuggerShut) process.on('SIGUSR1', () => undefined)
  hasDebuggerShut = true
}

/** Another program could open what we may not. */
function forbidPrograms(): void {
  // Node does not declare that a child has the method by which it is started.
  const { prototype } = claim<{ prototype: Members }>(ChildProcess)
  const spawn = prototype.spawn as (this: ChildProcess, options: Program) => unknown
  const refuse = forbidden('child_process.spawn')
  replace(prototype, 'spawn', function guarded(this: ChildProcess, options: Program) {
    return isAllowed(options.file, options.args ?? []) ? spawn.call(this, options) : refuse()
  })
}
