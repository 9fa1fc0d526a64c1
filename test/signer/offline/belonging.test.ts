/**
 * Keystore, memory and audit log belong together. Whoever takes something away, cuts it or puts an older one in its place,
 * without the passphrase, gets a signer that does not start, or one that knows all the same; and no export, of whatever age,
 * makes it forget.
 */
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { intentBytes, publicKeyOf, signBytes } from '../../../src/canonical.ts'
import { verifyStore } from '../../../src/commands/verify.ts'
import { reasonOf } from '../../../src/kernel/fault.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import { openKeystore } from '../../../src/signer/keys/keystore.ts'
import { beginMemory } from '../../../src/signer/offline/begin.ts'
import { exportMemory } from '../../../src/signer/offline/export.ts'
import { importMemory } from '../../../src/signer/offline/import.ts'
import { randomFrom } from '../../simulation/random.ts'
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, grow, intent, reasonKinds, sign, simple, standard } from '../rig.ts'

const AMOUNT = 1_000_000n
const MEMORY = '/signer/memory'
const JOURNAL = `${MEMORY}/journal/1.jsonl`
const LOG = `${MEMORY}/audit/1.jsonl`
const SEAL = `${MEMORY}/audit/seal.json`
const KEYSTORE = '/signer/keystore.json'
const OUT = '/signer/export.json'
const PAID = ['w-1', 'w-2', 'w-3']

const blank = () => simulatedDisk({ seed: 1 })
const copyOf = (from: SimulatedDisk, without: readonly string[] = []): SimulatedDisk => {
  const made = blank()
  for (const path of from.paths()) if (!without.includes(path)) made.poke(path, from.peek(path))
  return made
}
/** The same with other content in some files; null removes. */
const altered = (from: SimulatedDisk, files: Record<string, Uint8Array | string | null>): SimulatedDisk => {
  const made = copyOf(from)
  for (const [path, bytes] of Object.entries(files))
    made.poke(path, typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  return made
}
const linesOf = (disk: SimulatedDisk, path: string) => disk.peek(path)!.toString().split('\n').slice(0, -1)
const first = (lines: readonly string[], count: number) => lines.slice(0, count).map(line => `${line}\n`).join('') // prettier-ignore

async function live(disk: SimulatedDisk, use: (signer: rigs.Signer) => Promise<unknown>, yaml = ''): Promise<void> {
  const signer = await rigs.start(rigs.reboot(disk, yaml))
  try {
    await use(signer)
  } finally {
    await signer.stop()
  }
}

/** The message of what keeps it from starting, or null. */
async function refusalOf(disk: SimulatedDisk, yaml = ''): Promise<string | null> {
  try {
    await live(disk, () => Promise.resolve(), yaml)
    return null
  } catch (error) {
    return reasonOf(error)
  }
}

const pay = (signer: rigs.Signer, id: string, salt: number, key = rigs.BACKEND) =>
  sign(signer, `${id}-${salt}`, 1, simple(AMOUNT, salt), [authorised(intent(id, AMOUNT), key)])

/** Pays with other coins what was paid before, as a hijacked watcher would; answers which of it succeeded. */
async function paidTwice(signer: rigs.Signer): Promise<string[]> {
  const twice: string[] = []
  for (const [n, id] of PAID.entries()) if ((await pay(signer, id, 50 + n)).status === 200) twice.push(id)
  return twice
}

async function saved(disk: SimulatedDisk): Promise<Buffer> {
  const copy = copyOf(disk, [OUT])
  await exportMemory(copy, MEMORY, identityOf(rigs.SEED), OUT)
  return copy.peek(OUT)!
}

function load(disk: SimulatedDisk, bytes: Uint8Array, seen: MemoryPosition | null = null) {
  disk.poke(OUT, bytes)
  const rig = rigs.reboot(disk)
  const asked = { passphrase: rigs.PASSPHRASE, from: OUT, seen, by: 'a test', cost: rigs.COST }
  return importMemory(rig.ports, rigs.premisesOf(rig), asked)
}

function begin(disk: SimulatedDisk, ...keys: Uint8Array[]) {
  const rig = rigs.reboot(disk)
  const word = { passphrase: rigs.PASSPHRASE, keys: keys.map(publicKeyOf), by: 'a test', cost: rigs.COST }
  return beginMemory(rig.ports, rigs.premisesOf(rig), word)
}

const positionIn = (exported: Uint8Array): MemoryPosition => {
  const { sequence, hash } = (JSON.parse(Buffer.from(exported).toString()) as { metadata: MemoryPosition }).metadata
  return { sequence, hash }
}

const NEW_KEY = new Uint8Array(32).fill(77)
const withNewKey = standard({ authorisation: `authorisation: { keys: ["${publicKeyOf(NEW_KEY)}"] }` })

/** A signer that has paid three withdrawals, each in a run of its own; and what was exported before each and at the end. */
let signer: SimulatedDisk
let exports: Buffer[]
beforeAll(async () => {
  signer = blank()
  await rigs.createRigOn(signer)
  exports = [await saved(signer)]
  await live(signer, each => grow(each, 3))
  for (const [n, id] of PAID.entries()) {
    exports.push(await saved(signer))
    await live(signer, async each => expect((await pay(each, id, n + 1)).status).toBe(200))
  }
  exports.push(await saved(signer))
})

describe('S3: a keystore does not start, and says what to do,', () => {
  const WAYS_OUT = /signer-memory import.*signer-memory begin/
  const memoryFiles = () => signer.paths().filter(path => path.startsWith(`${MEMORY}/`))

  test('with an empty data directory', async () => {
    expect(await refusalOf(copyOf(signer, memoryFiles()))).toMatch(
      /the memory that belongs to the keystore .* is missing/,
    )
    expect(await refusalOf(copyOf(signer, memoryFiles()))).toMatch(WAYS_OUT)
  })

  test("with another's memory, also of the same phrase", async () => {
    const other = blank()
    await rigs.restoreRigOn(other, [rigs.BACKEND, rigs.SECOND_BACKEND])
    await live(other, each => grow(each, 3))
    const files = other.paths().filter(path => path.startsWith(`${MEMORY}/`))
    const mixed = copyOf(signer, memoryFiles())
    for (const path of files) mixed.poke(path, other.peek(path))
    expect(await refusalOf(mixed)).toMatch(/is another one/)
    expect(await refusalOf(mixed)).toMatch(WAYS_OUT)
  })

  test('with a memory cut at its end, with and without its log', async () => {
    const lines = linesOf(signer, JOURNAL)
    const cut = { [JOURNAL]: first(lines, lines.length - 1) }
    expect(await refusalOf(altered(signer, cut))).toMatch(/the audit log has seen memory \d+, here is \d+/)
    expect(await refusalOf(altered(signer, { ...cut, [LOG]: null, [SEAL]: null }))).toMatch(WAYS_OUT)
  })

  test('without an audit log, or without its seal', async () => {
    for (const files of [{ [LOG]: null }, { [SEAL]: null }, { [SEAL]: '' }, { [LOG]: null, [SEAL]: null }])
      expect(await refusalOf(altered(signer, files))).not.toBeNull()
    expect(await refusalOf(altered(signer, { [LOG]: null, [SEAL]: null }))).toMatch(WAYS_OUT)
  })

  test('as an older copy of itself, from before its memory had to begin again', async () => {
    const lost = copyOf(signer, memoryFiles())
    await begin(lost, NEW_KEY)
    expect(await refusalOf(lost)).toMatch(/authorisation\.keys\.0/)
    expect(await refusalOf(altered(lost, { [KEYSTORE]: signer.peek(KEYSTORE) }))).toMatch(
      /is another one|another beginning/,
    )
    const unlogged = altered(signer, { [LOG]: null, [SEAL]: null })
    await begin(unlogged, NEW_KEY)
    expect(await refusalOf(altered(unlogged, { [KEYSTORE]: signer.peek(KEYSTORE) }))).toMatch(/another beginning/)
  })

  test('which verify finds without the passphrase, too', async () => {
    const said: string[] = []
    const other = blank()
    await rigs.restoreRigOn(other, [])
    const mixed = altered(signer, { [KEYSTORE]: other.peek(KEYSTORE) })
    const text = 'dataDirectory: ./memory\ntokenFile: ./token\nkeystore: { file: ./keystore.json }'
    const config = { path: '/signer/signer.yaml', text, environment: {} }
    const terminal = { out: (line: string) => said.push(line), err: () => undefined }
    expect(await verifyStore(mixed, config, null, terminal)).toBe(false)
    expect(said.join('\n')).toMatch(/damage: \/signer\/keystore\.json at byte 0: belongs to the memory/)
    expect(await verifyStore(copyOf(signer), config, null, terminal)).toBe(true)
  })
})

describe('S3: a thief without the passphrase', () => {
  /** Starts on it all the same: nothing is paid twice then. */
  async function expectSafe(disk: SimulatedDisk, what: string): Promise<boolean> {
    if ((await refusalOf(copyOf(disk))) !== null) return false
    await live(disk, async each => expect(await paidTwice(each), what).toEqual([]))
    return true
  }

  test('who deletes any files of the signer gets nothing paid twice', async () => {
    const files = signer.paths()
    let starts = 0
    for (const [n, one] of files.entries())
      for (const other of files.slice(n)) {
        const without = copyOf(signer, [one, other])
        if (await expectSafe(without, `without ${one} and ${other}`)) starts++
      }
    // The index of the journal is made anew.
    expect(starts).toBeLessThanOrEqual(files.length)
  }, 300_000)

  test('who cuts any number of lines off the ends of memory and log, with the seal, without, or with an older one, gets nothing paid twice', async () => {
    const [journal, log] = [linesOf(signer, JOURNAL), linesOf(signer, LOG)]
    let starts = 0
    for (let kept = 0; kept <= journal.length; kept++)
      for (let logged = 0; logged <= log.length; logged++)
        for (const seal of logged % 3 === 0 ? ['kept', 'removed', 'emptied'] : ['kept']) {
          const files: Record<string, string | null> = { [JOURNAL]: first(journal, kept), [LOG]: first(log, logged) }
          if (seal !== 'kept') files[SEAL] = seal === 'removed' ? null : ''
          if (await expectSafe(altered(signer, files), `${kept} commits, ${logged} lines, seal ${seal}`)) starts++
        }
    expect(starts).toBe(1)
  }, 300_000)
})

describe('S3: an import only ever adds', () => {
  test('an export from before anything was signed, or any older one, removes nothing', async () => {
    for (const old of exports) {
      const target = copyOf(signer)
      const imported = await load(target, old)
      expect(imported).toMatchObject({ aside: [], guard: 'whole', before: positionIn(exports.at(-1)!).sequence })
      expect((await saved(target)).equals(exports.at(-1)!)).toBe(true)
      await live(target, async each => expect(await paidTwice(each)).toEqual([]))
    }
  })

  test('into a directory that lost its memory, only what holds all that the log has seen is taken', async () => {
    const lost = copyOf(signer, [JOURNAL, `${MEMORY}/HEAD.json`])
    for (const old of exports.slice(0, -1))
      await expect(load(copyOf(lost), old)).rejects.toMatchObject({ kind: 'export-behind' })
    const target = copyOf(lost)
    expect(await load(target, exports.at(-1)!)).toMatchObject({ guard: 'whole' })
    await live(target, async each => expect(await paidTwice(each)).toEqual([]))
  })

  test('what it replaces is moved aside, named, and whole', async () => {
    const other = blank()
    await rigs.restoreRigOn(other, [NEW_KEY])
    await live(other, each => grow(each, 3), withNewKey)
    const mixed = copyOf(signer, signer.paths().filter(path => path.startsWith(`${MEMORY}/`))) // prettier-ignore
    const moved = other.paths().filter(path => path.startsWith(`${MEMORY}/`))
    for (const path of moved) mixed.poke(path, other.peek(path))
    const { aside, guard } = await load(mixed, exports.at(-1)!)
    expect([aside, guard]).toEqual([[`${MEMORY}/aside-1`, `${MEMORY}/aside-2`], 'set'])
    for (const path of moved) {
      const name = path.slice(MEMORY.length)
      const folder = aside.find(each => mixed.peek(join(each, name)) !== null)
      expect(mixed.peek(join(folder!, name))!.equals(other.peek(path)!)).toBe(true)
    }
    expect(await refusalOf(mixed, withNewKey)).toMatch(/authorisation\.keys\.0/)
  })

  test('a signer that was restored from its phrase keeps refusing its old keys, whatever old export it is given', async () => {
    for (const old of exports) {
      const restored = blank()
      await rigs.restoreRigOn(restored, [NEW_KEY])
      expect(await load(restored, old)).toMatchObject({ guard: 'kept' })
      expect(await refusalOf(restored)).toMatch(/authorisation\.keys\.0/)
      await live(
        restored,
        async each => {
          await grow(each, 3)
          expect((await pay(each, 'w-9', 9, NEW_KEY)).status).toBe(200)
        },
        withNewKey,
      )
    }
  })

  test('shown what watcher or backend have seen of the memory, an export that holds it is all of it, and a lesser one is refused', async () => {
    const seen = positionIn(exports.at(-1)!)
    for (const [n, old] of exports.entries()) {
      const restored = blank()
      await rigs.restoreRigOn(restored, [])
      if (n < exports.length - 1) {
        await expect(load(restored, old, seen)).rejects.toMatchObject({ kind: 'export-behind' })
        expect(await refusalOf(restored)).toMatch(/authorisation\.keys\.0/)
      } else {
        expect(await load(restored, old, seen)).toMatchObject({ guard: 'lifted' })
        await live(restored, async each => expect(await paidTwice(each)).toEqual([]))
      }
    }
    const forged = { ...seen, hash: 'ab'.repeat(32) }
    const restored = blank()
    await rigs.restoreRigOn(restored, [])
    await expect(load(restored, exports.at(-1)!, forged)).rejects.toMatchObject({ kind: 'export-behind' })
  })

  test('who has seen nothing of the memory is no witness: the guard stays, whatever the export', async () => {
    for (const old of exports) {
      const restored = blank()
      await rigs.restoreRigOn(restored, [NEW_KEY])
      expect(await load(restored, old, { sequence: 0, hash: 'ab'.repeat(32) })).toMatchObject({ guard: 'kept' })
      expect(await refusalOf(restored)).toMatch(/authorisation\.keys\.0/)
      const unlogged = altered(signer, { [LOG]: null, [SEAL]: null })
      expect(await load(unlogged, old, { sequence: 0, hash: '' })).toMatchObject({ guard: 'set' })
    }
  })

  test('beside a removed log an export guards the signer, because nobody knows how far the memory was', async () => {
    for (const old of exports) {
      const unlogged = altered(signer, { [LOG]: null, [SEAL]: null })
      expect(await load(unlogged, old)).toMatchObject({ guard: 'set' })
      expect(await refusalOf(unlogged)).toMatch(/a part of the memory may be missing/)
    }
  })

  test('exports of every age, in each of their orders, into a signer that lost its last day: nothing is ever paid twice, and all of it is there at the end', async () => {
    const ordersOf = (numbers: readonly number[]): number[][] =>
      numbers.length === 0
        ? [[]]
        : numbers.flatMap(n => ordersOf(numbers.filter(m => m !== n)).map(rest => [n, ...rest]))
    const journal = linesOf(signer, JOURNAL)
    const behind = altered(signer, { [JOURNAL]: first(journal, journal.length - 1) })
    for (const order of ordersOf(exports.map((_, n) => n))) {
      const disk = copyOf(behind)
      const taken: number[] = []
      for (const n of order)
        await load(disk, exports[n]!).then(
          () => taken.push(n),
          () => undefined,
        )
      // The log knows how far it was: only the last export holds that, and after it each is older.
      expect(taken, String(order)).toEqual(order.slice(order.indexOf(exports.length - 1)))
      expect((await saved(disk)).equals(exports.at(-1)!), String(order)).toBe(true)
      if (order[0] === 0) await live(disk, async each => expect(await paidTwice(each), String(order)).toEqual([]))
    }
  }, 300_000)

  test('exports of every age, in every order, into what a thief has left: nothing is ever paid twice', async () => {
    const random = randomFrom(7)
    const [journal, log] = [linesOf(signer, JOURNAL), linesOf(signer, LOG)]
    const pick = (count: number) => Math.floor(random() * count)
    let starts = 0
    for (let round = 0; round < 60; round++) {
      const remains: Record<string, string | null> = { [JOURNAL]: first(journal, pick(journal.length + 1)) }
      if (random() < 0.3) Object.assign(remains, { [JOURNAL]: null, [`${MEMORY}/HEAD.json`]: null })
      if (random() < 0.5) remains[LOG] = random() < 0.5 ? null : first(log, pick(log.length + 1))
      if (random() < 0.3) remains[SEAL] = null
      const disk = altered(signer, remains)
      for (let n = 0; n < 4; n++) await load(disk, exports[pick(exports.length)]!).catch(() => undefined)
      if ((await refusalOf(copyOf(disk))) !== null) continue
      starts++
      await live(disk, async each => expect(await paidTwice(each), `round ${round}`).toEqual([]))
    }
    expect(starts).toBeGreaterThan(0)
  }, 300_000)

  test('cut off by a crash at any of its syncs, it is finished by doing it again, and guarded all the while', async () => {
    for (let nth = 1; nth <= 12; nth++) {
      const restored = blank()
      await rigs.restoreRigOn(restored, [])
      const failing = restored.kill({ fail: { call: 'sync', nth } })
      await load(failing, exports.at(-2)!).catch(() => undefined)
      const after = failing.crash({ seed: nth })
      expect(await refusalOf(copyOf(after))).not.toBeNull()
      await load(after, exports.at(-2)!)
      expect(await refusalOf(copyOf(after))).toMatch(/authorisation\.keys\.0/)
    }
  })
})

describe('S3: a beginning by a person’s word', () => {
  const lost = () => copyOf(signer, signer.paths().filter(path => path.startsWith(`${MEMORY}/`))) // prettier-ignore

  test('takes new keys only, and stands in the log', async () => {
    const disk = lost()
    expect(await begin(disk, NEW_KEY)).toMatchObject({ newKeys: [publicKeyOf(NEW_KEY)], aside: [] })
    expect(await refusalOf(disk)).toMatch(/authorisation\.keys\.0/)
    await live(disk, async each => {
      await grow(each, 3)
      expect((await pay(each, 'w-1', 9)).status).toBe(202)
      expect((await pay(each, 'w-9', 9, NEW_KEY)).status).toBe(200)
    }, withNewKey) // prettier-ignore
    expect(linesOf(disk, LOG)[0]).toContain(`"command":"begin","by":"a test","about":"${publicKeyOf(NEW_KEY)}"`)
  })

  test('keeps what is left of the memory, and moves aside a log that does not belong', async () => {
    const lines = linesOf(signer, JOURNAL)
    const disk = altered(signer, { [JOURNAL]: first(lines, lines.length - 1) })
    expect(await begin(disk, NEW_KEY)).toMatchObject({ aside: [`${MEMORY}/aside-1`] })
    expect(linesOf(disk, `${MEMORY}/aside-1/audit/1.jsonl`)).toEqual(linesOf(signer, LOG))
    await live(disk, async each => {
      expect(reasonKinds(await pay(each, 'w-1', 9, NEW_KEY))).toEqual(['could-pay-twice'])
    }, withNewKey) // prettier-ignore
  })

  test('is undone by an export that holds all that the log had seen, and by no lesser one', async () => {
    for (const [n, old] of exports.entries()) {
      const disk = copyOf(signer, [JOURNAL, `${MEMORY}/HEAD.json`])
      await begin(disk, NEW_KEY)
      expect((await load(disk, old)).guard).toBe(n === exports.length - 1 ? 'lifted' : 'kept')
    }
  })

  test('is refused where nothing is missing', async () => {
    await expect(begin(copyOf(signer), NEW_KEY)).rejects.toMatchObject({ kind: 'nothing-to-begin' })
  })

  test('may be repeated after a crash at any of its syncs, and guards all the while', async () => {
    for (let nth = 1; nth <= 8; nth++) {
      const failing = altered(signer, { [LOG]: null, [SEAL]: null }).kill({ fail: { call: 'sync', nth } })
      await begin(failing, NEW_KEY).catch(() => undefined)
      const after = failing.crash({ seed: nth })
      expect(await refusalOf(copyOf(after))).not.toBeNull()
      await begin(after, NEW_KEY)
      expect(await refusalOf(copyOf(after), withNewKey)).toBeNull()
    }
  })

  test('adds to the keys that count already, in a signer that was restored', async () => {
    const restored = blank()
    await rigs.restoreRigOn(restored, [NEW_KEY])
    await begin(restored, rigs.BACKEND)
    const { binding } = await openKeystore(rigs.reboot(restored).ports, KEYSTORE, rigs.PASSPHRASE)
    expect(binding).toMatchObject({ began: 'restored', guard: { newKeys: [NEW_KEY, rigs.BACKEND].map(publicKeyOf) } })
  })
})

test('an intent that was signed for one wallet is worth nothing to another with the same backend key', async () => {
  const disk = blank()
  await rigs.createRigOn(disk)
  await live(disk, async each => {
    await grow(each, 3)
    const plain = intent('w-1', AMOUNT)
    const elsewhere = signBytes(rigs.BACKEND, intentBytes(plain, publicKeyOf(rigs.STRANGER)))
    expect((await sign(each, 't', 1, simple(AMOUNT), [{ ...plain, authorisations: [elsewhere] }])).status).toBe(202)
    expect((await sign(each, 't', 1, simple(AMOUNT), [authorised(plain)])).status).toBe(200)
  })
})

test('S3: a signer that was rolled back refuses an intent whose backend has seen more of its memory, whatever the watcher keeps quiet', async () => {
  const older = blank()
  await rigs.createRigOn(older)
  await live(older, each => grow(each, 3))
  const seen = positionIn(exports.at(-1)!).sequence
  await live(older, async each => {
    const asked = authorised(intent('w-1', AMOUNT, { memory: seen }))
    const answer = await sign(each, 'late', 1, simple(AMOUNT), [asked])
    expect([answer.status, reasonKinds(answer)]).toEqual([403, ['memory-behind']])
    // Asked again and again, it neither gives way nor is written again.
    const before = (await ask(each, 'GET', '/healthz')).headers['Lockkeeper-Memory-Sequence']
    for (let n = 0; n < 20; n++) expect((await sign(each, 'late', 1, simple(AMOUNT), [asked])).status).toBe(403)
    expect((await ask(each, 'GET', '/healthz')).headers['Lockkeeper-Memory-Sequence']).toBe(before)
  })
  await live(copyOf(signer), async each => {
    const asked = authorised(intent('w-9', AMOUNT, { memory: seen }))
    expect((await sign(each, 'late', 1, simple(AMOUNT, 9), [asked])).status).toBe(200)
  })
})
