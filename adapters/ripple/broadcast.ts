/**
 * Sending a signed transaction, and finding out what became of it. What a server answers to `submit` is never final (X8, X21): only
 * the identical bytes are sent again (X6), and the outcome is read from validated ledgers alone.
 * https://xrpl.org/docs/concepts/transactions/reliable-transaction-submission
 */
import { decode } from 'ripple-binary-codec'
import { z } from 'zod'
import type { Place } from '../../machines/vocabulary.ts'
import { operating, reasonOf } from '../../src/kernel/fault.ts'
import type { Located, Published, Signed } from '../adapter.ts'
import type { Answer, Rpc } from './rpc.ts'
import { readServer } from './server.ts'
import { accountShape, existingShape, foundShape, headerShape, searchedShape, submittedShape } from './shapes.ts'

/** A transaction may stand in a ledger for so many from the one on which it was planned: a minute and more (X20). */
export const LIFETIME_LEDGERS = 20
/** In front of its last one all are searched in which it can stand. */
const SEARCHED_LEDGERS = 5 * LIFETIME_LEDGERS

type Verdict = 'accepted' | 'known' | 'look' | 'waits' | 'refused'

/** What preliminary results mean. What is not named goes by its class. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  tesSUCCESS: 'accepted',
  terQUEUED: 'accepted',
  tefALREADY: 'known',
  // Its place is spent, by itself perhaps.
  tefPAST_SEQ: 'look',
  tefNO_TICKET: 'look',
  telNETWORK_ID_MAKES_TX_NON_CANONICAL: 'refused',
  telREQUIRES_NETWORK_ID: 'refused',
  telWRONG_NETWORK: 'refused',
}
/** `tel`, `tef` and `ter` are of this server and of this moment; with `fail_hard` a `tec` is not relayed, and passes perhaps. */
const WAITING = /^(tel|tef|ter)/

const verdictOf = (result: string): Verdict => VERDICTS[result] ?? (WAITING.test(result) ? 'waits' : 'refused')

const signedShape = z.object({
  Account: z.string(),
  LastLedgerSequence: z.number(),
  Sequence: z.number(),
  TicketSequence: z.number().optional(),
})

/** How transactions leave, and where they are. */
export interface Broadcast {
  /** Rejects with an operating fault only when nothing was sent. */
  publish(transaction: Signed): Promise<Published>
  locate(transaction: Signed): Promise<Located>
}

/** Over one server. */
export function createBroadcast(rpc: Rpc): Broadcast {
  return {
    publish: transaction => publish(rpc, transaction),
    locate: transaction => locate(rpc, transaction),
  }
}

async function publish(rpc: Rpc, transaction: Signed): Promise<Published> {
  let answer: Answer<z.infer<typeof submittedShape>>
  try {
    answer = await rpc.ask(submittedShape, ['invalidTransaction'], 'submit', {
      tx_blob: transaction.raw,
      fail_hard: true,
    })
  } catch (error) {
    // It may have arrived: whoever asks looks, and sends the same bytes again.
    return { kind: 'unknown', reason: reasonOf(error) }
  }
  if (!answer.ok) return { kind: 'refused', reason: answer.error.message }
  const { engine_result: result, engine_result_message: words } = answer.result
  const reason = `${result}: ${words}`
  switch (verdictOf(result)) {
    case 'accepted':
      return { kind: 'accepted' }
    case 'known':
      return { kind: 'known' }
    case 'look':
      return (await locate(rpc, transaction)).kind === 'absent' ? { kind: 'refused', reason } : { kind: 'known' }
    case 'waits':
      return { kind: 'unknown', reason }
    case 'refused':
      return { kind: 'refused', reason }
  }
}

async function locate(rpc: Rpc, { transactionId, raw }: Signed): Promise<Located> {
  const signed = signedShape.parse(decode(raw))
  const last = signed.LastLedgerSequence
  const range = { min_ledger: Math.max(1, last - SEARCHED_LEDGERS), max_ledger: last }
  const answer = await rpc.ask(foundShape, ['txnNotFound'], 'tx', { transaction: transactionId, ...range })
  if (answer.ok) {
    const { validated, ledger_index, ledger_hash } = answer.result
    if (!validated || ledger_index === undefined) return { kind: 'pending' }
    return { kind: 'placed', place: { height: ledger_index, hash: ledger_hash ?? (await hashOf(rpc, ledger_index)) } }
  }
  const { tip } = await readServer(rpc)
  if (tip.height < last) return { kind: 'absent' }
  if (await isUnspent(rpc, signed, tip)) return { kind: 'expired', at: tip }
  if (searchedShape.parse(answer.error.detail).searched_all) return { kind: 'absent' }
  throw operating(
    'node-lacks-history',
    `the server cannot say what became of ${transactionId}: it does not have all ledgers up to ${last}; use one with a longer history`,
  )
}

async function hashOf(rpc: Rpc, height: number): Promise<string> {
  const { validated, ledger } = await rpc.call(headerShape, 'ledger', { ledger_index: height })
  if (!validated) throw operating('node-behind', `the server has not validated ledger ${height} yet`)
  return ledger.ledger_hash
}

/** X7: whether what it would consume is still there, as of one validated ledger. */
async function isUnspent(rpc: Rpc, signed: z.infer<typeof signedShape>, { hash }: Place): Promise<boolean> {
  const { Account: account, Sequence, TicketSequence: ticket_seq } = signed
  const at = { ledger_hash: hash }
  if (ticket_seq === undefined) {
    const { account_data } = await rpc.call(accountShape, 'account_info', { account, ...at })
    return account_data.Sequence <= Sequence
  }
  const found = await rpc.ask(existingShape, ['entryNotFound'], 'ledger_entry', {
    ticket: { account, ticket_seq },
    ...at,
  })
  return found.ok
}
