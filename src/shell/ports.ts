/** The real ports: what a process is handed outside the simulator. */
import { randomBytes, scrypt } from 'node:crypto'
import { invariant } from '../kernel/fault.ts'
import type { Clock, Derive, LogLevel, Ports, Request, Work } from '../kernel/ports.ts'
import { createDisk } from './disk.ts'
import { createLog } from './log.ts'

/** The ports of a real process. */
export interface RealPorts extends Ports {
  /** Ends kept connections. */
  close(): void
}

/** What request.ts makes. It is handed in, so that the signer's import graph holds no HTTP client. */
export interface Requester {
  request: Request
  /** Ends the kept connections, so that a process can end by itself. */
  close(): void
}

/** The signer opens no connection. */
const NO_NETWORK: Requester = {
  request: () => Promise.reject(invariant('no-network', 'this process opens no connections')),
  close: () => undefined,
}

/** Work is the watcher's business, and is handed in as requests are. */
const NO_WORK: Work = () => Promise.reject(invariant('no-work', 'this process does no work'))

const MICROSECONDS_PER_MILLISECOND = 1000
/** setTimeout fires at once when asked to wait for longer. */
const MAXIMUM_TIMEOUT_MS = 2 ** 31 - 1
/** scrypt needs 128 * N * r bytes: 128 MiB for the keystore's N = 2^17, r = 8. Room for one step up. */
const MAXIMUM_SCRYPT_BYTES = 512 * 1024 * 1024

/** @param requester none unless given: whoever calls others says so; and so with work. */
export function createPorts(level: LogLevel, requester: Requester = NO_NETWORK, work: Work = NO_WORK): RealPorts {
  const log = createLog(level)
  const abort = (reason: string) => {
    log('error', 'aborted', { reason })
    process.exit(1)
  }
  return {
    clock: createClock(),
    random: { bytes: length => new Uint8Array(randomBytes(length)) },
    disk: createDisk(),
    request: requester.request,
    derive,
    work,
    log,
    abort,
    close: () => requester.close(),
  }
}

/** The machine's clock; waits longer than timers can be are waited for in parts. */
export function createClock(): Clock {
  return { now: () => Date.now(), monotonic: () => performance.now(), processor, wake }
}

function processor(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / MICROSECONDS_PER_MILLISECOND
}

function wake(afterMs: number, run: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (leftMs: number) => {
    const stepMs = Math.min(Math.max(leftMs, 0), MAXIMUM_TIMEOUT_MS)
    timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : run()), stepMs)
  }
  arm(afterMs)
  return () => clearTimeout(timer)
}

/** By node:crypto, off the main thread. */
export const derive: Derive = (password, salt, cost, length) =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, length, { ...cost, maxmem: MAXIMUM_SCRYPT_BYTES }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key))
      else reject(error)
    })
  })
