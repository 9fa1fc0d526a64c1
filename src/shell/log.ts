/** The log port: JSON lines on stderr. Secrets are cut out by name, wherever they stand (S5). */
import pino from 'pino'
import type { Log, LogLevel } from '../kernel/ports.ts'

const SECRET = /^(token|tokens|passphrase|phrase|mnemonic|seed|password|secret|authorization|privateKey)$/i
const MAXIMUM_DEPTH = 6

/** @param write where a finished line goes; stderr unless said. */
export function createLog(level: LogLevel, write?: (line: string) => void): Log {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }
  const named = { ...options, formatters: { level: (label: string) => ({ level: label }) } }
  const stream = write === undefined ? pino.destination({ fd: 2, sync: true }) : { write }
  const logger = pino(named, stream)
  return (at, message, fields) => {
    if (!logger.isLevelEnabled(at)) return
    logger[at](fields === undefined ? {} : (redact(fields, 0) as object), message)
  }
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
