import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exportMemory } from '../../../src/signer/offline/export.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import { importMemory, type Imported } from '../../../src/signer/offline/import.ts'
import { exportSchema, readMetadata } from '../../../src/signer/offline/interchange.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, grow, intent, sign, simple } from '../rig.ts'

const AMOUNT = 1_000_000n
const MEMORY = '/signer/memory'
const OUT = '/signer/export.json'
const { key } = identityOf(rigs.SEED)
const vector = (name: string) => readFileSync(new URL(`../../vectors/signer/${name}`, import.meta.url))

const asked = (n: number, id = `w-${n}`) => [authorised(intent(id, AMOUNT))]
const pay = (signer: rigs.Signer, n: number, id?: string) => sign(signer, `t${n}`, 1, simple(AMOUNT, n), asked(n, id))

let disk: SimulatedDisk
let seed = 0
/** A signer on a machine of its own, its answers, and what it leaves. */
async function live(on: SimulatedDisk, use: (signer: rigs.Signer) => Promise<void>): Promise<SimulatedDisk> {
  const signer = await rigs.start(rigs.reboot(on))
  await use(signer)
  await signer.stop()
  return on
}
const machine = async () => {
  const made = simulatedDisk({ seed: ++seed })
  await rigs.createRigOn(made)
  return made
}
/** What a backup of the whole machine is. */
const copyOf = (from: SimulatedDisk): SimulatedDisk => {
  const made = simulatedDisk({ seed: ++seed })
  for (const path of from.paths()) made.poke(path, from.peek(path))
  return made
}
/** The traffic behind test/vectors/signer/memory.json. */
const traffic = async (signer: rigs.Signer) => {
  await grow(signer, 3)
  expect((await pay(signer, 1)).status).toBe(200)
  expect((await ask(signer, 'PUT', '/v1/withdrawals/w-2/void', { chain: 'litecoin', round: 1 })).status).toBe(201)
  expect((await pay(signer, 2)).status).toBe(403)
  expect(
    (await sign(signer, 't3', 1, simple(AMOUNT, 3), [{ ...intent('w-3', AMOUNT), authorisations: [] }])).status,
  ).toBe(202)
  expect((await sign(signer, 't1', 2, simple(AMOUNT, 1, 2_000n), asked(1))).status).toBe(200)
}
const save = (from: SimulatedDisk) => exportMemory(from, MEMORY, identityOf(rigs.SEED), OUT)
/** `seen`: what a watcher or a backend says of it. */
const load = (to: SimulatedDisk, bytes: Uint8Array, seen: MemoryPosition | null = null): Promise<Imported> => {
  to.poke(OUT, bytes)
  const rig = rigs.reboot(to)
  const asked = { passphrase: rigs.PASSPHRASE, from: OUT, seen, by: 'a test', cost: rigs.COST }
  return importMemory(rig.ports, rigs.premisesOf(rig), asked)
}
const exported = async (from: SimulatedDisk) => {
  from.poke(OUT, null)
  await save(from)
  const bytes = from.peek(OUT)!
  from.poke(OUT, null)
  return bytes
}
const everything = async (signer: rigs.Signer) => [
  (await ask(signer, 'GET', '/v1/chains/litecoin/transfers')).body,
  (await ask(signer, 'GET', '/v1/chains/litecoin/addresses')).body,
  (await ask(signer, 'GET', '/v1/withdrawals/w-1')).body,
  (await ask(signer, 'GET', '/v1/withdrawals/w-2')).body,
  (await ask(signer, 'GET', rigs.attemptPath('t3'))).body,
]

beforeEach(async () => {
  disk = await live(await machine(), traffic)
})

describe('an exported memory', () => {
  test('is the same bytes each time, as the test vector has it', async () => {
    expect((await exported(disk)).toString()).toBe(vector('memory.json').toString())
  })

  test('the vector of a fork is another history of the same signer', async () => {
    const apart = await live(await machine(), async signer => {
      await grow(signer, 3)
      expect((await pay(signer, 9)).status).toBe(200)
    })
    expect((await exported(apart)).toString()).toBe(vector('fork.json').toString())
  })

  test('is JSON that the published schema describes', async () => {
    const schema: unknown = JSON.parse(readFileSync('docs/reference/signer-memory.schema.json', 'utf8'))
    expect(schema).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(exportSchema))))
    const { metadata, commits } = exportSchema.parse(JSON.parse(vector('memory.json').toString()))
    expect(metadata).toMatchObject({
      key,
      sequence: commits.at(-1)!.commit.entries.at(-1)!.seq,
      hash: commits.at(-1)!.hash,
    })
  })

  test('never overwrites a file, and needs the memory for itself', async () => {
    disk.poke(OUT, new Uint8Array())
    await expect(save(disk)).rejects.toMatchObject({ kind: 'exists' })
    disk.poke(OUT, null)
    await live(disk, async () => {
      await expect(save(disk)).rejects.toMatchObject({ kind: 'locked' })
      await expect(load(disk, vector('memory.json'))).rejects.toMatchObject({ kind: 'locked' })
    })
    await expect(save(simulatedDisk({ seed: 1 }))).rejects.toMatchObject({ kind: 'no-memory' })
  })
})

describe('S1: an imported memory', () => {
  test('S1: gives the same bytes for the same requests, and shows the same of everything', async () => {
    const before: unknown[] = []
    await live(disk, async signer => {
      before.push(...(await everything(signer)), (await pay(signer, 1)).body)
    })
    const other = await machine()
    const bytes = await exported(disk)
    const { metadata } = await load(other, bytes)
    expect((await exported(other)).equals(bytes)).toBe(true)
    await live(other, async signer => {
      const again = await pay(signer, 1)
      expect([...(await everything(signer)), again.body]).toEqual(before)
      expect(again.headers['Lockkeeper-Memory-Sequence']).toBe(String(metadata.sequence))
      expect(again.headers['Lockkeeper-Memory-Hash']).toBe(metadata.hash)
      expect((await sign(signer, 't9', 1, simple(AMOUNT, 9), asked(1))).status).toBe(403)
    })
  })

  test('goes into a memory that has begun and holds nothing', async () => {
    const other = await live(await machine(), async () => undefined)
    expect(await load(other, vector('memory.json'))).toMatchObject({ before: 0, isAhead: false })
    await live(other, async signer => expect((await pay(signer, 1)).status).toBe(200))
  })

  test('S3: brings a memory that was restored from an older backup up to date', async () => {
    const backup = copyOf(disk)
    const newer = await live(copyOf(disk), async signer => {
      await pay(signer, 4)
      await pay(signer, 5)
    })
    const seen = await save(newer)
    const headers = { 'lockkeeper-memory-sequence': String(seen.sequence), 'lockkeeper-memory-hash': seen.hash }
    await live(backup, async signer => {
      expect((await ask(signer, 'GET', '/v1/identity', undefined, headers)).body.kind).toBe('memory-behind')
    })
    expect((await load(backup, newer.peek(OUT)!)).isAhead).toBe(false)
    await live(backup, async signer => {
      expect((await ask(signer, 'GET', '/v1/identity', undefined, headers)).status).toBe(200)
      expect((await sign(signer, 't4', 1, simple(AMOUNT, 6), asked(4))).status).toBe(409)
    })
  })

  test('changes nothing where the memory is ahead already', async () => {
    const older = await exported(disk)
    const newer = await live(copyOf(disk), async signer => {
      await pay(signer, 4)
    })
    const before = await exported(newer)
    expect(await load(newer, older)).toMatchObject({ isAhead: true })
    newer.poke(OUT, null)
    expect((await exported(newer)).equals(before)).toBe(true)
  })

  test('is refused when both have gone on apart, with the first difference, and nothing changes', async () => {
    const here = await live(copyOf(disk), async signer => {
      await pay(signer, 4)
    })
    const there = await live(copyOf(disk), async signer => {
      await pay(signer, 5)
    })
    const before = await exported(here)
    const [sequence, first, second] = [
      /at sequence \d+ /,
      /signing\/litecoin:\w+:1 signed \(transaction \w{64}\)/,
      /export has/,
    ]
    for (const part of [sequence, first, second]) await expect(load(here, await exported(there))).rejects.toThrow(part)
    await expect(load(here, await exported(there))).rejects.toMatchObject({ kind: 'memory-conflict' })
    here.poke(OUT, null)
    expect((await exported(here)).equals(before)).toBe(true)
    for (const fork of ['fork.json', 'fork-v1.json'])
      await expect(load(here, vector(fork))).rejects.toMatchObject({ kind: 'memory-conflict' })
  })

  test('is refused when it belongs to another signer', async () => {
    const other = identityOf(new Uint8Array(64).fill(1))
    expect(() =>
      readMetadata(
        JSON.stringify((JSON.parse(vector('memory.json').toString()) as { metadata: unknown }).metadata),
        other.key,
      ),
    ).toThrow(/this is the memory of the signer/)
  })

  test('of version 1 is taken in as it is, with its sequence and hash', async () => {
    const { metadata } = JSON.parse(vector('memory-v1.json').toString()) as {
      metadata: { version: number } & MemoryPosition
    }
    expect(metadata).toMatchObject({ version: 1, sequence: 14 })
    const other = simulatedDisk({ seed: ++seed })
    await rigs.restoreRigOn(other, [])
    expect((await load(other, vector('memory-v1.json'), metadata)).guard).toBe('lifted')
    await live(other, async signer => {
      const { headers } = await ask(signer, 'GET', '/healthz')
      expect(headers['Lockkeeper-Memory-Hash']).toBe(metadata.hash)
      expect((await ask(signer, 'GET', rigs.attemptPath('t1'))).body).toMatchObject({ state: 'signed' })
      expect((await pay(signer, 9, 'w-1')).status).toBe(403)
    })
  })

  test('is refused when any line of it is changed, removed, repeated or moved, or the end is missing', async () => {
    const lines = vector('memory.json').toString().split('\n')
    const attempts: string[][] = [lines.slice(0, -3), []]
    for (let n = 0; n < lines.length - 2; n++) {
      attempts.push(
        lines.with(
          n,
          lines[n]!.replace(/[0-9](?=[^0-9]*$)/, digit => String((Number(digit) + 1) % 10)),
        ),
      )
      attempts.push(lines.toSpliced(n, 1))
      attempts.push(lines.toSpliced(n, 0, lines[n]!))
      if (n < lines.length - 3) attempts.push(lines.with(n, lines[n + 1]!).with(n + 1, lines[n]!))
    }
    expect(attempts.length).toBeGreaterThan(20)
    for (const changed of attempts) {
      const target = await machine()
      await expect(load(target, Buffer.from(changed.join('\n')))).rejects.toMatchObject({ type: 'boundary' })
      expect(target.peek(`${MEMORY}/journal/1.jsonl`)!.length).toBe(0)
    }
  })

  test('that was cut off by a crash is finished by doing it again', async () => {
    const bytes = await exported(disk)
    for (let n = 1; n <= 4; n++) {
      const failing = (await machine()).kill({ fail: { call: 'sync', nth: n } })
      await load(failing, bytes).catch(() => undefined)
      const again = failing.crash({ seed: n })
      await load(again, bytes)
      again.poke(OUT, null)
      expect((await exported(again)).equals(bytes)).toBe(true)
    }
  })
})

describe('S3: another history of the memory', () => {
  test('S3: is noticed at an earlier sequence too, and the own past is not taken for one', async () => {
    const seen: Record<string, string>[] = []
    const past = (signer: rigs.Signer) =>
      ask(signer, 'GET', '/healthz').then(({ headers }) =>
        seen.push(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))),
      )
    const backup = copyOf(disk)
    await live(copyOf(disk), async signer => {
      await past(signer)
      await pay(signer, 4)
      await past(signer)
    })
    const forked = await live(copyOf(backup), async signer => {
      for (const n of [5, 6, 7]) await pay(signer, n)
    })
    const statuses: number[] = []
    await live(forked, async signer => {
      for (const headers of seen) statuses.push((await ask(signer, 'GET', '/v1/identity', undefined, headers)).status)
      const own: rigs.Answer[] = []
      own.push(await pay(signer, 8), await pay(signer, 9))
      const { 'Lockkeeper-Memory-Sequence': sequence, 'Lockkeeper-Memory-Hash': hash } = own[0]!.headers
      const headers = { 'lockkeeper-memory-sequence': sequence!, 'lockkeeper-memory-hash': hash! }
      expect((await ask(signer, 'GET', '/v1/identity', undefined, headers)).status).toBe(200)
      const forged = { ...headers, 'lockkeeper-memory-hash': 'ab'.repeat(32) }
      expect((await ask(signer, 'GET', '/v1/identity', undefined, forged)).body.kind).toBe('memory-behind')
    })
    expect(statuses).toEqual([200, 409])
  })
})
