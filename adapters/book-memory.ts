/** What a family's book reads of the live instances: those that have not ended. */
import type { IdOf, Kind } from '../machines/ids.ts'
import type { Instance, InstanceOf } from '../src/kernel/entry.ts'
import type { Facet } from '../src/kernel/facets.ts'
import type { Ordered } from '../src/kernel/ordered.ts'
import type { Memory } from '../src/kernel/step.ts'

/** What an instance is worth to whoever plans. */
export interface Worth {
  /** Base units. */
  amount: bigint
  /** It counts in the sum of what is ready to be spent. */
  isReady: boolean
  instance: Instance
}

/** Of a chain, whatever its book finds worth something, each once. */
export interface Worths {
  /** By amount, then by id. Not to be changed or kept. */
  readonly order: Pick<Ordered<Worth>, 'upwards' | 'downwards' | 'size'>
  /** What the ready ones come to. */
  ready: bigint
}

/** What a book reads of the live instances: those that have not ended. */
export interface BookMemory extends Memory {
  /** By seq; of one chain and one top-level state where said. */
  list<K extends Kind>(kind: K, chain?: string, state?: string): InstanceOf<K>[]
  /** Who has this facet. */
  find<K extends Kind>(facet: Facet<K>): IdOf<K>[]
  /** One of those who have it, or undefined. */
  one<K extends Kind>(facet: Facet<K>): IdOf<K> | undefined
  /** Kept in order, because there may be a hundred thousand. */
  worths(chain: string): Worths
}
