/**
 * Arguments that daemons of one family want in different forms: Dogecoin before 1.14.7 wants a boolean where others take
 * getblock's verbosity (https://github.com/dogecoin/dogecoin/issues/1625), and daemons before Core 0.19 want `allowhighfees`
 * where later ones take `maxfeerate`. No version number tells them apart, so a form is tried, and what was understood is kept.
 */
import type { z } from 'zod'
import { refused, RPC_ERROR, type Answer, type Rpc } from './rpc.ts'

/** How daemons complain about an argument's type: they have not looked at what was asked. */
const COMPLAINTS: readonly number[] = [
  RPC_ERROR.misc,
  RPC_ERROR.type,
  RPC_ERROR.invalidParameter,
  RPC_ERROR.invalidParams,
]
const COMPLAINT = /\bbool(ean)?\b|\bnum(ber|eric)?\b|\bint(eger)?\b|JSON value|expected type/i

/** Whether the daemon has not understood the question. */
export const isComplaint = (answer: Answer<unknown>): boolean =>
  !answer.ok && COMPLAINTS.includes(answer.code) && COMPLAINT.test(answer.message)

/** One question with its parameters in both forms. Rejects as `Rpc.ask` does, also when neither form is understood. */
export type AskInForm<Form extends string> = <Result>(
  shape: z.ZodType<Result>,
  errors: readonly number[],
  method: string,
  params: Readonly<Record<Form, readonly unknown[]>>,
) => Promise<Answer<Result>>

/** `forms`: in the order in which they are tried. The node may be exchanged at any time: each complaint tries the other form. */
export function createDialect<Form extends string>(rpc: Rpc, forms: readonly [Form, Form]): AskInForm<Form> {
  let [present, other] = forms

  return async (shape, errors, method, params) => {
    const allowed = [...new Set([...errors, ...COMPLAINTS])]
    let answer = await rpc.ask(shape, allowed, method, ...params[present])
    if (isComplaint(answer)) {
      ;[present, other] = [other, present]
      answer = await rpc.ask(shape, allowed, method, ...params[present])
    }
    if (!answer.ok && (isComplaint(answer) || !errors.includes(answer.code))) throw refused(method, answer)
    return answer
  }
}
