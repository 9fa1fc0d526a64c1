/** What the backend has authorised with two of its three keys, in a world where somebody has stolen the third. */
import type { AuthorisedIntent, Intent } from '../../../machines/vocabulary.ts'
import { intentBytes, publicKeyOf, signBytes } from '../../../src/canonical.ts'
import * as rigs from '../rig.ts'
import { authorised, intent } from '../rig.ts'
import { ORDINARY, type Twist } from './moves.ts'

export const START_MS = Date.parse('2026-01-01T00:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000
const STOLEN = new Uint8Array(32).fill(6)
/** No address of any chain. */
export const NOWHERE = 'nowhere'
export const NEVER_REACHED = 10_000_000
export const KEYS = [rigs.BACKEND, rigs.SECOND_BACKEND, STOLEN].map(publicKeyOf)

export interface BackendOptions {
  chain: string
  other: string
  /** What a withdrawal is paid in. */
  assetOf: (w: number) => string
  /** Nobody's unless said. */
  dataFieldOf?: (w: number) => string | null
  payees: readonly [string, string]
  blocked: string
  thief: string
}

export interface Backend {
  authorised: readonly AuthorisedIntent[]
  /** The intents of one request, as the thief shows them. */
  intentsFor: (pays: readonly number[], round: number, twist: Twist) => AuthorisedIntent[]
}

const approved = (plain: Intent): AuthorisedIntent => authorised(plain, rigs.BACKEND, rigs.SECOND_BACKEND)
/** Of every second one the backend asks for more in the second round: its mistake. */
const more = (w: number, round: number) => (w % 2 === 1 && round === 2 ? 1n : 0n)

/**
 * Both rounds of every ordinary withdrawal but the last, which the backend has asked for once; one to a destination
 * that the operator has blocked, one whose second round goes elsewhere, one that belongs on another chain, one that
 * nothing can pay, one that asks for a memory which this signer has never had.
 */
function authorisedBy({ chain, other, assetOf, dataFieldOf, payees, blocked }: BackendOptions): AuthorisedIntent[] {
  const made = (w: number, amount: bigint, changes: Partial<Intent>) =>
    approved(
      intent(`w-${w}`, amount, {
        ...{ chain, asset: assetOf(w), to: payees[0], dataField: dataFieldOf?.(w) ?? null },
        ...changes,
      }),
    )
  const ordinary = (w: number, round: number) =>
    made(w, 700_000n + 50_000n * BigInt(w) + more(w, round), {
      to: payees[w % 2]!,
      round,
      expiresAt: w < 2 ? new Date(START_MS + (w + 1) * DAY_MS).toISOString() : null,
    })
  const odd = (n: number, changes: Partial<Intent>) => made(ORDINARY + n, 650_000n, changes)
  return [
    ...Array.from({ length: ORDINARY }, (_, w) => (w === ORDINARY - 1 ? [1] : [1, 2]).map(n => ordinary(w, n))).flat(),
    odd(0, { to: blocked }),
    odd(1, {}),
    odd(1, { to: payees[1], round: 2 }),
    odd(2, { chain: other }),
    odd(3, { to: NOWHERE }),
    odd(4, { memory: NEVER_REACHED }),
  ]
}

export const withdrawalOf = ({ id }: Intent): number => Number(id.slice('w-'.length))

export function createBackend(options: BackendOptions): Backend {
  const all = authorisedBy(options)
  return { authorised: all, intentsFor: (pays, round, twist) => shownFor(all, options.thief, pays, round, twist) }
}

function shownFor(
  all: readonly AuthorisedIntent[],
  thief: string,
  pays: readonly number[],
  round: number,
  twist: Twist,
): AuthorisedIntent[] {
  const found = pays.map(w => all.find(each => each.id === `w-${w}` && each.round === round) ?? all[0]!)
  switch (twist.kind) {
    case 'destination':
      return found.map(each => ({ ...each, to: thief }))
    case 'forged round':
      return found.map(each => ({ ...each, round: twist.round }))
    case 'forged expiry':
      return found.map(each => ({ ...each, expiresAt: each.expiresAt === null ? '2027-01-01T00:00:00Z' : null }))
    case 'unsigned':
      return found.map(each => ({ ...each, authorisations: [] }))
    case 'one key':
      return found.map(each => signedAlone({ ...each, to: thief }, twist.shown))
    case 'strangers':
      return found.map(each => authorised({ ...each, to: thief }, rigs.STRANGER, new Uint8Array(32).fill(7)))
    case 'doubled':
      return found.concat(found.slice(0, 1))
    default:
      return found
  }
}

function signedAlone(forged: Intent, shown: 'once' | 'twice' | 'as another'): AuthorisedIntent {
  const own = signBytes(STOLEN, intentBytes(forged, rigs.WALLET))
  const second = shown === 'once' ? [] : [shown === 'twice' ? own : { ...own, key: KEYS[0]! }]
  return { ...forged, authorisations: [own, ...second] }
}
