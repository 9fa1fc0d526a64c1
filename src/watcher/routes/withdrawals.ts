/** Withdrawals: asked for under an id of the backend's, once. */
import type { z } from 'zod'
import { withdrawalId, type IdOf } from '../../../machines/ids.ts'
import { stateOf, type InstanceOf } from '../../kernel/entry.ts'
import { boundary, operating } from '../../kernel/fault.ts'
import type { Authorisation, Intent } from '../../../machines/vocabulary.ts'
import type { WithdrawalContext } from '../../../machines/withdrawal.ts'
import { intentBytes } from '../../canonical.ts'
import { isSigned } from '../../signatures.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import type { Inbound } from '../../orchestrator/inbound.ts'
import { healthOf } from '../health.ts'
import { attesterOf } from '../address-pool.ts'
import { findOrThrow, scaleOf, type ApiContext } from '../api-context.ts'
import { describePage } from '../pages.ts'
import { describe, describeHistory } from '../resources.ts'
import { heldFor } from '../signer-client.ts'
import { dryRunQuery, withdrawalsQuery } from '../filters.ts'
import { authorisationBody, pageOf, withdrawalBody, withdrawalSchema } from '../schemas.ts'

type Asked = z.output<typeof withdrawalBody>

const intentOf = (id: string, { authorisations: _, note: __, ...intent }: Asked): Intent => ({ id, ...intent })

/** The identity key of the signer that shall pay: as it says itself, else as it has attested our addresses. */
function walletOf({ health, orchestrator }: ApiContext, chain: string): string {
  const told = healthOf(health, chain).rules?.wallet
  const wallet = told ?? attesterOf(orchestrator.memory, chain)
  if (wallet !== null) return wallet
  throw operating('signer-unknown', 'the signer has not said yet who it is, and its key is a part of what is signed')
}

function checkAuthorisations(api: ApiContext, intent: Intent, authorisations: readonly Authorisation[]): void {
  if (authorisations.length === 0) return
  const bytes = intentBytes(intent, walletOf(api, intent.chain))
  const wrong = authorisations.find(authorisation => !isSigned(authorisation, bytes))
  if (wrong !== undefined)
    throw boundary(
      'invalid-authorisation',
      `the signature of key ${wrong.key} does not verify for this intent and this wallet`,
    )
}

/** Refuses what could never be paid, before anything is stored (B12). */
function checkIntent({ policies, clock }: ApiContext, intent: Intent): void {
  const policy = Object.hasOwn(policies, intent.chain) ? policies[intent.chain] : undefined
  if (policy === undefined) throw boundary('unknown-chain', `no chain named ${intent.chain} is configured`)
  if (!Object.hasOwn(policy.assets, intent.asset))
    throw boundary('unknown-asset', `${intent.chain} has no asset ${intent.asset}`)
  const destination = policy.planner.destination(intent.to, intent.dataField)
  if ('refused' in destination) throw boundary('invalid-address', destination.refused)
  const least = policy.planner.minimumPayment(intent.to)
  if (BigInt(intent.amount) < BigInt(least))
    throw boundary('dust', `${intent.amount} is below ${least}, the least that can be paid to this address`)
  const most = policy.planner.maximumPayment
  if (BigInt(intent.amount) > BigInt(most))
    throw boundary('impossible-amount', `${intent.amount} is above ${most}, the most that ${intent.chain} can pay`)
  if (intent.expiresAt !== null && Date.parse(intent.expiresAt) <= clock.now())
    throw boundary('expired', `expiresAt ${intent.expiresAt} has passed`)
}

const FIELDS = ['chain', 'asset', 'to', 'dataField', 'amount'] as const

function checkSame(known: WithdrawalContext, intent: Intent): void {
  const other = FIELDS.find(field => known[field] !== intent[field])
  if (other !== undefined) throw boundary('conflict', `this id was used with another ${other}`)
}

/** The same body again is the resource as it is; one round more is a new start, and only after `failed`. */
function isNewRound(known: InstanceOf<'withdrawal'>, intent: Intent): boolean {
  const { round, expiresAt, memory } = known.context
  checkSame(known.context, intent)
  if (intent.round === round + 1 && stateOf(known) === 'failed') return true
  if (intent.round !== round)
    throw boundary(
      'conflict',
      `round ${intent.round} is refused: the withdrawal is ${stateOf(known)} in round ${round}`,
    )
  if (intent.expiresAt !== expiresAt) throw boundary('conflict', 'this id was used with another expiresAt')
  if (intent.memory !== memory) throw boundary('conflict', 'this id was used with another memory')
  return false
}

/** What is to happen: a new one, or a new round. Throws the boundary fault that refuses it. */
function requestOf(api: ApiContext, intent: Intent, { authorisations, note }: Asked): Inbound[] {
  checkIntent(api, intent)
  const expiresAtMs = intent.expiresAt === null ? null : Date.parse(intent.expiresAt)
  const { rules } = healthOf(api.health, intent.chain)
  const held = heldFor(rules, { ...intent, authorisations })
  const noted = note === null ? {} : { note }
  const data = { ...intent, authorisations, expiresAtMs, held, ...noted }
  return [{ type: 'withdrawal.requested', at: api.clock.now(), data }]
}

/** Each says whether nothing is missing any more with it and those before. */
function additionsOf(
  { orchestrator, health, clock }: ApiContext,
  known: InstanceOf<'withdrawal'>,
  added: readonly Authorisation[],
): Inbound[] {
  const { context } = orchestrator.memory.get(known.id) ?? known
  const { rules } = healthOf(health, context.chain)
  return added.map((authorisation, n) => {
    const authorisations = [...context.authorisations, ...added.slice(0, n + 1)]
    const isEnough = heldFor(rules, { ...context, authorisations }) === null
    return { type: 'authorisation.added', at: clock.now(), data: { id: known.id, isEnough, ...authorisation } }
  })
}

/** All in one turn: what one of them says of those before it then holds. */
async function dispatchAll({ orchestrator }: ApiContext, events: readonly Inbound[]): Promise<void> {
  await Promise.all(events.map(event => orchestrator.dispatch(event)))
}

/** As these events would leave it; null where they change nothing. */
const rehearsed = ({ orchestrator }: ApiContext, id: IdOf<'withdrawal'>, events: readonly Inbound[]) =>
  orchestrator.rehearse(events).findLast((image): image is InstanceOf<'withdrawal'> => image.id === id) ?? null

const putWithdrawal = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/withdrawals/{id}',
    summary: 'Asks for a withdrawal; repeat at will. With dryRun=true: what it would answer, and nothing is done',
    access: 'write',
    query: dryRunQuery,
    body: withdrawalBody,
    answers: { 200: withdrawalSchema, 201: withdrawalSchema },
    async handle({ params, query: { dryRun }, body }) {
      const id = withdrawalId(params.id!)
      const intent = intentOf(params.id!, body)
      const archived = await api.store.find(id)
      // From here to the dispatch there is no await: two requests for one id cannot both find nothing.
      const known = api.orchestrator.memory.get(id) ?? archived
      const isNew = known === null || isNewRound(known, intent)
      checkAuthorisations(api, intent, body.authorisations)
      const events = isNew ? requestOf(api, intent, body) : additionsOf(api, known, body.authorisations)
      const status = known === null ? 201 : 200
      if (dryRun === 'true') return { status, body: describe(rehearsed(api, id, events) ?? known!, scaleOf(api)) }
      await dispatchAll(api, events)
      return { status, body: describe(await findOrThrow(api, id), scaleOf(api)) }
    },
  })

/** base64url, with or without padding, as the intent's standard base64. */
const standardKey = (key: string): string => Buffer.from(key, 'base64url').toString('base64')

const putAuthorisation = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/withdrawals/{id}/authorisations/{key}',
    summary: 'One more signature over the same intent; the key as base64url',
    access: 'write',
    body: authorisationBody,
    answers: { 200: withdrawalSchema },
    async handle({ params, body }) {
      const known = await findOrThrow(api, withdrawalId(params.id!))
      const { chain, asset, to, dataField, amount, expiresAt, round, memory } = known.context
      const authorisation = { key: standardKey(params.key!), signature: body.signature }
      const intent = { id: params.id!, chain, asset, to, dataField, amount, expiresAt, round, memory }
      checkAuthorisations(api, intent, [authorisation])
      await dispatchAll(api, additionsOf(api, known, [authorisation]))
      const now = await findOrThrow(api, known.id)
      return { status: 200, body: describe(now, scaleOf(api)) }
    },
  })

const listWithdrawals = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/withdrawals',
    summary: 'Withdrawals, by last change',
    access: 'read',
    query: withdrawalsQuery(api),
    answers: { 200: pageOf(withdrawalSchema) },
    async handle({ query }) {
      const page = await api.store.list({ kind: 'withdrawal', ...query })
      return { status: 200, body: describePage(page, scaleOf(api)) }
    },
  })

const getWithdrawal = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/withdrawals/{id}',
    summary: 'One withdrawal with its history',
    access: 'read',
    answers: { 200: withdrawalSchema },
    async handle({ params }) {
      const withdrawal = await findOrThrow(api, withdrawalId(params.id!))
      const history = describeHistory(await api.store.history(withdrawal))
      return { status: 200, body: { ...describe(withdrawal, scaleOf(api)), history } }
    },
  })

export const withdrawalRoutes = (api: ApiContext): Route[] => [
  putWithdrawal(api),
  putAuthorisation(api),
  listWithdrawals(api),
  getWithdrawal(api),
]
