import { describe, expect, test } from 'vitest'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { decodeHappening, encodeHappening } from '../../src/devnet/bitcoin/history.ts'
import { createSimulatedBitcoin, type SimulatedBitcoin } from '../../src/devnet/bitcoin/node.ts'

const network = networkOf('litecoin-regtest')
const STRANGER = addressOf(scriptFor('p2wpkh', new Uint8Array(20).fill(7)), network)!
const now = Date.UTC(2026, 0, 1)

function create(seed: string, lines: string[]): SimulatedBitcoin {
  return createSimulatedBitcoin({
    ...{ network, seed, now: () => now, username: 'u', password: 'p' },
    record: happening => lines.push(encodeHappening(happening)),
  })
}

function restored(lines: readonly string[]): SimulatedBitcoin {
  const node = create('history', [])
  node.restore(lines.map(decodeHappening))
  return node
}

function expectSame(left: SimulatedBitcoin, right: SimulatedBitcoin): void {
  expect(right.tip()).toBe(left.tip())
  expect(right.height()).toBe(left.height())
  expect(right.pending().sort()).toEqual(left.pending().sort())
}

describe('a simulated node that is made again from what was recorded of it', () => {
  test('stands on the same chain, with the same unconfirmed transactions', () => {
    const lines: string[] = []
    const node = create('history', lines)
    node.mine(110)
    node.pay(STRANGER, 1_000_000n)
    node.mine(1)
    node.pay(STRANGER, 2_000_000n)
    expectSame(node, restored(lines))
  })

  test('has left the blocks that were left, and holds their transactions again', () => {
    const lines: string[] = []
    const node = create('history', lines)
    node.mine(110)
    const mined = node.pay(STRANGER, 1_000_000n)
    node.mine(2)
    node.invalidate(node.hashAt(111))
    node.mine(3, { transactions: [] })
    expect(node.pending()).toEqual([mined])
    const again = restored(lines)
    expectSame(node, again)
    again.mine(1)
    expect(again.pending()).toEqual([])
  })

  test('knows of a double-spend the payment that took the place of the other, and not the other', () => {
    const lines: string[] = []
    const node = create('history', lines)
    node.mine(110)
    const replaced = node.pay(STRANGER, 1_000_000n)
    const conflict = node.doubleSpend(replaced)
    expect(restored(lines).pending()).toEqual([conflict])
  })

  test('goes on as the first would: blocks that it mines are others than those it knows', () => {
    const lines: string[] = []
    create('history', lines).mine(110)
    const node = restored(lines)
    const [left] = node.mine(1)
    node.invalidate(left!)
    expect(node.mine(1)).not.toEqual([left])
  })

  test.each(['', '{}', '{"block":"AAAA"}', '{"transaction":"!"}', '{"forgotten":"12"}', 'null'])(
    'refuses the line %j',
    line => expect(() => decodeHappening(line)).toThrow(/history cannot be read/),
  )

  test('refuses a history in which a block is missing', () => {
    const lines: string[] = []
    create('history', lines).mine(5)
    expect(() => restored(lines.filter((_, n) => n !== 2))).toThrow('prev-blk-not-found')
  })
})
