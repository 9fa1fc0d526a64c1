/** Blocks of the Osaka fork: headers, receipts and what commits to them. */
import { bytesOfHex, hashOfBytes, hexOf, hexWord, joined, minimalBytes, NOTHING, paddedBytes } from './bytes.ts'
import type { Execution } from './execution.ts'
import { decodeRlp, encodeRlp, rlpBytes, rlpList, rlpNumber, type Rlp } from './rlp.ts'
import { decodeTransaction, type SignedTransaction } from './transaction.ts'
import { bloomOf, EMPTY_BLOOM, EMPTY_ROOT, listRoot, mergedBlooms } from './trie.ts'

/** EIP-4895: ether that arrives with neither transaction nor log. */
export interface ValidatorWithdrawal {
  index: number
  validatorIndex: number
  address: string
  amountGwei: bigint
}

/** What varies between the headers of the simulated chain. */
export interface EthereumHeader {
  parentHash: string
  coinbase: string
  stateRoot: string
  transactionsRoot: string
  receiptsRoot: string
  logsBloom: Uint8Array
  number: number
  gasLimit: number
  gasUsed: number
  /** Seconds. */
  timestamp: number
  extraData: Uint8Array
  /** EIP-4399. */
  randao: string
  baseFee: bigint
  withdrawalsRoot: string
}

export interface EthereumBlock {
  hash: string
  header: EthereumHeader
  transactions: SignedTransaction[]
  withdrawals: ValidatorWithdrawal[]
  /** Of the block's RLP. */
  size: number
}

/** A transaction in its block. */
export interface ExecutionReceipt extends Execution {
  transaction: SignedTransaction
  index: number
  /** Of the transactions before it and its own. */
  cumulativeGasUsed: number
  /** Of its first log, in the block. */
  firstLog: number
  bloom: Uint8Array
}

const ZERO_HASH = `0x${'0'.repeat(64)}`
/** Of no list of uncles: EIP-3675. */
export const EMPTY_UNCLES = hashOfBytes(encodeRlp([]))
/** The SHA-256 of nothing: EIP-7685, no requests. */
export const EMPTY_REQUESTS = '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const NONCE_BYTES = 8
const U64 = 64

function headerRlp(header: EthereumHeader): Rlp {
  const number = (value: number | bigint) => minimalBytes(BigInt(value))
  return [
    ...[header.parentHash, EMPTY_UNCLES, header.coinbase, header.stateRoot].map(bytesOfHex),
    ...[bytesOfHex(header.transactionsRoot), bytesOfHex(header.receiptsRoot), header.logsBloom],
    ...[0, header.number, header.gasLimit, header.gasUsed, header.timestamp].map(number),
    ...[header.extraData, bytesOfHex(header.randao), new Uint8Array(NONCE_BYTES), number(header.baseFee)],
    ...[bytesOfHex(header.withdrawalsRoot), NOTHING, NOTHING, bytesOfHex(ZERO_HASH), bytesOfHex(EMPTY_REQUESTS)],
  ]
}

const withdrawalRlp = ({ index, validatorIndex, address, amountGwei }: ValidatorWithdrawal): Rlp => [
  ...[minimalBytes(BigInt(index)), minimalBytes(BigInt(validatorIndex)), bytesOfHex(address), minimalBytes(amountGwei)],
]

/** In a block a typed transaction is a string, and a legacy one a list. */
const transactionRlp = ({ type, raw }: SignedTransaction): Rlp => (type === 0 ? decodeRlp(raw) : raw)

const blockRlp = ({ header, transactions, withdrawals }: Omit<EthereumBlock, 'hash' | 'size'>): Uint8Array =>
  encodeRlp([headerRlp(header), transactions.map(transactionRlp), [], withdrawals.map(withdrawalRlp)])

/** The block with its hash. */
export function sealBlock(
  header: EthereumHeader,
  transactions: SignedTransaction[],
  withdrawals: ValidatorWithdrawal[],
): EthereumBlock {
  const size = blockRlp({ header, transactions, withdrawals }).length
  return { hash: hashOfBytes(encodeRlp(headerRlp(header))), header, transactions, withdrawals, size }
}

/** As nodes send blocks to each other. */
export const encodeBlock = (block: EthereumBlock): Uint8Array => blockRlp(block)

function decodeHeader(value: Rlp | undefined): EthereumHeader {
  const fields = rlpList(value, 21)
  const hash = (at: number) => hexOf(rlpBytes(fields[at], 32))
  const number = (at: number) => Number(rlpNumber(fields[at], U64))
  return {
    ...{ parentHash: hash(0), coinbase: hexOf(rlpBytes(fields[2], 20)), stateRoot: hash(3) },
    ...{ transactionsRoot: hash(4), receiptsRoot: hash(5), logsBloom: Uint8Array.from(rlpBytes(fields[6], 256)) },
    ...{ number: number(8), gasLimit: number(9), gasUsed: number(10), timestamp: number(11) },
    ...{ extraData: Uint8Array.from(rlpBytes(fields[12])), randao: hash(13), baseFee: rlpNumber(fields[15]) },
    withdrawalsRoot: hash(16),
  }
}

function decodeWithdrawal(value: Rlp): ValidatorWithdrawal {
  const [index, validator, address, amount] = rlpList(value, 4)
  return {
    index: Number(rlpNumber(index, U64)),
    validatorIndex: Number(rlpNumber(validator, U64)),
    address: hexOf(rlpBytes(address, 20)),
    amountGwei: rlpNumber(amount, U64),
  }
}

/** Throws with the reason. Whether what it says is true is checked by whoever runs it. */
export function decodeBlock(bytes: Uint8Array): EthereumBlock {
  const [header, transactions, , withdrawals] = rlpList(decodeRlp(bytes), 4)
  return sealBlock(
    decodeHeader(header),
    rlpList(transactions).map(item => decodeTransaction(item instanceof Uint8Array ? item : encodeRlp(item))),
    rlpList(withdrawals).map(decodeWithdrawal),
  )
}

/** In the order of the block. */
export function receiptsOf(
  transactions: readonly SignedTransaction[],
  executions: readonly Execution[],
): ExecutionReceipt[] {
  let [cumulativeGasUsed, firstLog] = [0, 0]
  return executions.map((execution, index) => {
    const { logs, gasUsed } = execution
    const bloom =
      logs.length === 0
        ? EMPTY_BLOOM
        : bloomOf(
            logs.map(log => ({
              address: bytesOfHex(log.address),
              topics: log.topics.map(topic => paddedBytes(topic)),
            })),
          )
    cumulativeGasUsed += gasUsed
    const receipt = { ...execution, transaction: transactions[index]!, index, cumulativeGasUsed, firstLog, bloom }
    firstLog += logs.length
    return receipt
  })
}

function receiptBytes({ transaction, isOk, cumulativeGasUsed, bloom, logs }: ExecutionReceipt): Uint8Array {
  const list = logs.map(({ address, topics, data }): Rlp => [
    bytesOfHex(address),
    topics.map(topic => bytesOfHex(hexWord(topic))),
    data,
  ])
  const body = encodeRlp([minimalBytes(isOk ? 1n : 0n), minimalBytes(BigInt(cumulativeGasUsed)), bloom, list])
  return transaction.type === 0 ? body : joined(Uint8Array.of(transaction.type), body)
}

/** The parts of a header that follow from what was run. */
export function commitmentsOf(receipts: readonly ExecutionReceipt[], withdrawals: readonly ValidatorWithdrawal[]) {
  return {
    transactionsRoot: listRoot(receipts.map(({ transaction }) => transaction.raw)),
    receiptsRoot: listRoot(receipts.map(receiptBytes)),
    logsBloom: receipts.reduce((merged, { bloom }) => mergedBlooms(merged, bloom), EMPTY_BLOOM),
    gasUsed: receipts.at(-1)?.cumulativeGasUsed ?? 0,
    withdrawalsRoot:
      withdrawals.length === 0 ? EMPTY_ROOT : listRoot(withdrawals.map(item => encodeRlp(withdrawalRlp(item)))),
  }
}

const ELASTICITY = 2n
const CHANGE_DENOMINATOR = 8n

/** EIP-1559: wei per gas in the block after this one. */
export function nextBaseFee({ baseFee, gasUsed, gasLimit }: EthereumHeader): bigint {
  const target = BigInt(gasLimit) / ELASTICITY
  const used = BigInt(gasUsed)
  if (used === target) return baseFee
  const distance = used > target ? used - target : target - used
  const change = (baseFee * distance) / target / CHANGE_DENOMINATOR
  if (used < target) return baseFee - change
  return baseFee + (change > 1n ? change : 1n)
}
