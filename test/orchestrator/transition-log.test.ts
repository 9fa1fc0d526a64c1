import { expect, test } from 'vitest'
import { block, connected, createRig, disconnected, openChain, paid, requested, spent, type Rig } from './rig.ts'

const linesOf = (rig: Rig) => rig.log.map(({ level, message, fields }) => ({ level, message, ...(fields as object) }))

test('each durable transition of chain and deposit is a line, with its id, its states and its height', async () => {
  const rig = createRig()
  await openChain(rig)
  await rig.send(connected(100, [paid('a', block(100))]))
  for (const height of [101, 102]) await rig.send(connected(height))
  const lines = linesOf(rig)
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'info', message: 'chain following', id: 'litecoin', from: 'syncing', height: 99 }),
  )
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 'info',
      message: 'deposit confirming',
      id: 'litecoin:a:0',
      from: null,
      height: 100,
    }),
  )
  expect(lines).toContainEqual(expect.objectContaining({ message: 'deposit confirmed', from: 'confirming' }))
  // A block that changes no state is none.
  expect(lines.filter(({ message }) => message.startsWith('chain '))).toHaveLength(3)
})

test('nothing is told before it is durable', async () => {
  const rig = createRig()
  await openChain(rig)
  rig.holding.now = true
  const durable = rig.send(requested('w-1', '5000'))
  expect(linesOf(rig).filter(({ message }) => message.startsWith('withdrawal'))).toEqual([])
  await rig.sync()
  await durable
  expect(linesOf(rig)).toContainEqual(expect.objectContaining({ message: 'withdrawal queued', id: 'w-1' }))
})

test('a halt is an error with its reason', async () => {
  const rig = createRig()
  await openChain(rig)
  await rig.send(connected(100, [paid('a', block(100))]))
  await rig.send(connected(101, [spent(['litecoin:a:0'], 'stranger', block(101))]))
  expect(linesOf(rig)).toContainEqual(
    expect.objectContaining({
      level: 'error',
      message: 'chain halted',
      reason: expect.stringContaining('neither the ledger nor the signer') as string,
    }),
  )
})

test('what is taken back from a backend that may have it is a warning', async () => {
  const rig = createRig()
  await openChain(rig)
  await rig.send(connected(100, [paid('a', block(100))]))
  for (const height of [101, 102]) await rig.send(connected(height))
  for (const height of [102, 101, 100]) await rig.send(disconnected(height))
  expect(linesOf(rig)).toContainEqual(expect.objectContaining({ level: 'warn', message: 'deposit reversed' }))
})
