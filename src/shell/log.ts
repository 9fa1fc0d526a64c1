/** The log port: JSON lines on stderr. Secrets are cut out by name, wherever they stand (S5). */
import type { Log, LogLevel } from '../kernel/ports.ts'

const SECRET = /^(token|tokens|passphrase|phrase|mnemonic|seed|password|secret|authorization|privateKey)$/i
const MAXIMUM_DEPTH = 6

/** From the least that is worth a line to the most. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** @param write where a finished line goes; stderr unless said. */
export function createLog(level: LogLevel, write: (line: string) => void = writeStderr): Log {
  const least = LEVELS.indexOf(level)
  return (at, message, fields = {}) => {
    if (LEVELS.indexOf(at) < least) return
    const told = redact(fields, 0) as object
    write(`${JSON.stringify({ level: at, time: new Date().toISOString(), pid: process.pid, ...told, msg: message })}\n`)
  }
}

let isHeard = false

/** Files and pipes are written at once (Node's documentation of process I/O), so that the last line before an end is there. */
function writeStderr(line: string): void {
  // A reader that is gone is no reason to end: what was promised is not promised to him.
  if (!isHeard) process.stderr.on('error', () => undefined)
  isHeard = true
  process.stderr.write(line)
}

/** A copy without secrets. Deeper than six levels nothing is logged at all. */
function redact(value: unknown, depth: number): unknown {
  if (value instanceof Error) return redact({ name: value.name, message: value.message, stack: value.stack }, depth)
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAXIMUM_DEPTH) return '…'
  if (Array.isArray(value)) return value.map(item => redact(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, SECRET.test(name) ? '[redacted]' : redact(item, depth + 1)]),
  )
}
