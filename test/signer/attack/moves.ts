/** What a thief in the watcher's place can think of, as data that fast-check makes and shrinks. */
import fc from 'fast-check'

export const WITHDRAWALS = 6
export const COINS = 8
const TRANSFERS = 5
/** Where a thief's own output may go: to himself, to two payees, to the treasury, to another address of ours. */
export const PLACES = ['thief', 'payee', 'treasury', 'own'] as const

export type Move =
  | {
      kind: 'sign'
      transfer: number
      n: number
      pays: number[]
      round: number
      coins: number[]
      fee: number
      twist: Twist
    }
  | { kind: 'void'; withdrawal: number; round: number }
  | { kind: 'replay'; which: number }
  | { kind: 'restart'; crash: boolean }
  | { kind: 'wait'; hours: number }

/** How the template or the intents differ from honest ones. */
export type Twist =
  | { kind: 'none' }
  | { kind: 'amount'; by: number }
  | { kind: 'output'; place: (typeof PLACES)[number]; amountSat: number }
  | { kind: 'change'; place: (typeof PLACES)[number] }
  | { kind: 'destination' }
  | { kind: 'forged round'; round: number }
  | { kind: 'unsigned' }
  | { kind: 'omitted intent' }
  | { kind: 'byte'; at: number; bit: number }

const place = fc.constantFrom(...PLACES)
const honest: fc.Arbitrary<Twist> = fc.constant({ kind: 'none' as const })
const twist: fc.Arbitrary<Twist> = fc.oneof(
  { weight: 6, arbitrary: honest },
  fc.record({ kind: fc.constant('amount' as const), by: fc.integer({ min: -2, max: 2 }) }),
  fc.record({ kind: fc.constant('output' as const), place, amountSat: fc.integer({ min: 600, max: 4_000_000 }) }),
  fc.record({ kind: fc.constant('change' as const), place }),
  fc.constant({ kind: 'destination' as const }),
  fc.record({ kind: fc.constant('forged round' as const), round: fc.integer({ min: 1, max: 4 }) }),
  fc.constant({ kind: 'unsigned' as const }),
  fc.constant({ kind: 'omitted intent' as const }),
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(2_000), bit: fc.nat(7) }),
)
const withdrawal = fc.nat(WITHDRAWALS - 1)
const round = fc.integer({ min: 1, max: 2 })
const fee = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 500, max: 9_000 }) },
  fc.integer({ min: 0, max: 300_000 }),
)
const attempt = fc.record({
  kind: fc.constant('sign' as const),
  transfer: fc.nat(TRANSFERS - 1),
  n: fc.integer({ min: 1, max: 4 }),
  pays: fc.uniqueArray(withdrawal, { maxLength: 3 }),
  round,
  coins: fc.uniqueArray(fc.nat(COINS - 1), { minLength: 1, maxLength: 3 }),
  fee,
  twist,
})
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 40, arbitrary: attempt },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('void' as const), withdrawal, round }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('replay' as const), which: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), crash: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 20 }) }) },
)

export const movesOf = (length: number): fc.Arbitrary<Move[]> =>
  fc.array(move, { minLength: length, maxLength: length, size: 'max' })
