/**
 * A proxy between two processes, where a test decides what becomes of a request: so that a process can be killed exactly
 * before an effect, between an effect and its answer, or right after the answer.
 */
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Moment = 'before' | 'answerless' | 'after'

export interface Passing {
  /** `PUT /v1/…`, or of JSON-RPC `POST /` and the method in `rpc`. */
  line: string
  rpc: string | null
}

export interface Proxy {
  url: string
  /** Where requests go; another node can take the place of the first. */
  target: string
  /** Refuses connections while true: the other side is down. */
  isDown: boolean
  /**
   * At the next request that `matches`: `before` it is forwarded (it never is), when the effect is there but the answer is
   * not passed on (`answerless`), or when the answer has been passed on (`after`). Resolves when `act` is done.
   */
  once(moment: Moment, matches: (passing: Passing) => boolean, act: () => Promise<unknown>): Promise<void>
  close(): void
}

interface Trap {
  moment: Moment
  matches: (passing: Passing) => boolean
  spring: () => Promise<void>
}

interface Reply {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function passingOf(incoming: IncomingMessage, body: Buffer): Passing {
  const rpc = /^\{"jsonrpc":"1\.0".*?"method":"(\w+)"/.exec(body.toString('latin1', 0, 200))
  return { line: `${incoming.method!} ${incoming.url!}`, rpc: rpc?.[1] ?? null }
}

function send(target: string, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = forward(`${target}${url!}`, { method, headers, agent: false }, incoming => {
      bodyOf(incoming).then(
        bytes => resolve({ status: incoming.statusCode!, headers: incoming.headers, body: bytes }),
        reject,
      )
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

const answer = (outgoing: ServerResponse, { status, headers, body }: Reply): Promise<void> =>
  new Promise(resolve => {
    const { 'transfer-encoding': _, ...rest } = headers
    outgoing.writeHead(status, { ...rest, 'content-length': body.length })
    outgoing.once('close', resolve)
    outgoing.end(body, resolve)
  })

/** In front of `target`, on a port of its own. */
export async function startProxy(target: string): Promise<Proxy> {
  const traps: Trap[] = []

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming)
    const passing = passingOf(incoming, body)
    const found = proxy.isDown ? -1 : traps.findIndex(({ matches }) => matches(passing))
    const [trap] = found < 0 ? [] : traps.splice(found, 1)
    if (proxy.isDown) return void incoming.socket.destroy()
    if (trap?.moment === 'before') {
      await trap.spring()
      return void incoming.socket.destroy()
    }
    const reply = await send(proxy.target, incoming, body)
    if (trap?.moment === 'answerless') {
      await trap.spring()
      return void incoming.socket.destroy()
    }
    await answer(outgoing, reply)
    await trap?.spring()
  }

  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => incoming.socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target,
    isDown: false,
    once: (moment, matches, act) =>
      new Promise((resolve, reject) => {
        const spring = () => act().then(() => resolve(), reject)
        traps.push({ moment, matches, spring })
      }),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
  return proxy
}
