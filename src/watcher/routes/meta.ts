/** The process itself: alive, ready, measured, described. */
import { chainId } from '../../../machines/ids.ts'
import { z } from 'zod'
import { readinessSchema } from '../schemas.ts'
import { stateOf } from '../../kernel/entry.ts'
import { openApi } from '../../http/openapi.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import { chainContext } from '../../orchestrator/orchestrator.ts'
import { healthOf } from '../health.ts'
import {
  broadcastProblems,
  followingProblems,
  hookNotices,
  pulseProblems,
  queueProblems,
  replacementProblems,
  stoppedProblems,
} from '../problems.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import type { ApiContext } from '../api-context.ts'

/** What keeps a chain from being served in full, or nothing. */
function problemsOf({ orchestrator, health, clock, policies }: ApiContext, chain: string): string[] {
  const instance = orchestrator.memory.get(chainId(chain))
  const state = instance === undefined ? 'connecting' : stateOf(instance)
  const known = healthOf(health, chain)
  const { isReconciled, signerProblem } = known
  const context = chainContext(orchestrator.memory, chain)
  const { height = null, reason = null } = context ?? {}
  const problems = followingProblems({ chain, state, height, reason }, known, clock.monotonic())
  if (signerProblem !== null) problems.push(`${chain}: the signer cannot be used: ${signerProblem}`)
  else if (!isReconciled) problems.push(`${chain}: the signer's memory has not been compared yet`)
  const { windowMs } = policies[chain]!.batch
  const { memory } = orchestrator
  return [
    ...problems,
    ...replacementProblems(memory, chain),
    ...stoppedProblems(memory, chain),
    ...queueProblems(memory, chain, windowMs, clock.now()),
    ...broadcastProblems(memory, chain, clock.now()),
  ]
}

/** What keeps the watcher from being ready, or nothing. */
const allProblems = (api: ApiContext): string[] => [
  ...Object.keys(api.policies).flatMap(chain => problemsOf(api, chain)),
  ...pulseProblems(api.pulse.longestMs()),
]

/** A second watcher is meant; one that nobody knows of is not. */
function noticesOf({ health, ledgerId }: ApiContext, chain: string): string[] {
  const { otherLedger } = healthOf(health, chain)
  if (otherLedger === null) return []
  const also = `the signer has made addresses for another ledger (${otherLedger}) beside this one (${ledgerId})`
  return [`${chain}: ${also}: another watcher uses it, or did before a rebuild`]
}

/** What /readyz says. */
export function readinessOf(api: ApiContext) {
  const problems = allProblems(api)
  const ofChains = Object.keys(api.policies).flatMap(chain => noticesOf(api, chain))
  const notices = [...ofChains, ...hookNotices(api.notifier.troubles(), api.clock.monotonic())]
  return { ready: problems.length === 0, problems, notices }
}

const healthz = () =>
  defineRoute({
    method: 'GET',
    path: '/healthz',
    summary: 'Alive',
    access: 'public',
    answers: { 200: z.object({ status: z.literal('ok') }) },
    handle: () => ({ status: 200, body: { status: 'ok' } }),
  })

const readyz = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/readyz',
    summary:
      'Ready: every chain is at its tip, which moves, the signer answers and nothing waits for long; else 503 and what is not',
    access: 'public',
    answers: { 200: readinessSchema, 503: readinessSchema },
    handle() {
      const body = readinessOf(api)
      return { status: body.ready ? 200 : 503, body }
    },
  })

const metricsRoute = (api: ApiContext) => {
  // Made when they are asked for: the table of routes alone needs none.
  let made: Metrics | undefined
  return defineRoute({
    method: 'GET',
    path: '/metrics',
    summary: 'Prometheus metrics',
    access: 'public',
    answers: { 200: z.string() },
    async handle() {
      made ??= createMetrics(api, () => allProblems(api))
      return { status: 200, headers: { 'content-type': made.contentType }, body: await made.text() }
    },
  })
}

const INFO = {
  title: 'Lockkeeper watcher',
  version: '1',
  description:
    'Deposits and withdrawals of an exchange: the API for its backend. Every write is a PUT and may be repeated.',
}

const description = (routes: Route[]) =>
  defineRoute({
    method: 'GET',
    path: '/openapi.json',
    summary: "The API's description",
    access: 'public',
    answers: { 200: z.looseObject({}) },
    handle: () => ({ status: 200, body: openApi(routes, INFO) }),
  })

/** `routes`: those that the description describes besides these. */
export function withMetaRoutes(api: ApiContext, routes: Route[]): Route[] {
  const all = [...routes, healthz(), readyz(api), metricsRoute(api)]
  return [...all, description(all)]
}
