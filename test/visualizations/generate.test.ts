import { readdir, readFile } from 'node:fs/promises'
import { setup, type AnyStateMachine } from 'xstate'
import { describe, expect, test } from 'vitest'
import { attempt } from '../../machines/attempt.ts'
import { chain } from '../../machines/chain.ts'
import { transfer } from '../../machines/transfer.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { ANIMATION } from '../../visualizations/animation.ts'
import { render } from '../../visualizations/generate.ts'
import { modelOf } from '../../visualizations/model.ts'
import { statechartOf } from '../../visualizations/plan.ts'
import { SHOWN, type Shown } from '../../visualizations/shown.ts'
import type { Statechart } from '../../visualizations/statechart.ts'
import { DEPOSIT, WITHDRAWAL } from '../../visualizations/stories.ts'
import { pageOf } from '../../visualizations/table.ts'

const DIRECTORY = new URL('../../visualizations/', import.meta.url)
/** Laying out takes seconds, on a busy machine many of them. */
const GUARD_MS = 300_000

const readGenerated = (name: string): Promise<string> => readFile(new URL(name, DIRECTORY), 'utf8')

test(
  'what is checked in is what the machines say now (else: npm run generate)',
  async () => {
    const files = await render()
    const present = (await readdir(DIRECTORY)).filter(name => !name.endsWith('.ts'))
    expect(present.sort()).toEqual(Object.keys(files).sort())
    for (const [name, text] of Object.entries(files)) expect(await readGenerated(name), name).toBe(text)
  },
  GUARD_MS,
)

test('every machine of the repository is shown', async () => {
  const sources = await readdir(new URL('../../machines/', import.meta.url))
  const texts = await Promise.all(
    sources.map(name => readFile(new URL(`../../machines/${name}`, import.meta.url), 'utf8')),
  )
  const ids = texts.flatMap(text => [...text.matchAll(/createMachine\(\{\s*id: '(\w+)'/g)].map(match => match[1]!))
  expect(SHOWN.map(({ machine }) => machine.id).sort()).toEqual(ids.sort())
  expect(ids).toEqual(expect.arrayContaining(Object.keys(watcherMachines)))
})

test('docs/machines.md shows every picture', async () => {
  const page = await readFile(new URL('../../docs/machines.md', import.meta.url), 'utf8')
  for (const { machine } of SHOWN) expect(page).toContain(`](../visualizations/${machine.id}.svg)`)
})

describe.each(SHOWN.map(shown => [shown.machine.id, shown] as const))('%s', (id, { machine }) => {
  const { states, anywhere } = modelOf(machine)

  test('has a description for every state', () => {
    for (const { key, description } of states) expect(description, key).not.toBe('')
  })

  test('shows every state, event and task in its picture, its diagram and its table', async () => {
    for (const end of ['svg', 'mmd', 'md']) {
      const text = await readGenerated(`${id}.${end}`)
      for (const { name, task, rules } of states) {
        expect(text).toContain(name)
        if (task !== null) expect(text).toMatch(new RegExp(`owes ${task}|\`${task}\``))
        for (const { event, isIdle } of rules) if (!isIdle) expect(text, `${end} ${name}`).toContain(event)
      }
      for (const { event, isIdle } of anywhere) if (!isIdle) expect(text, end).toContain(event)
    }
  })
})

describe('pictures', () => {
  const names = [...SHOWN.map(({ machine }) => machine.id), DEPOSIT.name, WITHDRAWAL.name, 'architecture', ANIMATION]

  test.each(names)('%s asks for nothing from elsewhere, and has a light and a dark look', async name => {
    const text = await readGenerated(`${name}.svg`)
    expect(text.replaceAll(/xmlns="[^"]*"/g, '')).not.toMatch(/https?:|<script|@import|url\(|xlink/)
    expect(text).toContain('prefers-color-scheme:dark')
  })

  test.each(names)('%s says what it is to who does not see it', async name => {
    const text = await readGenerated(`${name}.svg`)
    const [, title, description] = /role="img" aria-labelledby="(\S+) (\S+)"/.exec(text)!
    expect(text).toMatch(new RegExp(`<title id="${title}">.+</title>`))
    expect(text).toMatch(new RegExp(`<desc id="${description}">.+</desc>`))
  })

  test('what ends badly has a shape and a sign of its own', async () => {
    const shapeOf = (text: string, key: string) =>
      new RegExp(`data-key="${key}"><title>[^<]*</title><(\\w+) class="box"`).exec(text)![1]
    const deposit = await readGenerated('deposit.svg')
    expect(['final', 'dropped', 'lost'].map(key => shapeOf(deposit, key))).toEqual(['rect', 'path', 'path'])
    const charts = JSON.parse(await readGenerated('statecharts.json')) as Statechart[]
    const bad = charts.flatMap(({ machine, nodes }) =>
      nodes.filter(({ look }) => look === 'bad').map(({ key }) => `${machine}.${key}`),
    )
    expect(bad).toEqual([
      ...['deposit.dropped', 'deposit.lost', 'withdrawal.failed', 'withdrawal.rejected', 'transfer.dead'],
      ...['attempt.dead', 'coin.lost'],
    ])
  })
})

test('a table marks the task that a state owes, its guards and whom it tells', () => {
  const page = pageOf(modelOf(transfer), 'x')
  expect(page).toContain('tells withdrawal: transfer.died')
  expect(page).toContain('releases its spend keys')
  expect(page).toContain('`attempt.died [isLastDeath]` | **dead**')
  expect(pageOf(modelOf(attempt), 'x')).toContain(
    '| **unsigned** | Planned; owes the question to the signer, again and again until it answers. | `sign` |',
  )
})

test('what holds in every state is drawn once, with its exceptions', async () => {
  expect(pageOf(modelOf(chain), 'x')).toContain(
    '| any state |  |  | `invariant.violated`, not in absent, halted | **halted** |',
  )
  expect(await readGenerated('chain.svg')).toContain('from any state but absent,')
  expect(await readGenerated('chain.mmd')).toContain('state "from any state but absent, halted"')
})

test('sub-states of the same name stay apart in Mermaid, and nothing ends a statement early', async () => {
  const text = await readGenerated('deposit.mmd')
  expect(text).toContain('as ignored_recent')
  expect(text).toContain('as ignored_settled')
  expect(text).not.toContain(';')
})

const shownOf = (machine: AnyStateMachine, rest: Partial<Shown> = {}): Shown => ({
  ...{ machine, side: 'watcher', purpose: 'One of a test.', path: ['absent', 'done'], good: ['done'], bad: [] },
  ...rest,
})

const guarded = setup({
  types: { events: {} as { type: 'a' } | { type: 'b' } },
  guards: { isRed: () => true, isBig: (_, _params: { than: number }) => true },
}).createMachine({
  id: 'guarded',
  version: '1',
  initial: 'absent',
  states: {
    absent: {
      description: 'Not there.',
      on: {
        a: { guard: { type: 'isBig', params: { than: 1 } }, target: 'done' },
        b: { guard: 'isRed', target: 'done' },
      },
    },
    done: { description: 'There.', type: 'final' },
  },
})

test('guards are named, with parameters or without', () => {
  const names = modelOf(guarded).states[0]!.rules.map(({ guard }) => guard)
  expect(names).toEqual(['isBig', 'isRed'])
})

test('a machine is drawn only when it is said how each of its ends is meant', async () => {
  await expect(statechartOf(shownOf(guarded, { good: [] }))).rejects.toThrow('ends well in done')
  await expect(statechartOf(shownOf(guarded, { path: ['absent', 'gone'] }))).rejects.toThrow('no state gone')
})

test('the same machine gives the same places, each time', async () => {
  expect(await statechartOf(shownOf(guarded))).toEqual(await statechartOf(shownOf(guarded)))
})
