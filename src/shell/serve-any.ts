import type { HttpAnswer, HttpRequest } from '../http.ts'
import { problemOf } from '../http/problem.ts'
import type { RouteHandler } from '../http/handler.ts'
import { serve } from './koa.ts'

/** A simulated node is asked for nothing larger. */
const MAXIMUM_BODY_BYTES = 16 * 1024 * 1024

/** One function answers whatever is asked, on a free port of the loopback address. What it throws is a 500. */
export async function serveAny(
  answer: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const handler: RouteHandler = Object.assign((request: HttpRequest) => answer(request), {
    routes: [],
    maximumBodyBytes: MAXIMUM_BODY_BYTES,
    answer: (_route: unknown, request: HttpRequest) => answer(request),
    refuse: (_request: HttpRequest, error: unknown) => problemOf(error),
  })
  const server = await serve(handler, { listen: '127.0.0.1:0' })
  return { url: `http://${server.address}`, stop: () => server.stop() }
}
