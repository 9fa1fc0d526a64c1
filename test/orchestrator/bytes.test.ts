/** What a transaction as large as nodes relay may cost, whatever a stranger has put into it. */
import { describe, expect, test } from 'vitest'
import { coinId, depositId, transactionOf } from '../../machines/ids.ts'
import type { Commit } from '../../src/kernel/entry.ts'
import { fundsOf } from '../../adapters/bitcoin/funds.ts'
import { at, block, connected, createRig, disconnected, openChain, paid, policy, valueOf, type Rig } from './rig.ts'

const OUTPUTS = 3000
const BYTES_A_DEPOSIT = 2048
const TXID = 'ab'.repeat(32)
const KEY = (output: number) => `litecoin:${TXID}:${output}`
/** Hashes as long as they are. */
const PADDING = '0'.repeat(60)
const parentOf = (height: number) => (height > 100 ? block(height - 1, PADDING) : block(height - 1)).hash

/** 93 kB of transaction, each output to one address of ours. */
function facts(height: number | null, amount = '5000') {
  const place = height === null ? null : block(height, PADDING)
  const raw = 'ff'.repeat(93_000)
  const inputs = Array.from({ length: 20 }, (_, n) => `litecoin:${'cd'.repeat(32)}:${n}`)
  const address = 'ltc1q'.padEnd(43, 'q')
  return Array.from({ length: OUTPUTS }, (_, output) => paid(TXID, place, { output, raw, inputs, address, amount }))
}

const onBlock = (height: number, amount?: string) => connected(height, facts(height, amount), PADDING, parentOf(height))
const off = (height: number) => disconnected(height, PADDING)

const bytesOf = (commits: readonly Commit[]): number =>
  commits.reduce((sum, commit) => sum + JSON.stringify(commit).length, 0)

/** What these steps add to the ledger, for each deposit. */
async function costOf(rig: Rig, work: () => Promise<void>): Promise<number> {
  const before = rig.commits.length
  await work()
  const made = rig.commits.slice(before)
  expect(Math.max(...made.map(commit => bytesOf([commit])))).toBeLessThan(8 * 1024 * 1024)
  return bytesOf(made) / OUTPUTS
}

async function started(): Promise<Rig> {
  const rig = createRig()
  await openChain(rig)
  return rig
}

const pending = (rig: Rig) => rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts: facts(null) } })

describe(`${OUTPUTS} payments in one transaction`, () => {
  test('cost what they are, in the mempool, in a block, out of it and in it again', async () => {
    const rig = await started()
    expect(await costOf(rig, () => pending(rig))).toBeLessThan(BYTES_A_DEPOSIT)
    expect(valueOf(rig, depositId(KEY(OUTPUTS - 1)))).toBe('detected')
    expect(await costOf(rig, () => rig.send(onBlock(100)))).toBeLessThan(BYTES_A_DEPOSIT)
    expect(await costOf(rig, () => rig.send(off(100)))).toBeLessThan(BYTES_A_DEPOSIT)
    expect(await costOf(rig, () => rig.send(onBlock(100)))).toBeLessThan(BYTES_A_DEPOSIT)
    expect(valueOf(rig, depositId(KEY(0)))).toBe('confirming')
  })

  test('and below the minimum, and mined before they were seen', async () => {
    const rig = await started()
    expect(await costOf(rig, () => rig.send(onBlock(100, '999')))).toBeLessThan(BYTES_A_DEPOSIT)
    expect(await costOf(rig, () => rig.send(off(100)))).toBeLessThan(BYTES_A_DEPOSIT)
    expect(valueOf(rig, depositId(KEY(0)))).toBe('ignored.recent')
  })

  test('are spendable after a restart, each with the one transaction that has paid them', async () => {
    const first = await started()
    await first.send(onBlock(100))
    const rig = createRig({ commits: first.commits })
    for (const height of [101, 102]) await rig.send(connected(height, [], PADDING, parentOf(height)))
    expect(valueOf(rig, coinId(KEY(7)))).toBe('spendable')
    const funds = [...fundsOf({ memory: rig.orchestrator.memory, policy, at }, true).largestFirst()]
    expect(funds.length).toBe(OUTPUTS)
    expect(new Set(funds.map(({ raw }) => raw()?.length))).toEqual(new Set([186_000]))
    expect(rig.orchestrator.memory.list('transaction').map(({ id }) => id)).toEqual([transactionOf('litecoin', TXID)])
  })
})
