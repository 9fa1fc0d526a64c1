/**
 * The accounts as of one block. Every change is journalled, so that a call, a transaction or a block can be undone; an undone
 * block's changes can be looked through without leaving the present.
 */
import { bytesOfHex, hashOfBytes, hexWord, minimalBytes, NOTHING } from './bytes.ts'
import { encodeRlp, type Rlp } from './rlp.ts'

interface Entry {
  nonce: bigint
  balance: bigint
  code: Uint8Array
  slots: Map<bigint, bigint>
}

/** Puts back what one change took away; the youngest is last. */
export type StateUndo = (() => void)[]

export interface WorldState {
  nonceOf(address: string): bigint
  /** Wei. */
  balanceOf(address: string): bigint
  codeOf(address: string): Uint8Array
  slotOf(address: string, slot: bigint): bigint
  /** EIP-161: neither nonce nor balance nor code. */
  isEmpty(address: string): boolean
  setNonce(address: string, nonce: bigint): void
  addBalance(address: string, wei: bigint): void
  setCode(address: string, code: Uint8Array): void
  setSlot(address: string, slot: bigint, value: bigint): void
  /** All of it. */
  remove(address: string): void
  /** Undone with what else was changed. */
  onRevert(undo: () => void): void
  /** Where the journal stands now. */
  mark(): number
  revertTo(mark: number): void
  /** What has changed since the last call; afterwards nothing before can be reverted. */
  seal(): StateUndo
  undo(undone: StateUndo): void
  /** Runs as of before these blocks, the youngest last, and comes back. */
  past<Result>(undone: readonly StateUndo[], run: () => Result): Result
  /**
   * A commitment to a parent's root and to what has changed since, which stands where a real chain has the root of its state
   * trie: nobody can prove an account against it, and two states that differ never share it.
   */
  rootAfter(parent: string): string
}

interface Journal {
  note(undo: () => void): void
  notePassing(undo: () => void): void
  mark(): number
  revertTo(mark: number): void
  /** What was noted since the last call, without what passes with its transaction. */
  seal(): StateUndo
}

function createJournal(): Journal {
  let entries: StateUndo = []
  const passing = new Set<() => void>()
  let isReverting = false
  return {
    note(undo) {
      if (!isReverting) entries.push(undo)
    },
    notePassing(undo) {
      passing.add(undo)
      entries.push(undo)
    },
    mark: () => entries.length,
    revertTo(mark) {
      isReverting = true
      while (entries.length > mark) entries.pop()!()
      isReverting = false
    },
    seal() {
      const sealed = entries.filter(undo => !passing.has(undo))
      entries = []
      passing.clear()
      return sealed
    },
  }
}

/** Addresses and slots that were written. */
type Written = Map<string, Set<bigint>>

interface Accounts {
  entries: Map<string, Entry>
  written: Written
  journal: Journal
}

function entryOf({ entries }: Accounts, address: string): Entry {
  const entry = entries.get(address) ?? { nonce: 0n, balance: 0n, code: NOTHING, slots: new Map<bigint, bigint>() }
  entries.set(address, entry)
  return entry
}

/** Notes how it was, and gives the account to be changed. */
function writing(accounts: Accounts, address: string, undo: () => void, slot?: bigint): Entry {
  const { written, journal } = accounts
  const slots = written.get(address) ?? new Set()
  if (slot !== undefined) slots.add(slot)
  written.set(address, slots)
  journal.note(undo)
  return entryOf(accounts, address)
}

function setField<Field extends 'nonce' | 'balance' | 'code'>(
  accounts: Accounts,
  address: string,
  field: Field,
  value: Entry[Field],
): void {
  const before = entryOf(accounts, address)[field]
  writing(accounts, address, () => setField(accounts, address, field, before))[field] = value
}

function setSlot(accounts: Accounts, address: string, slot: bigint, value: bigint): void {
  const before = entryOf(accounts, address).slots.get(slot) ?? 0n
  const { slots } = writing(accounts, address, () => setSlot(accounts, address, slot, before), slot)
  if (value === 0n) slots.delete(slot)
  else slots.set(slot, value)
}

function remove(accounts: Accounts, address: string): void {
  for (const slot of [...entryOf(accounts, address).slots.keys()]) setSlot(accounts, address, slot, 0n)
  setField(accounts, address, 'balance', 0n)
  setField(accounts, address, 'nonce', 0n)
  setField(accounts, address, 'code', NOTHING)
}

function rootAfter(accounts: Accounts, parent: string): string {
  const rows = [...accounts.written.keys()].sort().map((address): Rlp => {
    const { nonce, balance, code, slots } = entryOf(accounts, address)
    const written = [...accounts.written.get(address)!].sort((a, b) => (a < b ? -1 : 1))
    const held = written.map(slot => [bytesOfHex(hexWord(slot)), minimalBytes(slots.get(slot) ?? 0n)])
    return [bytesOfHex(address), minimalBytes(nonce), minimalBytes(balance), bytesOfHex(hashOfBytes(code)), held]
  })
  return hashOfBytes(encodeRlp([bytesOfHex(parent), rows]))
}

function isEmpty(entry: Entry | undefined): boolean {
  return entry === undefined || (entry.nonce === 0n && entry.balance === 0n && entry.code.length === 0)
}

/** Of no account. */
export function createState(): WorldState {
  const accounts: Accounts = { entries: new Map(), written: new Map(), journal: createJournal() }
  const { entries, written, journal } = accounts
  const balanceOf = (address: string) => entries.get(address)?.balance ?? 0n
  return {
    nonceOf: address => entries.get(address)?.nonce ?? 0n,
    balanceOf,
    codeOf: address => entries.get(address)?.code ?? NOTHING,
    slotOf: (address, slot) => entries.get(address)?.slots.get(slot) ?? 0n,
    isEmpty: address => isEmpty(entries.get(address)),
    setNonce: (address, nonce) => setField(accounts, address, 'nonce', nonce),
    addBalance: (address, wei) => setField(accounts, address, 'balance', balanceOf(address) + wei),
    setCode: (address, code) => setField(accounts, address, 'code', code),
    setSlot: (address, slot, value) => setSlot(accounts, address, slot, value),
    remove: address => remove(accounts, address),
    onRevert: undo => journal.notePassing(undo),
    mark: () => journal.mark(),
    revertTo: mark => journal.revertTo(mark),
    seal() {
      written.clear()
      return journal.seal()
    },
    undo(undone) {
      for (const undo of undone) journal.note(undo)
      journal.revertTo(0)
      written.clear()
    },
    past(undone, run) {
      const mark = journal.mark()
      for (const block of [...undone].reverse()) for (const change of [...block].reverse()) change()
      try {
        return run()
      } finally {
        journal.revertTo(mark)
        written.clear()
      }
    },
    rootAfter: parent => rootAfter(accounts, parent),
  }
}
