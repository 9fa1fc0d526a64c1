/**
 * A template of the family: `{ network, block, previous, source }`. The whole previous block proves by its hash what the
 * balance was before, and of a receive the source send with its own previous block proves what it brings; so an amount
 * is known without a node, and by nobody's word (N4, N8).
 *
 * Whatever Lockkeeper would not write itself is refused: a change of representative, an epoch block, a send of nothing,
 * a block that moves another amount than it says.
 */
import { z } from 'zod'
import type { Json } from '../../machines/vocabulary.ts'
import { boundary, Fault } from '../../src/kernel/fault.ts'
import { upperHex } from '../hex.ts'
import { addressOf, accountKeyOf } from './address.ts'
import { hashOf, stateBlock, ZERO_HASH, type StateBlock } from './block.ts'
import type { Network } from './network.ts'

const shape = z.strictObject({
  network: z.string(),
  block: stateBlock,
  /** Null for an account's first block. */
  previous: stateBlock.nullable(),
  /** Of a receive: the block that sent it, and the one before that. */
  source: z.strictObject({ block: stateBlock, previous: stateBlock }).nullable(),
})

/** A template as understood. Addresses are canonical, amounts raw, hashes 64 hexadecimal digits in capitals. */
export interface Draft {
  block: StateBlock
  hash: string
  amount: bigint
  /** Whom it pays; null for a receive, which pays nobody. */
  destination: string | null
  /** The send that it receives; null for a send. */
  source: string | null
}

/** What opens an account, and stays with it (N15). */
export interface AccountOpening {
  /** Canonical; null: each account represents itself. */
  representative: string | null
}

const refused = (reason: string) => boundary('invalid-template', reason)

/** Throws a boundary fault `invalid-template` with the reason where anything in it is not understood. */
export function readTemplate(template: Json, network: Network, opening: AccountOpening): Draft {
  const parsed = shape.safeParse(template)
  if (!parsed.success)
    throw refused(`not of the form {network, block, previous, source}: ${z.prettifyError(parsed.error)}`)
  const { block, previous, source } = parsed.data
  if (parsed.data.network !== network.name) throw refused(`for ${parsed.data.network}, not for ${network.name}`)
  try {
    checkChain(block, previous, network)
    const before = BigInt(previous?.balance ?? 0)
    const representative = previous?.representative ?? opening.representative ?? block.account
    if (keyOf(block.representative, network) !== keyOf(representative, network))
      throw refused(`the representative is to be ${representative}`)
    const hash = hashOf(block, network)
    const after = BigInt(block.balance)
    if (after === before) throw refused('it moves nothing')
    return after < before
      ? { block, hash, amount: before - after, destination: paidBy(block, source, network), source: null }
      : { block, hash, amount: received(block, source, after - before, network), destination: null, source: block.link }
  } catch (error) {
    if (error instanceof Fault && error.kind === 'invalid-address') throw refused(error.message)
    throw error
  }
}

const keyOf = (address: string, network: Network): string => upperHex(accountKeyOf(address, network))

/** A block stands on the one that it names, and both are of one account. */
function checkChain(block: StateBlock, previous: StateBlock | null, network: Network): void {
  if (previous === null) {
    if (block.previous !== ZERO_HASH) throw refused(`the previous block ${block.previous} is missing`)
    return
  }
  if (hashOf(previous, network) !== block.previous) throw refused(`the previous block is not ${block.previous}`)
  if (keyOf(previous.account, network) !== keyOf(block.account, network))
    throw refused('the previous block is of another account')
}

/** N19: what goes to the burn account is gone. */
function paidBy({ link }: StateBlock, source: unknown, network: Network): string {
  if (source !== null) throw refused('a send has no source')
  if (link === ZERO_HASH) throw refused('it sends to the burn account')
  return addressOf(Uint8Array.from(Buffer.from(link, 'hex')), network)
}

type Source = z.infer<typeof shape>['source']

/** What the source sends, which is what the balance has to grow by. */
function received(block: StateBlock, source: Source, growth: bigint, network: Network): bigint {
  if (source === null) throw refused('the source of a receive is missing')
  if (hashOf(source.block, network) !== block.link) throw refused(`the source is not ${block.link}`)
  if (source.block.link !== keyOf(block.account, network)) throw refused('the source does not pay this account')
  checkChain(source.block, source.previous, network)
  const sent = BigInt(source.previous.balance) - BigInt(source.block.balance)
  if (sent !== growth) throw refused(`the source sends ${sent}, the balance grows by ${growth}`)
  return sent
}
