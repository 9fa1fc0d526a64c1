/**
 * Every source of nondeterminism, handed in from outside: a process is `main(ports)`. src/shell/ holds the real ones,
 * test/simulation/ the simulated ones. After a crash a process's ports are fenced: their calls never settle.
 */

export interface Clock {
  /** Milliseconds since 1970 UTC. May be set back or forward by whoever runs the machine: for what is said, not for waiting. */
  now(): number
  /** Milliseconds since some moment, only ever forward: what waiting, rates and ages are measured on. */
  monotonic(): number
  /** Milliseconds of processor time that this process has used: what its own thrift is measured on. */
  processor(): number
  /** Runs once, after so many milliseconds; the answer cancels it. */
  wake(afterMs: number, run: () => void): () => void
}

/** Of a quality fit for keys. */
export interface Random {
  bytes(length: number): Uint8Array
}

/** An open file. Appends are ordered; nothing is durable before `sync` has resolved. */
export interface File {
  append(bytes: Uint8Array): Promise<void>
  /** Fewer bytes only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>
  size(): Promise<number>
  truncate(length: number): Promise<void>
  /** fdatasync. The first failure must end the process: the kernel may have dropped what it could not write. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** A file system. Rejects with the system's own errors; absence is an answer only where it is said. */
export interface Disk {
  /**
   * Opens for reading; with `append` or `create` for appending too. `create` makes the file where it is missing, else a
   * missing one rejects.
   */
  open(path: string, options: { create: boolean; append?: boolean }): Promise<File>
  exists(path: string): Promise<boolean>
  /** Atomic within a file system; durable after `syncDirectory` of the folder. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Names, sorted; empty when the folder is missing. */
  list(directory: string): Promise<string[]>
  /** With parents. */
  makeDirectory(directory: string): Promise<void>
  syncDirectory(directory: string): Promise<void>
  /**
   * A kernel lock that dies with the process; rejects with an operating fault `locked` when another process holds it. The
   * file is made where it is missing, unless `create` is false.
   */
  lock(path: string, options?: { create: boolean }): Promise<() => Promise<void>>
  /** Tells what stands under this name from what may stand there later; null where nothing does. */
  identity(path: string): Promise<string | null>
  /** In bytes; rejects where no file stands under this name. */
  size(path: string): Promise<number>
}

/** One request. `maximumBytes`: of the answer's body; a longer one is cut off and rejects. */
export interface HttpCall {
  method: 'GET' | 'PUT' | 'POST'
  /** http://…, https://… or unix:/path/to/socket:/path */
  url: string
  headers: Record<string, string>
  body: Uint8Array | null
  timeoutMs: number
  maximumBytes: number
}

/** One answer, whatever its status. */
export interface HttpResult {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  body: Uint8Array
}

/** Rejects with `operating('unreachable')` when nothing was sent, `unknownOutcome('no-answer')` when something may have been. */
export type Request = (call: HttpCall) => Promise<HttpResult>

/** scrypt, RFC 7914. */
export type Derive = (
  password: Uint8Array,
  salt: Uint8Array,
  cost: { N: number; r: number; p: number },
  length: number,
) => Promise<Uint8Array>

/**
 * Searches for proof of work as blocks of some chains need it: a number that is worth at least `threshold` for this root (32 bytes).
 * Told now and then how many it has tried. Takes seconds to minutes, and holds nobody up meanwhile.
 */
export type Work = (root: Uint8Array, threshold: bigint, progress: (tried: number) => void) => Promise<bigint>

/** `error`: a person must act; `warn`: something is not as it should be; `info`: what happened; `debug`: how. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
/** One line. Fields are redacted by name (src/shell/log.ts): no secret is written. */
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void

/** All that a process has of the outside world. */
export interface Ports {
  clock: Clock
  random: Random
  disk: Disk
  request: Request
  derive: Derive
  work: Work
  log: Log
  /** Ends the process at once because going on could lose or double money; says why. Never returns control usefully. */
  abort(reason: string): void
}
