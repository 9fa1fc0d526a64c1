/**
 * What a plan needs of the chain, read as of exactly the block on which the ledger stands (EIP-1898): the account's nonce and
 * balances, what gas costs, and what each payment would need of it. A node that does not have that block, or its state, is an
 * outage and no answer.
 */
import { z } from 'zod'
import type { Place } from '../../machines/vocabulary.ts'
import { invariant, operating } from '../../src/kernel/fault.ts'
import type { Payment, Question } from '../adapter.ts'
import { effectOf, type Effect, type GasFees } from './build.ts'
import { feesAt, type GasPrices } from './gas.ts'
import { delegated } from './hearing.ts'
import type { Network } from './network.ts'
import type { Rpc, RpcError } from './rpc.ts'
import { bytes, headerShape, quantityShape, toQuantity } from './shapes.ts'
import { balanceCall } from './token.ts'

/** Gas that a transaction needs by the node's estimate, or why it would fail now. */
export type Estimate = { gas: bigint } | { refused: string }

/** One account of ours at the block. Amounts in base units. */
export interface AccountState {
  /** Of its next transaction. */
  nonce: bigint
  /** The same at the node's latest block: what lies below is in a block, though the ledger may not have come to it. */
  latestNonce: bigint
  /** By asset; those that were asked for. */
  balances: Readonly<Record<string, bigint>>
}

/** What gathering an account's money in the treasury would take. */
export interface SweepFacts {
  /** By asset: all of it, to the treasury; those of which it holds enough. */
  estimates: Readonly<Record<string, Estimate>>
  treasury: AccountState
  /** Gas from the treasury to the account. */
  funding: Estimate
}

/** As of `tip`. */
export interface GasFacts {
  tip: Place
  /** Null where the cap lies below what the next block takes. */
  fees: GasFees | null
  /** What a rollup charges for a transaction beside its gas, at most; wei. */
  l1Fee: bigint
  source: AccountState
  /** By withdrawal. Of those that the account could pay by itself, the first ones. */
  estimates: Readonly<Record<string, Estimate>>
  /** Of an account that is not the treasury. */
  sweep: SweepFacts | null
}

/** From which amounts on what an account holds is gathered, by asset; what is not named stays where it is. Base units. */
export type SweepMinimums = Readonly<Record<string, bigint>>

export interface GatheringOptions {
  network: Network
  sweep: SweepMinimums
  /** Wei per gas. */
  cap: bigint
}

/** Of what waits, so many are looked at: the rest waits its turn. */
const LOOKED_AT_MAXIMUM = 100
/** One of them is planned at a time; the others are there because the first may be passed over. */
const ESTIMATED_MAXIMUM = 8
const REASON_CHARACTERS = 100
const WORD_CHARACTERS = 2 + 64

/** geth's "execution reverted" has code 3; others have the words alone. What is no verdict of the machine's is an outage. */
const REVERTED_CODE = 3
const REVERTED =
  /revert|invalid opcode|out of gas|gas required exceeds|stack (under|over)flow|invalid jump|VM Exception/i
const isFailedEstimate = ({ code, message }: RpcError): boolean => code === REVERTED_CODE || REVERTED.test(message)

/** What a contract says is a stranger's text: printable and short, and without what moves. */
const saidBy = (message: string): string =>
  message
    .replaceAll(/0x[0-9a-fA-F]+|\d{4,}/g, '…')
    .replaceAll(/[^\x20-\x7e…]/g, '')
    .slice(0, REASON_CHARACTERS)

/** What the node says of the price of gas. */
export async function readPrices(rpc: Rpc): Promise<GasPrices> {
  const latest = await rpc.call(headerShape.nullable(), 'eth_getBlockByNumber', 'latest', false)
  if (latest === null) throw operating('node-malformed', 'the node has no latest block')
  const baseFee = latest.baseFeePerGas ?? null
  const tip = await rpc.call(quantityShape, baseFee === null ? 'eth_gasPrice' : 'eth_maxPriorityFeePerGas')
  return { baseFee, tip }
}

/** At one block. */
export function createReader(rpc: Rpc, network: Network, { hash: blockHash }: Pick<Place, 'hash'>) {
  const at = { blockHash }

  async function tokenBalance(address: string, asset: string): Promise<bigint> {
    const call = balanceCall(network.contractOf.get(asset), address)
    const answer = await rpc.ask(bytes, isFailedEstimate, 'eth_call', call, at)
    // No contract there (yet), or one that keeps no balances: nothing can be spent.
    return answer.ok && answer.result.length === WORD_CHARACTERS ? BigInt(answer.result) : 0n
  }

  return {
    balanceOf: (address: string, asset: string): Promise<bigint> =>
      asset === network.asset ? rpc.call(quantityShape, 'eth_getBalance', address, at) : tokenBalance(address, asset),
    nonceOf: (address: string): Promise<bigint> => rpc.call(quantityShape, 'eth_getTransactionCount', address, at),
    codeOf: (address: string): Promise<string> => rpc.call(bytes, 'eth_getCode', address, at),
    async estimate(from: string, { to, value, data }: Effect): Promise<Estimate> {
      const call = { from, to, value: toQuantity(value), ...(data === '0x' ? {} : { data }) }
      const answer = await rpc.ask(quantityShape, isFailedEstimate, 'eth_estimateGas', call, at)
      if (answer.ok) return { gas: answer.result }
      return { refused: `the network would refuse it now: ${saidBy(answer.error.message)}` }
    },
  }
}

export type StateReader = ReturnType<typeof createReader>

/** The predeploy of OP-stack rollups that says what a transaction costs on the chain below (`getL1Fee(bytes)`). */
export const L1_ORACLE = '0x420000000000000000000000000000000000000F'
const GET_L1_FEE = '0x49948e0e'
/** A signed transfer of a token is shorter; bytes that are not zero cost most. */
const TRANSFER_BYTES = 200
/** It moves with the other chain's base fee. */
const L1_MARGIN = 2n

/** `getL1Fee` of as many bytes as a transfer has, with a margin (E29). */
async function readL1Fee(rpc: Rpc): Promise<bigint> {
  const word = (value: number) => value.toString(16).padStart(64, '0')
  const padded = 'ff'.repeat(TRANSFER_BYTES).padEnd(Math.ceil(TRANSFER_BYTES / 32) * 64, '0')
  const data = `${GET_L1_FEE}${word(32)}${word(TRANSFER_BYTES)}${padded}`
  const answer = await rpc.call(bytes, 'eth_call', { to: L1_ORACLE, data }, 'latest')
  if (answer.length !== WORD_CHARACTERS)
    throw operating('node-malformed', 'the rollup does not say what a transaction costs on the chain below')
  return BigInt(answer) * L1_MARGIN
}

async function readState(
  rpc: Rpc,
  reader: StateReader,
  address: string,
  assets: readonly string[],
): Promise<AccountState> {
  const [nonce, latestNonce, code, ...amounts] = await Promise.all([
    reader.nonceOf(address),
    rpc.call(quantityShape, 'eth_getTransactionCount', address, 'latest'),
    reader.codeOf(address),
    ...assets.map(asset => reader.balanceOf(address, asset)),
  ])
  if (code !== '0x') throw invariant('account-has-code', delegated(address))
  return { nonce, latestNonce, balances: Object.fromEntries(assets.map((asset, n) => [asset, amounts[n]!])) }
}

/** Of what the account could pay by itself: an estimate for more than it holds would fail for that reason alone. */
async function readEstimates(
  reader: StateReader,
  network: Network,
  from: string,
  payments: readonly Payment[],
  { balances }: AccountState,
): Promise<Record<string, Estimate>> {
  const payable = payments.filter(({ asset, amount }) => (balances[asset] ?? 0n) >= BigInt(amount))
  const found: Record<string, Estimate> = {}
  let succeeded = 0
  for (const { withdrawal, to, asset, amount } of payable) {
    if (succeeded >= ESTIMATED_MAXIMUM) break
    const estimate = await reader.estimate(from, effectOf(network, { to, asset, amount: BigInt(amount) }))
    found[withdrawal] = estimate
    if ('gas' in estimate) succeeded++
  }
  return found
}

/** E26: what would fail is known before gas is sent for it. */
async function readSweep(
  rpc: Rpc,
  reader: StateReader,
  { network, sweep }: GatheringOptions,
  { source, treasury }: Question,
  { balances }: AccountState,
): Promise<SweepFacts> {
  const estimates: Record<string, Estimate> = {}
  for (const [asset, minimum] of Object.entries(sweep)) {
    const balance = balances[asset] ?? 0n
    if (balance === 0n || balance < minimum) continue
    // How much is moved makes no difference to a plain payment, and what it costs is not known yet.
    const amount = asset === network.asset ? 1n : balance
    estimates[asset] = await reader.estimate(source.address, effectOf(network, { to: treasury, asset, amount }))
  }
  const state = await readState(rpc, reader, treasury, [network.asset])
  const gift = effectOf(network, { to: source.address, asset: network.asset, amount: 1n })
  const canGive = (state.balances[network.asset] ?? 0n) > 0n
  const funding = canGive
    ? await reader.estimate(treasury, gift)
    : { refused: 'the treasury holds nothing to pay gas with' }
  return { estimates, treasury: state, funding }
}

/** `isRollup`: it charges for the chain below, too. */
export async function gatherFacts(
  rpc: Rpc,
  options: GatheringOptions,
  question: Question,
  isRollup: boolean,
): Promise<GasFacts> {
  const { network, cap, sweep } = options
  const { source, tip } = question
  const isTreasury = source.index === 0
  const payments = isTreasury ? question.payments().slice(0, LOOKED_AT_MAXIMUM) : []
  const reader = createReader(rpc, network, tip)
  const wanted = isTreasury ? payments.map(({ asset }) => asset) : Object.keys(sweep)
  const [prices, l1Fee, state] = await Promise.all([
    readPrices(rpc),
    isRollup ? readL1Fee(rpc) : 0n,
    readState(rpc, reader, source.address, [...new Set([network.asset, ...wanted])]),
  ])
  const estimates = await readEstimates(reader, network, source.address, payments, state)
  const swept = isTreasury ? null : await readSweep(rpc, reader, options, question, state)
  return { tip, fees: feesAt(prices, cap), l1Fee, source: state, estimates, sweep: swept }
}

/** What it is said to be on rollups of that kind: code at the oracle's address. */
export const isRollup = async (rpc: Rpc): Promise<boolean> =>
  (await rpc.call(z.string(), 'eth_getCode', L1_ORACLE, 'latest')) !== '0x'
