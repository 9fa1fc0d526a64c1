/** Accounts of the simulated ledger, as of each of its ledgers. */
import codec from 'ripple-address-codec'
import { sha512Half } from '../../../adapters/ripple/hash.ts'
import { upperHex } from '../../../adapters/hex.ts'

/** `lsfRequireDestTag` and `lsfDepositAuth`. */
export const REQUIRE_TAG = 0x0002_0000
export const DEPOSIT_AUTH = 0x0100_0000

/** Never changed in place. */
export interface Account {
  balance: bigint
  sequence: number
  flags: number
  tickets: ReadonlySet<number>
}

/** Tickets are all that an account owns here. */
export const ownerCount = ({ tickets }: Account): number => tickets.size

/** Accounts by address; changes stand in front of what was. */
export interface Accounts {
  get(address: string): Account | undefined
  set(address: string, account: Account): void
  delete(address: string): void
}

/** All accounts at all heights. */
export interface States {
  /** Undefined where there was none. */
  at(height: number, address: string): Account | undefined
  /** As of a height, with changes in front of it. */
  over(height: number): Accounts & { changes: ReadonlyMap<string, Account | undefined> }
  /** What a ledger has changed; each height once, upwards. */
  append(height: number, changes: ReadonlyMap<string, Account | undefined>): void
  totalDrops(height: number): bigint
}

/** With nobody in it. */
export function createStates(): States {
  const histories = new Map<string, { height: number; account: Account | undefined }[]>()

  const at: States['at'] = (height, address) =>
    histories.get(address)?.findLast(entry => entry.height <= height)?.account

  return {
    at,
    over(height) {
      const changes = new Map<string, Account | undefined>()
      return {
        changes,
        get: address => (changes.has(address) ? changes.get(address) : at(height, address)),
        set: (address, account) => void changes.set(address, account),
        delete: address => void changes.set(address, undefined),
      }
    },
    append(height, changes) {
      for (const [address, account] of changes) {
        const history = histories.get(address) ?? []
        history.push({ height, account })
        histories.set(address, history)
      }
    },
    totalDrops: height =>
      [...histories.keys()].reduce((sum, address) => sum + (at(height, address)?.balance ?? 0n), 0n),
  }
}

const SPACE = { account: 0x61, ticket: 0x54 }

const uint32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Keys of entries. https://xrpl.org/docs/references/protocol/ledger-data/common-fields#ledger-entry-id */
export const accountKey = (address: string): string =>
  upperHex(sha512Half(Uint8Array.of(0, SPACE.account), codec.decodeAccountID(address)))
export const ticketKey = (address: string, ticket: number): string =>
  upperHex(sha512Half(Uint8Array.of(0, SPACE.ticket), codec.decodeAccountID(address), uint32(ticket)))
