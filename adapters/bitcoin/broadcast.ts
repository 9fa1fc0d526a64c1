/**
 * Sending a signed transaction, and finding out what became of it. Sending the same bytes again is always safe, so every
 * doubt is resolved by looking and by sending again, never by building anew (A1, B9). Nothing here needs `-txindex`, a
 * wallet, or `bip125-replaceable`: any unconfirmed transaction can be replaced (B6).
 */
import { Transaction } from 'bitcoinjs-lib'
import { z } from 'zod'
import type { Place } from '../../machines/vocabulary.ts'
import type { Located, Published, Signed } from '../adapter.ts'
import { operating, reasonOf } from '../../src/kernel/fault.ts'
import { createDialect } from './dialect.ts'
import { fromSatoshi, RPC_ERROR, type Answer, type Rpc } from './rpc.ts'

/** A transaction of ours is no larger: a batch of withdrawals and its change. */
const OUTPUTS_ASKED_MAXIMUM = 256
/**
 * The planner caps the rate of the largest that a signed transaction can be; the real one is a little smaller, and so its
 * rate a little higher. What the node refuses is what no plan of ours can be.
 */
const RATE_HEADROOM = 1.25
/** `maxfeerate` of 1 coin/kvB and more is refused by Core 27 and later (`ParseFeeRate` in `rpc/util.cpp`). */
const RATE_MAXIMUM_SAT_PER_KVB = 99_999_999
const VBYTES_PER_KVBYTE = 1000
/** The highest rate of a plan that can still be sent, whatever is configured: with its headroom it is what nodes may be told. */
export const SENDABLE_RATE_SAT_PER_VB = Math.floor(RATE_MAXIMUM_SAT_PER_KVB / VBYTES_PER_KVBYTE / RATE_HEADROOM)

/** What a node says of a transaction. Anything else says nothing of it. */
const VERDICTS = [RPC_ERROR.deserialization, RPC_ERROR.verify, RPC_ERROR.rejected, RPC_ERROR.alreadyInChain]

/** The node does not have such a transaction. */
const UNKNOWN = [RPC_ERROR.invalidAddressOrKey]

const KNOWN = /already.in.mempool|already.known|already in (block ?chain|utxo set)|same-nonwitness-data-in-mempool/i
const MISSING = /missing-?\s?inputs|missingorspent/i
/** What passes by itself: a chain of unconfirmed ancestors that is too long (B17), a full mempool. */
const PASSING = /too-long-mempool-chain|too-large-cluster|mempool full/i

/** What a higher fee cures: BIP-125's rules, and what this node relays at all. */
const UNDERPRICED = /insufficient fee|fee not met|replacement-failed/i
/** One that replaces nothing, or that holds something which says that it is not to be replaced. */
const CONFLICT = /txn-mempool-conflict/i
const CONFLICT_HELP =
  'the node keeps another transaction on the same inputs and replaces none (litecoind: -mempoolreplacement=1)'

const testShape = z.array(z.object({ allowed: z.boolean().optional(), 'reject-reason': z.string().optional() })).min(1)
const coinShape = z.object({ bestblock: z.string(), confirmations: z.number() }).nullable()
const headerShape = z.object({ height: z.number(), confirmations: z.number() })
const minedShape = z.object({ blockhash: z.string().optional() })

type Verdict = 'known' | 'missing' | 'passing' | 'refused'

function judge(reason: string): Verdict {
  if (KNOWN.test(reason)) return 'known'
  if (MISSING.test(reason)) return 'missing'
  return PASSING.test(reason) ? 'passing' : 'refused'
}

/** How transactions leave, and where they are. */
export interface Broadcast {
  /** Rejects with an operating fault only when nothing was sent. */
  publish(transaction: Signed): Promise<Published>
  locate(transaction: Signed): Promise<Located>
}

/** `maximumRate` in sat/vB: what `fees.maximumRate` of the chain says. */
export function createBroadcast(rpc: Rpc, maximumRate: number): Broadcast {
  const rateSatPerKvB = Math.min(Math.ceil(maximumRate * RATE_HEADROOM * VBYTES_PER_KVBYTE), RATE_MAXIMUM_SAT_PER_KVB)
  const maximumFeeRate = fromSatoshi(BigInt(rateSatPerKvB))
  const askInForm = createDialect(rpc, ['maxfeerate', 'allowhighfees'])

  /** Why the node would refuse it, or null when it would not; `undefined` when the daemon is too old to say. */
  async function test(raw: string): Promise<string | null | undefined> {
    const errors = [...VERDICTS, RPC_ERROR.methodNotFound]
    const params = { maxfeerate: [[raw], maximumFeeRate], allowhighfees: [[raw], false] }
    const answer = await askInForm(testShape, errors, 'testmempoolaccept', params)
    if (!answer.ok) return answer.code === RPC_ERROR.methodNotFound ? undefined : answer.message
    const [tested] = answer.result
    return tested?.allowed === true ? null : (tested?.['reject-reason'] ?? 'refused without a reason')
  }

  const submit = (raw: string, isCapped: boolean): Promise<Answer<string>> =>
    askInForm(z.string(), VERDICTS, 'sendrawtransaction', {
      maxfeerate: [raw, isCapped ? maximumFeeRate : fromSatoshi(0n)],
      allowhighfees: [raw, !isCapped],
    })

  /** Parents may be strangers' transactions: their fees are not ours to cap, and what the node says of them shows in the child. */
  async function sendParents(parents: readonly string[]): Promise<void> {
    for (const parent of parents) await submit(parent, false)
  }

  async function settle(transaction: Signed, reason: string): Promise<Published> {
    switch (judge(reason)) {
      case 'known':
        return { kind: 'known' }
      case 'missing': {
        // Either our own earlier broadcast has consumed them, or something else has.
        const { kind } = await locate(rpc, transaction)
        return kind === 'absent'
          ? { kind: 'refused', reason: `its inputs are missing or spent (${reason})` }
          : { kind: 'known' }
      }
      case 'passing':
        return { kind: 'unknown', reason: `wait: ${reason}` }
      case 'refused':
        return {
          kind: 'refused',
          reason: CONFLICT.test(reason) ? `${reason}: ${CONFLICT_HELP}` : reason,
          isUnderpriced: UNDERPRICED.test(reason),
        }
    }
  }

  async function send(transaction: Signed): Promise<Published> {
    let answer: Answer<string>
    try {
      answer = await submit(transaction.raw, true)
    } catch (error) {
      // It may have arrived: whoever asks looks, and sends the same bytes again.
      return { kind: 'unknown', reason: reasonOf(error) }
    }
    if (!answer.ok)
      return answer.code === RPC_ERROR.alreadyInChain ? { kind: 'known' } : settle(transaction, answer.message)
    if (answer.result === transaction.transactionId) return { kind: 'accepted' }
    return { kind: 'unknown', reason: `the node accepted it under another id: ${answer.result}` }
  }

  async function publish(transaction: Signed): Promise<Published> {
    const { raw, parents } = transaction
    let reason = await test(raw)
    const lacksParents = reason === undefined || (reason !== null && judge(reason) === 'missing')
    if (lacksParents && parents.length > 0) {
      await sendParents(parents)
      reason = await test(raw)
    }
    return typeof reason === 'string' ? settle(transaction, reason) : send(transaction)
  }

  return { publish, locate: transaction => locate(rpc, transaction) }
}

async function locate(rpc: Rpc, transaction: Signed): Promise<Located> {
  const entry = await rpc.ask(z.unknown(), UNKNOWN, 'getmempoolentry', transaction.transactionId)
  if (entry.ok) return { kind: 'pending' }
  const place = (await placeByOutput(rpc, transaction)) ?? (await placeByIndex(rpc, transaction.transactionId))
  return place ? { kind: 'placed', place } : { kind: 'absent' }
}

async function placeByOutput(rpc: Rpc, { transactionId, raw }: Signed): Promise<Place | null> {
  const outputs = Math.min(Transaction.fromHex(raw).outs.length, OUTPUTS_ASKED_MAXIMUM)
  for (let output = 0; output < outputs; output++) {
    const coin = await rpc.call(coinShape, 'gettxout', transactionId, output, false)
    if (!coin) continue
    const { height: tipHeight } = await rpc.call(headerShape, 'getblockheader', coin.bestblock)
    const height = tipHeight - coin.confirmations + 1
    const hash = await rpc.call(z.string(), 'getblockhash', height)
    // Named by arithmetic, which holds only while the block that it starts from is in the chain.
    if ((await rpc.call(headerShape, 'getblockheader', coin.bestblock)).confirmations < 0)
      throw operating('node-reorganising', 'the node changed its chain while it was asked for a transaction')
    return { height, hash }
  }
  return null
}

/** All outputs are spent again; a node with `-txindex` still knows the block. */
async function placeByIndex(rpc: Rpc, transactionId: string): Promise<Place | null> {
  const mined = await rpc.ask(minedShape, UNKNOWN, 'getrawtransaction', transactionId, true)
  if (!mined.ok || mined.result.blockhash === undefined) return null
  const hash = mined.result.blockhash
  const { height, confirmations } = await rpc.call(headerShape, 'getblockheader', hash)
  return confirmations < 0 ? null : { height, hash }
}
