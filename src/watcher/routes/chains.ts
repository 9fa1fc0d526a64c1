/** Chains and their addresses. */
import { z } from 'zod'
import { stateOf, type InstanceOf } from '../../kernel/entry.ts'
import { chainId, addressId, treasuryId } from '../../../machines/ids.ts'
import { boundary } from '../../kernel/fault.ts'
import type { AddressContext } from '../../../machines/address.ts'
import { problem } from '../../http/problem.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import { referenceFacet } from '../../kernel/facets.ts'
import { chainContext } from '../../orchestrator/orchestrator.ts'
import { balancesOf, type Balance } from '../balances.ts'
import { healthOf } from '../health.ts'
import { presentReason } from '../problems.ts'
import { chainPolicy, scaleOf, type ApiContext } from '../api-context.ts'
import { describePage } from '../pages.ts'
import { describe } from '../resources.ts'
import { addressSchema, assignBody, chainSchema, pageOf, reasonBody } from '../schemas.ts'
import { orderedQuery } from '../filters.ts'
import { freeAddress, freeAddresses } from '../address-pool.ts'
import { endedInLastBlocks } from '../recovery.ts'

/** As the API shows a chain. `balances`: where they are known already. */
export function describeChain(api: ApiContext, chain: string, balances?: readonly Balance[]) {
  const { memory } = api.orchestrator
  const policy = chainPolicy(api, chain)
  const { family, asset } = policy
  const context = chainContext(memory, chain)
  const instance = memory.get(chainId(chain))
  const health = healthOf(api.health, chain)
  const { nodeHeight } = health
  const tip = context?.blocks.at(-1)
  const height = tip?.height ?? null
  const treasury = memory.get(treasuryId(chain))?.context
  const state = instance === undefined ? 'connecting' : stateOf(instance)
  const where = { height, blockHash: tip?.hash ?? null, nodeHeight }
  const lag = nodeHeight === null || height === null ? null : Math.max(0, nodeHeight - height)
  const addressPool = {
    free: freeAddresses(memory, chain).length,
    assigned: memory.count('address', chain, 'assigned'),
  }
  const what = {
    chain,
    family,
    asset,
    decimals: api.decimals(chain, asset),
    state,
    reason: presentReason(context?.reason ?? null, state, health),
  }
  return {
    ...what,
    ...where,
    lag,
    treasury: treasury?.address ?? null,
    treasuryDataField: policy.planner.treasuryDataField ?? null,
    addressPool,
    balances: balances ?? balancesOf(memory, policy),
  }
}

const listChains = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains',
    summary: 'Every chain: where it stands and what is on it',
    access: 'read',
    answers: { 200: pageOf(chainSchema) },
    async handle() {
      await api.store.settled()
      return {
        status: 200,
        body: { items: Object.keys(api.policies).map(chain => describeChain(api, chain)), next: null },
      }
    },
  })

const getChain = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains/{chain}',
    summary: 'One chain',
    access: 'read',
    answers: { 200: chainSchema },
    async handle({ params }) {
      const body = describeChain(api, params.chain!)
      await api.store.settled()
      return { status: 200, body }
    },
  })

const resumeChain = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/chains/{chain}/resumption',
    summary: 'A person resumes a halted chain and says why',
    access: 'write',
    body: reasonBody,
    answers: { 200: chainSchema },
    async handle({ params, body }) {
      const { name: chain } = chainPolicy(api, params.chain!)
      const { orchestrator, clock, archive, store } = api
      await store.settled()
      const ended = await endedInLastBlocks(orchestrator.memory, archive, chain)
      const data = { chain, reason: body.reason, ended }
      await orchestrator.dispatch({ type: 'chain.resumed', at: clock.now(), data })
      return { status: 200, body: describeChain(api, chain) }
    },
  })

function assigned({ orchestrator }: ApiContext, chain: string, reference: string): InstanceOf<'address'> | undefined {
  const [id] = orchestrator.memory.find(referenceFacet(chain, reference))
  return id === undefined ? undefined : orchestrator.memory.get(id)
}

interface Named {
  address?: string | undefined
  dataField?: string | null | undefined
}

const isNamed = ({ address, dataField }: Named, context: AddressContext): boolean =>
  context.address === address && context.dataField === (dataField ?? null)

/** The address that the reference asks for by name, to restore an assignment that the ledger has lost. */
function namedAddress(api: ApiContext, chain: string, named: Named): AddressContext {
  const { memory } = api.orchestrator
  const known = memory.list('address', chain).map(one => one.context)
  const found = known.find(context => isNamed(named, context))
  if (found === undefined || found.index === 0)
    throw boundary('unprocessable', 'the signer has no such address to assign')
  if (found.reference !== null) throw boundary('conflict', 'this address belongs to another reference')
  return found
}

/** None before the signer has been asked: it may show that a later ledger has given away what is free in this one. */
function addressToGive(api: ApiContext, chain: string): AddressContext {
  const { isReconciled } = healthOf(api.health, chain)
  const free = isReconciled ? freeAddress(api.orchestrator.memory, chain) : undefined
  if (free !== undefined) return free
  api.wakeSignerLoop(chain)
  throw boundary('pool-empty', 'no address is free at the moment; the signer is asked for more: try again')
}

/** With its combined form, which only its family knows. */
function describeAddress(api: ApiContext, instance: InstanceOf<'address'>) {
  const { chain, address, dataField } = instance.context
  const combined = dataField === null ? undefined : chainPolicy(api, chain).planner.combined?.(address, dataField)
  return { ...describe(instance, scaleOf(api)), combinedAddress: combined ?? null }
}

const assignAddress = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/chains/{chain}/addresses/{reference}',
    summary: 'Assigns an address to a reference, once and for ever',
    access: 'write',
    body: assignBody,
    answers: { 200: addressSchema, 201: addressSchema },
    async handle({ params, body }) {
      const { name: chain } = chainPolicy(api, params.chain!)
      const reference = params.reference!
      const { orchestrator, clock, store } = api
      const known = assigned(api, chain, reference)
      if (known !== undefined) {
        if (body.address !== undefined && !isNamed(body, known.context))
          throw boundary('conflict', 'this reference has another address')
        await store.settled()
        return { status: 200, body: describeAddress(api, known) }
      }
      const { index } = body.address === undefined ? addressToGive(api, chain) : namedAddress(api, chain, body)
      const durable = orchestrator.dispatch({
        type: 'address.assigned',
        at: clock.now(),
        data: { chain, index, reference, ...(body.note !== undefined && { note: body.note }) },
      })
      const now = orchestrator.memory.get(addressId(chain, index))!
      await durable
      api.wakeSignerLoop(chain)
      return { status: 201, body: describeAddress(api, now) }
    },
  })

const listAddresses = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains/{chain}/addresses',
    summary: 'Assigned addresses, by last change',
    access: 'read',
    query: orderedQuery,
    answers: { 200: pageOf(addressSchema) },
    async handle({ params, query }) {
      const { name: chain } = chainPolicy(api, params.chain!)
      const page = await api.store.list({ kind: 'address', chain, state: 'assigned', ...query })
      return { status: 200, body: describePage(page, scaleOf(api)) }
    },
  })

const getAddress = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains/{chain}/addresses/{reference}',
    summary: "A reference's address",
    access: 'read',
    answers: { 200: addressSchema, 404: z.unknown() },
    async handle({ params }) {
      const { name: chain } = chainPolicy(api, params.chain!)
      const found = assigned(api, chain, params.reference!)
      if (found === undefined) return problem('not-found', 'this reference has no address; PUT one')
      await api.store.settled()
      return { status: 200, body: describeAddress(api, found) }
    },
  })

export const chainRoutes = (api: ApiContext): Route[] => [
  listChains(api),
  getChain(api),
  resumeChain(api),
  assignAddress(api),
  listAddresses(api),
  getAddress(api),
]
