/** Cancelling a withdrawal: the signer's void, and what its receipt and this ledger say of what was signed before. */
import { boundary } from '../../kernel/fault.ts'
import type { SignedReceipt } from '../../../machines/vocabulary.ts'
import type { HttpAnswer } from '../../http.ts'
import { problem } from '../../http/problem.ts'
import { defineRoute } from '../../http/route.ts'
import { withdrawalId } from '../../../machines/ids.ts'
import type { InstanceOf } from '../../kernel/entry.ts'
import { chainPolicy, findOrThrow, scaleOf, type ApiContext } from '../api-context.ts'
import { describe } from '../resources.ts'
import { cancellationBody, cancelledSchema } from '../schemas.ts'

const alreadySigned = (receipt: SignedReceipt, signed: readonly string[]): HttpAnswer =>
  problem('already-signed', `nothing more is signed for it, but ${signed.join(', ')} was and may be mined`, { receipt })

/** One that this ledger knows: it hears of the receipt. */
async function cancelKnown(api: ApiContext, known: InstanceOf<'withdrawal'>): Promise<HttpAnswer> {
  const { orchestrator, signer, clock } = api
  const { id } = known
  const { id: name, chain, round } = known.context
  chainPolicy(api, chain)
  const receipt = await signer.void(chain, name, round)
  const data = { id, chain, receipt, verdict: 'cancelled', reason: 'cancelled', position: signer.position() } as const
  await orchestrator.dispatch({ type: 'withdrawal.voided', at: clock.now(), data })
  const now = await findOrThrow(api, id)
  const { transactionId } = now.context
  const signed = transactionId === null ? receipt.signed : [...new Set([...receipt.signed, transactionId])]
  if (signed.length > 0) return alreadySigned(receipt, signed)
  return { status: 200, body: { ...describe(now, scaleOf(api)), receipt } }
}

/** One that a lost ledger knew and that cannot be asked for again, because it has expired: its refund needs the receipt. */
async function cancelUnknown(api: ApiContext, name: string, chain: string, round: number): Promise<HttpAnswer> {
  chainPolicy(api, chain)
  const receipt = await api.signer.void(chain, name, round)
  if (receipt.signed.length > 0) return alreadySigned(receipt, receipt.signed)
  return { status: 200, body: { id: name, chain, round, state: 'cancelled', reason: 'cancelled', receipt } }
}

/** May be repeated at any time, also where an answer was lost: the signer gives the same receipt for ever. */
export const cancelWithdrawal = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/withdrawals/{id}/cancellation',
    summary: "Voids it at the signer; a refund is safe only with the receipt's word that nothing was signed",
    access: 'write',
    body: cancellationBody,
    answers: { 200: cancelledSchema },
    async handle({ params, body: { chain, round } }) {
      const known = await api.store.find(withdrawalId(params.id!))
      if (known !== null) return cancelKnown(api, known)
      if (chain !== undefined) return cancelUnknown(api, params.id!, chain, round)
      throw boundary(
        'not-found',
        `there is no withdrawal ${params.id!}; name its chain and round to void it all the same`,
      )
    },
  })
