/** What the planner is told of an account by the ledger; what the chain knows of it comes with the facts (gathering.ts). */
import { accountId, attemptId, chainId } from '../../machines/ids.ts'
import type { Json, Place } from '../../machines/vocabulary.ts'
import type { InstanceOf } from '../../src/kernel/entry.ts'
import { balancesOfAccount } from '../accounts.ts'
import type { SourceAccount } from '../adapter.ts'
import type { BookView } from '../book.ts'
import { nonceKey } from './signable.ts'
import type { Draft } from './template.ts'

/** Amounts by asset, base units. */
export type Amounts = Readonly<Record<string, bigint>>

/** One account, as the ledger knows it. */
export interface AccountFunds {
  /**
   * Whether what was read as of this block still says all: the ledger's chain has it, and nothing that was mined above it is final, so that every nonce
   * that it does not know as consumed is held by a transfer.
   */
  standsOn(block: Place): boolean
  /** Whether a transfer holds this nonce of the account. */
  isReserved(nonce: bigint): boolean
  /** Why a transfer of the account has not been signed, where the signer wants something first; null where none waits for that. */
  heldUnsigned(): string | null
  /** What transfers of the account may cost that are in no block up to this height: no balance there knows of them. */
  underWay(height: number): Amounts
  /** What it holds that is deep enough to be moved. */
  confirmed(): Amounts
  /** What it holds that is beyond any reorg. */
  settled(): Amounts
  /** Whether a transfer from it, or one that brings it gas, is not beyond any reorg yet: one at a time (E12). */
  isBusy(): boolean
  /** The treasury, for what it gives to others. */
  treasury(): AccountFunds
}

type Transfer = InstanceOf<'transfer'>

/** Of a template. */
export type ReadDraft = (template: Json) => Draft

/** `read`: as the signer reads a template. */
export function fundsOf(view: BookView, source: SourceAccount, read: ReadDraft): AccountFunds {
  const { memory, policy } = view
  const { name: chain, asset: native } = policy
  const id = accountId(chain, source.index)
  const live = (): Transfer[] => memory.list('transfer', chain)

  const draftsOf = ({ id: transfer, context }: Transfer): Draft[] =>
    Array.from({ length: context.attempts }, (_, n) => memory.get(attemptId(transfer, n + 1))).flatMap(attempt =>
      attempt === undefined ? [] : [read(attempt.context.template)],
    )

  /** The dearest of its attempts: any of them may be the one that is mined. */
  function costOf(transfer: Transfer): Map<string, bigint> {
    const cost = new Map<string, bigint>()
    const raise = (asset: string, amount: bigint) => {
      if (amount > (cost.get(asset) ?? 0n)) cost.set(asset, amount)
    }
    for (const { transfer: sent, payment } of draftsOf(transfer)) {
      raise(native, sent.value + sent.gasLimit * sent.maximumFeePerGas)
      if (payment.asset !== native) raise(payment.asset, payment.amount)
    }
    return cost
  }

  return {
    standsOn({ height, hash }) {
      const followed = memory.get(chainId(chain))?.context
      if (followed === undefined || followed.height >= height + policy.final) return false
      return followed.blocks.some(block => block.hash === hash)
    },
    isReserved: nonce => memory.holder(nonceKey(chain, source.address, nonce)) !== undefined,
    heldUnsigned() {
      const held = live().find(
        ({ context }) => context.account === id && context.signed.length === 0 && context.reason !== null,
      )
      return held?.context.reason ?? null
    },
    underWay(height) {
      const sums: Record<string, bigint> = {}
      const isUnknown = ({ place }: Transfer['context']) => place === null || place.height > height
      const unknown = live().filter(({ context }) => context.account === id && isUnknown(context))
      for (const [asset, amount] of unknown.flatMap(transfer => [...costOf(transfer)]))
        sums[asset] = (sums[asset] ?? 0n) + amount
      return sums
    },
    confirmed: () =>
      Object.fromEntries([...balancesOfAccount(view, id)].map(([asset, sums]) => [asset, sums.confirmed])),
    settled: () =>
      Object.fromEntries(
        Object.entries(memory.get(id)?.context.settled ?? {}).map(([asset, amount]) => [asset, BigInt(amount)]),
      ),
    isBusy: () =>
      live().some(
        transfer =>
          transfer.context.account === id ||
          (transfer.context.purpose === 'funding' &&
            draftsOf(transfer).some(({ payment }) => payment.to === source.address)),
      ),
    treasury: () => fundsOf(view, { index: 0, address: memory.get(accountId(chain, 0))!.context.address }, read),
  }
}
