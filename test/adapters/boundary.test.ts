/** Which family a chain is of, only adapters/ know; and what plays their networks, for trying out. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FAMILY_NAMES } from '../../adapters/configuring.ts'

const ROOT = new URL('../../', import.meta.url)
/** Simulated networks, and the demonstration that runs on all of them. */
const SIMULATED = 'src/devnet/'

const filesOf = (folder: string): string[] =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(ts|tsx|mjs)$/.test(name))
    .map(name => `${folder}${name}`)

/** The records of families: one entry a family each. */
const RECORDS = ['configuring', 'signing', 'watching', 'working'].map(name => `adapters/${name}.ts`)

test('no file outside adapters/ names a family', () => {
  const capital = (name: string) => name.replace(/^./, letter => letter.toUpperCase())
  const named = new RegExp(`\\b(${FAMILY_NAMES.join('|')})|${FAMILY_NAMES.map(capital).join('|')}`)
  const files = [...filesOf('src/'), ...filesOf('machines/')].filter(path => !path.startsWith(SIMULATED))
  expect(files.length).toBeGreaterThan(150)
  const naming = files.flatMap(path =>
    readFileSync(new URL(path, ROOT), 'utf8')
      .split('\n')
      .flatMap((line, n) => (named.test(line) ? [`${path}:${n + 1}: ${line.trim()}`] : [])),
  )
  expect(naming).toEqual([])
})

test('beside their folders only the records of families name one in what they import', () => {
  const imported = new RegExp(`from '\\./(${FAMILY_NAMES.join('|')})/`)
  const naming = readdirSync(new URL('adapters/', ROOT))
    .filter(name => name.endsWith('.ts'))
    .map(name => `adapters/${name}`)
    .filter(path => imported.test(readFileSync(new URL(path, ROOT), 'utf8')))
  expect(naming.toSorted()).toEqual(RECORDS)
})
