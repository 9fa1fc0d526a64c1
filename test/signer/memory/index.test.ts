/** What is kept beside the memory so that a start is short never makes a signer forget, whatever a thief does to it. */
import { beforeEach, describe, expect, test } from 'vitest'
import { readWhole } from '../../../src/file.ts'
import { RECORDS_INDEX } from '../../../src/signer/memory/index-file.ts'
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'
import { authorised, grow, intent, sign, simple } from '../rig.ts'

const PATH = `/signer/memory/${RECORDS_INDEX}`
const AMOUNT = 1_000_000n
const LOST = 'learned from the whole journal'
let disk: SimulatedDisk
let seed = 0

const read = () => readWhole(disk, PATH, 2 ** 20)
async function write(bytes: Uint8Array): Promise<void> {
  const file = await disk.open(PATH, { create: true })
  await file.truncate(0)
  await file.append(bytes)
  await file.sync()
  await file.close()
}

const payment = (signer: rigs.Signer, n: number, coin = n) =>
  sign(signer, `t${n}-${coin}`, 1, simple(AMOUNT, coin), [authorised(intent(`w-${n}`, AMOUNT))])

/** A life of a signer: one more payment. */
async function live(n: number): Promise<void> {
  const signer = await rigs.start(rigs.reboot(disk))
  await grow(signer, 3)
  expect((await payment(signer, n)).status).toBe(200)
  await signer.stop()
}

/** Nothing that was signed is signed otherwise. Answers whether the index was believed. */
async function checkStart(payments: number): Promise<boolean> {
  const rig = rigs.reboot(disk)
  const signer = await rigs.start(rig)
  for (let n = 1; n <= payments; n++) {
    const again = await payment(signer, n, n + 100)
    expect([again.status, JSON.stringify(again.body)]).toEqual([403, expect.stringContaining('could-pay-twice')])
    expect((await payment(signer, n)).status).toBe(200)
  }
  await signer.stop()
  return !rig.logs.some(line => line.includes(LOST))
}

beforeEach(async () => {
  disk = simulatedDisk({ seed: ++seed })
  await rigs.createRigOn(disk)
  for (let n = 1; n <= 3; n++) await live(n)
})

describe('the index beside the memory', () => {
  test('is what a start knows it from', async () => {
    expect(await checkStart(3)).toBe(true)
  })

  test('is made again where it is missing', async () => {
    await disk.remove(PATH)
    expect(await checkStart(3)).toBe(false)
    expect(await checkStart(3)).toBe(true)
  })

  test('is believed no further than it is whole, wherever it was cut or changed', async () => {
    const whole = await read()
    for (let at = 0; at < whole.length; at += 37) {
      await write(whole.slice(0, at))
      await checkStart(3)
      await write(whole.map((byte, n) => (n === at ? byte ^ 1 : byte)))
      await checkStart(3)
    }
  })

  test('of an earlier time is gone on with', async () => {
    const old = await read()
    await live(4)
    await live(5)
    await write(old)
    expect(await checkStart(5)).toBe(true)
  })

  test('of another signer, or of a later memory than is here, is not believed', async () => {
    const bytes = await read()
    disk = simulatedDisk({ seed: ++seed })
    await rigs.createRigOn(disk)
    await live(1)
    await write(bytes)
    expect(await checkStart(1)).toBe(false)
  })
})
