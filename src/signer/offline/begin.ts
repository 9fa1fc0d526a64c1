/**
 * `signer-memory begin`: a person's word that the configured backend keys have authorised nothing before, and that a memory
 * or a log that is missing is lost. What still belongs to the keystore is kept; the rest is moved aside and begun anew.
 */
import { boundary, Fault } from '../../kernel/fault.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { lastSeen } from '../audit/open.ts'
import type { LogOwner } from '../audit/trail.ts'
import type { MemoryBinding } from '../keys/binding.ts'
import { identityIn } from '../keys/identity.ts'
import { bindKeystore, type Cost } from '../keys/keystore.ts'
import { createSignerMemory, memoryIn } from '../memory/memory.ts'
import { AUDIT_FILES, MEMORY_FILES, moveAside } from './aside.ts'
import { newLedgerId } from './establish.ts'
import { holding, recorded, walkPast, type OfflinePorts, type Past, type Premises } from './recorded.ts'

/** Who says that which keys (base64) are new. */
export interface Word {
  passphrase: string
  keys: readonly string[]
  /** Who asked, for the audit log. */
  by: string
  /** Of scrypt; for tests. */
  cost?: Cost
}

/** What is there of a memory and its log. */
export interface Remains {
  /** Null: missing, damaged, or not the one that the keystore names. */
  memory: Past | null
  /** How far the log has seen the memory; null: missing, damaged, or another's. */
  seen: MemoryPosition | null
}

/** Looks at both, and changes nothing. */
export async function surveyRemains(
  { disk }: Pick<OfflinePorts, 'disk'>,
  directory: string,
  owner: LogOwner,
): Promise<Remains> {
  const memory = await orNull(async () => {
    const isOurs = (await memoryIn(disk, directory)) === owner.ledgerId
    return isOurs ? walkPast(disk, directory, owner.ledgerId) : null
  })
  return { memory, seen: await orNull(() => lastSeen(disk, directory, owner)) }
}

/** What is damaged is as good as missing. */
async function orNull<Found>(look: () => Promise<Found | null>): Promise<Found | null> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof Fault && error.type === 'corruptStore') return null
    throw error
  }
}

/** Whether memory and log fit the keystore and each other: a signer would start on them. */
export const isWhole = ({ memory, seen }: Remains): boolean =>
  memory !== null && seen !== null && (seen.sequence === 0 || memory.had(seen))

/** What a begin has done. */
export interface Begun {
  /** Backend keys that count from now on. */
  newKeys: readonly string[]
  /** Where that stands which was replaced. */
  aside: string[]
}

/**
 * Throws boundary `nothing-to-begin` where nothing is missing and nothing is guarded, operating `locked`, and as
 * `openKeystore` does. May be repeated after a crash.
 */
export async function beginMemory(
  ports: OfflinePorts,
  { keystore, directory }: Premises,
  { passphrase, keys, by, cost }: Word,
): Promise<Begun> {
  return holding(ports, directory, async held => {
    const { identity, binding } = await identityIn(held, keystore, passphrase)
    const remains = await surveyRemains(held, directory, { ...binding, key: identity.key })
    const whole = isWhole(remains)
    if (whole && binding.guard === null)
      throw boundary('nothing-to-begin', `the memory in ${directory} is whole: it takes the keys that are configured`)
    const next = nextBinding(held, binding, remains, keys)
    await bindKeystore(held, keystore, passphrase, next, cost)
    const aside = [
      remains.memory === null ? await moveAside(held.disk, directory, MEMORY_FILES) : null,
      whole ? null : await moveAside(held.disk, directory, AUDIT_FILES),
    ].filter(folder => folder !== null)
    if (remains.memory === null) await createSignerMemory(held, directory, next.ledgerId)
    const deed = {
      directory,
      identity,
      binding: next,
      command: 'begin',
      by,
      about: keys.join(' '),
      isFirst: !whole,
    } as const
    await recorded(held, deed, () => Promise.resolve())
    return { newKeys: next.guard!.newKeys, aside }
  })
}

/** Another memory where ours is gone; another beginning wherever the log is new. */
function nextBinding(
  ports: Pick<OfflinePorts, 'random'>,
  { ledgerId, began, generation, guard }: MemoryBinding,
  { memory, seen, ...rest }: Remains,
  keys: readonly string[],
): MemoryBinding {
  const newKeys = [...new Set([...(guard?.newKeys ?? []), ...keys])]
  // Only the sealed log is a witness of how far the memory was: what is left of the memory itself may have been cut.
  const known = guard?.known ?? (seen !== null && seen.sequence > 0 ? seen : null)
  if (isWhole({ memory, seen, ...rest })) return { ledgerId, began, generation, guard: { newKeys, known } }
  const id = memory === null ? newLedgerId(ports) : ledgerId
  return { ledgerId: id, began: 'begun', generation: generation + 1, guard: { newKeys, known } }
}
