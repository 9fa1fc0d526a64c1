/** E15: what a broadcast has come to, in the words of every node in use, and where a transaction is. */
import { describe, expect, test } from 'vitest'
import { verdictOf } from '../../../adapters/ethereum/broadcast.ts'
import type { FlavourName } from '../../../src/devnet/ethereum/flavours.ts'
import { ETHER, GWEI, rigOf, signedOf } from './rig.ts'

const FLAVOURS: FlavourName[] = ['geth', 'erigon', 'nethermind', 'reth', 'besu', 'anvil']

/** As the nodes' sources have them: core/txpool/errors.go, AcceptTxResult, DiscardReason, RpcPoolError, EDR's mempool. */
const SAID: [string, number, string][] = [
  ['known', -32000, 'already known'],
  ['known', -32010, 'AlreadyKnown'],
  ['known', -32000, 'Known transaction'],
  ['known', -32003, 'transaction already imported'],
  ['known', -32000, 'Known transaction: 0x8f2b'],
  ['consumed', -32000, 'nonce too low: next nonce 5, tx nonce 4'],
  ['consumed', -32010, 'OldNonce'],
  ['consumed', -32001, 'Nonce too low'],
  ['consumed', -32000, 'Transaction nonce too low. Expected nonce to be at least 5 but got 4.'],
  ['does not replace', -32000, 'replacement transaction underpriced'],
  ['does not replace', -32000, 'could not replace existing tx'],
  ['does not replace', -32010, 'ReplacementNotAllowed'],
  ['does not replace', -32000, 'Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 22 is necessary to replace the existing transaction with nonce 3.'], // prettier-ignore
  ['an earlier nonce is missing', -32000, 'nonce too high: tx nonce 9, gapped nonce 5'],
  ['an earlier nonce is missing', -32010, 'NonceGap'],
  ['an earlier nonce is missing', -32000, 'gapped-nonce tx from delegated accounts'],
  ['an earlier nonce is missing', -32000, 'future transaction tries to replace pending'],
  [
    "waits for the account's funds",
    -32000,
    'insufficient funds for gas * price + value: balance 5, tx cost 21000, overshot 20995',
  ],
  ["waits for the account's funds", -32010, 'InsufficientFunds'],
  ["waits for the account's funds", -32004, 'Upfront cost exceeds account balance'],
  ["waits for the account's funds", -32000, "Sender doesn't have enough funds to send tx. The max upfront cost is: 7 and the sender's balance is: 5."], // prettier-ignore
  ['base fee', -32000, 'max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 7'],
  ['base fee', -32000, 'Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 7'],
  ['no room', -32000, 'account limit exceeded'],
  ['no room', -32003, 'txpool is full'],
  ['no room', -32000, 'pending sub-pool is full'],
  ['no room', -32010, 'FeeTooLowToCompete'],
  ['another type', -32000, 'address already reserved'],
  ['another type', -32010, 'PendingTxsOfConflictingType'],
  ["raise the node's limit", -32000, 'tx fee (1.02 ether) exceeds the configured cap (1.00 ether)'],
  ['below what the node takes', -32000, 'transaction underpriced: gas tip cap 1, minimum needed 1000000'],
  ['below what the node takes', -32010, 'FeeTooLow'],
  ['no such transaction', -32000, 'intrinsic gas too low: gas 7, minimum needed 21000'],
  ['no such transaction', -32000, 'exceeds block gas limit'],
  ['no such transaction', -32000, 'invalid sender: invalid chain id for signer: have 1 want 31337'],
  ['no such transaction', -32000, 'only replay-protected (EIP-155) transactions allowed over RPC'],
  ['no such transaction', -32602, 'Failed to decode transaction'],
  ['no such transaction', -32000, 'unknown transaction type: transaction type not supported'],
]

describe('E15: the words of the nodes', () => {
  test.each(SAID)('%s (%i): %s', (meaning, code, message) => {
    const verdict = verdictOf({ code, message })
    expect(typeof verdict === 'object' && verdict !== null ? verdict.refused : verdict).toContain(meaning)
  })

  test.each([
    [-32005, 'daily request count exceeded, request rate limited'],
    [-32603, 'Internal error'],
    [-32000, 'context deadline exceeded'],
    [-32000, 'method handler crashed'],
  ])('%i %s says nothing of the transaction: it may have been sent', (code, message) => {
    expect(verdictOf({ code, message })).toBeNull()
  })

  test('a reason is a stable sentence: the figures of one moment are no part of it', () => {
    const reasons = [5, 6].map(gas => verdictOf({ code: -32000, message: `intrinsic gas too low: gas ${gas}` }))
    expect(reasons[0]).toEqual(reasons[1])
  })
})

describe.each(FLAVOURS)('%s', flavour => {
  test('takes a transaction, knows it when it comes again, and has it in a block', async () => {
    const { chain, node, sign } = rigOf({ flavour })
    const transaction = signedOf(sign())
    expect(await node.publish(transaction)).toEqual({ kind: 'accepted' })
    expect(await node.publish(transaction)).toEqual({ kind: 'known' })
    expect(await node.locate(transaction)).toEqual({ kind: 'pending' })
    chain.mine(1)
    expect(await node.locate(transaction)).toEqual({ kind: 'placed', place: { height: 1, hash: chain.tip() } })
    expect(await node.publish(transaction)).toEqual({ kind: 'known' })
  })

  test('E10: a nonce that another transaction has consumed is no failure, and nothing new is made of it', async () => {
    const { chain, node, sign } = rigOf({ flavour })
    const [first, second] = [sign({ value: 1n }), sign({ value: 2n })].map(signedOf)
    await node.publish(first!)
    chain.mine(1)
    expect(await node.publish(second!)).toMatchObject({ kind: 'refused', reason: /nonce is consumed/ })
    await expect(node.locate(second!)).rejects.toMatchObject({ type: 'operating', kind: 'node-cannot-say' })
  })

  test('refuses what replaces too cheaply, what cannot be paid for, and what no block has room for', async () => {
    const { node, sign } = rigOf({ flavour })
    await node.publish(signedOf(sign({ value: 1n })))
    expect(await node.publish(signedOf(sign({ value: 2n })))).toMatchObject({
      reason: /another transaction on its nonce/,
    })
    expect(await node.publish(signedOf(sign({ nonce: 1n, value: 1000n * ETHER })))).toMatchObject({ reason: /funds/ })
    expect(await node.publish(signedOf(sign({ nonce: 1n, gasLimit: 40_000_000n })))).toMatchObject({
      ...{ kind: 'refused', reason: /no such transaction/ },
    })
  })
})

test('E15: a fee above the node’s own cap, and a tip below what it takes, are refused with what to do', async () => {
  const { chain, node, sign } = rigOf()
  const dear = sign({ gasLimit: 1_000_000n, maxFeePerGas: 2000n * GWEI })
  expect(await node.publish(signedOf(dear))).toMatchObject({ kind: 'refused', reason: /txfeecap/ })
  chain.faults.minimumTip = 2n * GWEI
  expect(await node.publish(signedOf(sign()))).toMatchObject({ kind: 'refused', reason: /below what the node takes/ })
})

test('A1: silence after a broadcast is no failure: the same bytes again are known', async () => {
  const { chain, node, sign } = rigOf()
  const transaction = signedOf(sign())
  chain.setFates(() => ({ arrivals: 1, answer: 'lost', delayMs: 0 }))
  expect(await node.publish(transaction)).toMatchObject({ kind: 'unknown' })
  chain.setFates(null)
  expect(await node.publish(transaction)).toEqual({ kind: 'known' })
})

test('E27: what the node does not find is absent only while its nonce is not consumed', async () => {
  const { chain, node, sign } = rigOf()
  const transaction = signedOf(sign())
  expect(await node.locate(transaction)).toEqual({ kind: 'absent' })
  chain.faults.isIndexing = true
  expect(await node.locate(transaction)).toEqual({ kind: 'absent' })
  chain.faults.isIndexing = false
  await node.publish(transaction)
  chain.mine(1)
  chain.faults.unindexedBlocks = 5
  await expect(node.locate(transaction)).rejects.toMatchObject({ kind: 'node-cannot-say' })
  chain.faults.isIndexing = true
  await expect(node.locate(transaction)).rejects.toMatchObject({ kind: 'node-cannot-say' })
})
