/** What one confirmed block of the lattice means for us. */
import type { Place } from '../../machines/vocabulary.ts'
import type { Fact, PaymentSeen, SpendSeen } from '../adapter.ts'
import { addressOf, canonical } from './address.ts'
import { frontierKey, receivableKey } from './key.ts'
import type { Network } from './network.ts'
import type { BlockInfo } from './shapes.ts'

/** An account of ours has a new confirmed block, and room behind it. */
export interface FrontierMoved extends Fact {
  kind: 'frontier.moved'
  /** The key of the place that was used up, and of the one that is there now. */
  spent: string
  key: string
  index: number
  address: string
  /** Raw; what the account has after it. */
  balance: string
  transaction: string
  place: Place
}

/** A block that nobody here has signed and that is no stranger's: the network has upgraded the account (N13). */
export type NanoFact = PaymentSeen | SpendSeen | FrontierMoved

/** What the facts are read with. `indexOf`: which of our addresses it is, if it is one. */
export interface FactContext {
  chain: string
  asset: string
  network: Network
  indexOf: (address: string) => number | undefined
}

const OLD_SEND = 'sent by a block of a type that is not made any more'

/** In the order in which they are heard. Empty where the block is nobody's of us. */
export function latticeFactsOf(context: FactContext, hash: string, info: BlockInfo, place: Place): NanoFact[] {
  const account = canonical(info.block_account, context.network)
  const index = context.indexOf(account)
  return [
    ...(index === undefined ? [] : ownFacts(context, { hash, account, index, info, place })),
    ...paymentIn(context, { hash, info, place, own: index !== undefined }),
  ]
}

interface Own {
  hash: string
  account: string
  index: number
  info: BlockInfo
  place: Place
}

function ownFacts({ chain }: FactContext, { hash, account, index, info, place }: Own): NanoFact[] {
  const { contents, subtype, balance } = info
  if (contents.type !== 'state') return []
  const spent = frontierKey(chain, account, contents.previous)
  const moved: FrontierMoved = {
    ...{ kind: 'frontier.moved', spent, key: frontierKey(chain, account, hash), index, address: account },
    ...{ balance: String(balance), transaction: hash, place },
  }
  if (subtype === 'epoch') return [moved]
  const keys = subtype === 'receive' ? [spent, receivableKey(chain, contents.link)] : [spent]
  return [{ kind: 'spend.seen', keys, transaction: hash, place, executed: true }, moved]
}

interface Sent {
  hash: string
  info: BlockInfo
  place: Place
  own: boolean
}

/** N1: a confirmed send to an account of ours. */
function paymentIn(context: FactContext, { hash, info, place, own }: Sent): PaymentSeen[] {
  const { chain, asset, network, indexOf } = context
  const { contents, subtype, amount } = info
  if (amount === undefined) return []
  const destination = destinationOf(contents, subtype, network)
  const index = destination === null ? undefined : indexOf(destination)
  if (destination === null || index === undefined) return []
  const doubt = contents.type === 'state' ? null : OLD_SEND
  return [
    {
      ...{ kind: 'payment.seen', id: receivableKey(chain, hash), transaction: hash, output: 0 },
      ...{ address: destination, dataField: null, index, asset, amount: String(amount), place, own, doubt },
    },
  ]
}

function destinationOf(
  contents: BlockInfo['contents'],
  subtype: BlockInfo['subtype'],
  network: Network,
): string | null {
  if (contents.type === 'state')
    return subtype === 'send' ? addressOf(Buffer.from(contents.link, 'hex'), network) : null
  return contents.type === 'send' ? canonical(contents.destination, network) : null
}
