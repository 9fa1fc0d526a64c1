/**
 * A signer's beginning: keystore, memory and audit log are made together, each naming the others, so that from here on the
 * absence of one is a loss and never a beginning.
 */
import { join } from 'node:path'
import { boundary } from '../../kernel/fault.ts'
import { LEDGER_FILES } from '../../ledger/lowdb/engine.ts'
import { AUDIT } from '../audit/trail.ts'
import type { MemoryBinding } from '../keys/binding.ts'
import { identityOf, type IdentityKey } from '../keys/identity.ts'
import { createKeystore, type Cost } from '../keys/keystore.ts'
import { createSignerMemory } from '../memory/memory.ts'
import { holding, recorded, type OfflinePorts, type Premises } from './recorded.ts'

const ID_BYTES = 16

/** What a signer is made of. */
export interface Establishing {
  passphrase: string
  /** Restores this phrase: what its signer has signed before is not known here. */
  phrase?: string
  /** Backend keys (base64) that have authorised nothing before; they count where a phrase is restored. */
  newKeys: readonly string[]
  /** Who asked, for the audit log. */
  by: string
  /** Of scrypt; for tests. */
  cost?: Cost
}

/** A memory's id, drawn at random: 32 hexadecimal digits. */
export const newLedgerId = ({ random }: Pick<OfflinePorts, 'random'>): string =>
  Buffer.from(random.bytes(ID_BYTES)).toString('hex')

/**
 * Makes all three and answers the phrase, to be shown once. Throws boundary `exists` where a memory or a log is already, and
 * as `createKeystore` does. A crash on the way leaves something that does not start.
 */
export async function establishSigner(
  ports: OfflinePorts,
  { keystore, directory }: Premises,
  { passphrase, phrase, newKeys, by, cost }: Establishing,
): Promise<{ phrase: string; identity: IdentityKey }> {
  await ports.disk.makeDirectory(directory)
  for (const name of [LEDGER_FILES[0], AUDIT])
    if (await ports.disk.exists(join(directory, name)))
      throw boundary('exists', `${join(directory, name)} exists: a new signer needs a directory of its own`)
  const restored: Pick<MemoryBinding, 'began' | 'guard'> = { began: 'restored', guard: { newKeys, known: null } }
  const made: Pick<MemoryBinding, 'began' | 'guard'> = { began: 'made', guard: null }
  const binding = { ledgerId: newLedgerId(ports), generation: 1, ...(phrase === undefined ? made : restored) }
  return holding(ports, directory, async held => {
    const options = { ...(phrase !== undefined && { phrase }), ...(cost && { cost }) }
    const created = await createKeystore(held, keystore, passphrase, binding, options)
    const identity = identityOf(created.seed)
    created.seed.fill(0)
    const deed = { directory, identity, binding, command: 'init', by, about: binding.began, isFirst: true } as const
    await createSignerMemory(held, directory, binding.ledgerId)
    await recorded(held, deed, () => Promise.resolve())
    return { phrase: created.phrase, identity }
  })
}
