/** What the signer has done, and never does again, for one withdrawal. */
import { boundary, invariant } from '../../kernel/fault.ts'
import { serveContract } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import { isKind } from '../../kernel/entry.ts'
import { readAt, readSignedAt } from '../memory/read.ts'
import type { PaidRecord } from '../memory/records.ts'
import { PAGE_BYTES, type RouteContext } from '../route-context.ts'
import { attemptAnswer } from '../signing/attempts.ts'

/** GET /v1/withdrawals/{id}: 404 `not-found` where nothing was ever signed or voided. */
export const withdrawalRoute = (context: RouteContext) =>
  serveContract(signerApi.withdrawal, async ({ params, query: { after, limit } }) => {
    const id = params.id!
    const { records } = context.memory
    const record = records.withdrawal(id)
    const chain = record?.chain ?? records.voidsOf(id)[0]?.chain
    if (chain === undefined) throw boundary('not-found', `nothing was ever signed or voided for ${id}`)
    const round = records.historyOf(chain).roundOf(id)
    const templates = record?.templates ?? []
    await context.memory.settled()
    const wanted = templates.slice(after, after + limit)
    return context.inTurn(async () => {
      const signed = await readSigned(context, wanted)
      const end = after + signed.length
      const next = end < templates.length ? end : null
      const intent = await lastIntent(context, id, templates)
      const voids = await context.voids.of(id)
      return { status: 200, body: { id, chain, round, intent, signed, voids, next } }
    })
  })

type Templates = PaidRecord['templates']

/** As signed last. */
async function lastIntent({ memory }: RouteContext, id: string, templates: Templates) {
  const last = templates.at(-1)
  if (last === undefined) return null
  const { signed } = await readSignedAt(memory.archive, last.seq)
  return signed.intents.find(intent => intent.id === id) ?? null
}

/** At least one, and no more than fit into a page: templates carry whole previous transactions. */
async function readSigned(context: RouteContext, wanted: Templates) {
  const signed: Awaited<ReturnType<typeof signedFor>>[] = []
  let bytes = 0
  for (const template of wanted) {
    if (bytes >= PAGE_BYTES) break
    const found = await signedFor(context, template)
    signed.push(found)
    bytes += JSON.stringify(found).length
  }
  return signed
}

async function signedFor({ memory }: RouteContext, { seq, round }: Templates[number]) {
  const stored = await readAt(memory.archive, seq)
  if (!isKind(stored, 'signing')) throw invariant('signing-lost', `seq ${seq} was a signature and is none`)
  return { round, ...attemptAnswer(stored) }
}

/** PUT /v1/withdrawals/{id}/void: 422 `unknown-chain`, 409 `conflict`, 503 `over-rate`, `too-many-voids`. */
export const voidRoute = (context: RouteContext) =>
  serveContract(signerApi.void, async ({ params, body: { chain, round } }) => {
    if (!context.chains.has(chain))
      throw boundary('unknown-chain', `this signer does not sign for a chain named ${chain}`)
    const { receipt, isNew } = await context.voids.declare(chain, params.id!, round)
    return isNew ? { status: 201, body: receipt } : { status: 200, body: receipt }
  })
