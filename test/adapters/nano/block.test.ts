import { describe, expect, test } from 'vitest'
import { addressOf, canonical, accountKeyOf } from '../../../adapters/nano/address.ts'
import { hashOf, ZERO_HASH } from '../../../adapters/nano/block.ts'
import { branchOf, publicKeyFor, secretKeyAt, sign, verify } from '../../../adapters/nano/ed25519.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import { blockOf, recorded } from './recorded.ts'

const dev = networkOf('nano-dev')
const live = networkOf('nano')
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

describe('blocks as a real node took them', () => {
  const taken = recorded.filter(
    ([, { request, response }]) => request?.block?.type === 'state' && response?.hash !== undefined,
  )
  test('there are some', () => expect(taken.length).toBeGreaterThan(8))

  test.each(taken)('%s: its hash, and its signature', (_, exchange) => {
    const block = blockOf(exchange)
    const { hash = '' } = exchange.response ?? {}
    const signature = bytes(exchange.request?.block?.signature ?? '')
    expect(hashOf(block, dev)).toBe(hash)
    expect(verify(signature, bytes(hash), accountKeyOf(block.account, dev))).toBe(true)
    expect(verify(signature, bytes(ZERO_HASH), accountKeyOf(block.account, dev))).toBe(false)
  })
})

describe('keys of the phrase in the documentation of Nano', () => {
  const seed = bytes(
    '0dc285fde768f7ff29b66ce7252d56ed92fe003b605907f7a4f683c3dc8586d34a914d3c71fc099bb38ee4a59e5b081a3497b7a323e90cc68f67b5837690310c',
  )
  const address = 'nano_1pu7p5n3ghq1i1p4rhmek41f5add1uh34xpb94nkbxe8g4a6x1p69emk8y1d'

  test('its first account', () => {
    const secret = secretKeyAt(branchOf(seed, 165), 0)
    const key = publicKeyFor(secret)
    expect(Buffer.from(secret).toString('hex')).toBe('3be4fc2ef3f3b7374e6fc4fb6e7bb153f8a2998b3b3dab50853eabe128024143')
    expect(Buffer.from(key).toString('hex')).toBe('5b65b0e8173ee0802c2c3e6c9080d1a16b06de1176c938a924f58670904e82c4')
    expect(addressOf(key, live)).toBe(address)
    expect(verify(sign(bytes(ZERO_HASH), secret), bytes(ZERO_HASH), key)).toBe(true)
  })

  test('N8: xrb_ is nano_, and nothing else is taken for an address', () => {
    expect(canonical(address.replace('nano_', 'xrb_'), live)).toBe(address)
    const wrong = [
      address.replace('nano_', 'ban_'),
      address.slice(5),
      address.slice(0, -1),
      `${address}1`,
      address.toUpperCase(),
      address.replace('8y1d', '8y1e'),
      address.replace('nano_1', 'nano_4'),
      address.replace('pu7p', 'pu7l'),
      '',
    ]
    for (const each of wrong) expect(() => canonical(each, live), each).toThrow(/:/)
  })

  test('N18: banano has a prefix of its own', () => {
    const banano = networkOf('banano')
    const key = accountKeyOf(address, live)
    expect(addressOf(key, banano)).toBe(address.replace('nano_', 'ban_'))
    expect(accountKeyOf(address.replace('nano_', 'ban_'), banano)).toEqual(key)
    expect(() => accountKeyOf(address, banano)).toThrow('begin with ban_')
  })
})
