/**
 * Transactions as bytes: legacy with replay protection (EIP-155) and with a priority fee (EIP-1559), in their envelopes
 * (EIP-2718). What decodes is encoded again and must be the same bytes: what a lenient reader would forgive is refused (E31).
 */
import { Transaction } from 'micro-eth-signer'
import { z } from 'zod'
import { boundary, reasonOf } from '../../src/kernel/fault.ts'
import { ZERO_ADDRESS } from './address.ts'

/** Of one transaction (EIP-7825, https://eips.ethereum.org/EIPS/eip-7825). */
export const MAXIMUM_GAS = 16_777_216n
/** What `transfer` of a token has, and far more; nothing else is ever decoded. */
const MAXIMUM_BYTES = 1024
const MAXIMUM_UINT256 = 2n ** 256n - 1n
/** Source: yellow paper, appendix G; EIP-2028 for data. */
const BASE_GAS = 21_000n
const ZERO_BYTE_GAS = 4n
const OTHER_BYTE_GAS = 16n

/** What a transaction says, whichever of the two kinds it is. Gas prices in wei per gas. */
export interface Transfer {
  kind: 'legacy' | 'eip1559'
  chainId: bigint
  nonce: bigint
  /** Canonical. */
  to: string
  /** Wei. */
  value: bigint
  /** Hex in lower case with `0x`, of any length. */
  data: string
  gasLimit: bigint
  /** The most that is paid for a unit of gas: a legacy transaction's `gasPrice`. */
  maximumFeePerGas: bigint
  /** Of that, for the producer of the block; a legacy transaction has none. */
  priorityFeePerGas: bigint | null
}

/** r and s, and which of two points R is. */
export interface TransactionSignature {
  r: bigint
  s: bigint
  parity: 0 | 1
}

/** A transaction as read. `sender`, canonical, only of a signed one. */
export interface ReadTransaction {
  transfer: Transfer
  sender: string | null
}

const refused = (reason: string) => boundary('invalid-transaction', reason)

/**
 * Signed or not, of this chain. Boundary fault `invalid-transaction` with the reason where nodes would refuse it, and for what
 * Lockkeeper never makes: creations, other types, access lists, transactions that hold on every chain.
 */
export function readTransaction(bytes: Uint8Array, chainId: number): ReadTransaction {
  if (bytes.length > MAXIMUM_BYTES) throw refused(`${bytes.length} bytes: no payment is larger than ${MAXIMUM_BYTES}`)
  const decoded = decode(bytes)
  const transfer = transferOf(decoded)
  if (transfer.chainId !== BigInt(chainId)) throw refused(`for the chain ${transfer.chainId}, not for ${chainId}`)
  checkFees(transfer)
  checkGas(transfer)
  return { transfer, sender: decoded.isSigned ? attempted(() => decoded.sender) : null }
}

type Decoded = ReturnType<typeof Transaction.fromBytes>

function decode(bytes: Uint8Array): Decoded {
  const decoded = attempted(() => Transaction.fromBytes(bytes))
  if (
    Buffer.compare(
      attempted(() => decoded.toBytes()),
      bytes,
    ) !== 0
  )
    throw refused('not in its canonical form')
  return decoded
}

/** The library throws plain errors, and for bytes that it does not expect whatever comes. */
function attempted<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw refused([reasonOf(error), ...detailsOf(error)].join(', '))
  }
}

/** It names each field that is wrong beside the error's own message. */
function detailsOf(error: unknown): string[] {
  const parsed = details.safeParse(error)
  return parsed.success ? parsed.data.errors.map(({ field, error: what }) => `${field}: ${what}`) : []
}

const details = z.object({ errors: z.array(z.object({ field: z.string(), error: z.string() })) })

type Fields = Record<string, unknown>

function transferOf({ type, raw }: Decoded): Transfer {
  const fields: Fields = raw
  if (type !== 'legacy' && type !== 'eip1559') throw refused(`${type}: neither legacy (EIP-155) nor EIP-1559`)
  if (fields.to === '0x') throw refused('it creates a contract')
  if (fields.chainId === undefined) throw refused('without a chain id (EIP-155) it holds on every chain')
  if (Array.isArray(fields.accessList) && fields.accessList.length > 0) throw refused('it has an access list')
  const number = (name: string): bigint => numberOf(fields, name)
  return {
    kind: type,
    chainId: number('chainId'),
    nonce: number('nonce'),
    to: String(fields.to),
    value: number('value'),
    data: String(fields.data).toLowerCase(),
    gasLimit: number('gasLimit'),
    maximumFeePerGas: number(type === 'legacy' ? 'gasPrice' : 'maxFeePerGas'),
    priorityFeePerGas: type === 'legacy' ? null : number('maxPriorityFeePerGas'),
  }
}

function numberOf(fields: Fields, name: string): bigint {
  const value = fields[name]
  if (typeof value !== 'bigint') throw refused(`its ${name} is no number`)
  return value
}

function checkFees({ gasLimit, maximumFeePerGas, priorityFeePerGas, value }: Transfer): void {
  if ((priorityFeePerGas ?? 0n) > maximumFeePerGas) throw refused('its priority fee is above its maximum fee')
  if (gasLimit * maximumFeePerGas + value > MAXIMUM_UINT256) throw refused('its cost is no 256-bit number')
}

/** Less than the intrinsic gas is never mined. */
function checkGas({ gasLimit, data }: Transfer): void {
  const bytes = Buffer.from(data.slice(2), 'hex')
  const intrinsic = bytes.reduce((gas, byte) => gas + (byte === 0 ? ZERO_BYTE_GAS : OTHER_BYTE_GAS), BASE_GAS)
  if (gasLimit < intrinsic) throw refused(`${gasLimit} gas, of which ${intrinsic} are gone before it begins`)
  if (gasLimit > MAXIMUM_GAS) throw refused(`${gasLimit} gas: a transaction has at most ${MAXIMUM_GAS} (EIP-7825)`)
}

/** Its bytes, and with a signature those that are broadcast. */
export function writeTransaction(transfer: Transfer, signature: TransactionSignature | null = null): Uint8Array {
  const { kind, chainId, nonce, to, value, data, gasLimit, maximumFeePerGas, priorityFeePerGas } = transfer
  if (to === ZERO_ADDRESS) throw refused('it pays the zero address')
  const common = { chainId, nonce, to, value, data, gasLimit }
  const signed = signature === null ? {} : { r: signature.r, s: signature.s, yParity: signature.parity }
  // Without `prepare`, which would check what a person may have mistyped, and refuse nonces and fees that are in use.
  const written =
    kind === 'legacy'
      ? new Transaction('legacy', { ...common, gasPrice: maximumFeePerGas, ...signed }, LENIENT)
      : new Transaction(
          'eip1559',
          {
            ...common,
            maxFeePerGas: maximumFeePerGas,
            maxPriorityFeePerGas: priorityFeePerGas ?? 0n,
            accessList: [],
            ...signed,
          },
          LENIENT,
        )
  return written.toBytes()
}

const LENIENT = { strict: false }
