/** Raw sockets: what a polite client would never send. */
import { connect } from 'node:net'

export interface Received {
  status: number
  headers: Record<string, string>
  body: string
  /** Milliseconds until the other side closed, or until `enough`. */
  afterMs: number
}

/** Sends the pieces, each after its delay, and reads until the server closes the connection. */
export function converse(
  address: string,
  pieces: readonly { text: string; afterMs?: number; encoding?: 'utf8' | 'latin1' }[],
): Promise<Received> {
  const startedMs = performance.now()
  return new Promise(resolve => {
    const socket = connect(targetOf(address))
    const chunks: Buffer[] = []
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
      resolve(parse(Buffer.concat(chunks).toString(), performance.now() - startedMs))
    })
  })
}

export function targetOf(address: string): { path: string } | { host: string; port: number } {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const [host, port] = address.split(':')
  return { host: host!, port: Number(port) }
}

function parse(text: string, afterMs: number): Received {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n'), afterMs }
}
