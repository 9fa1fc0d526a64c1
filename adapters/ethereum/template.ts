/**
 * A template of the family: `{ from, transaction }`. `transaction` is the unsigned transaction as its sender signs it
 * (EIP-155, EIP-1559), hex; it does not say who that is, so `from` does. That is nobody's word: the key of `from` signs.
 *
 * Whatever Lockkeeper would not make itself is refused: calls other than a listed token's `transfer`, tokens with value,
 * value with data, creations, other types, access lists, bytes behind the end.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import type { Json } from '../../machines/vocabulary.ts'
import { boundary, Fault } from '../../src/kernel/fault.ts'
import { canonical, ZERO_ADDRESS } from './address.ts'
import type { Network } from './network.ts'
import { readTransferCall } from './token.ts'
import { readTransaction, writeTransaction, type Transfer } from './transaction.ts'

/** A template as understood. */
export interface Draft {
  /** Canonical. */
  from: string
  transfer: Transfer
  /** Its bytes: their hash is signed. */
  unsigned: Uint8Array
  payment: DraftPayment
}

/** What it moves: the native asset, or a listed token. Nothing at all only where a nonce is given up. */
export interface DraftPayment {
  /** Canonical: who is paid, which of a token is not who is called. */
  to: string
  asset: string
  /** Base units. */
  amount: bigint
}

const MAXIMUM_CHARACTERS = 4096

const shape = z.strictObject({
  from: z.string().max(42),
  transaction: z
    .string()
    .max(MAXIMUM_CHARACTERS)
    .regex(/^0x([0-9a-f]{2})+$/, 'must be 0x and hexadecimal digits in lower case'),
})

const refused = (reason: string) => boundary('invalid-template', reason)

/** Refuses what `readTemplate` would not take back. */
export function writeTemplate(from: string, transfer: Transfer): Json {
  return { from, transaction: `0x${bytesToHex(writeTransaction(transfer))}` }
}

/** Boundary fault `invalid-template` with the reason where anything in it is not understood. */
export function readTemplate(template: Json, network: Network): Draft {
  const parsed = shape.safeParse(template)
  if (!parsed.success) throw refused(`not of the form {from, transaction}: ${z.prettifyError(parsed.error)}`)
  const from = understood(() => canonical(parsed.data.from))
  if (from !== parsed.data.from) throw refused('`from` is not in its canonical form (EIP-55)')
  const unsigned = hexToBytes(parsed.data.transaction.slice(2))
  const { transfer, sender } = understood(() => readTransaction(unsigned, network.chainId))
  if (sender !== null) throw refused('signed already')
  return { from, transfer, unsigned, payment: paymentOf(from, transfer, network) }
}

function paymentOf(from: string, { to, value, data }: Transfer, network: Network): DraftPayment {
  const token = network.assetOf.get(to)
  if (data === '0x') {
    if (token !== undefined) throw refused(`${to} is the contract of ${token}: what goes there is lost`)
    if (to === ZERO_ADDRESS) throw refused('it pays the zero address')
    if (value === 0n && to !== from) throw refused('it pays nothing, and not to its own sender')
    return { to, asset: network.asset, amount: value }
  }
  if (token === undefined) throw refused(`it calls ${to}, which is the contract of no token that is listed here`)
  if (value !== 0n) throw refused(`it pays ${value} to the contract of ${token}`)
  const transfer = readTransferCall(data)
  if (transfer === null) throw refused(`another call of ${token} than transfer(address,uint256): ${data.slice(0, 10)}`)
  if (transfer.to === ZERO_ADDRESS) throw refused('it pays the zero address')
  if (network.assetOf.has(transfer.to)) throw refused(`it pays the contract of a token, ${transfer.to}`)
  if (transfer.amount === 0n) throw refused(`it moves no ${token}`)
  return { to: transfer.to, asset: token, amount: transfer.amount }
}

function understood<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw error instanceof Fault && error.type === 'boundary' ? refused(error.message) : error
  }
}
