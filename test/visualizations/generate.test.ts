import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { attempt } from '../../machines/attempt.ts'
import { chain } from '../../machines/chain.ts'
import { deposit } from '../../machines/deposit.ts'
import { transfer } from '../../machines/transfer.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { render } from '../../visualizations/generate.ts'
import { mermaidOf } from '../../visualizations/mermaid.ts'
import { modelOf } from '../../visualizations/model.ts'
import { pageOf } from '../../visualizations/table.ts'

const DIRECTORY = new URL('../../visualizations/', import.meta.url)
const files = await render()

test('what is checked in is what the machines say now (else: npm run generate)', async () => {
  const present = (await readdir(DIRECTORY)).filter(name => !name.endsWith('.ts'))
  expect(present.sort()).toEqual(Object.keys(files).sort())
  for (const [name, text] of Object.entries(files))
    expect(await readFile(new URL(name, DIRECTORY), 'utf8'), name).toBe(text)
})

test('the same machines give the same bytes', async () => {
  expect(await render()).toEqual(files)
})

test('every machine that the watcher runs has a picture, a diagram and a table', () => {
  for (const id of Object.keys(watcherMachines))
    for (const end of ['svg', 'mmd', 'md']) expect(files).toHaveProperty([`${id}.${end}`])
})

test('every state has a description', () => {
  for (const machine of Object.values(watcherMachines))
    for (const { key, description } of modelOf(machine as never).states)
      expect(description, `${machine.id} ${key}`).not.toBe('')
})

test('a picture asks for nothing from elsewhere and follows the dark scheme', () => {
  for (const [name, text] of Object.entries(files)) {
    if (!name.endsWith('.svg')) continue
    expect(text.replaceAll(/xmlns(:xlink)?="[^"]*"/g, ''), name).not.toMatch(/https?:|<script|@import|url\(/)
    expect(text, name).toContain('prefers-color-scheme:dark')
    expect(text, name).toContain('aria-label="')
  }
})

test('every state and every event of a machine stands in its picture', () => {
  for (const machine of Object.values(watcherMachines)) {
    const picture = files[`${machine.id}.svg`]!
    const { states } = modelOf(machine as never)
    for (const { name, rules } of states) {
      expect(picture).toContain(`>${name}<`)
      for (const { event, isIdle } of rules) if (!isIdle) expect(picture, `${machine.id} ${name}`).toContain(event)
    }
  }
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

test('what holds in every state is drawn once, with its exceptions', () => {
  expect(pageOf(modelOf(chain), 'x')).toContain(
    '| any state |  |  | `invariant.violated`, not in absent, halted | **halted** |',
  )
  expect(mermaidOf(modelOf(chain))).toContain('any_state --> halted : invariant.violated, not in absent, halted')
})

test('a sub-state is named with its parent in Mermaid, so that equal names stay apart', () => {
  const text = mermaidOf(modelOf(deposit))
  expect(text).toContain('as ignored_recent')
  expect(text).toContain('as ignored_settled')
  expect(text).not.toContain(';')
})
