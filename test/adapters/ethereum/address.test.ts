import { getAddress } from 'ethers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical, ZERO_ADDRESS } from '../../../adapters/ethereum/address.ts'
import { destinationOf } from '../../../adapters/ethereum/destination.ts'
import { account, NETWORK, STRANGER, USDT } from './wallet.ts'

/** Of EIP-55, test cases. */
const VECTORS = [
  '0x52908400098527886E0F7030069857D2E4169EE7',
  '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
  '0xde709f2102306220921060314715629080e2fb77',
  '0x27b1fdb04752bbc536007a920d24acb045561c26',
  '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
  '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
  '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
  '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
]

describe('E14: addresses', () => {
  test.each(VECTORS)('%s is its own canonical form, from any plain spelling', address => {
    expect(canonical(address)).toBe(address)
    expect(canonical(address.toLowerCase())).toBe(address)
    expect(canonical(`0x${address.slice(2).toUpperCase()}`)).toBe(address)
  })

  test('E14: a letter of the other case is refused, wherever it stands', () => {
    const digits = STRANGER.slice(2).match(/./g)!
    const letters = digits.flatMap((digit, n) => (/[a-f]/i.test(digit) ? [n] : []))
    expect(letters.length).toBeGreaterThan(10)
    for (const n of letters) {
      const swapped = digits.map((digit, at) =>
        at !== n ? digit : digit === digit.toLowerCase() ? digit.toUpperCase() : digit.toLowerCase(),
      )
      expect(() => canonical(`0x${swapped.join('')}`)).toThrow(/checksum/)
    }
  })

  test.each([
    '',
    '0x',
    STRANGER.slice(2),
    `${STRANGER}0`,
    STRANGER.slice(0, -1),
    `0X${STRANGER.slice(2)}`,
    'vitalik.eth',
    `XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS`,
    ` ${STRANGER}`,
  ])('%j is no address', text => {
    // prettier-ignore
    expect(() => canonical(text)).toThrow(/0x and 40/)
  })

  test('any 20 bytes are written as ethers writes them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), bytes => {
        const hex = `0x${Buffer.from(bytes).toString('hex')}`
        return canonical(hex) === getAddress(hex)
      }),
    )
  })
})

describe('destinations', () => {
  test('E14: the zero address and contracts of tokens are refused, in any spelling', () => {
    expect(destinationOf(ZERO_ADDRESS, null, NETWORK)).toEqual({ refused: 'the zero address belongs to nobody' })
    for (const spelling of [USDT, USDT.toLowerCase()])
      expect(destinationOf(spelling, null, NETWORK)).toEqual({
        refused: `${USDT} is the contract of USDT: what goes there is lost`,
      })
  })

  test('a data field is refused, and our own addresses are destinations', () => {
    expect(destinationOf(STRANGER, '1', NETWORK)).toHaveProperty('refused')
    expect(destinationOf(account(3).toLowerCase(), null, NETWORK)).toEqual({ canonical: account(3), dataField: null })
  })
})
