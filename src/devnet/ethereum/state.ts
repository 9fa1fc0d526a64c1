/**
 * The accounts as of one block. Every change is journalled, so that a call, a transaction or a block can be undone; an undone
 * block's changes can be looked through without leaving the present.
 */
import { bytesOf, hashOf, hexWord, minimalBytes, NOTHING } from './bytes.ts'
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

export function createState(): WorldState {
  const accounts = new Map<string, Entry>()
  let journal: StateUndo = []
  /** Of no use once their transaction has ended. */
  const passing = new Set<() => void>()
  let isJournalling = true
  const changed = new Map<string, Set<bigint>>()

  function note(undo: () => void, address: string, slot?: bigint): void {
    const slots = changed.get(address) ?? new Set()
    if (slot !== undefined) slots.add(slot)
    changed.set(address, slots)
    if (isJournalling) journal.push(undo)
  }

  function entryOf(address: string): Entry {
    const entry = accounts.get(address) ?? { nonce: 0n, balance: 0n, code: NOTHING, slots: new Map<bigint, bigint>() }
    accounts.set(address, entry)
    return entry
  }

  function setBalance(address: string, wei: bigint): void {
    const entry = entryOf(address)
    const before = entry.balance
    note(() => setBalance(address, before), address)
    entry.balance = wei
  }

  function setNonce(address: string, nonce: bigint): void {
    const entry = entryOf(address)
    const before = entry.nonce
    note(() => setNonce(address, before), address)
    entry.nonce = nonce
  }

  function setCode(address: string, code: Uint8Array): void {
    const entry = entryOf(address)
    const before = entry.code
    note(() => setCode(address, before), address)
    entry.code = code
  }

  function setSlot(address: string, slot: bigint, value: bigint): void {
    const { slots } = entryOf(address)
    const before = slots.get(slot) ?? 0n
    note(() => setSlot(address, slot, before), address, slot)
    if (value === 0n) slots.delete(slot)
    else slots.set(slot, value)
  }

  function remove(address: string): void {
    for (const slot of [...entryOf(address).slots.keys()]) setSlot(address, slot, 0n)
    setBalance(address, 0n)
    setNonce(address, 0n)
    setCode(address, NOTHING)
  }

  function revertTo(mark: number): void {
    isJournalling = false
    while (journal.length > mark) journal.pop()!()
    isJournalling = true
  }

  function rootAfter(parent: string): string {
    const rows = [...changed.keys()].sort().map((address): Rlp => {
      const { nonce, balance, code, slots } = entryOf(address)
      const touched = [...changed.get(address)!].sort((a, b) => (a < b ? -1 : 1))
      const held = touched.map(slot => [bytesOf(hexWord(slot)), minimalBytes(slots.get(slot) ?? 0n)])
      return [bytesOf(address), minimalBytes(nonce), minimalBytes(balance), bytesOf(hashOf(code)), held]
    })
    return hashOf(encodeRlp([bytesOf(parent), rows]))
  }

  return {
    nonceOf: address => accounts.get(address)?.nonce ?? 0n,
    balanceOf: address => accounts.get(address)?.balance ?? 0n,
    codeOf: address => accounts.get(address)?.code ?? NOTHING,
    slotOf: (address, slot) => accounts.get(address)?.slots.get(slot) ?? 0n,
    isEmpty(address) {
      const entry = accounts.get(address)
      return entry === undefined || (entry.nonce === 0n && entry.balance === 0n && entry.code.length === 0)
    },
    setNonce,
    addBalance: (address, wei) => setBalance(address, (accounts.get(address)?.balance ?? 0n) + wei),
    setCode,
    setSlot,
    remove,
    onRevert(undo) {
      passing.add(undo)
      journal.push(undo)
    },
    mark: () => journal.length,
    revertTo,
    seal() {
      const sealed = journal.filter(undo => !passing.has(undo))
      journal = []
      passing.clear()
      changed.clear()
      return sealed
    },
    undo(undone) {
      journal = [...undone]
      revertTo(0)
      changed.clear()
    },
    past(undone, run) {
      const mark = journal.length
      for (const block of [...undone].reverse()) for (const change of [...block].reverse()) change()
      try {
        return run()
      } finally {
        revertTo(mark)
        changed.clear()
      }
    },
    rootAfter,
  }
}
