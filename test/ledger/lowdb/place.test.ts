/** A ledger whose directory is taken away or replaced under the process that has it open. */
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDisk } from '../../../src/shell/disk.ts'
import { newWorld, step, type World } from '../made.ts'
import { checkpointOf, open, verify, type Opening } from './opening.ts'

let folder = ''
let directory = ''
let world: World
let ledger: Opening
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'place-'))
  directory = join(folder, 'ledger')
  world = newWorld()
  ledger = await open(createDisk(), directory)
  await ledger.journal.append(step(world, [{ id: 'deposit/1' }]))
})
afterEach(async () => {
  await ledger.journal.close().catch(() => undefined)
  await rm(folder, { recursive: true, force: true })
})

describe('a ledger that is open', () => {
  test('stands where it was opened, before and after a checkpoint', async () => {
    expect(await ledger.journal.check()).toBeNull()
    await checkpointOf(ledger, world)
    expect(await ledger.journal.check()).toBeNull()
    expect(await ledger.journal.check()).toBeNull()
  })

  test('whose directory is removed says so', async () => {
    await rm(directory, { recursive: true })
    expect(await ledger.journal.check()).toContain('is not the directory any more')
  })

  test('whose directory is another one, be it a copy of the same, says so', async () => {
    await cp(directory, `${directory}.copy`, { recursive: true })
    await rename(directory, `${directory}.old`)
    await rename(`${directory}.copy`, directory)
    expect(await ledger.journal.check()).toContain('is not the directory any more')
  })

  test('whose HEAD.json is gone, or is of another ledger, says so', async () => {
    await rename(join(directory, 'HEAD.json'), join(folder, 'HEAD.json'))
    expect(await ledger.journal.check()).toContain('HEAD.json is gone')
    await rename(join(folder, 'HEAD.json'), join(directory, 'HEAD.json'))
    expect(await ledger.journal.check()).toBeNull()
  })

  test('and closed is verified as a copy in which nothing is made', async () => {
    await checkpointOf(ledger, world)
    await ledger.journal.close()
    const disk = createDisk()
    const copy = join(folder, 'copy')
    await cp(directory, copy, { recursive: true })
    await rm(join(copy, 'LOCK'), { force: true })
    const before = await disk.list(copy)
    expect((await verify(disk, copy)).findings).toEqual([])
    expect(await disk.list(copy)).toEqual(before)
  })
})
