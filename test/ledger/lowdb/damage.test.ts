/** What a start does with a journal that is not as it was written: it cuts what a crash explains and refuses the rest. */
import { untypedInstance } from '../../kernel/untyped.ts'
import { describe, expect, test } from 'vitest'
import type { Commit } from '../../../src/kernel/entry.ts'
import type { Upgrade } from '../../../src/kernel/migration.ts'
import type { ClosedLedger } from '../../../src/ledger/engine.ts'
import { lowdbEngine } from '../../../src/ledger/lowdb/engine.ts'
import { verifyLedger } from '../../../src/ledger/lowdb/verify.ts'
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import { newWorld, stateFound, stateOf, step, worldAt, type World } from '../made.ts'
import { DIRECTORY, checkpointOf, open, verify } from './opening.ts'

const SEGMENT = `${DIRECTORY}/journal/1.jsonl`

/** A closed ledger of six commits, each acknowledged on its own. */
async function written(): Promise<{ disk: SimulatedDisk; world: World; bytes: Buffer; starts: number[] }> {
  const disk = simulatedDisk({ seed: 1 })
  const world = newWorld()
  const { journal } = await open(disk)
  for (let n = 0; n < 6; n++)
    await journal.append(
      step(world, [
        { id: `deposit/${n % 4}`, reserve: `key${n}` },
        { id: `coin/${n}`, ends: n % 2 === 0 },
      ]),
    )
  await journal.close()
  const bytes = disk.peek(SEGMENT)!
  const starts = [0]
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1)
  return { disk, world, bytes, starts }
}

async function commitsOf(closed: ClosedLedger): Promise<Commit[]> {
  const commits: Commit[] = []
  for await (const { commit } of closed.commits()) commits.push(commit)
  return commits
}

const outcomeOf = (disk: SimulatedDisk) =>
  open(disk).then(
    async ledger => {
      await ledger.journal.close()
      return { ...ledger.opened, cut: ledger.cut }
    },
    (error: unknown) => error as { type: string; message: string },
  )

describe('a journal that is not as it was written', () => {
  test('is cut to its last whole commit, wherever in its last three commits it ends', async () => {
    const { disk, world, bytes, starts } = await written()
    for (let length = starts[3]!; length <= bytes.length; length++) {
      disk.poke(SEGMENT, bytes.subarray(0, length))
      const opened = await outcomeOf(disk)
      const kept = starts.findLastIndex(start => start <= length)
      expect(opened).toMatchObject({ seq: kept * 2 })
      if ('message' in opened) throw new Error(opened.message)
      expect(stateFound(opened)).toEqual(stateOf(worldAt(world, kept * 2)))
      const torn = length - starts[kept]!
      expect(opened.cut).toEqual(torn === 0 ? null : { file: SEGMENT, offset: starts[kept], bytes: torn })
      expect(disk.peek(SEGMENT)!.equals(bytes.subarray(0, starts[kept]))).toBe(true)
    }
  })

  test('can be appended to after a cut', async () => {
    const { disk, world, bytes } = await written()
    disk.poke(SEGMENT, bytes.subarray(0, bytes.length - 7))
    const again = worldAt(world, 10)
    const { journal, cut, logged } = await open(disk)
    expect(cut).not.toBeNull()
    expect(logged).toEqual([expect.stringMatching(/^warn: a torn tail/)])
    await journal.append(step(again, [{ id: 'deposit/new' }]))
    expect(stateFound((await open(disk.crash())).opened)).toEqual(stateOf(again))
  })

  test('is inspected as a start would read it, wherever it ends, and stays as it is', async () => {
    const { disk, world, bytes, starts } = await written()
    for (let length = starts[3]!; length <= bytes.length; length++) {
      disk.poke(SEGMENT, bytes.subarray(0, length))
      const closed = (await lowdbEngine(disk, DIRECTORY).inspect())!
      const kept = starts.findLastIndex(start => start <= length)
      expect(await commitsOf(closed)).toEqual(world.commits.slice(0, kept))
      await closed.close()
      expect(disk.peek(SEGMENT)!.equals(bytes.subarray(0, length))).toBe(true)
    }
  })

  test('is refused when any byte of a commit with a whole commit behind it has changed', async () => {
    const { disk, bytes, starts } = await written()
    for (let at = starts[3]!; at < starts[5]!; at++)
      for (const mask of [0x01, 0x20, bytes[at]! ^ 0x0a]) {
        if (mask === 0) continue
        const damaged = Buffer.from(bytes)
        damaged[at]! ^= mask
        disk.poke(SEGMENT, damaged)
        const start = starts.findLast(candidate => candidate <= at)
        const fault = await outcomeOf(disk)
        expect(fault, `byte ${at}`).toMatchObject({ type: 'corruptStore' })
        expect((fault as { message: string }).message).toContain(`${SEGMENT}: byte ${start}:`)
        expect(disk.peek(SEGMENT)!.equals(damaged)).toBe(true)
      }
  })

  test('never yields wrong data when any byte of its very last commit has changed', async () => {
    const { disk, world, bytes, starts } = await written()
    for (let at = starts[5]!; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 0x01
      disk.poke(SEGMENT, damaged)
      const opened = await outcomeOf(disk)
      if ('message' in opened) expect(opened).toMatchObject({ type: 'corruptStore' })
      else expect(stateFound(opened)).toEqual(stateOf(worldAt(world, 10)))
    }
  })

  test('is cut when the tail is zeros, as some file systems leave it', async () => {
    const { disk, world, bytes } = await written()
    disk.poke(SEGMENT, Buffer.concat([bytes, Buffer.alloc(5000)]))
    const opened = await outcomeOf(disk)
    if ('message' in opened) throw new Error(opened.message)
    expect(opened.cut).toEqual({ file: SEGMENT, offset: bytes.length, bytes: 5000 })
    expect(stateFound(opened)).toEqual(stateOf(world))
  })

  test.each([
    ['removed', (lines: string[]) => lines.toSpliced(2, 1)],
    ['doubled', (lines: string[]) => lines.toSpliced(2, 0, lines[2]!)],
    ['swapped', (lines: string[]) => lines.toSpliced(2, 2, lines[3]!, lines[2]!)],
    ['changed', (lines: string[]) => lines.with(2, lines[2]!.replace('time.passed', 'time.forged'))],
    ['removed at the start', (lines: string[]) => lines.slice(1)],
  ])('is refused, and verify finds it, when a line was %s', async (_, damage) => {
    const { disk, bytes } = await written()
    disk.poke(SEGMENT, Buffer.from(damage(bytes.toString().trimEnd().split('\n')).join('\n') + '\n'))
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    const closed = (await lowdbEngine(disk, DIRECTORY).inspect())!
    await expect(commitsOf(closed)).rejects.toMatchObject({ type: 'corruptStore' })
    await closed.close()
    const { findings } = await verify(disk)
    expect(findings.filter(({ damage: isDamage }) => isDamage).length).toBeGreaterThan(0)
    expect(findings[0]!.file).toBe(SEGMENT)
  })

  test('of another ledger is refused', async () => {
    const { disk, bytes } = await written()
    const other = simulatedDisk({ seed: 2 })
    const { opened, journal } = await open(other)
    await journal.close()
    const head = disk.peek(`${DIRECTORY}/HEAD.json`)!.toString()
    expect(head).toContain(opened.ledgerId)
    disk.poke(SEGMENT, Buffer.from(bytes.toString().replace(/"hash":"[0-9a-f]{64}"/, `"hash":"${'0'.repeat(64)}"`)))
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
  })
})

describe('a directory that lacks something', () => {
  test('is refused when HEAD.json is lost, and stays as it is', async () => {
    const { disk, bytes } = await written()
    disk.poke(`${DIRECTORY}/HEAD.json`, null)
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    expect(disk.peek(`${DIRECTORY}/HEAD.json`)).toBeNull()
    expect(disk.peek(SEGMENT)!.equals(bytes)).toBe(true)
  })

  test('is refused when any byte of HEAD.json has changed', async () => {
    const { disk } = await written()
    const head = disk.peek(`${DIRECTORY}/HEAD.json`)!
    for (let at = 0; at < head.length; at++) {
      const damaged = Buffer.from(head)
      damaged[at]! ^= 0x01
      disk.poke(`${DIRECTORY}/HEAD.json`, damaged)
      expect(await outcomeOf(disk), `byte ${at}`).toMatchObject({ type: 'corruptStore' })
    }
  })

  test('is refused when its only segment is lost', async () => {
    const { disk } = await written()
    disk.poke(SEGMENT, null)
    const fault = await outcomeOf(disk)
    expect(fault).toMatchObject({ type: 'corruptStore' })
    expect((fault as { message: string }).message).toContain(SEGMENT)
  })

  test('is refused when HEAD.json is older than the journal', async () => {
    const { disk, world } = await written()
    const head = disk.peek(`${DIRECTORY}/HEAD.json`)!
    const ledger = await open(disk)
    await checkpointOf(ledger, world)
    await ledger.journal.append(step(world, [{ id: 'deposit/behind' }]))
    await ledger.journal.close()
    disk.poke(`${DIRECTORY}/HEAD.json`, head)
    const fault = await outcomeOf(disk)
    expect((fault as { message: string }).message).toContain('journal/13.jsonl: byte 0')
  })
})

describe('a ledger with a checkpoint', () => {
  const CHECKPOINT = `${DIRECTORY}/checkpoint/12.jsonl`

  async function checkpointed() {
    const { disk, world } = await written()
    const ledger = await open(disk)
    await checkpointOf(ledger, world)
    await ledger.journal.append(step(world, [{ id: 'deposit/1', ends: true }, { id: 'deposit/behind' }]))
    await ledger.journal.close()
    return { disk, world }
  }

  test('starts from it, and verify finds nothing', async () => {
    const { disk, world } = await checkpointed()
    const opened = await outcomeOf(disk)
    if ('message' in opened) throw new Error(opened.message)
    expect(stateFound(opened)).toEqual(stateOf(world))
    const { findings, summary } = await verify(disk)
    expect(findings).toEqual([])
    expect(summary).toMatchObject({
      segments: 2,
      commits: 7,
      entries: 14,
      instances: 11,
      ended: 4,
      reservations: 6,
      seq: 14,
    })
  })

  test('is refused when any byte of the checkpoint has changed, is missing or was added', async () => {
    const { disk } = await checkpointed()
    const bytes = disk.peek(CHECKPOINT)!
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 0x01
      disk.poke(CHECKPOINT, damaged)
      expect(await outcomeOf(disk), `byte ${at}`).toMatchObject({ type: 'corruptStore' })
      disk.poke(CHECKPOINT, bytes.subarray(0, at))
      expect(await outcomeOf(disk), `length ${at}`).toMatchObject({ type: 'corruptStore' })
    }
    disk.poke(CHECKPOINT, Buffer.concat([bytes, Buffer.from('{}\n')]))
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    disk.poke(CHECKPOINT, null)
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    expect((await verify(disk)).findings).toMatchObject([{ file: CHECKPOINT, damage: true }])
  })

  test('is refused when a segment that the checkpoint covers is missing or shorter, and verify finds a change in it', async () => {
    const { disk } = await checkpointed()
    const bytes = disk.peek(SEGMENT)!
    disk.poke(SEGMENT, null)
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    disk.poke(SEGMENT, bytes.subarray(0, -1))
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    const damaged = Buffer.from(bytes.toString().replace('litecoin', 'litecoim'))
    disk.poke(SEGMENT, damaged)
    const { findings } = await verify(disk)
    expect(findings[0]).toMatchObject({ file: SEGMENT, offset: 0, damage: true })
  })

  test('is refused when a closed segment has lost its last line, by whoever only inspects it too', async () => {
    const { disk } = await checkpointed()
    const bytes = disk.peek(SEGMENT)!
    disk.poke(SEGMENT, bytes.subarray(0, bytes.lastIndexOf(10, -2) + 1))
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    const closed = (await lowdbEngine(disk, DIRECTORY).inspect())!
    await expect(commitsOf(closed)).rejects.toMatchObject({ type: 'corruptStore' })
    await closed.close()
  })

  test('may hold images that a later version of their machine has brought up, and nothing else in their place', async () => {
    const upgrade: Upgrade = image =>
      image.version === 2
        ? image
        : untypedInstance({ ...image, version: 2, context: { ...image.context, isUpgraded: true } })
    const { disk, world } = await written()
    const ledger = await open(disk)
    for (const [id, image] of world.live) world.live.set(id, upgrade(image))
    await checkpointOf(ledger, world)
    await ledger.journal.close()
    expect((await verifyLedger(disk, DIRECTORY, upgrade)).findings).toEqual([])
    const wrong = (await verifyLedger(disk, DIRECTORY, image => ({ ...image, value: `${image.version}` }))).findings
    expect(wrong.map(({ file }) => file)).toEqual(Array.from(world.live, () => CHECKPOINT))
    const refuse: Upgrade = () => {
      throw new Error('unknown')
    }
    expect((await verifyLedger(disk, DIRECTORY, refuse)).findings).toEqual(wrong)
  })

  test('makes missing or damaged positions again, at the start or when they are read', async () => {
    const { disk, world } = await checkpointed()
    const path = `${DIRECTORY}/journal/1.index`
    const index = disk.peek(path)!
    const flips = [0, 9, 40, 70, 110, 130, index.length - 1].map(at => flipped(index, at))
    for (const bytes of [null, Buffer.alloc(0), index.subarray(0, 70), ...flips]) {
      disk.poke(path, bytes)
      expect((await verify(disk)).findings).toMatchObject([{ file: path, damage: false }])
      const { archive, journal } = await open(disk)
      expect(await archive.history(2, 1)).toEqual([world.feed[1]])
      expect(disk.peek(path)!.equals(index)).toBe(true)
      expect(await archive.read('coin/0')).toEqual(world.ended.get('coin/0'))
      await journal.close()
    }
  })

  test('is refused when the journal ends before what the checkpoint has seen', async () => {
    const { disk, world } = await written()
    const ledger = await open(disk)
    const late: Promise<void>[] = []
    const appending = {
      *[Symbol.iterator]() {
        late.push(ledger.journal.append(step(world, [{ id: 'deposit/late' }])))
        yield* world.reservations
      },
    }
    await checkpointOf(ledger, { live: world.live, reservations: appending })
    await Promise.all(late)
    await ledger.journal.close()
    disk.poke(`${DIRECTORY}/journal/13.jsonl`, Buffer.alloc(0))
    expect(await outcomeOf(disk)).toMatchObject({ type: 'corruptStore' })
    const { findings } = await verify(disk)
    expect(findings.map(({ problem }) => problem).join()).toContain('has seen seq 13')
  })
})

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 0x10
  return copy
}
