/**
 * What the signer has signed and this ledger does not have, because it was lost or restored from an older copy: it is
 * adopted before anything is planned, so that its spend keys are never used again and its bytes are published again.
 */
import type { PaidShare } from '../../../machines/transfer.ts'
import type { AddressContext } from '../../../machines/address.ts'
import type { Addressed, Id, SignedReceipt, SpendKey } from '../../../machines/vocabulary.ts'
import type { WithdrawalContext } from '../../../machines/withdrawal.ts'
import type { Instance } from '../../kernel/entry.ts'
import type { SignedRecord, Voided } from '../inbound.ts'
import { coinId, tipOf, treasuryId, type Ground } from './blocks.ts'
import { shareFee } from './planning.ts'
import { tell } from './tell.ts'

/** Withdrawals that this ledger does not have, has not bound to anything, or knows of an earlier round only. */
function isFree(instance: Instance | undefined, round: number): boolean {
  if (instance === undefined || instance.value === 'queued') return true
  if (instance.value === 'held' && instance.context.transfer === null) return true
  return round > (instance.context.round as number)
}

function toWithdrawals(
  { memory, policy, at }: Ground,
  record: SignedRecord,
  transfer: string,
  freed: ReadonlySet<Id>,
): Addressed[] {
  return record.intents
    .filter(({ id, round }) => freed.has(`withdrawal/${id}`) || isFree(memory.get(`withdrawal/${id}`), round))
    .map(intent => {
      const data = { ...intent, required: policy.credit, expiresAtMs: null, transfer }
      return tell(`withdrawal/${intent.id}`, 'withdrawal.adopted', at, data)
    })
}

/**
 * The coins that the template spends and the ledger does not know: while there was no ledger, what paid them may have been
 * double-spent. Known, they are seen when they are mined, and lost when a conflict is final.
 */
function toCoins({ memory, policy, at }: Ground, record: SignedRecord, holder: Id): Addressed[] {
  const unknown = policy.signable.coins(record.template).filter(({ key }) => memory.get(coinId(key)) === undefined)
  if (unknown.length === 0) return []
  const addresses = memory.list('address', policy.name).map(one => one.context as unknown as AddressContext)
  return unknown.flatMap(({ address, output, ...coin }) => {
    const index = addresses.find(one => one.address === address)?.index
    if (index === undefined) return []
    const origin = {
      chain: policy.name,
      index,
      address,
      asset: policy.asset,
      outputIndex: output,
      own: false,
      place: null,
    }
    const seen = { ...coin, ...origin, ripe: policy.credit, final: policy.final }
    return [tell(coinId(coin.key), 'payment.seen', at, seen), tell(coinId(coin.key), 'coin.reserved', at, { holder })]
  })
}

/** Other live transfers that want what was signed for: its coins, or its withdrawals in the same round. */
function rivalsOf({ memory }: Ground, { transferId, spendKeys, intents }: SignedRecord): Instance[] {
  const holders = spendKeys.map(key => memory.holder(key))
  const binders = intents.map(({ id, round }) => {
    const bound = memory.get(`withdrawal/${id}`)?.context as unknown as WithdrawalContext | undefined
    return bound === undefined || bound.round > round ? null : bound.transfer
  })
  const ids = new Set([...holders, ...binders].filter(id => typeof id === 'string'))
  return [...ids].filter(id => id !== `transfer/${transferId}`).flatMap(id => memory.get(id) ?? [])
}

/**
 * What is signed stands, and what is only planned gives way: its coins and withdrawals are free again, those of the record
 * before they are adopted. Of two signed ones the later has the coins: it could be planned only when the earlier was dead.
 */
function displace(ground: Ground, record: SignedRecord): { messages: Addressed[]; freed: ReadonlySet<Id> } {
  const { memory, at } = ground
  const rivals = rivalsOf(ground, record)
  const unsigned = new Set(
    rivals.filter(({ context }) => (context.signed as string[]).length === 0).map(({ id }) => id),
  )
  const freed = record.intents
    .map(({ id }) => memory.get(`withdrawal/${id}`))
    .filter(bound => bound !== undefined && unsigned.has(bound.context.transfer as Id)) as Instance[]
  const reason = `the signer has signed ${record.transactionId} for what it was to pay or to spend`
  const data = { keys: record.spendKeys, reason, height: tipOf(ground) }
  const messages = [
    ...freed.map(({ id, context }) => tell(id, 'transfer.dissolved', at, { transfer: context.transfer })),
    ...rivals.map(({ id }) => tell(id, 'transfer.displaced', at, data)),
  ]
  return { messages, freed: new Set(freed.map(({ id }) => id)) }
}

/** `taken`: spend keys that a later record of the same list has. */
function adopt(ground: Ground, record: SignedRecord, taken: ReadonlySet<SpendKey>): Addressed[] {
  const { memory, policy, at } = ground
  const { messages, freed } = displace(ground, record)
  const transfer = `transfer/${record.transferId}`
  const { n, template, spendKeys, transactionId, raw } = record
  const { fee } = policy.signable.inspect(template)
  const attempt = { n, template, spendKeys, fee, transactionId, raw }
  if (memory.get(transfer) !== undefined) return [...messages, tell(transfer, 'attempt.adopted', at, attempt)]
  const withdrawals: PaidShare[] = shareFee(
    fee,
    record.intents.map(({ id }) => `withdrawal/${id}`),
  )
  const purpose = record.intents.length > 0 ? 'payment' : 'consolidation'
  const common = { chain: policy.name, transfer, purpose, account: treasuryId(policy.name), withdrawals }
  const depths = { coins: spendKeys.map(coinId), credit: policy.credit, final: policy.final }
  const reserves = spendKeys.filter(key => !taken.has(key))
  return [
    ...messages,
    ...toCoins(ground, record, transfer),
    ...toWithdrawals(ground, record, transfer, freed),
    tell(transfer, 'transfer.adopted', at, { ...common, ...depths, attempt, reserves }),
  ]
}

/** Whoever asked for the void: nothing more is signed, and what was signed is in the receipt. */
export const toVoided = (ground: Ground, id: Id, { receipt, verdict, reason }: Voided): Addressed =>
  tell(id, 'withdrawal.voided', ground.at, { receipt, verdict, reason, height: tipOf(ground) })

interface Recalled {
  /** Those whose attempts the ledger lacks, live and archived. */
  records: readonly SignedRecord[]
  /** Everything voided; most is known, or of withdrawals that nobody has asked for here. */
  receipts: readonly SignedReceipt[]
  until: number
}

const keysOfOthers = ({ transferId }: SignedRecord, records: readonly SignedRecord[]): ReadonlySet<SpendKey> =>
  new Set(records.filter(other => other.transferId !== transferId).flatMap(({ spendKeys }) => spendKeys))

/** What was voided while this ledger was lost or away would be refused for ever, if it were still planned. */
export function onRecalled(ground: Ground, { records, receipts, until }: Recalled): Addressed[] {
  const { memory, policy, at } = ground
  const known = receipts.filter(({ id }) => memory.get(`withdrawal/${id}`) !== undefined)
  return [
    ...records.flatMap((record, n) => adopt(ground, record, keysOfOthers(record, records.slice(n + 1)))),
    ...known.map(receipt =>
      toVoided(ground, `withdrawal/${receipt.id}`, { receipt, verdict: 'cancelled', reason: 'voided at the signer' }),
    ),
    tell(`chain/${policy.name}`, 'signer.recalled', at, { until }),
  ]
}
