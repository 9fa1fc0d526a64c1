import { AbiCoder, decodeRlp, encodeRlp, Interface, SigningKey, Transaction } from 'ethers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../../machines/vocabulary.ts'
import { ZERO_ADDRESS } from '../../../adapters/ethereum/address.ts'
import { networkOf } from '../../../adapters/ethereum/network.ts'
import { createSignable } from '../../../adapters/ethereum/signable.ts'
import { readTemplate, writeTemplate } from '../../../adapters/ethereum/template.ts'
import { MAXIMUM_GAS } from '../../../adapters/ethereum/transaction.ts'
import { account, CHAIN, DAI, GWEI, legacy, NETWORK, signable, signed, STRANGER, templateOf, transaction, USDT } from './wallet.ts' // prettier-ignore

const ERC20 = new Interface([
  'function transfer(address,uint256)',
  'function approve(address,uint256)',
  'function transferFrom(address,address,uint256)',
  'function permit(address,address,uint256,uint256,uint8,bytes32,bytes32)',
])
const call = (name: string, ...values: unknown[]): string => ERC20.encodeFunctionData(name, values)
const PAYMENT = call('transfer', STRANGER, 5_000_000n)
const token = (changes = {}) => transaction({ to: USDT, value: 0n, gasLimit: 100_000n, data: PAYMENT, ...changes })
const reasonOf = (template: Json): string => {
  try {
    signable.open(template)
    return 'opened'
  } catch (error) {
    return (error as Error).message
  }
}
const refusalOf = (unsigned: Transaction | string): string => reasonOf(templateOf(unsigned))

describe('what a template does', () => {
  test('a native payment', () => {
    expect(signable.inspect(templateOf(transaction()))).toEqual({
      network: 'eip155:31337',
      outputs: [{ to: STRANGER, dataField: null, asset: 'ETH', amount: String(10n ** 18n) }],
      inputs: [{ address: account(0), amount: String(10n ** 18n + 21_000n * 30n * GWEI) }],
      fee: String(21_000n * 30n * GWEI),
      feeRate: Number(30n * GWEI),
      spendKeys: [`${CHAIN}:${account(0)}:7`],
      bindsSpendKeys: true,
      isReplaceable: true,
      transactionId: null,
    })
  })

  test('a payment of a token pays whom the call names, and of the native asset only gas', () => {
    const { outputs, inputs, fee } = signable.inspect(templateOf(token()))
    expect(outputs).toEqual([{ to: STRANGER, dataField: null, asset: 'USDT', amount: '5000000' }])
    expect(inputs).toEqual([{ address: account(0), amount: fee }])
    const dai = token({ to: DAI, data: call('transfer', account(3), 1n) })
    expect(signable.inspect(templateOf(dai)).outputs).toMatchObject([{ to: account(3), asset: 'DAI', amount: '1' }])
  })

  test('a legacy payment has the gas price for its most', () => {
    expect(signable.inspect(templateOf(legacy()))).toMatchObject({ fee: String(21_000n * 20n * GWEI), feeRate: 2e10 })
  })

  test('E10: a zero payment to its own sender gives up a nonce; to anybody else it is refused', () => {
    const cancelled = transaction({ to: account(0), value: 0n })
    expect(signable.inspect(templateOf(cancelled)).outputs).toMatchObject([{ to: account(0), amount: '0' }])
    expect(refusalOf(transaction({ value: 0n }))).toMatch(/pays nothing/)
  })

  test('what was read is written again, the same', () => {
    for (const unsigned of [
      transaction(),
      token(),
      legacy(),
      legacy({ to: USDT, value: 0n, data: PAYMENT, gasLimit: 90_000n }),
    ]) {
      // prettier-ignore
      const template = templateOf(unsigned)
      const { from, transfer } = readTemplate(template, NETWORK)
      expect(writeTemplate(from, transfer)).toEqual(template)
    }
  })
})

describe('vectors', () => {
  test('the example of EIP-155 is hashed and written as it says', () => {
    const mainnet = createSignable(CHAIN, networkOf(CHAIN, { network: { chainId: 1 }, asset: 'ETH' }))
    const template = {
      from: '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F',
      transaction: '0xec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080',
    }
    const { payloads, assemble } = mainnet.open(template)
    const digest = Buffer.from(payloads[0]!.bytes).toString('hex')
    expect(digest).toBe('daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53')
    const { r, s, yParity } = new SigningKey(`0x${'46'.repeat(32)}`).sign(payloads[0]!.bytes)
    const signature = Buffer.from(`${r.slice(2)}${s.slice(2)}0${yParity}`, 'hex')
    expect(assemble([signature]).raw).toBe(
      '0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83',
    )
  })

  test('E31: of all the first bytes that an envelope can have (EIP-2718) only 2 and that of a list are understood', () => {
    const body = transaction().unsignedSerialized.slice(4)
    const plain = legacy().unsignedSerialized.slice(4)
    const understood = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).filter(
      first => refusalOf(`0x${first}${body}`) === 'opened' || refusalOf(`0x${first}${plain}`) === 'opened',
    )
    expect(understood).toEqual(['02', legacy().unsignedSerialized.slice(2, 4)])
  })
})

describe('E31: what is refused, with the reason', () => {
  const cases: [string, () => Transaction | string, RegExp][] = [
    ['approval of a spender', () => token({ data: call('approve', STRANGER, 1n) }), /another call of USDT.*0x095ea7b3/],
    ['transferFrom', () => token({ data: call('transferFrom', account(0), STRANGER, 1n) }), /0x23b872dd/],
    ['permit', () => token({ data: call('permit', account(0), STRANGER, 1n, 1n, 27, `0x${'1'.repeat(64)}`, `0x${'1'.repeat(64)}`), gasLimit: 200_000n }), /0xd505accf/], // prettier-ignore
    ['a selector that nobody knows', () => token({ data: `0xdeadbeef${PAYMENT.slice(10)}` }), /0xdeadbeef/],
    ['a selector alone', () => token({ data: '0xa9059cbb' }), /another call/],
    ['one byte', () => token({ data: '0x00' }), /another call/],
    ['a call that is too short', () => token({ data: PAYMENT.slice(0, -2) }), /another call/],
    ['a call with something behind it', () => token({ data: `${PAYMENT}00` }), /another call/],
    ['an address with something before it', () => token({ data: PAYMENT.replace('000000000000', '000000000001') }), /another call/], // prettier-ignore
    ['a token that is not listed', () => token({ to: STRANGER }), /no token that is listed/],
    ['a call of our own address', () => token({ to: account(0) }), /no token that is listed/],
    ['a token with value', () => token({ value: 1n }), /pays 1 to the contract of USDT/],
    ['a token to nobody', () => token({ data: call('transfer', ZERO_ADDRESS, 1n) }), /zero address/],
    ['a token to a contract of a token', () => token({ data: call('transfer', DAI, 1n) }), /contract of a token/],
    ['no tokens at all', () => token({ data: call('transfer', STRANGER, 0n) }), /moves no USDT/],
    ['value to a contract of a token', () => transaction({ to: USDT }), /contract of USDT/],
    ['the zero address', () => transaction({ to: ZERO_ADDRESS }), /zero address/],
    ['a creation', () => transaction({ to: null, data: '0x6001', gasLimit: 100_000n }), /creates a contract/],
    ['a legacy creation', () => legacy({ to: null, data: '0x6001', gasLimit: 100_000n }), /creates a contract/],
    ['type 1', () => Transaction.from({ ...plainOf(legacy()), type: 1 }), /eip2930/],
    ['type 3', () => Transaction.from({ ...plainOf(transaction()), type: 3, maxFeePerBlobGas: 1n, blobVersionedHashes: [`0x01${'0'.repeat(62)}`] }), /eip4844/], // prettier-ignore
    ['type 4', () => Transaction.from({ ...plainOf(transaction()), type: 4, authorizationList: [{ address: STRANGER, nonce: 0n, chainId: 0n, signature: new SigningKey(`0x${'1'.repeat(64)}`).sign(`0x${'2'.repeat(64)}`) }] }), /eip7702/], // prettier-ignore
    ['an access list', () => transaction({ accessList: [{ address: STRANGER, storageKeys: [] }] }), /access list/],
    ['another chain', () => transaction({ chainId: 1 }), /for the chain 1, not for 31337/],
    ['another chain, legacy', () => legacy({ chainId: 1 }), /for the chain 1, not for 31337/],
    ['every chain', () => legacy({ chainId: 0 }), /chain/],
    ['a priority fee above the maximum', () => withItem(2, '0x0ba43b7400', '0x02'), /priority/i],
    ['gas that does not suffice', () => transaction({ gasLimit: 20_999n }), /20999 gas/],
    ['gas for the transfer, not for its data', () => token({ gasLimit: 21_000n }), /gone before it begins/],
    ['more gas than a transaction may have', () => transaction({ gasLimit: MAXIMUM_GAS + 1n }), /EIP-7825/],
    ['a cost beyond 256 bits', () => transaction({ maxFeePerGas: 2n ** 255n }), /overflow|256/],
    ['a value beyond 256 bits with its gas', () => transaction({ value: 2n ** 256n - 1n }), /256-bit/],
    ['the last nonce (EIP-2681)', () => withItem(1, '0xffffffffffffffff', '0x02'), /nonce/],
    ['a number with a leading zero', () => withItem(6, '0x000de0b6b3a7640000', '0x02'), /./],
    ['a zero that is written as a byte', () => withItem(1, '0x00', '0x02'), /./],
    ['an address of 19 bytes', () => withItem(5, `0x${'35'.repeat(19)}`, '0x02'), /address/],
    ['an address of 21 bytes', () => withItem(5, `0x${'35'.repeat(21)}`, '0x02'), /address/],
    ['a list in the place of a number', () => withItem(6, [], '0x02'), /./],
    ['a field too many', () => withItem(9, '0x', '0x02'), /./],
    ['bytes behind the end', () => `${transaction().unsignedSerialized}00`, /unread|end|left/i],
    ['bytes behind the end of a legacy one', () => `${legacy().unsignedSerialized}00`, /unread|end|left/i],
    ['a byte too few', () => transaction().unsignedSerialized.slice(0, -2), /./],
    ['the prefix alone', () => '0x02', /./],
    ['a length in the long form that fits the short one', () => `0x02f8${transaction().unsignedSerialized.slice(4)}`, /./], // prettier-ignore
    [
      'a length with leading zeros',
      () => `0x02f900${transaction().unsignedSerialized.slice(6)}`,
      /leading zeros|range|end of/,
    ],
    ['a single byte with a length of its own', () => lenientNonce(), /single byte/],
    ['what is signed already', () => signedByHand(transaction()), /signed already/],
    ['what is signed already, legacy', () => signedByHand(legacy()), /signed already/],
    [
      'more than any payment has',
      () => token({ data: `0x${'00'.repeat(1100)}`, gasLimit: 10n ** 6n }),
      /no payment is larger/,
    ],
  ]

  test.each(cases)('E31: %s', (_, make, reason) => {
    const given = make()
    expect(refusalOf(given)).not.toBe('opened')
    expect(refusalOf(given)).toMatch(reason)
  })

  test('E31: other templates than {from, transaction}', () => {
    const { from, transaction: bytes } = templateOf(transaction()) as { from: string; transaction: string }
    expect(reasonOf({ from, transaction: bytes })).toBe('opened')
    const others: Json[] = [
      null,
      [],
      {},
      { from },
      { transaction: bytes },
      { from, transaction: bytes, gas: '1' },
      { from: from.toLowerCase(), transaction: bytes },
      { from: `${from.slice(0, -1)}0`, transaction: bytes },
      { from: 'x', transaction: bytes },
      { from, transaction: bytes.toUpperCase() },
      { from, transaction: bytes.slice(2) },
      { from, transaction: `${bytes}0` },
      { from, transaction: '' },
      { from, transaction: `0x${'00'.repeat(5000)}` },
      { from, transaction: 1 },
    ]
    for (const template of others) expect(reasonOf(template), JSON.stringify(template)).not.toBe('opened')
  })

  test('E31: whatever bytes are changed, what is understood is what ethers understands, to the last field', () => {
    const honest = [transaction(), token(), legacy()].map(each => Buffer.from(each.unsignedSerialized.slice(2), 'hex'))
    let understood = 0
    const check = (bytes: Uint8Array) => {
      const hex = `0x${Buffer.from(bytes).toString('hex')}`
      if (refusalOf(hex) !== 'opened') return
      understood++
      const other = Transaction.from(hex)
      const { transfer } = readTemplate(templateOf(hex), NETWORK)
      expect(other.unsignedSerialized).toBe(hex)
      expect([transfer.nonce, transfer.value, transfer.to, transfer.data, transfer.gasLimit]).toEqual([BigInt(other.nonce), other.value, other.to, other.data, other.gasLimit]) // prettier-ignore
    }
    for (const bytes of honest)
      for (let at = 0; at < bytes.length; at++)
        for (let bit = 0; bit < 8; bit++) {
          const flipped = Uint8Array.from(bytes)
          flipped[at]! ^= 1 << bit
          check(flipped)
        }
    // Amounts, nonces, prices and payees can be changed: who may be paid is for the policy to say.
    expect(understood).toBeGreaterThan(300)
    const edit = fc.tuple(fc.nat(2), fc.nat(120), fc.nat(4), fc.uint8Array({ maxLength: 4 }))
    fc.assert(
      fc.property(edit, ([which, at, removed, inserted]) => {
        const bytes = honest[which]!
        check(Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('signatures', () => {
  test('other numbers of them, other lengths and other parities are refused', () => {
    const { assemble } = signable.open(templateOf(transaction()))
    const good = new Uint8Array(65).fill(1)
    for (const given of [[], [good, good], [good.subarray(1)], [Uint8Array.from([...good.subarray(0, 64), 2])]])
      expect(() => assemble(given)).toThrow(/one signature of 65/)
  })

  test('S1: what is assembled says what the template says, and is from its sender', () => {
    for (const [n, unsigned] of [transaction(), token(), legacy()].entries()) {
      const { raw, transactionId } = signed(templateOf(unsigned, account(n)), n)
      const read = Transaction.from(raw)
      expect(read.from).toBe(account(n))
      expect(read.hash).toBe(transactionId)
      expect(read.unsignedSerialized).toBe(unsigned.unsignedSerialized)
    }
  })
})

const plainOf = ({ chainId, nonce, to, value, gasLimit }: Transaction) => ({ chainId, nonce, to, value, gasLimit })

type Item = string | Item[]
/** One item of the list replaced or added, whatever it means. */
function withItem(at: number, item: Item, prefix: string): string {
  const items = [...(decodeRlp(`0x${transaction().unsignedSerialized.slice(4)}`) as Item[])]
  items[at] = item
  return `${prefix}${encodeRlp(items).slice(2)}`
}

/** Nonce 7 as 0x8107, where 0x07 is its only form. */
function lenientNonce(): string {
  const body = Buffer.from(transaction().unsignedSerialized.slice(4), 'hex')
  const at = body.indexOf(Buffer.from('827a6907', 'hex')) + 3
  const longer = Buffer.concat([body.subarray(0, at), Buffer.from('8107', 'hex'), body.subarray(at + 1)])
  longer[0]! += 1
  return `0x02${longer.toString('hex')}`
}

function signedByHand(unsigned: Transaction): string {
  const key = new SigningKey(`0x${'11'.repeat(32)}`)
  const copy = unsigned.clone()
  copy.signature = key.sign(copy.unsignedHash)
  return copy.serialized
}

test('the call of a token is the one of the contract ABI', () => {
  const arguments_ = AbiCoder.defaultAbiCoder().encode(['address', 'uint256'], [STRANGER, 5_000_000n])
  expect(PAYMENT).toBe(`0xa9059cbb${arguments_.slice(2)}`)
})
