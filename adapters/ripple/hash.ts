/** What the ledger hashes with. https://xrpl.org/docs/references/protocol/data-types/basic-data-types#hashes */
import { createHash } from 'node:crypto'

/** The first half of SHA-512, 32 bytes, over the parts one behind the other. */
export function sha512Half(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest().subarray(0, 32))
}
