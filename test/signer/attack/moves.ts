/** What a thief in the watcher's place can think of, as data that fast-check makes and shrinks. */
import fc from 'fast-check'

/** Those that an honest backend asks for in the ordinary way; see backend.ts for the odd ones that follow them. */
export const ORDINARY = 6
const ODD = 3
export const COINS = 8
const TRANSFERS = 5
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
  | { kind: 'void'; chain: 'litecoin' | 'doge'; withdrawal: number; round: number }
  | { kind: 'replay'; which: number }

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
  | { kind: 'output'; place: Place; amountSat: number }
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
  | { kind: 'network'; name: 'litecoin' | 'bitcoin-regtest' | 'dogecoin-regtest' }
  | { kind: 'chain' }
  | { kind: 'byte'; at: number; bit: number }

const place = fc.constantFrom(...PLACES)
const plain = (...kinds: ('destination' | 'forged expiry' | 'unsigned' | 'strangers' | 'doubled')[]) =>
  fc.constantFrom(...kinds.map(kind => ({ kind })))
const amountSat = fc.integer({ min: 600, max: 4_000_000 })
const difference = fc.constantFrom(-5_000_000, -20_000, -1, 1, 20_000, 5_000_000)
const honest: fc.Arbitrary<Twist> = fc.constant({ kind: 'none' as const })
const twist: fc.Arbitrary<Twist> = fc.oneof(
  { weight: 12, arbitrary: honest },
  fc.record({ kind: fc.constant('amount' as const), by: fc.integer({ min: -2, max: 2 }) }),
  fc.record({ kind: fc.constant('output' as const), place, amountSat }),
  fc.record({ kind: fc.constant('change' as const), place }),
  { weight: 4, arbitrary: plain('destination', 'forged expiry', 'unsigned', 'strangers', 'doubled') },
  fc.record({ kind: fc.constant('forged round' as const), round: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('one key' as const), shown: fc.constantFrom('once', 'twice', 'as another') }),
  fc.constantFrom({ kind: 'omitted intent' as const }, { kind: 'omitted output' as const }),
  fc.record({ kind: fc.constant('previous amount' as const), by: difference }),
  fc.record({ kind: fc.constant('witness amount' as const), by: difference }),
  fc.constantFrom({ kind: 'foreign coin' as const }, { kind: 'chain' as const }),
  fc.record({
    kind: fc.constant('network' as const),
    name: fc.constantFrom('litecoin', 'bitcoin-regtest', 'dogecoin-regtest'),
  }),
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(2_000), bit: fc.nat(7) }),
)
const withdrawal = fc.oneof(
  { weight: 5, arbitrary: fc.nat(ORDINARY - 1) },
  { weight: 1, arbitrary: fc.integer({ min: ORDINARY, max: ORDINARY + ODD - 1 }) },
)
const round = fc.integer({ min: 1, max: 2 })
const fee = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 500, max: 12_000 }) },
  fc.integer({ min: 0, max: 300_000 }),
)
const sign: fc.Arbitrary<Sign> = fc.record({
  kind: fc.constant('sign' as const),
  transfer: fc.nat(TRANSFERS - 1),
  n: fc.integer({ min: 1, max: 4 }),
  pays: fc.uniqueArray(withdrawal, { maxLength: 3 }),
  round,
  coins: fc.uniqueArray(fc.nat(COINS - 1), { minLength: 1, maxLength: 3 }),
  fee,
  twist,
})
const voided = fc.record({
  kind: fc.constant('void' as const),
  chain: fc.oneof(
    { weight: 4, arbitrary: fc.constant('litecoin' as const) },
    { weight: 1, arbitrary: fc.constant('doge' as const) },
  ),
  withdrawal,
  round,
})
const replay = fc.record({ kind: fc.constant('replay' as const), which: fc.nat(1_000) })
const single: fc.Arbitrary<Single> = fc.oneof(
  { weight: 40, arbitrary: sign },
  { weight: 3, arbitrary: voided },
  { weight: 5, arbitrary: replay },
)
const turns = fc.nat(40)
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 90, arbitrary: single },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('together' as const),
      moves: fc.array(single, { minLength: 2, maxLength: 4 }),
      turns,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('restart' as const),
      crash: fc.boolean(),
      during: fc.option(sign),
      turns,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 20 }) }) },
)

export const movesOf = (length: number): fc.Arbitrary<Move[]> =>
  fc.array(move, { minLength: length, maxLength: length, size: 'max' })
