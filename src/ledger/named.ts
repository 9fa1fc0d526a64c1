/** What instances are asked for by, besides their id and their list: one rule for what is alive and for what has ended. */
import { isIdOf, type Id, type Kind } from '../../machines/ids.ts'
import { claim } from '../kernel/untyped.ts'
import type { Query } from './engine.ts'

/** Names under which an instance is found. A name is null where there is none. */
export interface Names {
  /** Whom the backend knows it by. */
  reference: string | null
  transactionId: string | null
  /** That it pays to, as it was given. */
  address: string | null
}

/** What the API has lists of. */
const NAMED: readonly Kind[] = ['address', 'deposit', 'transfer', 'withdrawal']

interface Nameable {
  reference?: string | null
  transactionId?: string | null
  address?: string
  to?: string
}

interface Image {
  id: Id
  context: object
}

/** Read off the context by field name, whatever the kind and the family. */
export function namesOf({ id, context }: Image): Names {
  const { reference = null, transactionId = null, address, to } = isIdOf(NAMED, id) ? claim<Nameable>(context) : {}
  return { reference, transactionId, address: to ?? address ?? null }
}

/** Hex and bech32 are the same in either case, and no two addresses of one family differ by case alone. */
export const folded = (name: string): string => name.toLowerCase()

const isSame = (name: string | null, asked: string): boolean =>
  name !== null && name.length === asked.length && folded(name) === folded(asked)

/** Whether it has all the names that are asked for. */
export function isNamed(image: Image, { reference, transactionId, address }: Partial<Query>): boolean {
  if (reference === undefined && transactionId === undefined && address === undefined) return true
  const names = namesOf(image)
  return (
    (reference === undefined || names.reference === reference) &&
    (transactionId === undefined || isSame(names.transactionId, transactionId)) &&
    (address === undefined || isSame(names.address, address))
  )
}
