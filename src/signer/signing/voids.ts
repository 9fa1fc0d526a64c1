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
import type { Identity } from '../keys/identity.ts'
import type { Memory } from '../memory/memory.ts'
import type { VoidRecord } from '../memory/void-records.ts'

/** Voids of rounds that no authorised intent was seen of: whoever makes them up must not fill the memory. */
export interface Room {
  /** Voids in all, of any chain. */
  voids: number
  /** Of one withdrawal, which are looked through at each request for it and shown together. */
  rounds: number
}

export const UNSEEN: Room = { voids: 1_000_000, rounds: 100 }

export interface Voids {
  /**
   * The receipt, durable; the same for ever. Throws boundary `conflict` when the withdrawal was signed for on another
   * chain, and operating `too-many-voids`.
   */
  declare: (chain: string, withdrawal: string, round: number) => Promise<{ receipt: SignedReceipt; isNew: boolean }>
  /** What the memory holds, as it is shown. */
  describe(record: VoidRecord): SignedReceipt
}

export interface VoidParts {
  memory: Memory
  identity: Identity
  room: Room
  now: () => number
  log: Log
}

export function createVoids({ memory, identity, room, now, log }: VoidParts): Voids {
  const { records } = memory
  const describe = ({ chain, withdrawal: id, round, signed }: VoidRecord): SignedReceipt => {
    const receipt = { chain, id, purpose: 'lockkeeper-void-v1' as const, round, signed }
    return { ...receipt, ...identity.attestVoid(receipt) }
  }

  const checkRoom = (withdrawal: string): void => {
    if (records.voids.count() < room.voids && records.voids.of(withdrawal).length < room.rounds) return
    throw operating(
      'too-many-voids',
      `${room.voids} voids are stored, or ${room.rounds} of ${withdrawal}: only of rounds that were seen are more taken`,
    )
  }

  const decide = (chain: string, withdrawal: string, round: number): void => {
    const remembered = records.withdrawal(withdrawal)
    if (remembered !== undefined && remembered.intent.chain !== chain) {
      throw boundary('conflict', `${withdrawal} was signed for on the chain ${remembered.intent.chain}, not ${chain}`)
    }
    if (round > records.historyOf(chain).roundOf(withdrawal)) checkRoom(withdrawal)
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
