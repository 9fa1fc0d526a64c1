/** What a plan needs of the server: fees as they are now, and what the ledger holds as of the block on which ours stands. */
import { operating } from '../../src/kernel/fault.ts'
import type { Question } from '../adapter.ts'
import { readAddress } from './address.ts'
import type { Network } from './network.ts'
import { feeOf } from './quote.ts'
import type { Rpc } from './rpc.ts'
import { readServer } from './server.ts'
import { accountShape, authorizedShape, feeShape, ticketsShape } from './shapes.ts'

/** Of whom a payment is to: what decides whether it can be paid now (X9). */
export interface DestinationFacts {
  exists: boolean
  requiresTag: boolean
  /** It takes payments from us: it asks for no authorisation, or has given it. */
  isOpen: boolean
}

/** Amounts in drops. */
export interface RippleFacts {
  /** Of the block as of which all of this is. */
  tipHeight: number
  /** The last validated ledger that the server knows. */
  height: number
  /** What gets a transaction into the open ledger. */
  fee: bigint
  baseReserve: bigint
  ownerReserve: bigint
  /** Null as long as nobody has paid it the base reserve. */
  account: { balance: bigint; sequence: number; owned: number; requiresTags: boolean } | null
  /** Upwards. */
  tickets: readonly number[]
  /** By account, of those payments that were asked about. */
  destinations: ReadonlyMap<string, DestinationFacts>
  /** More wait than were looked at this time. */
  isPartial: boolean
}

const REQUIRE_TAG = 0x0002_0000
const DEPOSIT_AUTH = 0x0100_0000
/** So many are looked at for one plan. */
const DESTINATIONS_MAXIMUM = 100
/** An account holds at most 250 tickets. */
const PAGES_MAXIMUM = 10

const ABSENT = ['actNotFound']
const NOBODY: DestinationFacts = { exists: false, requiresTag: false, isOpen: true }

/** What was found as of one ledger stays true of it. */
interface Known {
  hash: string
  account: RippleFacts['account']
  tickets: readonly number[]
  destinations: Map<string, DestinationFacts>
}

/** Reads as of one ledger after the other; what is known of the same ledger is not asked for again. */
export function createGatherer(rpc: Rpc, network: Network): (question: Question) => Promise<RippleFacts> {
  let known: Known | null = null

  return async question => {
    const { source, tip } = question
    const { address } = source
    if (known?.hash !== tip.hash) known = await readAccount(rpc, address, tip.hash)
    const { account, tickets, destinations } = known
    const wanted = unknownOf(question.payments(), network, destinations)
    for (const destination of wanted.slice(0, DESTINATIONS_MAXIMUM))
      destinations.set(destination, await readDestination(rpc, address, destination, tip.hash))
    const server = await readServer(rpc)
    const { drops } = await rpc.call(feeShape, 'fee')
    return {
      tipHeight: tip.height,
      height: Math.max(server.tip.height, tip.height),
      fee: feeOf(drops),
      baseReserve: server.baseReserve,
      ownerReserve: server.ownerReserve,
      isPartial: wanted.length > DESTINATIONS_MAXIMUM,
      ...{ account, tickets, destinations },
    }
  }
}

/** Of those that wait, whom nobody has looked at: one more than are looked at, where there are more. */
function unknownOf(
  payments: readonly { to: string }[],
  network: Network,
  known: ReadonlyMap<string, DestinationFacts>,
): string[] {
  const wanted = new Set<string>()
  for (const { to } of payments) {
    const destination = readAddress(to, network)?.account
    if (destination !== undefined && !known.has(destination)) wanted.add(destination)
    if (wanted.size > DESTINATIONS_MAXIMUM) break
  }
  return [...wanted]
}

async function readAccount(rpc: Rpc, address: string, ledger_hash: string): Promise<Known> {
  const nothing: Known = { hash: ledger_hash, account: null, tickets: [], destinations: new Map() }
  const found = await rpc.ask(accountShape, ABSENT, 'account_info', { account: address, ledger_hash })
  if (!found.ok) return nothing
  checkValidated(found.result)
  const { Balance, Sequence, OwnerCount, Flags } = found.result.account_data
  const requiresTags = (Flags & REQUIRE_TAG) !== 0
  const account = { balance: BigInt(Balance), sequence: Sequence, owned: OwnerCount, requiresTags }
  return { ...nothing, account, tickets: await readTickets(rpc, address, ledger_hash) }
}

async function readTickets(rpc: Rpc, account: string, ledger_hash: string): Promise<number[]> {
  const tickets: number[] = []
  let marker: unknown = undefined
  for (let page = 0; page < PAGES_MAXIMUM; page++) {
    const asked = { account, type: 'ticket', limit: 200, ledger_hash, ...(marker !== undefined && { marker }) }
    const answer = await rpc.call(ticketsShape, 'account_objects', asked)
    checkValidated(answer)
    tickets.push(...answer.account_objects.map(({ TicketSequence }) => TicketSequence))
    marker = answer.marker
    if (marker === undefined || marker === null) return tickets.sort((a, b) => a - b)
  }
  throw operating('node-malformed', `the server goes on telling of tickets of ${account} for ever`)
}

async function readDestination(
  rpc: Rpc,
  source: string,
  account: string,
  ledger_hash: string,
): Promise<DestinationFacts> {
  const found = await rpc.ask(accountShape, ABSENT, 'account_info', { account, ledger_hash })
  if (!found.ok) return NOBODY
  checkValidated(found.result)
  const { Flags } = found.result.account_data
  const asks = (Flags & DEPOSIT_AUTH) !== 0
  const isOpen = !asks || (await isAuthorized(rpc, source, account, ledger_hash))
  return { exists: true, requiresTag: (Flags & REQUIRE_TAG) !== 0, isOpen }
}

async function isAuthorized(rpc: Rpc, source_account: string, destination_account: string, ledger_hash: string) {
  const asked = { source_account, destination_account, ledger_hash }
  return (await rpc.call(authorizedShape, 'deposit_authorized', asked)).deposit_authorized
}

/** X15. */
function checkValidated({ validated }: { validated: boolean }): void {
  if (!validated) throw operating('node-behind', 'the server answered of a ledger that it has not validated')
}
