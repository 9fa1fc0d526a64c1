/**
 * What a rule says besides changing its state: whom it tells what, and which spend keys it reserves or releases. The
 * parameters of these actions are functions of context and event; they are asked with a sample that fits every machine.
 */
import type { Message } from '../machines/messages.ts'
import type { SpendKey } from '../machines/vocabulary.ts'

export type Said =
  { verb: 'tell'; to: string; event: string } | { verb: 'reserve'; what: string } | { verb: 'release'; what: string }

const PLACE = { height: 1, hash: 'hash' }

/** One of everything that a machine's parameters read. */
const SAMPLE = {
  chain: 'chain',
  transfer: 'transfer/sample',
  account: 'account/sample',
  holder: 'transfer/sample',
  rivals: [],
  withdrawals: [{ id: 'withdrawal/sample', fee: '0' }],
  held: ['coin/sample'],
  attempt: { n: 1, template: null, spendKeys: ['key'], fee: '0' },
  n: 1,
  attempts: 1,
  key: 'key',
  spendKeys: ['key'],
  fee: '0',
  place: PLACE,
  ...PLACE,
  transactionId: 'id',
  reason: 'reason',
}

type Params = (args: { context: unknown; event: unknown }) => { messages?: Message[]; keys?: SpendKey[] }

/** Nothing for the actions that only change the context. */
export function said(action: unknown, event: string): Said[] {
  const { type, params } = action as { type?: string; params?: Params }
  if (type === 'reserve' || type === 'release') return [{ verb: type, what: 'its spend keys' }]
  if (type !== 'tell' || params === undefined) return []
  const { messages = [] } = params({ context: SAMPLE, event: { type: event, at: 0, data: SAMPLE } })
  if (messages.length === 0) throw new Error(`the sample in said.ts does not show whom ${event} tells`)
  return messages.map(({ to, event: { type: told } }) => ({ verb: 'tell', to: to.split('/')[0]!, event: told }))
}
