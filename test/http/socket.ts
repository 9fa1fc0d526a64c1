/** Raw sockets: what a polite client would never send. */
import { connect } from 'node:net'
import { inTime } from '../patience.ts'

export interface Received {
  status: number
  headers: Record<string, string>
  body: string
}

/** Node's own limit for slow headers is twice as long: who is cut off by now was cut off by ours. */
const CUT_OFF_MS = 30_000

/** Sends the pieces, each after its delay, and reads until the server closes the connection. Rejects when it does not. */
export function converse(
  address: string,
  pieces: readonly { text: string; afterMs?: number; encoding?: 'utf8' | 'latin1' }[],
): Promise<Received> {
  const socket = connect(targetOf(address))
  const chunks: Buffer[] = []
  const closed = new Promise<Received>(resolve => {
    const timers: NodeJS.Timeout[] = []
    let delayMs = 0
    for (const { text, afterMs, encoding = 'utf8' } of pieces) {
      delayMs += afterMs ?? 0
      timers.push(setTimeout(() => socket.writable && socket.write(text, encoding), delayMs))
    }
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      timers.forEach(clearTimeout)
      resolve(parse(Buffer.concat(chunks).toString()))
    })
  })
  return inTime(closed, () => `the connection is open: ${Buffer.concat(chunks).toString()}`, CUT_OFF_MS).finally(() =>
    socket.destroy(),
  )
}

export function targetOf(address: string): { path: string } | { host: string; port: number } {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const [host, port] = address.split(':')
  return { host: host!, port: Number(port) }
}

function parse(text: string): Received {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n') }
}
