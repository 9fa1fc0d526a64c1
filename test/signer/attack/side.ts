/** What differs between the families that are attacked: what is built, and how what was signed is read. */
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import type { Backend } from './backend.ts'
import type { Bounds, Reading, Truth } from './books.ts'
import type { Dishonest, Sign } from './moves.ts'

export interface Side {
  /** The chain that is attacked, and another one of the same signer. */
  chain: string
  other: string
  yaml: string
  /** So many withdrawals one transaction can pay. */
  maximumPaid: number
  backend: Backend
  bounds: Bounds
  truth: Truth
  /** What can be dishonest about its templates. */
  kinds: readonly Dishonest[]
  /** Null where there is not enough for what the move would pay. */
  templateFor: (move: Sign, intents: readonly AuthorisedIntent[]) => Json | null
  /** Throws for what nobody can have meant to sign. */
  read: (raw: string) => Reading
  /** Whether the template says that it is for this chain's network, where a template says so. */
  isFor: (template: Json) => boolean
}
