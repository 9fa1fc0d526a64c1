/** The same ledger on a real file system and between real processes. */
import type { Change } from '../made.ts'
import { appendFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Disk } from '../../../src/kernel/ports.ts'
import { createDisk } from '../../../src/shell/disk.ts'
import { makeProgram, runProgram } from './child.ts'
import type { Commit } from '../../../src/kernel/entry.ts'
import { newWorld, stateFound, stateOf, step, type World } from '../made.ts'
import { checkpointOf, open, verify } from './opening.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('on a real disk', () => {
  test('a ledger is there after each start, with checkpoints and a torn tail between', async () => {
    const disk = createDisk()
    const directory = join(folder, 'deep/er/ledger')
    const world = newWorld()
    for (let round = 0; round < 4; round++) {
      const ledger = await open(disk, directory)
      const { journal, archive, opened, cut, aborted } = ledger
      expect(stateFound(opened)).toEqual(stateOf(world))
      expect(cut === null).toBe(round === 0)
      const changes = Array.from({ length: 500 }, (_, n): Change[] => [
        { id: `deposit/${round}:${n}`, ends: n % 2 === 0, reserve: `k${n}` },
      ])
      const appended = changes.map(change => journal.append(step(world, change)))
      await checkpointOf(ledger, world)
      await Promise.all(appended)
      await journal.append(step(world, [{ id: `coin/${round}` }]))
      expect(await archive.entries(world.seq - 10, 1000)).toEqual(world.feed.slice(-10))
      expect(await archive.read(`deposit/${round}:8`)).toEqual(world.ended.get(`deposit/${round}:8`))
      await journal.close()
      expect(aborted()).toBeNull()
      const active = (await disk.list(join(directory, 'journal'))).filter(name => name.endsWith('.jsonl'))
      await appendFile(
        join(directory, 'journal', active.sort((a, b) => parseInt(a) - parseInt(b)).at(-1)!),
        '{"hash":"12',
      )
    }
    const { findings, summary } = await verify(disk, directory)
    expect(findings.map(({ damage }) => damage)).toEqual([false])
    expect(summary).toMatchObject({ seq: world.seq, entries: world.feed.length, ended: world.ended.size })
  })

  test('files are for their owner only', async () => {
    const { journal } = await open(createDisk(), join(folder, 'ledger'))
    await journal.close()
    expect((await stat(join(folder, 'ledger/HEAD.json'))).mode & 0o077).toBe(0)
    expect((await stat(join(folder, 'ledger/journal'))).mode & 0o077).toBe(0)
  })

  test('a missing file is not made by reading, and a missing folder is empty', async () => {
    const disk = createDisk()
    await expect(disk.open(join(folder, 'none'), { create: false })).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await disk.exists(join(folder, 'none'))).toBe(false)
    expect(await disk.list(join(folder, 'none'))).toEqual([])
  })
})

/** Eight of them make the 64 MiB after which a checkpoint is due. */
const LARGE_BYTES = 8 * 1024 * 1024

function large(world: World, n: number): Commit {
  const commit = step(world, [{ id: `deposit/${n}`, reserve: `k${n}` }])
  Object.assign(commit.entries[0]!.image.context, { note: 'x'.repeat(LARGE_BYTES) })
  return commit
}

describe('a checkpoint by itself', () => {
  const checkpoints = () => createDisk().list(join(folder, 'ledger/checkpoint'))
  const openHere = () => open(createDisk(), join(folder, 'ledger'))

  test('is taken of the memory that was handed over, once 64 MiB stand behind the last one, and counts anew', async () => {
    const world = newWorld()
    const ledger = await openHere()
    ledger.walk(world)
    for (let n = 1; n <= 7; n++) await ledger.journal.append(large(world, n))
    expect(await checkpoints()).toEqual([])
    await ledger.journal.append(large(world, 8))
    await ledger.journal.append(step(world, [{ id: 'deposit/1', ends: true, release: 'k1' }]))
    await ledger.journal.close()
    expect(await checkpoints()).toEqual(['8.jsonl'])
    expect([ledger.logged, ledger.aborted()]).toEqual([[], null])
    const again = await openHere()
    expect(stateFound(again.opened)).toEqual(stateOf(world))
    again.walk(world)
    await again.journal.append(step(world, [{ id: 'coin/1' }]))
    await again.journal.close()
    expect(await checkpoints()).toEqual(['8.jsonl'])
  })

  test('is due at the first commit of a process that found as much to replay', async () => {
    const world = newWorld()
    const first = await openHere()
    const appended = Array.from({ length: 8 }, (_, n) => first.journal.append(large(world, n)))
    await first.journal.close()
    await Promise.all(appended)
    expect(await checkpoints()).toEqual([])
    const second = await openHere()
    second.walk(world)
    await second.journal.append(step(world, [{ id: 'coin/1' }]))
    await second.journal.close()
    expect(await checkpoints()).toEqual(['9.jsonl'])
  })

  test('that fails is logged, ends the process, and nothing is acknowledged behind it', async () => {
    const world = newWorld()
    const disk = createDisk()
    const full: Disk = {
      ...disk,
      open: (path, options) =>
        path.includes('/checkpoint/') ? Promise.reject(new Error('ENOSPC')) : disk.open(path, options),
    }
    const ledger = await open(full, join(folder, 'ledger'))
    ledger.walk(world)
    for (let n = 1; n <= 8; n++) await ledger.journal.append(large(world, n))
    await expect.poll(() => ledger.logged).toEqual(['error: checkpoint failed'])
    expect(ledger.aborted()).toContain('ENOSPC')
    await expect(ledger.journal.append(step(world, [{ id: 'deposit/1' }]))).rejects.toMatchObject({
      kind: 'disk-failed',
    })
    await ledger.journal.close()
  })
})

describe('a file of its own', () => {
  test('is not made where a link leads elsewhere, and is read through one', async () => {
    const [elsewhere, link] = [join(folder, 'elsewhere'), join(folder, 'HEAD.json.tmp')]
    await writeFile(elsewhere, 'precious')
    await symlink(elsewhere, link)
    await expect(createDisk().open(link, { create: true })).rejects.toThrow(/ELOOP/)
    expect(await readFile(elsewhere, 'utf8')).toBe('precious')
    const file = await createDisk().open(link, { create: false })
    expect(Buffer.from(await file.read(0, 8)).toString()).toBe('precious')
    await file.close()
  })

  test('names itself where the disk is full', async () => {
    const file = await createDisk().open('/dev/full', { create: false, append: true })
    await expect(file.append(Buffer.from('x'))).rejects.toThrow(/^\/dev\/full: ENOSPC/)
    await file.close()
  })

  test('is not opened at all where there is no flock', async () => {
    vi.stubEnv('PATH', '/nowhere')
    await expect(createDisk().lock(join(folder, 'LOCK'))).rejects.toMatchObject({ type: 'boundary', kind: 'no-flock' })
    vi.unstubAllEnvs()
  })
})

describe('between processes', () => {
  test('a second one is refused by name while the first lives, and let in as soon as it is killed', async () => {
    const program = await makeProgram(join(folder, 'program'))
    const directory = join(folder, 'ledger')
    const first = runProgram(program, directory, 0)
    await first.line(line => line === 'ready')
    const second = runProgram(program, directory, 0)
    const refusal = await second.line(line => line.startsWith('refused'))
    expect(refusal).toContain('refused locked')
    expect(refusal).toContain(directory)
    await expect(open(createDisk(), directory)).rejects.toMatchObject({ type: 'operating', kind: 'locked' })
    await first.kill()
    const { journal } = await open(createDisk(), directory)
    await journal.close()
    await second.kill()
  })

  test('a process killed in the midst of its commits leaves all that it acknowledged', async () => {
    const program = await makeProgram(join(folder, 'program'))
    const directory = join(folder, 'ledger')
    let acknowledged = 0
    for (let round = 0; round < 5; round++) {
      const child = runProgram(program, directory, 1_000_000)
      await child.line(line => Number(line) > acknowledged + 200)
      await child.kill()
      acknowledged = Math.max(acknowledged, ...child.lines.map(Number).filter(Number.isInteger))
      const { opened, journal } = await open(createDisk(), directory)
      expect(opened.seq).toBeGreaterThanOrEqual(acknowledged)
      expect(opened.live).toHaveLength(opened.seq)
      await journal.close()
      acknowledged = opened.seq
    }
    expect((await verify(createDisk(), directory)).findings).toEqual([])
    expect((await readFile(join(directory, 'journal/1.jsonl'), 'utf8')).split('\n').length - 1).toBe(acknowledged)
  })
})
