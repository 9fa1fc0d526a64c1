/** From unsigned to signed, and what became of it. There is no route that signs given bytes or a given digest (S4). */
import { boundary } from '../../kernel/fault.ts'
import type { InstanceOf } from '../../kernel/entry.ts'
import { problem } from '../../http/problem.ts'
import { serveContract } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import { chainNamed, type RouteContext } from '../route-context.ts'
import { signingId } from '../../../machines/ids.ts'
import { attemptAnswer } from '../signing/attempts.ts'

const MAXIMUM_ATTEMPTS = 10_000

/** No colon: it separates the parts of an instance's id. */
function attemptOf(params: Record<string, string>): { transferId: string; n: number } {
  const transferId = params.transferId!
  if (transferId.includes(':')) throw boundary('invalid-name', "a transfer's id holds no colon")
  const n = /^[1-9]\d{0,4}$/.test(params.n!) ? Number(params.n) : 0
  if (n < 1 || n > MAXIMUM_ATTEMPTS) throw boundary('invalid-name', `attempts count from 1 to ${MAXIMUM_ATTEMPTS}`)
  return { transferId, n }
}

/** PUT …/attempts/{n}: 403 `refused` with reasons, 409 `already-signed-differently`, 503 `over-rate`. */
export const signRoute = (context: RouteContext) =>
  serveContract(signerApi.sign, async ({ params, body }) => {
    const chain = chainNamed(context, params.chain!)
    return signAnswer(await context.attempts.sign(chain, { ...attemptOf(params), ...body }))
  })

function signAnswer(instance: InstanceOf<'signing'>) {
  const { reasons, missing, signed, spendKeys } = instance.context
  if (signed !== null) {
    const { transactionId, raw } = signed
    return { status: 200, body: { state: 'signed', transactionId, signedTransaction: raw, spendKeys } } as const
  }
  if (instance.value === 'awaitingApproval')
    return { status: 202, body: { state: 'awaitingApproval', missing } } as const
  const detail = reasons.map(({ message }) => message).join('; ')
  return problem('refused', detail, { state: 'refused', reasons })
}

/** GET …/attempts/{n}: 404 `not-found` where nobody has asked. */
export const attemptRoute = (context: RouteContext) =>
  serveContract(signerApi.attempt, async ({ params }) => {
    const { name } = chainNamed(context, params.chain!)
    const { transferId, n } = attemptOf(params)
    const stored = await context.inTurn(() => context.attempts.read(signingId(name, transferId, n)))
    if (stored === null) throw boundary('not-found', 'nobody has asked for this attempt')
    return { status: 200, body: attemptAnswer(stored) }
  })
