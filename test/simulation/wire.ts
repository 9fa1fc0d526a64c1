/**
 * HTTP between the processes, and what can become of it: requests that never arrive, that arrive twice or late, answers
 * that are lost after the effect, and answers of something in between that is not the server.
 */
import { operating, unknownOutcome } from '../../src/kernel/fault.ts'
import type { HttpCall, HttpResult } from '../../src/kernel/ports.ts'
import type { Handler, HttpAnswer, HttpRequest } from '../../src/http.ts'
import type { World } from './world.ts'

/** Probabilities. */
export interface Weather {
  drop: number
  loseAnswer: number
  duplicate: number
  garble: number
  /** A delay of seconds instead of milliseconds. */
  stall: number
}

export const CALM: Weather = { drop: 0, loseAnswer: 0, duplicate: 0, garble: 0, stall: 0 }

export type Send = (call: HttpCall) => Promise<HttpResult>

const LATENCY_MS = 15
const STALL_MS = 8000
const RESET_MS = 3000

export function toRequest({ method, url, headers, body }: HttpCall): HttpRequest {
  const { pathname, searchParams } = new URL(url)
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  const sent = Object.fromEntries(lower) as Record<string, string>
  const query = Object.fromEntries(searchParams)
  return { method, path: pathname, query, headers: sent, body: body ?? new Uint8Array() }
}

/** An answer as bytes, as a socket would carry it. */
export function toResult({ status, headers = {}, body }: HttpAnswer): HttpResult {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  if (body instanceof Uint8Array) return { status, headers: lower, body }
  return {
    status,
    headers: lower,
    body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)),
  }
}

function garbled(world: World, { status, headers, body }: HttpResult): HttpResult {
  const text = (said: string) => new TextEncoder().encode(said)
  switch (world.dice.between(0, 3)) {
    case 0:
      return { status: 502, headers: { 'content-type': 'text/html' }, body: text('<html>Bad Gateway</html>') }
    case 1:
      return { status: 200, headers: { 'content-type': 'text/html' }, body: text('<html>Welcome</html>') }
    case 2:
      return { status, headers, body: new Uint8Array() }
    default:
      return { status, headers, body: body.slice(0, world.dice.between(0, Math.max(0, body.length - 1))) }
  }
}

/** `target` answers null when nothing listens. The answer of a process that dies meanwhile never comes. */
export function createWire(world: World, weather: () => Weather, target: () => Handler | null): Send {
  const { dice } = world
  const delay = () => (dice.chance(weather().stall) ? dice.between(0, STALL_MS) : dice.between(0, LATENCY_MS))

  return call =>
    new Promise((resolve, reject) => {
      const lost = (why: string) => () => reject(unknownOutcome('no-answer', why))
      const cancel = world.after(call.timeoutMs, lost(`no answer within ${call.timeoutMs} ms`))
      const answer = (result: HttpResult) => {
        if (dice.chance(weather().loseAnswer)) {
          world.trace(`lost: the answer ${result.status} to ${call.method} ${call.url}`)
          if (dice.chance(0.7)) world.after(dice.between(0, RESET_MS), lost('the connection was reset'))
          return
        }
        const sent = dice.chance(weather().garble) ? garbled(world, result) : result
        world.after(delay(), () => {
          cancel()
          resolve(sent)
        })
      }
      const deliver = () => {
        const handler = target()
        if (handler === null) return reject(operating('unreachable', 'connection refused'))
        handler(toRequest(call)).then(
          said => answer(toResult(said)),
          (error: unknown) => world.violate(`a handler rejected: ${String(error)}`),
        )
      }
      if (dice.chance(weather().drop)) {
        if (dice.chance(0.7)) world.after(delay(), () => reject(operating('unreachable', 'no route')))
        return
      }
      world.after(delay(), deliver)
      if (dice.chance(weather().duplicate)) world.after(delay() + dice.between(0, STALL_MS), deliver)
    })
}
