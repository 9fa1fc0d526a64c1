import { describe, expect, test } from 'vitest'
import { addressIn, coinOf } from './bitcoin-node.ts'

describe('which coin a daemon is of, it says itself', () => {
  test.each([
    ['Bitcoin Core daemon version v31.1.0 bitcoind\nCopyright (C) 2009-2026 The Bitcoin Core developers', 'bitcoin'],
    ['Bitcoin Core version v28.3.0\n', 'bitcoin'],
    ['Bitcoin Knots daemon version v29.1.knots20250903\n', 'bitcoin'],
    ['Litecoin Core version v0.21.2.1-gfce5d459f0a8\nBased on Bitcoin Core version v0.21\n', 'litecoin'],
  ])('%j', (version, chain) => {
    expect(coinOf(version)).toMatchObject({ chain, network: `${chain}-regtest` })
  })

  test.each(['Dogecoin Core Daemon version v1.14.9.0', 'Based on Bitcoin Core version v31.1.0', ''])(
    'and %j is none that the tests know',
    version => {
      expect(coinOf(version)).toBeNull()
    },
  )
})

describe("an output's address", () => {
  test.each([
    ['of Bitcoin Core', { address: 'bcrt1q' }, 'bcrt1q'],
    ['of litecoind', { addresses: ['rltc1q'] }, 'rltc1q'],
    ['of a script that has none', {}, null],
  ])('%s', (_, script, address) => {
    expect(addressIn(script)).toBe(address)
  })
})
