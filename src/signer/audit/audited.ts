/**
 * A handler whose every answer is in the audit log, and whatever it stands on in the memory, before it is given. The two
 * are written at the same time; the answer waits for both.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/ports.ts'
import type { RouteHandler } from '../../http/handler.ts'
import { holderOf } from '../../http/tokens.ts'
import type { HttpAnswer, HttpRequest } from '../../http.ts'
import { memoryHeaders } from '../../signer-api/routes.ts'
import type { SignerMemory } from '../memory/memory.ts'
import type { AuditLog } from './writer.ts'
import type { Recordable } from './trail.ts'

const MAXIMUM_PATH = 256
const MAXIMUM_METHOD = 16
const MAXIMUM_ORIGIN = 128
const MAXIMUM_DECISION = 256
/** Requests without a good token change nothing and can be many: so many a minute have a line, the others are counted. */
const STRANGERS_PER_MINUTE = 600
const MINUTE_MS = 60_000

/** `tokens` are read at every request, as the handler does. */
export interface AuditedOptions {
  audit: AuditLog
  memory: Pick<SignerMemory, 'decided' | 'settled' | 'position'>
  clock: Clock
  tokens: () => readonly string[]
}

/** Wraps a handler. An answer whose line, or whose memory, cannot be written is replaced by the refusal that says so. */
export function audited(handler: RouteHandler, { audit, memory, clock, tokens }: AuditedOptions): RouteHandler {
  const strangers = { since: 0, lines: 0, omitted: 0 }

  const hasRoom = (): boolean => {
    if (clock.now() - strangers.since >= MINUTE_MS) Object.assign(strangers, { since: clock.now(), lines: 0 })
    strangers.lines += 1
    return strangers.lines <= STRANGERS_PER_MINUTE
  }

  /** Null for what is only counted. */
  const lineOf = (request: HttpRequest, answer: HttpAnswer, who: string): Recordable | null => {
    if (who === 'none' && !hasRoom()) {
      strangers.omitted += 1
      return null
    }
    const { omitted } = strangers
    strangers.omitted = 0
    const [decided, { sequence }] = [memory.decided(), memory.position()]
    const stands = decided > sequence ? { decided } : {}
    return { what: 'answered', who, ...describe(request, answer), omitted, ...stands }
  }

  /** The memory as it then is, which holds what the answer says. */
  const finish = (answer: HttpAnswer): HttpAnswer => ({
    ...answer,
    headers: { ...answer.headers, ...memoryHeaders(memory.position()) },
  })

  const note = async (request: HttpRequest, answer: HttpAnswer): Promise<HttpAnswer> => {
    const who = whoAsked(tokens(), request.headers.authorization)
    const line = lineOf(request, answer, who)
    try {
      await Promise.all([line === null ? undefined : audit.record(line), memory.settled()])
      return finish(answer)
    } catch (error) {
      return finish(await handler.refuse(request, error))
    }
  }

  const refuse: RouteHandler['refuse'] = async (request, error) => note(request, await handler.refuse(request, error))
  const handle = async (request: HttpRequest) => note(request, await handler(request))
  return Object.assign(handle, {
    routes: handler.routes,
    admit: handler.admit,
    answer: async (...[route, request]: Parameters<RouteHandler['answer']>) =>
      note(request, await handler.answer(route, request)),
    refuse,
  })
}

/** `write#2`: the second token of the file. Which one it is shows whose key was used, and never the key. */
function whoAsked(tokens: readonly string[], authorization: string | undefined): string {
  const { grant, at } = holderOf(tokens, authorization)
  return at < 0 ? 'none' : `${grant}#${at + 1}`
}

function describe({ method, path, body, from }: HttpRequest, answer: HttpAnswer) {
  return {
    from: from?.slice(0, MAXIMUM_ORIGIN) ?? null,
    method: method.slice(0, MAXIMUM_METHOD),
    path: path.slice(0, MAXIMUM_PATH),
    body: body.length === 0 ? null : createHash('sha256').update(body).digest('hex'),
    status: answer.status,
    decision: decisionOf(answer.body),
  }
}

/** `signed`, `refused: wrong-network`: kinds only, messages may repeat what was sent. */
function decisionOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null
  const { kind, state, reasons } = body as { kind?: unknown; state?: unknown; reasons?: { kind: string }[] }
  const word = typeof kind === 'string' ? kind : typeof state === 'string' ? state : null
  const why = Array.isArray(reasons) && reasons.length > 0 ? `: ${reasons.map(reason => reason.kind).join(', ')}` : ''
  return word === null ? null : `${word}${why}`.slice(0, MAXIMUM_DECISION)
}
