/**
 * What the signer must know of everything it ever signed or voided in order to decide: small, in memory, rebuilt at every start
 * from the stored instances. The templates and bytes themselves stay on disk.
 */
import type { Id, IdOf } from '../../../machines/ids.ts'
import type { AuthorisedIntent, SpendKey } from '../../../machines/vocabulary.ts'
import type { SigningContext } from '../../../machines/signing.ts'
import { isKind, type InstanceOf } from '../../kernel/entry.ts'
import { appendTo } from '../../kernel/multimap.ts'
import type { History } from '../signing/policy.ts'
import { createSpending, type Spending } from './spending.ts'
import { createVoidRecords, type VoidRecords } from './void-records.ts'

/** One signature that pays a withdrawal. */
export interface SignedFor {
  /** Which signing instance. */
  id: IdOf<'signing'>
  round: number
  transactionId: string
  spendKeys: readonly SpendKey[]
}

/** All signatures that pay a withdrawal, in the order of signing. */
export interface WithdrawalRecord {
  /** As signed last. */
  intent: AuthorisedIntent
  templates: SignedFor[]
}

/** What was promised to the outside. */
export type Promised = InstanceOf<'signing' | 'void'>

/** What every decision looks into. */
export interface Records {
  /** Takes in an instance as it now is; in any state but `signed` it may come again. */
  learn(instance: Promised): void
  /** The digest of the request that was signed under this name. */
  digestOf(id: Id): string | undefined
  /** Signed or voided: an end that nothing changes. */
  isKept(id: Id): boolean
  withdrawal(id: string): WithdrawalRecord | undefined
  voids: VoidRecords
  historyOf(chain: string): History
  /** How many attempts were signed, by chain. */
  counts(): ReadonlyMap<string, number>
}

/** Empty: a start lets it learn every instance that is stored, oldest first. */
export function createRecords(): Records {
  const digests = new Map<Id, string>()
  const rounds = new Map<string, number>()
  const withdrawals = new Map<string, WithdrawalRecord>()
  const transfers = new Map<string, SpendKey[][]>()
  const costs = new Map<string, bigint>()
  const spendings = new Map<string, Spending>()
  const counts = new Map<string, number>()
  const voids = createVoidRecords()

  const spendingOf = (chain: string): Spending => {
    const spending = spendings.get(chain) ?? createSpending()
    spendings.set(chain, spending)
    return spending
  }

  /** Of a transfer's attempts only one can confirm: it costs what the dearest costs. */
  const spend = (transfer: string, spending: Spending, cost: bigint, at: number): void => {
    const before = costs.get(transfer) ?? 0n
    if (cost <= before) return
    costs.set(transfer, cost)
    spending.add(at, cost - before)
  }

  const learnSigned = (id: IdOf<'signing'>, context: SigningContext): void => {
    const { chain, transferId, spendKeys, fee, outflow, signed, digest } = context
    if (signed === null || digests.has(id)) return
    digests.set(id, digest)
    counts.set(chain, (counts.get(chain) ?? 0) + 1)
    appendTo(transfers, transferKey(chain, transferId), spendKeys)
    for (const intent of signed.intents) {
      const templates = withdrawals.get(intent.id)?.templates ?? []
      templates.push({ id, round: intent.round, transactionId: signed.transactionId, spendKeys })
      withdrawals.set(intent.id, { intent, templates })
    }
    spend(transferKey(chain, transferId), spendingOf(chain), BigInt(outflow) + BigInt(fee), signed.signedAt)
  }

  const learn: Records['learn'] = instance => {
    if (isKind(instance, 'void')) {
      voids.learn(instance)
      return
    }
    const { id, context } = instance
    for (const [withdrawal, round] of Object.entries(context.rounds)) {
      rounds.set(withdrawal, Math.max(rounds.get(withdrawal) ?? 0, round))
    }
    learnSigned(id, context)
  }

  const historyOf = (chain: string): History => ({
    roundOf: withdrawal => rounds.get(withdrawal) ?? 0,
    voidedRoundOf: withdrawal => voids.highest(chain, withdrawal),
    withdrawal: id => withdrawals.get(id),
    attemptsOf: transferId => transfers.get(transferKey(chain, transferId)) ?? [],
    costOf: transferId => costs.get(transferKey(chain, transferId)) ?? 0n,
    spentSince: at => spendings.get(chain)?.since(at) ?? 0n,
  })

  return {
    learn,
    digestOf: id => digests.get(id),
    isKept: id => digests.has(id) || voids.has(id),
    withdrawal: id => withdrawals.get(id),
    voids,
    historyOf,
    counts: () => counts,
  }
}

const transferKey = (chain: string, transferId: string): string => `${chain}:${transferId}`
