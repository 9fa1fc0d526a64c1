/** A signer whose attempts have a version which the product does not have, on a memory that the present one has written. */
import { isIdOf, type Id } from '../../../machines/ids.ts'
import { untypedContext } from '../../kernel/untyped.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { isKind } from '../../../src/kernel/entry.ts'
import { versionOf, type Machines } from '../../../src/kernel/step.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import { signerMachines } from '../../../src/signer/memory/machines.ts'
import { readAt, readKept } from '../../../src/signer/memory/read.ts'
import { memoryIn, openMemory, type SignerMemory } from '../../../src/signer/memory/memory.ts'
import { exportMemory } from '../../../src/signer/offline/export.ts'
import { importMemory } from '../../../src/signer/offline/import.ts'
import { withField } from '../../machines/next-version.ts'
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'
import { authorised, grow, intent, sign, simple } from '../rig.ts'

const MEMORY = '/signer/memory'
const OUT = '/signer/export.json'
const AMOUNT = 1_000_000n
const identity = identityOf(rigs.SEED)

const later: Machines = { ...signerMachines, signing: withField(signerMachines['signing']!, 'risk', 'unknown') }

const pay = (signer: rigs.Signer, n: number) =>
  sign(signer, `t${n}`, 1, simple(AMOUNT, n), [authorised(intent(`w-${n}`, AMOUNT))])

/** What the present version leaves: a signed attempt, and one that waits for approvals. */
async function written(disk: SimulatedDisk): Promise<void> {
  await rigs.createRigOn(disk)
  const signer = await rigs.start(rigs.reboot(disk))
  await grow(signer, 3)
  expect((await pay(signer, 1)).status).toBe(200)
  const unapproved = [{ ...intent('w-2', AMOUNT), authorisations: [] }]
  expect((await sign(signer, 't2', 1, simple(AMOUNT, 2), unapproved)).status).toBe(202)
  await signer.stop()
}

const ledgerId = async (from: SimulatedDisk): Promise<string> => (await memoryIn(from, MEMORY))!
const openLater = async (disk: SimulatedDisk): Promise<SignerMemory> =>
  openMemory(rigs.reboot(disk).ports, MEMORY, await ledgerId(disk), { machines: later })

/** The attempts that the memory holds, live and ended, as it answers for them. */
async function attempts(memory: SignerMemory) {
  const { archive, records } = memory
  const ids = new Set<Id>()
  for await (const { commit } of archive.commits()) for (const { image } of commit.entries) ids.add(image.id)
  const signings = [...ids].filter(id => isIdOf(['signing'], id))
  const images = await Promise.all(
    signings.map(async id => memory.get(id) ?? (await readKept(archive, id, records.keptAt(id)!))),
  )
  return images.map(image => [image.value, image.version, untypedContext(image)['risk']])
}

let disk: SimulatedDisk
let seed = 0
beforeEach(async () => {
  disk = simulatedDisk({ seed: ++seed })
  await written(disk)
})

/** The later version takes one more request. */
async function goOn(): Promise<void> {
  const memory = await openLater(disk)
  const to = 'signing/litecoin:t9:1'
  const data = { chain: 'litecoin', transferId: 't9', n: 1, digest: 'cd', ledgerId: null }
  const [made] = memory.change([{ to, event: { type: 'request.received', at: 1, data } }], 1)
  expect(made).toMatchObject({ version: versionOf(later['signing']!), context: { risk: 'unknown', transferId: 't9' } })
  await memory.settled()
  await memory.close()
}

describe('a memory that an earlier version has written', () => {
  test('is learned, shown and gone on with in the present version; its position stays', async () => {
    const signer = await rigs.start(rigs.reboot(disk))
    const { headers } = await pay(signer, 1)
    await signer.stop()
    const memory = await openLater(disk)
    const { sequence, hash } = memory.position()
    expect([String(sequence), hash]).toEqual([headers['Lockkeeper-Memory-Sequence'], headers['Lockkeeper-Memory-Hash']])
    expect(await attempts(memory)).toEqual([
      ['signed', versionOf(later['signing']!), 'unknown'],
      ['awaitingApproval', versionOf(later['signing']!), 'unknown'],
    ])
    await memory.close()
    await goOn()
  })

  test('S1: what is signed stays signed: it is learned as kept, and cannot be asked for anew', async () => {
    const memory = await openLater(disk)
    const [seq] = memory.records.promisedOn('litecoin', 0, 1)
    const signed = await readAt(memory.archive, seq!)
    expect(signed.value).toBe('signed')
    if (!isKind(signed, 'signing')) throw new Error('nothing was signed')
    const data = { chain: 'litecoin', transferId: 't1', n: 1, digest: 'ef', ledgerId: null }
    const again = () => memory.change([{ to: signed.id, event: { type: 'request.received', at: 1, data } }], 1)
    expect(again).toThrow(expect.objectContaining({ kind: 'signed-again' }))
    await memory.close()
  })

  test('refuses the earlier version once the later one has written anything', async () => {
    await goOn()
    await expect(rigs.start(rigs.reboot(disk))).rejects.toMatchObject({ type: 'corruptStore', kind: 'unknown-version' })
    await (await openLater(disk)).close()
  })

  test('is not taken in by an earlier version, which could never start on it', async () => {
    await goOn()
    await exportMemory(disk, MEMORY, identity, OUT)
    const other = simulatedDisk({ seed: ++seed })
    await rigs.createRigOn(other)
    other.poke(OUT, disk.peek(OUT))
    const rig = rigs.reboot(other)
    const asked = { passphrase: rigs.PASSPHRASE, from: OUT, seen: null, by: 'a test', cost: rigs.COST }
    await expect(importMemory(rig.ports, rigs.premisesOf(rig), asked)).rejects.toMatchObject({
      kind: 'bad-export',
      message: expect.stringContaining(
        `: signing/litecoin:t9:1 was written by version ${versionOf(later['signing']!)}`,
      ) as string,
    })
    const signer = await rigs.start(rigs.reboot(other))
    expect((await pay(signer, 1)).headers['Lockkeeper-Memory-Sequence']).not.toBe('0')
    await signer.stop()
  })
})
