/** What must hold whatever happens. Each says in one sentence what it is; the first violation ends a run. */
import { attestationBytes, voidBytes } from '../../src/canonical.ts'
import { isSigned } from '../../src/signatures.ts'
import type { Authorisation, SignedReceipt } from '../../machines/vocabulary.ts'
import type { Books, Wanted } from './books.ts'
import { CHAIN } from './fixtures.ts'
import type { Answer, System } from './system.ts'
import { minedOn } from './truth.ts'

export interface FeedEvent {
  seq: number
  kind: string
  id: string
  from: string | null
  to: string
  data: Record<string, unknown>
}

/**
 * Never pay twice: on the best chain, at any time, at most one payment for a withdrawal, of exactly its amount. Withdrawals'
 * amounts are unique and no payer's, so that address and amount tell which withdrawal is paid.
 */
export function checkPayments({ node, world }: Pick<System, 'node' | 'world'>, books: Books): void {
  const wanted = new Map([...books.withdrawals.values()].map(one => [one.to, one]))
  const ours = new Set([...books.addresses.values()].map(({ address }) => address))
  const paid = new Map<string, number>()
  for (const { outputs } of minedOn(node)) {
    for (const { address, amount } of outputs) {
      const one = wanted.get(address)
      if (one === undefined) continue
      const key = `${address}=${amount}`
      paid.set(key, (paid.get(key) ?? 0) + 1)
      if (!ours.has(address) && amount !== one.amount)
        world.violate(`${one.id} is paid ${amount} instead of ${one.amount}`)
    }
  }
  for (const { id, to, amount } of books.withdrawals.values())
    checkCount(world, books, id, paid.get(`${to}=${amount}`) ?? 0)
}

/** Who was refunded is never paid. */
function checkCount(world: System['world'], books: Books, id: string, count: number): void {
  if (count > 1) world.violate(`${id} is paid twice`)
  const why = books.refunded.get(id)
  if (count > 0 && why !== undefined) world.violate(`${id} was refunded on the word of the ${why}, and is paid`)
}

/** A receipt is the signer's own word about this withdrawal, and what it lists never shrinks. */
export function checkReceipt({ world }: System, { id, round }: Wanted, receipt: SignedReceipt): void {
  if (receipt.id !== id || receipt.chain !== CHAIN || receipt.round > round || !isSigned(receipt, voidBytes(receipt)))
    world.violate(`the receipt for ${id} is ${JSON.stringify(receipt)}`)
}

/** A reference has one address for ever, and no two references have the same; the signer vouches for each. */
export function checkAssigned({ world }: System, books: Books, reference: string, { status, body }: Answer): void {
  if (status !== 200 && status !== 201) return world.violate(`an address for ${reference} is answered ${status}`)
  const { address, index, attestation } = body as { address: string; index: number; attestation: Authorisation }
  const known = books.addresses.get(reference)
  if (known !== undefined && known.address !== address)
    world.violate(`${reference} had ${known.address}, now ${address}`)
  for (const other of books.addresses.values())
    if (other.reference !== reference && other.address === address)
      world.violate(`${address} was given to ${other.reference} and to ${reference}`)
  if (known !== undefined) return
  if (!isSigned(attestation, attestationBytes({ chain: CHAIN, address, dataField: null, index })))
    world.violate(`the attestation of ${address} does not verify`)
  books.addresses.set(reference, { reference, address, index })
  world.trace(`backend has ${address} for ${reference}`)
}

/** What was accepted is there with the same content. */
export function checkAnswered({ world }: System, wanted: Wanted, round: number, { status, body }: Answer): void {
  if (status !== 200 && status !== 201)
    return world.violate(`${wanted.id} is answered ${status} ${JSON.stringify(body)}`)
  const { to, amount } = body
  if (to !== wanted.to || amount !== String(wanted.amount) || (body['round'] as number) < round)
    world.violate(`${wanted.id} was accepted, and now is ${JSON.stringify(body)}`)
}

/** One name, one withdrawal: another amount under the same name is refused. */
export function checkConflict({ world }: System, id: string, { status }: Answer): void {
  if (status !== 409) world.violate(`${id} with another amount is answered ${status} instead of 409`)
}

/** An acknowledgement that was answered is in the deposit's history for ever. */
export function checkCredited({ world }: System, id: string, body: Answer['body']): void {
  const history = body['history'] as { event: string }[]
  if (!history.some(({ event }) => event === 'credit.acknowledged'))
    world.violate(`${id} was acknowledged, and its history does not say so`)
}

/** The feed has no gaps and never changes its past. Answers the events that are new. */
export function checkEvents({ world }: System, books: Books, after: number, body: Answer['body']): FeedEvent[] {
  const { events, next, ledgerId } = body as { events: FeedEvent[]; next: number; ledgerId: string }
  const fresh: FeedEvent[] = []
  if (books.ledgerId !== null && ledgerId !== books.ledgerId)
    world.violate(`the ledger ${books.ledgerId} became ${ledgerId}`)
  books.ledgerId = ledgerId
  for (const [n, event] of events.entries()) {
    if (event.seq !== after + n + 1) world.violate(`the feed has a gap: ${event.seq} instead of ${after + n + 1}`)
    const text = JSON.stringify(event)
    const known = books.events[event.seq - 1]
    if (known !== undefined && known !== text) world.violate(`event ${event.seq} was ${known} and is ${text}`)
    if (known !== undefined) continue
    books.events.push(text)
    fresh.push(event)
  }
  if (next !== after + events.length)
    world.violate(`the feed's next is ${next} after ${after} and ${events.length} events`)
  return fresh
}
