/**
 * What an instance can be found by, besides its id. Read off its context by field name, so that every kind is treated
 * alike: `place`, `conflict` and `spent.place` tie it to a block, `inputs` to what its transaction spends,
 * `transactionId` an attempt to its transaction, `reference` an address to its owner.
 */
import type { Place, SpendKey } from '../../machines/vocabulary.ts'
import type { Instance } from '../kernel/entry.ts'
import { kindOf } from '../kernel/step.ts'

interface Findable {
  chain: string
  place?: Place | null
  conflict?: Place | null
  spent?: { place: Place } | null
  inputs?: SpendKey[]
  transactionId?: string | null
  reference?: string | null
}

export const blockFacet = (chain: string, hash: string): string => `block|${chain}|${hash}`
export const inputFacet = (key: SpendKey): string => `input|${key}`
export const transactionFacet = (chain: string, transactionId: string): string => `tx|${chain}|${transactionId}`
export const referenceFacet = (chain: string, reference: string): string => `reference|${chain}|${reference}`

function addBlocks(facets: string[], { chain, place, conflict, spent }: Findable): void {
  for (const block of [place, conflict, spent?.place]) if (block) facets.push(blockFacet(chain, block.hash))
}

/** The facets of an instance; none when it is not live. */
export function facetsOf(instance: Instance | undefined): string[] {
  if (instance === undefined || instance.ended) return []
  const context = instance.context as unknown as Findable
  const facets: string[] = []
  addBlocks(facets, context)
  const kind = kindOf(instance.id)
  if (kind === 'deposit' || kind === 'coin') for (const key of context.inputs ?? []) facets.push(inputFacet(key))
  if (kind === 'attempt' && context.transactionId) facets.push(transactionFacet(context.chain, context.transactionId))
  if (kind === 'address' && context.reference) facets.push(referenceFacet(context.chain, context.reference))
  return facets
}
