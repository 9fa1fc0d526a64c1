/** One account is ours, and every tag that was made: what is paid to the account with another one, or with none, is ours and nobody's. */
import { invariant } from '../../src/kernel/fault.ts'
import type { Watch } from '../adapter.ts'

/** The account, and which of its tags are known. */
export interface TagWatch extends Watch {
  isOurs(account: string): boolean
  /** Of the address with this data field; null where no such was made (X3). */
  indexOf(dataField: string | null): number | null
  /** Null before the ledger knows it. */
  account(): string | null
}

/** Empty: the ledger's memory fills it at the start. A tag is equal to its index, from 1. */
export function createWatch(): TagWatch {
  const known = new Set<number>()
  let ours: string | null = null
  return {
    addAddress(index, address) {
      if (ours !== null && ours !== address)
        throw invariant('account-twice', `${address} and ${ours} are not one account`)
      ours = address
      if (index > 0) known.add(index)
    },
    changed: () => {},
    account: () => ours,
    isOurs: account => account === ours,
    indexOf(dataField) {
      const index = dataField === null ? 0 : Number(dataField)
      return known.has(index) ? index : null
    },
  }
}
