/**
 * What a server says of itself. One that cannot be believed is an outage that names its remedy, and the cursor stands (X12): blocked
 * by an amendment, out of sync, behind, or a Clio that has lost its rippled.
 * https://xrpl.org/docs/references/http-websocket-apis/public-api-methods/server-info-methods/server_info
 */
import type { Place } from '../../machines/vocabulary.ts'
import { operating } from '../../src/kernel/fault.ts'
import type { Rpc } from './rpc.ts'
import { serverShape, type ServerAnswer } from './shapes.ts'

/** Of the last ledger that the network has validated, as far as the server knows. Amounts in drops. */
export interface ServerStanding {
  tip: Place
  networkId: number
  version: string
  /** Whether it has this ledger (X5). */
  has: (height: number) => boolean
  /** As it says what it has: `32570-6595042`. */
  completeLedgers: string
  baseReserve: bigint
  /** For each object that an account owns, tickets among them. */
  ownerReserve: bigint
  /** What will stop it soon, or null. */
  warning: string | null
}

const SYNCED: readonly string[] = ['full', 'proposing', 'validating']
const AMENDMENT_BLOCKED = 1002
/** An amendment that it does not know has a majority: in two weeks it may be blocked. */
const UNSUPPORTED_MAJORITY = 1001
/** Ledgers are validated every few seconds. */
const STALE_SECONDS = 120
/** X10: the main network's servers need not say it. */
const MAIN_NETWORK = 0

/** Whether a height is within `24900901-24900984,24901116`, or within nothing: `empty`. */
export function isWithin(completeLedgers: string, height: number): boolean {
  return completeLedgers.split(',').some(range => {
    const [, first, last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(range.trim()) ?? []
    return first !== undefined && Number(first) <= height && height <= Number(last)
  })
}

/** Operating faults for a server whose word does not count now. */
export async function readServer(rpc: Rpc): Promise<ServerStanding> {
  const answer = await rpc.call(serverShape, 'server_info')
  const warnings = new Set([...answer.warnings, ...answer.info.warnings].map(({ id }) => id))
  return standingOf(answer.info, warnings)
}

function standingOf(info: ServerAnswer['info'], warnings: ReadonlySet<number>): ServerStanding {
  const { clio_version, rippled_version, server_state, validated_ledger: ledger } = info
  if (info.amendment_blocked === true || warnings.has(AMENDMENT_BLOCKED))
    throw operating('node-amendment-blocked', 'the server does not know an amendment that the network has: update it')
  if (clio_version !== undefined && rippled_version === undefined)
    throw operating('node-alone', 'the server is a Clio that does not reach its rippled: look after that one')
  if (server_state !== undefined && !SYNCED.includes(server_state))
    throw operating(
      'node-not-synced',
      `the server is not in sync with its network (${server_state}): wait, or look after it`,
    )
  if (ledger === undefined)
    throw operating('node-not-synced', 'the server knows no validated ledger yet: wait, or look after it')
  if (ledger.age > STALE_SECONDS)
    throw operating('node-stale', 'the last validated ledger that the server knows is minutes old: is it connected?')
  return {
    tip: { height: ledger.seq, hash: ledger.hash },
    networkId: info.network_id ?? MAIN_NETWORK,
    version: clio_version === undefined ? `rippled ${info.build_version ?? '?'}` : `Clio ${clio_version}`,
    has: height => isWithin(info.complete_ledgers, height),
    completeLedgers: info.complete_ledgers,
    baseReserve: ledger.reserve_base_xrp,
    ownerReserve: ledger.reserve_inc_xrp,
    warning: warnings.has(UNSUPPORTED_MAJORITY)
      ? 'an amendment that the server does not know is about to be enabled, and will block it: update it'
      : null,
  }
}
