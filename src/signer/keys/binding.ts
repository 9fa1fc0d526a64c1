/**
 * Which memory belongs to a keystore, authenticated with it: a keystore alone, of whatever age, is no new signer, and a
 * memory that is missing is not an empty one.
 */
import { z } from 'zod'
import { boundary } from '../../kernel/fault.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'

/** How the memory began: with the keystore; after its phrase was restored; by a person's word; from an export. */
export type Beginning = 'made' | 'restored' | 'begun' | 'imported'

/**
 * The memory may lack what the signer has signed before: an authorisation of then would be good again. So only backend keys
 * count that have authorised nothing before.
 */
export interface Guard {
  /** Base64, as in `authorisation.keys`. */
  newKeys: readonly string[]
  /** How far the memory was that is missing; null where nobody knows. */
  known: MemoryPosition | null
}

export interface MemoryBinding {
  ledgerId: string
  began: Beginning
  /** How often it has begun, from 1: an older copy of the keystore does not fit the audit log of a later beginning. */
  generation: number
  /** Null: the memory is whole. */
  guard: Guard | null
}

const MAXIMUM_NEW_KEYS = 1000

/** As it stands in the keystore's header: flat, because canonical JSON is. */
export const bindingFields = {
  ledgerId: z.string().regex(/^[0-9a-f]{32}$/),
  began: z.enum(['made', 'restored', 'begun', 'imported']) satisfies z.ZodType<Beginning>,
  generation: z.int().min(1),
  newKeys: z.array(z.string()).max(MAXIMUM_NEW_KEYS).nullable(),
  knownSequence: z.int().min(0).nullable(),
  knownHash: z.string().nullable(),
}
type Fields = { [Name in keyof typeof bindingFields]: z.output<(typeof bindingFields)[Name]> }

/** As it is written. */
export const fieldsOf = ({ ledgerId, began, generation, guard }: MemoryBinding): Fields => ({
  ledgerId,
  began,
  generation,
  newKeys: guard === null ? null : [...guard.newKeys],
  knownSequence: guard?.known?.sequence ?? null,
  knownHash: guard?.known?.hash ?? null,
})

/** As it was read. */
export function bindingOf({ newKeys, knownSequence, knownHash, ...fixed }: Fields): MemoryBinding {
  const known = knownSequence === null || knownHash === null ? null : { sequence: knownSequence, hash: knownHash }
  const { ledgerId, began, generation } = fixed
  return { ledgerId, began, generation, guard: newKeys === null ? null : { newKeys, known } }
}

/** Throws a boundary fault `configuration` for a backend key that may have authorised something before (S3). */
export function refuseOldKeys({ began, guard }: MemoryBinding, keys: readonly string[]): void {
  const index = keys.findIndex(key => guard?.newKeys.includes(key) === false)
  if (index < 0) return
  const why =
    began === 'restored' ? 'this keystore was restored from its phrase' : 'a part of the memory may be missing'
  throw boundary(
    'configuration',
    `authorisation.keys.${index}: ${why}, and what was authorised with an old key could be paid again: use keys that ` +
      'have authorised nothing, and say so (lockkeeper signer-memory begin), or import all of the memory and show that ' +
      'it is all (lockkeeper signer-memory import --seen)',
  )
}
