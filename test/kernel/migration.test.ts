/** Images of earlier versions, brought up by what each machine says of itself; shown with versions that the product does not have. */
import { untypedId, untypedInstance, untypedMachines, untypedMessage } from './untyped.ts'
import { describe, expect, test } from 'vitest'
import { setup } from 'xstate'
import { deposit } from '../../machines/deposit.ts'
import type { Event, Migration } from '../../machines/vocabulary.ts'
import type { Commit, Instance } from '../../src/kernel/entry.ts'
import { upgradeCommit, upgradeOf } from '../../src/kernel/migration.ts'
import { step } from '../../src/kernel/step.ts'
import { createMemory } from '../../src/orchestrator/memory.ts'
import { goldens } from '../machines/golden.ts'
import { withField } from '../machines/next-version.ts'

/** Version 1 had one state `open` and an amount as a number; version 2 a string; version 3 tells `open.fresh` from `open.old`. */
const fromVersion1: Migration = ({ value, context: { amount, ...context } }) => ({
  value,
  context: { ...context, amountSat: JSON.stringify(amount) },
})
const fromVersion2: Migration = ({ value, context }) => ({
  value: value === 'open' ? `open.${context['failures'] === 0 ? 'fresh' : 'old'}` : value,
  context,
})

const machineOf = (version: number, migrations: readonly Migration[]) =>
  setup({
    types: { context: {} as { chain: string; failures: number; amountSat: string }, events: {} as Event },
  }).createMachine({
    id: 'purse',
    version: String(version),
    meta: { migrations },
    context: { chain: '', failures: 0, amountSat: '0' },
    initial: 'absent',
    states: {
      absent: { on: { 'purse.opened': 'open' } },
      open: {
        initial: 'fresh',
        states: { fresh: { on: { 'purse.failed': 'old' } }, old: {} },
        on: { 'purse.closed': 'closed' },
      },
      closed: { type: 'final' },
    },
  })

const machines = untypedMachines({ purse: machineOf(3, [fromVersion1, fromVersion2]) })
const upgrade = upgradeOf(machines)

const image = (version: number, value: string, context: object, ended = false, id = 'purse/a'): Instance =>
  untypedInstance({
    id: untypedId(id),
    version,
    value,
    context: { chain: 'litecoin', failures: 0, ...context },
    revision: 4,
    seq: 9,
    at: 7,
    entered: 8,
    ended,
  })

const unknown = expect.objectContaining({ type: 'corruptStore', kind: 'unknown-version' }) as unknown
const bad = expect.objectContaining({ type: 'invariant', kind: 'bad-migration' }) as unknown

describe('an image', () => {
  test('goes through every version in turn, and keeps all that is not the machine’s', () => {
    const first = image(1, 'open', { amount: 5, failures: 2 })
    expect(upgrade(first)).toEqual(image(3, 'open.old', { amountSat: '5', failures: 2 }))
    expect(first).toEqual(image(1, 'open', { amount: 5, failures: 2 }))
    expect(upgrade(image(2, 'open', { amountSat: '5' }))).toEqual(image(3, 'open.fresh', { amountSat: '5' }))
    expect(upgrade(image(1, 'closed', { amount: 0 }, true))).toEqual(image(3, 'closed', { amountSat: '0' }, true))
  })

  test('of the present version is left as it is', () => {
    const present = image(3, 'open.fresh', { amountSat: '5' })
    expect(upgrade(present)).toBe(present)
  })

  test.each([4, 0, -1, 1.5, Number.NaN])('of version %d is refused', version => {
    expect(() => upgrade(image(version, 'open', {}))).toThrow(unknown)
  })

  test('of a kind that no machine here is of is refused', () => {
    expect(() => upgrade(image(1, 'open', {}, false, 'vault/a'))).toThrow(unknown)
  })

  test('goes on with the next event, and is stored in the present version', () => {
    const before = upgrade(image(1, 'open', { amount: 5 }))
    const memory = createMemory({ seq: 9, heights: {}, live: [before], reservations: [] })
    const event = { type: 'purse.failed', at: 10, data: {} }
    const commit = step(machines, memory, [untypedMessage('purse/a', event)], 10)!
    const { entry, ...rest } = { entry: commit.entries[0]!, length: commit.entries.length }
    expect(rest.length).toBe(1)
    expect(entry).toMatchObject({ seq: 10, prev: 9, from: 'open.fresh', to: 'open.old' })
    expect(entry.image).toMatchObject({ version: 3, revision: 5, context: { amountSat: '5' } })
  })
})

test('a commit shows the state as the present version names it, and is not changed itself', () => {
  const old = image(1, 'open', { amount: 5 })
  const present = { ...image(3, 'closed', { amountSat: '1' }, true, 'purse/b'), seq: 10 }
  const entryOf = (its: Instance) => ({ seq: its.seq, prev: null, event: 'e', from: 'open', to: its.value, image: its })
  const commit: Commit = { at: 1, heights: {}, entries: [entryOf(old), entryOf(present)], reserve: [], release: [] }
  const before = structuredClone(commit)
  const { entries, ...rest } = upgradeCommit(commit, upgrade)
  expect(rest).toEqual({ at: 1, heights: {}, reserve: [], release: [] })
  expect(entries[0]).toMatchObject({ from: 'open', to: 'open.fresh', image: { version: 3, value: 'open.fresh' } })
  expect(entries[1]).toBe(commit.entries[1])
  expect(commit).toEqual(before)
})

describe('a machine is refused', () => {
  test('whose migrations do not lead from version 1 to its present one', () => {
    for (const migrations of [[], [fromVersion1], [fromVersion1, fromVersion2, fromVersion2]])
      expect(() => upgradeOf(untypedMachines({ purse: machineOf(3, migrations) }))).toThrow(bad)
  })

  test.each<[string, Migration, Instance]>([
    ['a state that there is none of', () => ({ value: 'lost', context: {} }), image(1, 'open', {})],
    ['a state with states of its own', stored => stored, image(1, 'gone.for.good', {})],
    ['an end from what has not ended', ({ context }) => ({ value: 'closed', context }), image(1, 'open', {})],
    ['life from what has ended', ({ context }) => ({ value: 'open.old', context }), image(1, 'closed', {}, true)],
  ])('whose migration makes %s', (_, migration, stored) => {
    const next = upgradeOf(untypedMachines({ purse: machineOf(2, [migration]) }))
    expect(() => next(stored)).toThrow(bad)
  })
})

describe('a deposit of version 1, as it was stored', () => {
  const next = withField(deposit, 'risk', 'unknown')
  const { images } = goldens.find(({ kind, version }) => kind === 'deposit' && version === 1)!

  test.each(images)('is brought up in the state $value', stored => {
    expect(upgradeOf({ deposit: next })(stored)).toEqual({
      ...stored,
      version: 2,
      context: { ...stored.context, risk: 'unknown' },
    })
  })

  test('may be brought up by two versions at once', () => {
    const later = withField(next, 'note', null)
    for (const stored of images)
      expect(upgradeOf({ deposit: later })(stored)).toMatchObject({
        version: 3,
        context: { risk: 'unknown', note: null },
      })
  })
})
