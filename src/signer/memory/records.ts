/**
 * What the signer must know of everything it ever signed or voided in order to decide: in memory, about 200 bytes for a
 * withdrawal of one attempt. The templates, intents and receipts themselves stay on disk, where `seq` finds them.
 */
import { nameOf, type Id } from '../../../machines/ids.ts'
import type { Intent } from '../../../machines/vocabulary.ts'
import type { SigningContext } from '../../../machines/signing.ts'
import { isKind, type InstanceOf } from '../../kernel/entry.ts'
import type { CostAsset, SigningHistory } from '../signing/policy.ts'
import { createAddressBook, type AddressBook } from './address-book.ts'
import { encodeFact, MAXIMUM_COST, type MemoryFact, type Fingerprints } from './facts.ts'
import { createSignedRecords, type SignedRecords } from './signed-records.ts'
import { createSpending, type Spending } from './spending.ts'

/** One void: a round of a withdrawal, and where the memory has it. */
export interface VoidRecord {
  chain: string
  round: number
  seq: number
}

/** All signatures that pay a withdrawal, in the order of signing. */
export interface PaidRecord {
  /** On which it was signed. */
  chain: string
  /** Whether an intent asks for the same, but for its round, its time and its approvals. */
  isSame(intent: Intent): boolean
  /** `attempt`: its number among all; `seq`: where the memory has it. */
  templates: { attempt: number; round: number; seq: number }[]
}

/** What was promised to the outside. */
export type Promised = InstanceOf<'signing' | 'void'>

/** What every decision looks into. */
export interface Records {
  /** Takes in an instance as it now is; in any state but `signed` it may come again. */
  learn(instance: Promised): void
  /** Takes in what was learned before. */
  take(fact: MemoryFact): void
  /** Of what is signed or voided, an end that nothing changes: where the memory has it. Null of everything else. */
  keptAt(id: Id): number | null
  /** Where the memory has what was signed and voided on a chain: sequences above `after`, rising, at most `limit`. */
  promisedOn(chain: string, after: number, limit: number): number[]
  /** Nothing is signed up to this round while its void is on its way; the answer calls it off. */
  forbid(chain: string, withdrawal: string, round: number): () => void
  withdrawal(id: string): PaidRecord | undefined
  /** In the order in which they were declared. */
  voidsOf(withdrawal: string): VoidRecord[]
  historyOf(chain: string): SigningHistory
  addressesOf(chain: string): AddressBook
  /** How many attempts were signed, by chain. */
  counts(): ReadonlyMap<string, number>
}

type Learned = (bytes: Buffer, seq: number) => void

/** No chain's name holds a slash. */
const spendingName = (chain: string, asset: CostAsset): string => (asset === null ? chain : `${chain}/${asset}`)

/** All facts so far. `learned` is told of each new one. */
function createFacts(fingerprints: Fingerprints, learned: Learned, expectedBytes: number) {
  const chains: string[] = []
  const assets: string[] = []
  const spendings = new Map<string, Spending>()
  const counts = new Map<string, number>()
  const books = new Map<string, AddressBook>()
  const signed = createSignedRecords(expectedBytes)

  const found = <Value>(values: Map<string, Value>, chain: string, make: () => Value): Value => {
    const value = values.get(chain) ?? make()
    values.set(chain, value)
    return value
  }
  const spendingOf = (chain: string, asset: CostAsset) => found(spendings, spendingName(chain, asset), createSpending)
  const tell = (fact: MemoryFact, seq: number): void => {
    take(fact)
    learned(encodeFact(fact), seq)
  }
  const chainNumber = (name: string, seq: number): number => {
    if (!chains.includes(name)) tell({ kind: 'chain', name }, seq)
    return chains.indexOf(name)
  }
  const assetNumber = (name: string, seq: number): number => {
    if (!assets.includes(name)) tell({ kind: 'asset', name }, seq)
    return assets.indexOf(name)
  }
  const addressesOf = (chain: string): AddressBook =>
    found(books, chain, () =>
      createAddressBook(fingerprints, (first, keys, seq) => {
        learned(encodeFact({ kind: 'addresses', chain: chainNumber(chain, seq), first, keys }), seq)
      }),
    )

  const take: Records['take'] = fact => {
    if (fact.kind === 'chain') chains.push(fact.name)
    else if (fact.kind === 'asset') assets.push(fact.name)
    else if (fact.kind === 'round') signed.raise(fact.withdrawal, fact.round)
    else if (fact.kind === 'voided') signed.void(fact)
    else if (fact.kind === 'addresses') addressesOf(chains[fact.chain]!).take(fact.first, fact.keys)
    else if (fact.kind === 'signed') {
      const chain = chains[fact.chain]!
      counts.set(chain, (counts.get(chain) ?? 0) + 1)
      const { cost, tokens } = signed.sign(fact)
      spendingOf(chain, null).add(fact.at, cost)
      for (const token of tokens) spendingOf(chain, assets[token.asset]!).add(fact.at, token.cost)
    }
  }

  return { chains, assets, spendings, counts, signed, tell, take, chainNumber, assetNumber, addressesOf }
}
type Facts = ReturnType<typeof createFacts>

/** By the names that the machines' ids are made of. */
function keptIn({ chains, signed }: Facts, fingerprints: Fingerprints, id: Id): number | null {
  const name = nameOf(id)
  if (id.startsWith('void/')) {
    const [chain, end] = [name.indexOf(':'), name.lastIndexOf('@')]
    const withdrawal = fingerprints.key('withdrawal', name.slice(chain + 1, end))
    const round = Number(name.slice(end + 1))
    const number = chains.indexOf(name.slice(0, chain))
    const found = signed.voidsOf(withdrawal).find(each => each.chain === number && each.round === round)
    return found?.seq ?? null
  }
  const end = name.lastIndexOf(':')
  const attempt = signed.attempt(fingerprints.key('transfer', name.slice(0, end)), Number(name.slice(end + 1)))
  return attempt === undefined ? null : signed.seqOf(attempt)
}

const bounded = (cost: bigint): bigint => (cost > MAXIMUM_COST ? MAXIMUM_COST : cost)

/** From instances to facts. */
function createLearning(facts: Facts, fingerprints: Fingerprints): Pick<Records, 'learn' | 'keptAt'> {
  const { signed, tell, chainNumber, assetNumber } = facts
  const keptAt = (id: Id) => keptIn(facts, fingerprints, id)

  const learnSigned = (id: Id, seq: number, context: SigningContext): void => {
    if (context.signed === null || keptAt(id) !== null) return
    const { intents, signedAt } = context.signed
    const fact: MemoryFact = {
      kind: 'signed',
      chain: chainNumber(context.chain, seq),
      transfer: fingerprints.key('transfer', transferName(context.chain, context.transferId)),
      n: context.n,
      seq,
      at: signedAt,
      cost: bounded(BigInt(context.outflow) + BigInt(context.fee)),
      tokens: Object.entries(context.tokens).map(([asset, cost]) => ({
        asset: assetNumber(asset, seq),
        cost: bounded(BigInt(cost)),
      })),
      isBinding: context.bindsSpendKeys,
      marks: Buffer.concat(context.spendKeys.map(key => fingerprints.mark('spend-key', key))),
      intents: intents.map(intent => ({
        withdrawal: fingerprints.key('withdrawal', intent.id),
        round: intent.round,
        terms: termsOf(fingerprints, intent),
      })),
    }
    tell(fact, seq)
  }

  const learn: Records['learn'] = instance => {
    const { id, seq } = instance
    if (isKind(instance, 'void')) {
      const { chain, withdrawal, round } = instance.context
      if (keptAt(id) !== null) return
      const key = fingerprints.key('withdrawal', withdrawal)
      tell({ kind: 'voided', chain: chainNumber(chain, seq), withdrawal: key, round, seq }, seq)
      return
    }
    // What is signed tells its rounds itself.
    learnSigned(id, seq, instance.context)
    for (const [name, round] of Object.entries(instance.context.rounds)) {
      const withdrawal = fingerprints.key('withdrawal', name)
      if (round > signed.roundOf(withdrawal)) tell({ kind: 'round', withdrawal, round }, seq)
    }
  }

  return { learn, keptAt }
}

/**
 * Empty. `learned` is told of each new fact, as it is stored; `seq`: of the transition that it follows from. `expectedBytes`: so much
 * will be taken in at once.
 */
export function createRecords(fingerprints: Fingerprints, learned: Learned, expectedBytes = 0): Records {
  const facts = createFacts(fingerprints, learned, expectedBytes)
  const { chains, assets, signed, spendings, counts, take, addressesOf } = facts
  const { learn, keptAt } = createLearning(facts, fingerprints)
  /** Voids that are not in the memory yet. */
  const forbidden = new Set<{ chain: string; withdrawal: string; round: number }>()

  const forbid: Records['forbid'] = (chain, withdrawal, round) => {
    const one = { chain, withdrawal, round }
    forbidden.add(one)
    return () => void forbidden.delete(one)
  }

  const voidsOf: Records['voidsOf'] = withdrawal =>
    signed
      .voidsOf(fingerprints.key('withdrawal', withdrawal))
      .map(({ chain, round, seq }) => ({ chain: chains[chain]!, round, seq }))

  const withdrawal: Records['withdrawal'] = id => {
    const kept = signed.withdrawal(fingerprints.key('withdrawal', id))
    if (kept === undefined) return undefined
    const isSame = (intent: Intent) => Buffer.from(kept.terms).equals(termsOf(fingerprints, intent))
    return { chain: chains[kept.chain]!, isSame, templates: kept.templates }
  }

  const historyOf = (chain: string): SigningHistory => {
    const transferKey = (transferId: string) => fingerprints.key('transfer', transferName(chain, transferId))
    return {
      roundOf: id => signed.roundOf(fingerprints.key('withdrawal', id)),
      voidedRoundOf(id) {
        const pending = [...forbidden].filter(({ withdrawal: name }) => name === id)
        const rounds = [...voidsOf(id), ...pending].filter(each => each.chain === chain).map(({ round }) => round)
        return rounds.reduce((top, round) => Math.max(top, round), 0)
      },
      withdrawal,
      attemptsOf: transferId => signed.attemptsOf(transferKey(transferId)),
      boundBy: spendKey => signed.boundBy(fingerprints.mark('spend-key', spendKey)),
      paidBy(attempt) {
        const paid = signed.paidBy(attempt)
        return {
          count: paid.count,
          pays: (id, round) => paid.pays(fingerprints.key('withdrawal', id), round),
          areVoided: paid.areVoidedOn(chains.indexOf(chain)),
        }
      },
      costOf(transferId, asset) {
        if (asset === null) return signed.costOf(transferKey(transferId))
        const number = assets.indexOf(asset)
        return number === -1 ? 0n : signed.tokenCostOf(transferKey(transferId), number)
      },
      sharing: spendKeys => sharingOf(signed, fingerprints, spendKeys),
      spentSince: (at, asset) => spendings.get(spendingName(chain, asset))?.since(at) ?? 0n,
    }
  }

  const promisedOn: Records['promisedOn'] = (chain, after, limit) =>
    signed.promisedOn(chains.indexOf(chain), after, limit)

  const tables = { withdrawal, voidsOf, historyOf, addressesOf, promisedOn, counts: () => counts }
  return { learn, take, keptAt, forbid, ...tables }
}

/** Whether an attempt spends one of these keys; told once of each attempt, which many withdrawals share. */
function sharingOf(
  signed: SignedRecords,
  fingerprints: Fingerprints,
  spendKeys: readonly string[],
): (attempt: number) => boolean {
  const spent = new Set(spendKeys.map(key => textOf(fingerprints.mark('spend-key', key))))
  const told = new Map<number, boolean>()
  return attempt => {
    const known = told.get(attempt) ?? signed.marksOf(attempt).some(mark => spent.has(textOf(mark)))
    told.set(attempt, known)
    return known
  }
}

const textOf = (mark: Uint8Array): string => Buffer.from(mark.buffer, mark.byteOffset, mark.length).toString('latin1')

const transferName = (chain: string, transferId: string): string => `${chain}:${transferId}`

/** Without the round, and what may change between rounds. */
const termsOf = (fingerprints: Fingerprints, { chain, asset, to, dataField, amount }: Intent): Uint8Array =>
  fingerprints.mark('intent', JSON.stringify([chain, asset, to, dataField, amount]))
