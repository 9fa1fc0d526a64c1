/** The real ports: what a process is handed outside the simulator. */
import { randomBytes, scrypt } from 'node:crypto'
import type { Clock, Derive, LogLevel, Ports } from '../../adapters/ports.ts'
import { createDisk } from './disk.ts'
import { createLog } from './log.ts'
import { createRequest, type ClientTls } from './request.ts'

export interface RealPorts extends Ports {
  /** Ends kept connections. */
  close(): void
}

/** setTimeout fires at once when asked to wait for longer. */
const MAXIMUM_TIMEOUT_MS = 2 ** 31 - 1
/** scrypt needs 128 * N * r bytes: 128 MiB for the keystore's N = 2^17, r = 8. Room for one step up. */
const MAXIMUM_SCRYPT_BYTES = 512 * 1024 * 1024

/** @param options `tls` is the client certificate for https, shown to the signer. */
export function createPorts(options: { level: LogLevel; tls: ClientTls | null }): RealPorts {
  const log = createLog(options.level)
  const requester = createRequest(options.tls)
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
    log,
    abort,
    close: () => requester.close(),
  }
}

export function createClock(): Clock {
  return { now: () => Date.now(), wake }
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

export const derive: Derive = (password, salt, cost, length) =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, length, { ...cost, maxmem: MAXIMUM_SCRYPT_BYTES }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key))
      else reject(error)
    })
  })
