import { describe, expect, test } from 'vitest'
import { decodeEthereumHappening, encodeEthereumHappening } from '../../../src/devnet/ethereum/history.ts'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import { createSimulatedEthereum, type SimulatedEthereum } from '../../../src/devnet/ethereum/node.ts'

const STRANGER = `0x${'dd'.repeat(20)}`

function create(lines: string[]): SimulatedEthereum {
  return createSimulatedEthereum({
    ...{ chainId: 31_337n, seed: 'history', now: () => Date.UTC(2026, 0, 1) },
    record: happening => lines.push(encodeEthereumHappening(happening)),
  })
}

function restored(lines: readonly string[]): SimulatedEthereum {
  const node = create([])
  node.restore(lines.map(decodeEthereumHappening))
  return node
}

function expectSame(left: SimulatedEthereum, right: SimulatedEthereum): void {
  expect(right.tip()).toBe(left.tip())
  expect(right.pending().sort()).toEqual(left.pending().sort())
  expect(right.balance(STRANGER)).toBe(left.balance(STRANGER))
}

describe('a simulated ethereum node that is made again from what was recorded of it', () => {
  test('stands on the same chain, with the same unconfirmed transactions', () => {
    const lines: string[] = []
    const node = create(lines)
    node.pay(STRANGER, 1_000_000n)
    node.send({ to: CONTRACTS.splitter, value: 10n, data: Buffer.alloc(32, 0xee) })
    node.mine(3, { withdrawals: [{ index: 0, validatorIndex: 1, address: STRANGER, amountGwei: 1n }] })
    node.pay(STRANGER, 2_000_000n)
    expectSame(node, restored(lines))
  })

  test('has left the blocks that were left, and holds their transactions again', () => {
    const lines: string[] = []
    const node = create(lines)
    node.mine(5)
    const mined = node.pay(STRANGER, 1_000_000n)
    node.mine(2)
    node.invalidate(node.hashAt(6))
    node.mine(3, { transactions: [] })
    expect(node.pending()).toEqual([mined])
    const again = restored(lines)
    expectSame(node, again)
    again.mine(1)
    expect([again.pending(), again.balance(STRANGER)]).toEqual([[], 1_000_000n])
  })

  test('knows of a double-spend what took the place of the other, and of what was forgotten nothing', () => {
    const lines: string[] = []
    const node = create(lines)
    const conflict = node.doubleSpend(node.pay(STRANGER, 1n))
    node.forget(node.pay(STRANGER, 2n))
    expect(restored(lines).pending()).toEqual([conflict])
  })

  test('goes on as the first would: blocks that it mines are others than those it knows', () => {
    const lines: string[] = []
    create(lines).mine(4)
    const node = restored(lines)
    const [left] = node.mine(1)
    node.invalidate(left!)
    expect(node.mine(1)).not.toEqual([left])
  })

  test.each(['', '{}', '{"block":"AAAA"}', '{"transaction":"!"}', '{"forgotten":"12"}', '{"head":1}', 'null'])(
    'refuses the line %j',
    line => expect(() => decodeEthereumHappening(line)).toThrow(/history cannot be read/),
  )

  test('refuses a history in which a block is missing', () => {
    const lines: string[] = []
    create(lines).mine(5)
    expect(() => restored(lines.filter((_, n) => n !== 2))).toThrow('unknown block')
  })
})
