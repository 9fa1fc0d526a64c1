import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openTokenFile } from '../../src/http/token-file.ts'
import { createDisk } from '../../src/shell/disk.ts'

let directory = ''
let path = ''
let lines: string[] = []
const ports = () => {
  lines = []
  const log = (level: string, message: string, fields?: object) =>
    lines.push(`${level}: ${message} ${JSON.stringify(fields)}`)
  return { disk: createDisk(), log }
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tokens-'))
  path = join(directory, 'api-token')
  await writeFile(path, 'first-token\nread:look\n')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a file of tokens', () => {
  test('is read anew when asked, and says how many are others, not which', async () => {
    const file = await openTokenFile(ports(), path)
    await writeFile(path, 'second-token\nthird-token\nread:look\n')
    expect(file.tokens()).toEqual(['first-token', 'read:look'])
    await file.reload()
    expect(file.tokens()).toEqual(['second-token', 'third-token', 'read:look'])
    expect(lines).toEqual([expect.stringMatching(/^info: .*"inForce":3,"added":2,"removed":1/)])
    expect(lines.join()).not.toContain('second-token')
  })

  test.each([
    ['is empty', '', /holds no token/],
    ['holds what no header can carry', 'ümlaut', /visible ASCII/],
    ['leaves nobody who may write', 'read:look\n', /none of its tokens may write/],
    ['is too large', 'x'.repeat(65 * 1024), /more than 65536/],
  ])('that %s leaves those of before in force, and says so by name', async (_, text, reason) => {
    const file = await openTokenFile(ports(), path)
    await writeFile(path, text)
    await file.reload()
    expect(file.tokens()).toEqual(['first-token', 'read:look'])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^error: the tokens stay as they were/)
    expect(lines[0]).toMatch(reason)
    expect(lines[0]).toContain(path)
  })

  test('that is gone leaves those of before in force, and counts again once it is back', async () => {
    const file = await openTokenFile(ports(), path)
    await rm(path)
    await file.reload()
    expect(file.tokens()).toHaveLength(2)
    expect(lines[0]).toContain(`the file ${path} is missing`)
    await writeFile(path, 'another\n')
    await file.reload()
    expect(file.tokens()).toEqual(['another'])
  })

  test('in which nobody could write before may stay so', async () => {
    await writeFile(path, 'read:look\n')
    const file = await openTokenFile(ports(), path)
    await writeFile(path, 'read:another\n')
    await file.reload()
    expect(file.tokens()).toEqual(['read:another'])
  })

  test('is refused by name at the start', async () => {
    await writeFile(path, '# nobody\n')
    await expect(openTokenFile(ports(), path)).rejects.toThrow(`${path}: the token file holds no token`)
  })
})
