/**
 * What the signer has signed and this ledger does not have, because it was lost or restored from an older copy: it is
 * adopted before anything is planned, so that its spend keys are never used again and its bytes are published again.
 */
import { accountId, chainId, transferId, withdrawalId, type Id, type IdOf } from '../../../machines/ids.ts'
import { isIdOf } from '../../../machines/ids.ts'
import { tell, type Message } from '../../../machines/messages.ts'
import { shareFee, type SignedReceipt, type SpendKey } from '../../../machines/vocabulary.ts'
import { isKind, stateOf, type Instance, type InstanceOf } from '../../kernel/entry.ts'
import type { SignedRecord } from '../inbound.ts'
import { tipOf, type RouteView } from './view.ts'
import { onVoided } from './withdrawals.ts'

/** Where it ends without having been paid. */
const UNPAID = ['failed', 'cancelled', 'rejected']

/**
 * Withdrawals that this ledger does not have, has not bound to anything, knows of an earlier round only, or thinks over. What it knows to be
 * paid beyond any reorg stays so, whatever else was signed for it.
 */
function isFree(instance: Instance | undefined, round: number): boolean {
  if (instance === undefined || !isKind(instance, 'withdrawal')) return true
  const { context } = instance
  const state = stateOf(instance)
  if (state === 'final') return false
  if (state === 'queued' || (state === 'held' && context.transfer === null)) return true
  return UNPAID.includes(state) ? round >= context.round : round > context.round
}

function toWithdrawals(
  { memory, policy, at }: RouteView,
  record: SignedRecord,
  transfer: IdOf<'transfer'>,
  { freed, ended }: { freed: ReadonlySet<IdOf<'withdrawal'>>; ended: readonly Instance[] },
): Message[] {
  const known = (id: IdOf<'withdrawal'>) => memory.get(id) ?? ended.find(instance => instance.id === id)
  return record.intents
    .filter(({ id, round }) => freed.has(withdrawalId(id)) || isFree(known(withdrawalId(id)), round))
    .map(intent => {
      const data = { ...intent, required: policy.credit, expiresAtMs: null, transfer }
      return tell(withdrawalId(intent.id), 'withdrawal.adopted', at, data)
    })
}

/** Other live transfers that want what was signed for: its coins, or its withdrawals in the same round. */
function rivalsOf(
  { memory }: RouteView,
  { transferId: hash, spendKeys, intents }: SignedRecord,
): InstanceOf<'transfer'>[] {
  const holders = spendKeys.map(key => memory.holder(key))
  const binders = intents.map(({ id, round }) => {
    const bound = memory.get(withdrawalId(id))?.context
    return bound === undefined || bound.round > round ? null : bound.transfer
  })
  const ids = new Set([...holders, ...binders].filter(id => typeof id === 'string' && isIdOf(['transfer'], id)))
  return [...ids].filter(id => id !== transferId(hash)).flatMap(id => memory.get(id) ?? [])
}

/**
 * What is signed stands, and what is only planned gives way: its coins and withdrawals are free again, those of the record
 * before they are adopted. Of two signed ones the later has the coins: it could be planned only when the earlier was dead.
 */
function displace(
  view: RouteView,
  record: SignedRecord,
): { messages: Message[]; freed: ReadonlySet<IdOf<'withdrawal'>>; kept: ReadonlySet<SpendKey> } {
  const { memory, at } = view
  const rivals = rivalsOf(view, record)
  const unsigned = new Set(rivals.filter(({ context }) => context.signed.length === 0).map(({ id }) => id))
  const freed = record.intents.flatMap(({ id }) => {
    const bound = memory.get(withdrawalId(id))
    const transfer = bound?.context.transfer ?? null
    return bound === undefined || transfer === null || !unsigned.has(transfer) ? [] : [{ id: bound.id, transfer }]
  })
  const reason = `the signer has signed ${record.transactionId} for what it was to pay or to spend`
  const data = { keys: record.spendKeys, reason, height: tipOf(view) }
  const messages = [
    ...freed.map(({ id, transfer }) => tell(id, 'transfer.dissolved', at, { transfer })),
    ...rivals.map(({ id }) => tell(id, 'transfer.displaced', at, data)),
  ]
  // What is in a block has its coins, whatever else was signed for them.
  const mined = rivals.filter(rival => stateOf(rival) !== 'underway')
  const kept = new Set(mined.flatMap(({ context }) => context.spendKeys))
  return { messages, freed: new Set(freed.map(({ id }) => id)), kept }
}

/**
 * What it spends has ended here: spent for good by another, or never made. It is live again for a moment, held by this transfer, so that what ended
 * it ends the transfer too; known anew it would look like money.
 */
function revived(
  { at }: RouteView,
  ended: readonly Instance[],
  { spendKeys }: SignedRecord,
  transfer: IdOf<'transfer'>,
): Message[] {
  const coins: InstanceOf<'coin'>[] = ended.filter(instance => isKind(instance, 'coin'))
  const spent = coins.filter(({ context }) => spendKeys.includes(context.key))
  return spent.map(({ id }) => tell(id, 'ending.revoked', at, { holder: transfer }))
}

interface Listed {
  /** Of what the records are about, what has ended. */
  ended: readonly Instance[]
  /** Spend keys that a later record of the same list has. */
  taken: ReadonlySet<SpendKey>
  /** An earlier one of the list is of the same transfer. */
  isFurther: boolean
  /** One of the list is of the same transfer, and pays withdrawals. */
  isPaying: boolean
}

/** What pays withdrawals. */
const PAYING = { purpose: 'payment', source: 0 } as const

/** It pays nobody, and another one of its transfer does. */
function isCancelling({ memory }: RouteView, { transferId: hash, intents }: SignedRecord, isPaying: boolean): boolean {
  const known = memory.get(transferId(hash))?.context.withdrawals ?? []
  return intents.length === 0 && (isPaying || known.length > 0)
}

function adopt(view: RouteView, record: SignedRecord, { ended, taken, isFurther, isPaying }: Listed): Message[] {
  const { memory, policy, at } = view
  const transfer = transferId(record.transferId)
  const before = ended.find(instance => instance.id === transfer)
  // Another attempt of it is in a block, beyond any reorg, and spends something of this one.
  if (before !== undefined && isKind(before, 'transfer') && before.context.place !== null) return []
  const { messages, freed, kept } = displace(view, record)
  const { n, template, spendKeys, transactionId, raw } = record
  const { fee } = policy.signable.inspect(template)
  const adopted = { n, template, spendKeys, fee, transactionId, raw }
  const attempt = isCancelling(view, record, isPaying) ? { ...adopted, isCancelling: true } : adopted
  const held = policy.book.held(spendKeys)
  const reserves = spendKeys.filter(key => !taken.has(key) && !kept.has(key))
  const known = new Set<Id>(ended.map(({ id }) => id))
  const unknown = [
    ...revived(view, ended, record, transfer),
    ...policy.book.adopt(view, record, transfer).filter(({ to }) => !known.has(to)),
  ]
  const toPaid = toWithdrawals(view, record, transfer, { freed, ended })
  const wasSigned = before !== undefined && isKind(before, 'transfer') && before.context.signed.length > 0
  const first = [...messages, ...unknown, ...toPaid]
  if (isFurther || wasSigned || memory.get(transfer) !== undefined)
    return [...first, tell(transfer, 'attempt.adopted', at, { ...attempt, held, reserves })]
  const withdrawals = shareFee(
    fee,
    record.intents.map(({ id }) => withdrawalId(id)),
  )
  const isPayment = record.intents.length > 0
  const { purpose, source } = isPayment ? PAYING : policy.book.role(template)
  const common = { chain: policy.name, transfer, purpose, account: accountId(policy.name, source), withdrawals }
  const { credit, final, replaceAfterMs } = policy
  // Whether something hangs on when it is mined is not known any more; most often nothing does.
  const depths = { held, credit, final, replaceAfterMs: purpose === 'consolidation' ? null : replaceAfterMs }
  return [...first, tell(transfer, 'transfer.adopted', at, { ...common, ...depths, attempt, reserves })]
}

interface Recalled {
  /** Those whose attempts the ledger lacks, live and archived. */
  records: readonly SignedRecord[]
  /** Everything voided; most is known, or of withdrawals that nobody has asked for here. */
  receipts: readonly SignedReceipt[]
  ended: readonly Instance[]
  until: number
}

const keysOfOthers = ({ transferId }: SignedRecord, records: readonly SignedRecord[]): ReadonlySet<SpendKey> =>
  new Set(records.filter(other => other.transferId !== transferId).flatMap(({ spendKeys }) => spendKeys))

/** What was voided while this ledger was lost or away would be refused for ever, if it were still planned. */
export function onRecalled(view: RouteView, { records, receipts, ended, until }: Recalled): Message[] {
  const { memory, policy, at } = view
  const known = receipts.filter(({ id }) => memory.get(withdrawalId(id)) !== undefined)
  return [
    ...records.flatMap((record, n) =>
      adopt(view, record, {
        ended,
        taken: keysOfOthers(record, records.slice(n + 1)),
        isFurther: records.slice(0, n).some(({ transferId: earlier }) => earlier === record.transferId),
        isPaying: records.some(other => other.transferId === record.transferId && other.intents.length > 0),
      }),
    ),
    ...known.map(receipt =>
      onVoided(view, withdrawalId(receipt.id), { receipt, verdict: 'cancelled', reason: 'voided at the signer' }),
    ),
    tell(chainId(policy.name), 'signer.recalled', at, { until }),
  ]
}
