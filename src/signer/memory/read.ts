/** What the records point at, read from the disk by its place. */
import type { SignedTemplate } from '../../../machines/messages.ts'
import type { SigningContext } from '../../../machines/signing.ts'
import type { Id } from '../../../machines/ids.ts'
import { isKind, type Found, type Instance } from '../../kernel/entry.ts'
import { invariant } from '../../kernel/fault.ts'
import type { History } from '../../ledger/engine.ts'

/** The instance as of this transition, which is durable. Throws an invariant fault where there is none. */
export async function readAt(archive: History, seq: number): Promise<Instance> {
  const [found] = await archive.entries(seq - 1, 1)
  if (found?.entry.seq !== seq) throw invariant('record-lost', `seq ${seq} was decided and is not stored`)
  return found.entry.image
}

/** The instance with this id, which is there. Throws an invariant fault where it is another one. */
export async function readKept<I extends Id>(archive: History, id: I, seq: number): Promise<Found<I>> {
  const image = await readAt(archive, seq)
  if (image.id !== id) throw invariant('record-lost', `seq ${seq} was ${id} and is ${image.id}`)
  return image as Found<I>
}

/** Of a transition by which an attempt was signed. */
export async function readSignedAt(
  archive: History,
  seq: number,
): Promise<SigningContext & { signed: SignedTemplate }> {
  const image = await readAt(archive, seq)
  if (!isKind(image, 'signing') || image.context.signed === null)
    throw invariant('record-lost', `seq ${seq} was a signature and is none`)
  return { ...image.context, signed: image.context.signed }
}
