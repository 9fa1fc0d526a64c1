/** ethereum/tests, TransactionTests: what no node takes never decodes, and what nodes take is understood or refused by its kind. */
import { readdirSync, readFileSync } from 'node:fs'
import { decodeRlp, encodeRlp, Transaction } from 'ethers'
import { describe, expect, test } from 'vitest'
import { networkOf } from '../../../adapters/ethereum/network.ts'
import { readTemplate } from '../../../adapters/ethereum/template.ts'
import { readTransaction } from '../../../adapters/ethereum/transaction.ts'

interface Result {
  exception?: string
  hash?: string
  sender?: string
}
interface Vector {
  name: string
  bytes: string
  /** Of the newest fork that is listed. */
  result: Result
}

const FORKS = ['Osaka', 'Prague', 'Cancun', 'Shanghai']
const FOLDER = new URL('../../vectors/ethereum/transactions/', import.meta.url)
const MAINNET = networkOf('eth', { network: { chainId: 1 }, asset: 'ETH' })

const vectors: Vector[] = readdirSync(FOLDER, { recursive: true })
  .map(String)
  .filter(name => name.endsWith('.json'))
  .sort()
  .flatMap(name => {
    const file = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Record<
      string,
      { txbytes: string; result: Record<string, Result> }
    >
    return Object.entries(file).map(([title, { txbytes, result }]) => {
      const fork = FORKS.find(each => each in result)!
      return { name: `${name.split('/')[0]!} ${title}`, bytes: txbytes, result: result[fork]! }
    })
  })

const read = (hex: string) => readTransaction(new Uint8Array(Buffer.from(hex.slice(2), 'hex')), 1)
const outcome = <Result>(work: () => Result): Result | string => {
  try {
    return work()
  } catch (error) {
    return (error as Error).message
  }
}

/** What Lockkeeper never makes, though nodes take it. */
const OTHER_KINDS = /creates a contract|without a chain id|access list|no payment is larger|EIP-7825/
/** What is wrong with the signature alone: without it, it can be right. */
const SIGNATURE = /SIGNATURE|CHAINID|_V$|_R$|_S$/

const valid = vectors.filter(({ result }) => result.exception === undefined)
const invalid = vectors.filter(({ result }) => result.exception !== undefined)

test('there are as many as there were', () => {
  expect([valid.length, invalid.length]).toEqual([15, 108])
})

describe.each(valid)('$name', ({ bytes, result }) => {
  test('is from the sender that it names, or of a kind that is never made', () => {
    const decoded = outcome(() => read(bytes))
    if (typeof decoded === 'string') expect(decoded).toMatch(OTHER_KINDS)
    else {
      expect(decoded.sender?.toLowerCase()).toBe(result.sender)
      expect(Transaction.from(bytes).hash).toBe(result.hash)
    }
  })

  test('without its signature it is a template of the same kind', () => {
    const stripped = strippedOf(bytes)!
    const template = { from: '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F', transaction: stripped }
    const opened = outcome(() => readTemplate(template, MAINNET))
    if (typeof opened === 'string') expect(opened).toMatch(/creates a contract|it calls|pays nothing|EIP-7825|256-bit/)
    else expect(Buffer.from(opened.unsigned).toString('hex')).toBe(stripped.slice(2))
  })
})

describe.each(invalid)('$name', ({ bytes, result }) => {
  test('never decodes', () => {
    expect(typeof outcome(() => read(bytes))).toBe('string')
  })

  test('nor does it without its signature, where that was not what is wrong with it', () => {
    const stripped = strippedOf(bytes)
    if (stripped === null || SIGNATURE.test(result.exception!)) return
    const template = { from: '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F', transaction: stripped }
    expect(typeof outcome(() => readTemplate(template, MAINNET))).toBe('string')
  })
})

/** The fields as they stand, also such as are wrong; null where the way of writing them is what is wrong. */
function strippedOf(bytes: string): string | null {
  const isTyped = bytes.startsWith('0x02')
  const body = isTyped ? `0x${bytes.slice(4)}` : bytes
  const items = outcome(() => decodeRlp(body))
  if (typeof items === 'string' || encodeRlp(items) !== body) return null
  const fields = isTyped ? items.slice(0, 9) : [...items.slice(0, 6), '0x01', '0x', '0x']
  return `0x${isTyped ? '02' : ''}${encodeRlp(fields).slice(2)}`
}
