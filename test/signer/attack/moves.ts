/** What a thief in the watcher's place can think of, as data that fast-check makes and shrinks. */
import fc from 'fast-check'
import type { Json } from '../../../machines/vocabulary.ts'

/** Those that an honest backend asks for in the ordinary way; see backend.ts for the odd ones that follow them. */
export const ORDINARY = 8
const ODD = 5
export const COINS = 8
const TRANSFERS = 12
/** Where a thief's own output may go: to himself, to a payee, to the treasury, to another address of ours. */
export const PLACES = ['thief', 'payee', 'treasury', 'own'] as const
type Place = (typeof PLACES)[number]

export interface Sign {
  kind: 'sign'
  transfer: number
  n: number
  pays: number[]
  round: number
  coins: number[]
  fee: number
  twist: Twist
}

/** One request. */
export type Single =
  | Sign
  | { kind: 'void'; isOther: boolean; withdrawal: number; round: number }
  | { kind: 'replay'; which: number }
  /** For the withdrawals of what was signed before. */
  | { kind: 'again'; which: number; sign: Sign }

export type Move =
  | Single
  /** Asked for at the same time, each a few turns after the one before. */
  | { kind: 'together'; moves: Single[]; turns: number }
  /** `during` is asked for and not waited for: the machine goes down so many turns later. */
  | { kind: 'restart'; crash: boolean; during: Sign | null; turns: number }
  | { kind: 'wait'; hours: number }

/** How the template or the intents differ from honest ones. */
export type Twist =
  | { kind: 'none' }
  | { kind: 'amount'; by: number }
  | { kind: 'output'; place: Place; amount: number }
  | { kind: 'change'; place: Place }
  | { kind: 'destination' }
  | { kind: 'forged round'; round: number }
  | { kind: 'forged expiry' }
  | { kind: 'unsigned' }
  /** Who holds one of the backend's keys, and shows its signature once, twice, or once under another key's name. */
  | { kind: 'one key'; shown: 'once' | 'twice' | 'as another' }
  | { kind: 'strangers' }
  | { kind: 'omitted intent' }
  | { kind: 'omitted output' }
  | { kind: 'doubled' }
  | { kind: 'previous amount'; by: number }
  | { kind: 'witness amount'; by: number }
  | { kind: 'foreign coin' }
  | { kind: 'network'; which: number }
  | { kind: 'chain' }
  | { kind: 'byte'; at: number; bit: number }
  /** The payment is made, in another asset. */
  | { kind: 'asset' }
  /** So much more than an address of ours may be given for its gas. */
  | { kind: 'funding'; by: number }
  /** Another data field than the intent's; null: none. */
  | { kind: 'tag'; tag: number | null }
  /** Something more, which the family's reader does not know. */
  | { kind: 'field'; which: number }
  | { kind: 'representative'; isShown: boolean }
  /** Of a contract, other than a plain payment of a listed token. */
  | { kind: 'call'; call: 'approve' | 'transferFrom' | 'longer' | 'unlisted' | 'with value' }

export type Dishonest = Exclude<Twist['kind'], 'none'>

const place = fc.constantFrom(...PLACES)
const amount = fc.integer({ min: 600, max: 4_000_000 })
const by = fc.constantFrom(-5_000_000, -20_000, -1, 1, 20_000, 5_000_000)
const only = <Kind extends string>(kind: Kind) => fc.constant({ kind })
/** All are as likely; more often than one in two templates none of them. */
const TWISTS: { [Kind in Dishonest]: fc.Arbitrary<Extract<Twist, { kind: Kind }>> } = {
  amount: fc.record({ kind: fc.constant('amount'), by: fc.integer({ min: -2, max: 2 }) }),
  output: fc.record({ kind: fc.constant('output'), place, amount }),
  change: fc.record({ kind: fc.constant('change'), place }),
  destination: only('destination'),
  'forged round': fc.record({ kind: fc.constant('forged round'), round: fc.integer({ min: 1, max: 4 }) }),
  'forged expiry': only('forged expiry'),
  unsigned: only('unsigned'),
  'one key': fc.record({ kind: fc.constant('one key'), shown: fc.constantFrom('once', 'twice', 'as another') }),
  strangers: only('strangers'),
  'omitted intent': only('omitted intent'),
  'omitted output': only('omitted output'),
  doubled: only('doubled'),
  'previous amount': fc.record({ kind: fc.constant('previous amount'), by }),
  'witness amount': fc.record({ kind: fc.constant('witness amount'), by }),
  'foreign coin': only('foreign coin'),
  network: fc.record({ kind: fc.constant('network'), which: fc.nat(2) }),
  chain: only('chain'),
  byte: fc.record({ kind: fc.constant('byte'), at: fc.nat(2_000), bit: fc.nat(7) }),
  asset: only('asset'),
  funding: fc.record({ kind: fc.constant('funding'), by: fc.integer({ min: -2, max: 2 }) }),
  tag: fc.record({ kind: fc.constant('tag'), tag: fc.constantFrom(null, 0, 3) }),
  field: fc.record({ kind: fc.constant('field'), which: fc.nat(20) }),
  representative: fc.record({ kind: fc.constant('representative'), isShown: fc.boolean() }),
  call: fc.record({
    kind: fc.constant('call'),
    call: fc.constantFrom('approve', 'transferFrom', 'longer', 'unlisted', 'with value'),
  }),
}
const HONEST_WEIGHT = 6
const KINDS_OF_A_FAMILY = 18

function twistOf(kinds: readonly Dishonest[]): fc.Arbitrary<Twist> {
  const weighted = kinds.map(kind => ({ weight: 1, arbitrary: TWISTS[kind] as fc.Arbitrary<Twist> }))
  const weight = Math.max(1, Math.round((kinds.length / KINDS_OF_A_FAMILY) * HONEST_WEIGHT * 2))
  return fc.oneof({ weight, arbitrary: only('none') }, ...weighted)
}

const withdrawal = fc.oneof(
  { weight: 3, arbitrary: fc.nat(ORDINARY - 1) },
  { weight: 1, arbitrary: fc.integer({ min: ORDINARY, max: ORDINARY + ODD - 1 }) },
)
const round = fc.integer({ min: 1, max: 2 })
const fee = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 500, max: 10_500 }) },
  fc.integer({ min: 0, max: 300_000 }),
)
function signOf(twist: fc.Arbitrary<Twist>): fc.Arbitrary<Sign> {
  return fc.record({
    kind: fc.constant('sign'),
    transfer: fc.nat(TRANSFERS - 1),
    n: fc.integer({ min: 1, max: 3 }),
    pays: fc.uniqueArray(withdrawal, { maxLength: 3 }),
    round,
    coins: fc.uniqueArray(fc.nat(COINS - 1), { minLength: 1, maxLength: 3 }),
    fee,
    twist,
  })
}

const voided: fc.Arbitrary<Single> = fc.record({
  kind: fc.constant('void'),
  isOther: fc.constantFrom(false, false, false, false, true),
  withdrawal,
  round,
})
const turns = fc.nat(40)

function moveOf(sign: fc.Arbitrary<Sign>): fc.Arbitrary<Move> {
  const which = fc.nat(1_000)
  const single: fc.Arbitrary<Single> = fc.oneof(
    { weight: 40, arbitrary: sign },
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('again'), which, sign }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('replay'), which }) },
    { weight: 2, arbitrary: voided },
  )
  const moves = fc.array(single, { minLength: 2, maxLength: 4 })
  const during = fc.option(sign)
  const hours = fc.integer({ min: 1, max: 20 })
  return fc.oneof(
    { weight: 90, arbitrary: single },
    { weight: 10, arbitrary: fc.record({ kind: fc.constant('together'), moves, turns }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart'), crash: fc.boolean(), during, turns }) },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('wait'), hours }) },
  )
}

/** So many moves; of what is dishonest only these kinds. */
export const movesOf = (length: number, kinds: readonly Dishonest[]): fc.Arbitrary<Move[]> =>
  fc.array(moveOf(signOf(twistOf(kinds))), { minLength: length, maxLength: length, size: 'max' })

/** A template of which one character is another: as JSON, as far as that is possible, else nothing. */
export function changedText(template: Json, { at, bit }: Extract<Twist, { kind: 'byte' }>): Json | null {
  const text = JSON.stringify(template)
  const place = at % text.length
  const other = String.fromCharCode(text.charCodeAt(place) ^ (1 << (bit % 7)))
  try {
    return JSON.parse(`${text.slice(0, place)}${other}${text.slice(place + 1)}`) as Json
  } catch {
    return null
  }
}
