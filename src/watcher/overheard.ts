/** With `--verbose`, whom this process asks, how long that takes and how it ends; never what is said, and no credential. */
import { reasonOf } from '../kernel/fault.ts'
import type { Clock, HttpCall, Log, Request } from '../kernel/ports.ts'

/** Of a JSON-RPC body: its method stands within these. */
const HEAD_BYTES = 200

const withoutCredentials = (url: string): string => url.replace(/^([a-z]+:\/\/)[^@/]*@/, '$1').replace(/\?.*$/, '')

/** Of a batch its first; undefined for what is no JSON-RPC. */
export const rpcMethodIn = (body: HttpCall['body']): string | undefined =>
  body === null ? undefined : /"method":"(\w{1,64})"/.exec(new TextDecoder().decode(body.subarray(0, HEAD_BYTES)))?.[1]

function methodIn(body: HttpCall['body']): { rpc?: string } {
  const rpc = rpcMethodIn(body)
  return rpc === undefined ? {} : { rpc }
}

export function overheard(request: Request, clock: Clock, log: Log): Request {
  return async call => {
    const { method, url, body } = call
    const before = clock.monotonic()
    const about = () => ({
      ...{ method, url: withoutCredentials(url), ...methodIn(body) },
      ms: Math.round(clock.monotonic() - before),
    })
    try {
      const answer = await request(call)
      log('debug', 'asked', { ...about(), status: answer.status, bytes: answer.body.length })
      return answer
    } catch (error) {
      log('debug', 'asked in vain', { ...about(), reason: reasonOf(error) })
      throw error
    }
  }
}
