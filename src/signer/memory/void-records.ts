/** What the signer knows of every void, in memory, rebuilt at every start from the stored instances. */
import type { Id } from '../../../machines/ids.ts'
import type { VoidContext } from '../../../machines/void.ts'
import { firstThat } from '../../kernel/bisect.ts'
import type { InstanceOf } from '../../kernel/entry.ts'
import { appendTo } from '../../kernel/multimap.ts'

/** One void; `at` is milliseconds since 1970 UTC. */
export interface VoidRecord extends Pick<VoidContext, 'chain' | 'withdrawal' | 'round' | 'signed'> {
  /** Its place among everything signed or voided. */
  seq: number
  at: number
}

/** All voids, by withdrawal and by chain. */
export interface VoidRecords {
  learn(instance: InstanceOf<'void'>): void
  has(id: Id): boolean
  find(chain: string, withdrawal: string, round: number): VoidRecord | undefined
  /** In the order in which they were declared. */
  of(withdrawal: string): readonly VoidRecord[]
  /** Every round up to this one is forbidden; 0 when none is. */
  highest(chain: string, withdrawal: string): number
  /** Of one chain, by seq, those above `after` and not above `until`, at most `limit`. */
  list(chain: string, after: number, until: number, limit: number): VoidRecord[]
  count(): number
}

/** Empty: a start lets it learn every void that is stored. */
export function createVoidRecords(): VoidRecords {
  const byWithdrawal = new Map<string, VoidRecord[]>()
  const byChain = new Map<string, VoidRecord[]>()
  const ids = new Set<Id>()

  const of = (withdrawal: string): readonly VoidRecord[] => byWithdrawal.get(withdrawal) ?? []
  return {
    of,
    learn({ id, context, seq, at }) {
      const { chain, withdrawal, round, signed } = context
      const record: VoidRecord = { chain, withdrawal, round, signed, seq, at }
      appendTo(byWithdrawal, withdrawal, record)
      appendTo(byChain, chain, record)
      ids.add(id)
    },
    find: (chain, withdrawal, round) => of(withdrawal).find(record => record.chain === chain && record.round === round),
    highest: (chain, withdrawal) =>
      of(withdrawal).reduce((top, record) => (record.chain === chain ? Math.max(top, record.round) : top), 0),
    list(chain, after, until, limit) {
      const records = byChain.get(chain) ?? []
      const first = firstAbove(records, after)
      return records.slice(first, Math.min(first + limit, firstAbove(records, until)))
    },
    has: id => ids.has(id),
    count: () => ids.size,
  }
}

/** The length when none is. */
const firstAbove = (records: readonly VoidRecord[], seq: number): number =>
  firstThat(records.length, n => records[n]!.seq > seq)
