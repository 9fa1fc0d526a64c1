/**
 * Voids: no further template is signed for a withdrawal up to a round, for good, and the receipt says what was signed
 * before. Anybody with the watcher's token may ask, because a void only ever stops payments; whether a refund is safe
 * is for the backend to read from the receipt.
 */
import { tell } from '../../../machines/messages.ts'
import { voidId } from '../../../machines/ids.ts'
import { isKind, type InstanceOf } from '../../kernel/entry.ts'
import { boundary, invariant, operating } from '../../kernel/fault.ts'
import type { Log } from '../../kernel/ports.ts'
import type { SignedReceipt, SpendKey } from '../../../machines/vocabulary.ts'
import type { IdentityKey } from '../keys/identity.ts'
import type { SignerMemory } from '../memory/memory.ts'
import { readAt, readKept, readSignedAt } from '../memory/read.ts'
import type { PaidRecord } from '../memory/records.ts'
import type { Allowance } from './allowance.ts'

/** Voids of one withdrawal, which are looked through at each request for it and shown together, where no authorised intent was seen of the round. */
const MAXIMUM_UNSEEN_ROUNDS = 100
/** Each time another attempt is signed for the withdrawal meanwhile, its receipt is begun again. */
const MAXIMUM_TRIES = 100

/** Declares voids, and shows those that are stored. */
export interface Voids {
  /**
   * The receipt, the same for ever; a new one is shown to nobody before the memory is settled. Throws boundary `conflict` when the withdrawal was signed for on another
   * chain, and operating `over-rate` or `too-many-voids`.
   */
  declare: (chain: string, withdrawal: string, round: number) => Promise<{ receipt: SignedReceipt; isNew: boolean }>
  /** What the memory holds, as it is shown. */
  describe(instance: InstanceOf<'void'>): Promise<SignedReceipt>
  /** All of a withdrawal, in the order in which they were declared. */
  of(withdrawal: string): Promise<SignedReceipt[]>
}

/** `now`: milliseconds since 1970 UTC. */
export interface VoidOptions {
  memory: SignerMemory
  identity: IdentityKey
  /** Of rounds that no authorised intent was seen of: whoever makes them up must not fill the memory. */
  unseen: Allowance
  now: () => number
  log: Log
}

/** Of what was signed before the void at `seq`, which no later signature changes. */
async function spentBefore({ records, archive }: SignerMemory, withdrawal: string, seq: number): Promise<SpendKey[]> {
  const templates = records.withdrawal(withdrawal)?.templates ?? []
  const keys = new Set<SpendKey>()
  for (const template of templates.filter(each => each.seq < seq))
    for (const key of (await readSignedAt(archive, template.seq)).spendKeys) keys.add(key)
  return [...keys]
}

/** Voids over a memory; their receipts are made anew each time, and are the same bytes (Ed25519 is deterministic). */
export function createVoids({ memory, identity, unseen, now, log }: VoidOptions): Voids {
  const { records, archive } = memory
  const describe: Voids['describe'] = async ({ seq, context: { chain, withdrawal: id, round, signed } }) => {
    const spendKeys = await spentBefore(memory, id, seq)
    const receipt = { chain, id, purpose: 'lockkeeper-void-v1' as const, round, signed, spendKeys }
    return { ...receipt, ...identity.attestVoid(receipt) }
  }

  const checkBounds = (chain: string, withdrawal: string, round: number): void => {
    if (round <= records.historyOf(chain).roundOf(withdrawal)) return
    if (records.voidsOf(withdrawal).length >= MAXIMUM_UNSEEN_ROUNDS) {
      const message = `${MAXIMUM_UNSEEN_ROUNDS} voids are stored of ${withdrawal}: only of rounds that were seen are more taken`
      throw operating('too-many-voids', message)
    }
    unseen.spend(1)
  }

  const decide = (chain: string, withdrawal: string, round: number, signed: string[]): InstanceOf<'void'> => {
    checkBounds(chain, withdrawal, round)
    const at = now()
    const data = { chain, withdrawal, round, signed }
    const [decided] = memory.change([tell(voidId(chain, withdrawal, round), 'withdrawal.voided', at, data)], at)
    if (decided === undefined) throw invariant('void-lost', `${withdrawal} was voided and nothing changed`)
    log('info', 'voided', data)
    return decided
  }

  const transactionsOf = async ({ templates }: PaidRecord): Promise<string[]> => {
    await memory.settled()
    const ids = new Set<string>()
    for (const { seq } of templates) ids.add((await readSignedAt(archive, seq)).signed.transactionId)
    return [...ids]
  }

  /** What was signed is read from the disk; when meanwhile more is, the list is not complete and is read again. */
  const declareNew = async (chain: string, withdrawal: string, round: number): Promise<InstanceOf<'void'> | null> => {
    for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
      const remembered = records.withdrawal(withdrawal)
      if (remembered !== undefined && remembered.chain !== chain)
        throw boundary('conflict', `${withdrawal} was signed for on the chain ${remembered.chain}, not ${chain}`)
      const signed = remembered === undefined ? [] : await transactionsOf(remembered)
      if (records.keptAt(voidId(chain, withdrawal, round)) !== null) return null
      const known = records.withdrawal(withdrawal)?.templates.length ?? 0
      if (known === (remembered?.templates.length ?? 0)) return decide(chain, withdrawal, round, signed)
    }
    throw operating('busy', `${withdrawal} is being signed for without end: void it again`)
  }

  const declare: Voids['declare'] = async (chain, withdrawal, round) => {
    const id = voidId(chain, withdrawal, round)
    const allow = records.forbid(chain, withdrawal, round)
    const deciding = records.keptAt(id) !== null ? Promise.resolve(null) : declareNew(chain, withdrawal, round)
    const decided = await deciding.finally(allow)
    if (decided !== null) return { receipt: await describe(decided), isNew: true }
    await memory.settled()
    const seq = records.keptAt(id)
    if (seq === null) throw invariant('void-lost', `${id} was declared and is not stored`)
    return { receipt: await describe(await readKept(archive, id, seq)), isNew: false }
  }

  const of: Voids['of'] = async withdrawal => {
    await memory.settled()
    const receipts: SignedReceipt[] = []
    for (const { seq } of records.voidsOf(withdrawal)) {
      const image = await readAt(archive, seq)
      if (!isKind(image, 'void')) throw invariant('void-lost', `seq ${seq} was a void and is none`)
      receipts.push(await describe(image))
    }
    return receipts
  }
  return { declare, describe, of }
}
