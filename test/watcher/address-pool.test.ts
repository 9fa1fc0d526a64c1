/** Two watchers with a ledger each, beside each other on one signer: no address is for both. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freeAddresses, refillPool, type AddressPoolOptions } from '../../src/watcher/address-pool.ts'
import { createSignerClient } from '../../src/watcher/signer-client.ts'
import { at, createRig, type Rig } from '../orchestrator/rig.ts'
import { over } from './over.ts'
import * as rigs from '../signer/rig.ts'

const CHAIN = 'litecoin'
const POOL = { low: 3, high: 5 }

interface Watcher extends AddressPoolOptions {
  rig: Rig
}

let signersRig: rigs.Rig
let signer: rigs.Signer
let watchers: Watcher[]

async function watcherOf(ledgerId: string): Promise<Watcher> {
  const rig = createRig()
  await rig.send({ type: 'chain.opened', at, data: { chain: CHAIN } })
  const access = { url: 'http://signer.invalid', token: () => rigs.TOKEN }
  const client = createSignerClient(
    access,
    over(request => signer.handle(request)),
  )
  const { orchestrator, clock } = rig
  return { rig, chain: CHAIN, pool: POOL, signer: client, orchestrator, ledgerId, clock, log: () => undefined }
}

beforeEach(async () => {
  signersRig = await rigs.createRig(rigs.standard({}))
  signer = await rigs.start(signersRig)
  watchers = [await watcherOf('a'), await watcherOf('b')]
})
afterEach(async () => {
  await signer.stop()
  await rigs.discard(signersRig)
})

/** Gives the first free address to the next user; null where none is free. */
async function assign({ rig, orchestrator }: Watcher, reference: string): Promise<string | null> {
  const [free] = freeAddresses(orchestrator.memory, CHAIN)
  if (free === undefined) return null
  await rig.send({ type: 'address.assigned', at, data: { chain: CHAIN, index: free.index, reference } })
  return free.address
}

describe('two watchers on one signer', () => {
  test('never give away the same address, in whatever order they ask', async () => {
    const given: string[] = []
    for (let n = 0; n < 40; n++) {
      const order = n % 3 === 0 ? watchers : watchers.toReversed()
      if (n % 4 === 0) for (const watcher of order) await refillPool(watcher)
      else if (n % 4 === 1) await Promise.all(order.map(watcher => refillPool(watcher)))
      for (const [m, watcher] of order.entries()) given.push((await assign(watcher, `user-${n}-${m}`)) ?? '')
    }
    const addresses = given.filter(address => address !== '')
    expect(addresses.length).toBeGreaterThan(40)
    expect(new Set(addresses).size).toBe(addresses.length)
  })

  test('watch what the other gives away', async () => {
    for (let n = 0; n < 3; n++) for (const watcher of watchers) await refillPool(watcher)
    for (const watcher of watchers) for (let n = 0; n < 4; n++) await assign(watcher, `user-${n}`)
    for (let n = 0; n < 3; n++) for (const watcher of watchers) await refillPool(watcher)
    const [a, b] = watchers.map(({ orchestrator }) =>
      orchestrator.memory.list('address', CHAIN).map(({ context }) => context),
    )
    const known = new Set(b!.map(({ address }) => address))
    const ofA = a!.filter(({ reference }) => reference !== null)
    expect(ofA.length).toBeGreaterThan(3)
    expect(ofA.every(({ address }) => known.has(address))).toBe(true)
  })
})
