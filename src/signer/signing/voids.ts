/**
 * Voids: no further template is signed for a withdrawal up to a round, for good, and the receipt says what was signed
 * before. Anybody with the watcher's token may ask, because a void only ever stops payments; whether a refund is safe
 * is for the backend to read from the receipt.
 */
import { tell } from '../../../machines/messages.ts'
import { voidId } from '../../../machines/ids.ts'
import { boundary, operating } from '../../kernel/fault.ts'
import type { Log } from '../../kernel/ports.ts'
import type { SignedReceipt } from '../../../machines/vocabulary.ts'
import type { IdentityKey } from '../keys/identity.ts'
import type { SignerMemory } from '../memory/memory.ts'
import type { VoidRecord } from '../memory/void-records.ts'

/** Voids of rounds that no authorised intent was seen of: whoever makes them up must not fill the memory. */
export interface VoidBounds {
  /** Voids in all, of any chain. */
  voids: number
  /** Of one withdrawal, which are looked through at each request for it and shown together. */
  rounds: number
}

/** What the service starts with. */
export const UNSEEN_BOUNDS: VoidBounds = { voids: 1_000_000, rounds: 100 }

/** Declares voids, and shows those that are stored. */
export interface Voids {
  /**
   * The receipt, durable; the same for ever. Throws boundary `conflict` when the withdrawal was signed for on another
   * chain, and operating `too-many-voids`.
   */
  declare: (chain: string, withdrawal: string, round: number) => Promise<{ receipt: SignedReceipt; isNew: boolean }>
  /** What the memory holds, as it is shown. */
  describe(record: VoidRecord): SignedReceipt
}

/** `now`: milliseconds since 1970 UTC. */
export interface VoidOptions {
  memory: SignerMemory
  identity: IdentityKey
  bounds: VoidBounds
  now: () => number
  log: Log
}

/** Voids over a memory; their receipts are made anew each time, and are the same bytes (Ed25519 is deterministic). */
export function createVoids({ memory, identity, bounds, now, log }: VoidOptions): Voids {
  const { records } = memory
  const describe = ({ chain, withdrawal: id, round, signed }: VoidRecord): SignedReceipt => {
    const receipt = { chain, id, purpose: 'lockkeeper-void-v1' as const, round, signed }
    return { ...receipt, ...identity.attestVoid(receipt) }
  }

  const checkBounds = (withdrawal: string): void => {
    if (records.voids.count() < bounds.voids && records.voids.of(withdrawal).length < bounds.rounds) return
    throw operating(
      'too-many-voids',
      `${bounds.voids} voids are stored, or ${bounds.rounds} of ${withdrawal}: only of rounds that were seen are more taken`,
    )
  }

  const decide = (chain: string, withdrawal: string, round: number): void => {
    const remembered = records.withdrawal(withdrawal)
    if (remembered !== undefined && remembered.intent.chain !== chain) {
      throw boundary('conflict', `${withdrawal} was signed for on the chain ${remembered.intent.chain}, not ${chain}`)
    }
    if (round > records.historyOf(chain).roundOf(withdrawal)) checkBounds(withdrawal)
    const signed = [...new Set(remembered?.templates.map(({ transactionId }) => transactionId))]
    const at = now()
    memory.change(
      [tell(voidId(chain, withdrawal, round), 'withdrawal.voided', at, { chain, withdrawal, round, signed })],
      at,
    )
    log('info', 'voided', { chain, withdrawal, round, signed })
  }

  const declare: Voids['declare'] = async (chain, withdrawal, round) => {
    const isNew = records.voids.find(chain, withdrawal, round) === undefined
    if (isNew) decide(chain, withdrawal, round)
    const receipt = describe(records.voids.find(chain, withdrawal, round)!)
    await memory.settled()
    return { receipt, isNew }
  }
  return { declare, describe }
}
