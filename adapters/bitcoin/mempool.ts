/**
 * Unconfirmed transactions, as hints: nothing is decided by what a mempool holds or lacks. The list of a full mempool is
 * 20 MB, so its bytes are walked once, without making a string of any transaction but those to look at.
 */
import { z } from 'zod'
import type { BitcoinFact, TransactionSeen } from './facts.ts'
import { Fault, operating } from '../../src/kernel/fault.ts'
import { readAncestor, scanTransaction, type ScanContext } from './block.ts'
import { RPC_ERROR, type Rpc } from './rpc.ts'
import { createTable } from '../../src/kernel/table.ts'

/** Transactions remembered: those of a larger mempool that find no room give no hint until it shrinks. */
const REMEMBERED_MAXIMUM = 400_000
/** Of a transaction's id, which is a hash: two that agree in it cost one of them its hint. */
const KEY_BYTES = 8
const ID_CHARACTERS = 64
const QUOTE = 0x22
const COMMA = 0x2c
const SPACE = 0x20
/** A transaction's value in the table: whether it was examined, and which poll saw it. Those that the present one has not seen go. */
const EXAMINED = 1
const EVEN_POLL = 2
const ODD_POLL = 4

/** Nodes keep a few dozen in a row; one that is told to keep more shows no more of it. */
const ANCESTORS_MAXIMUM = 100

/** The node's unconfirmed transactions, each examined once. */
export interface Mempool {
  /**
   * Facts of at most `limit` transactions that were not examined before, the newest first. One that left and came back is new
   * again. Where the node fails on the way, what was read until then is the answer, and the rest comes next time.
   */
  pending(limit: number): Promise<BitcoinFact[]>
}

/** A hint that cannot be read is not worth stopping for: in a block, the same transaction does stop the chain (B13). */
function factsOf(raw: string, context: ScanContext): BitcoinFact[] {
  try {
    return scanTransaction(Buffer.from(raw, 'hex'), context)
  } catch (error) {
    if (error instanceof Fault) return []
    throw error
  }
}

/** The value of each character as a hexadecimal digit, else 16. */
const DIGITS = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(digit) ? 16 : digit
})

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at]! <= SPACE) at++
  return at
}

/** Calls back with the start of each id in `"…","…"`. Operating fault for anything else. */
function forEachId(list: Uint8Array, visit: (at: number) => void): void {
  for (let at = skipSpace(list, 0); at < list.length; at = skipSpace(list, at + 1)) {
    const end = at + 1 + ID_CHARACTERS
    if (list[at] !== QUOTE || list[end] !== QUOTE)
      throw operating('node-malformed', 'the node answered getrawmempool with something else than transaction ids')
    visit(at + 1)
    at = skipSpace(list, end + 1)
    if (at < list.length && list[at] !== COMMA)
      throw operating('node-malformed', 'the node answered getrawmempool with something else than a list')
  }
}

function readKey(list: Uint8Array, at: number, key: Uint8Array): void {
  for (let i = 0; i < KEY_BYTES; i++) {
    const [high, low] = [DIGITS[list[at + 2 * i]!]!, DIGITS[list[at + 2 * i + 1]!]!]
    if ((high | low) > 0xf) throw operating('node-malformed', 'the node answered getrawmempool with ids that are none')
    key[i] = (high << 4) | low
  }
}

interface Unexamined {
  entry: number
  id: string
}

/** Which transactions are in the node's mempool, and which of them were examined. */
function createMemory() {
  const table = createTable(KEY_BYTES)
  const key = new Uint8Array(KEY_BYTES)
  /** Entries are numbered below this. */
  let entries = 0
  let poll = EVEN_POLL

  function remember(): number {
    const known = table.find(key, 0)
    if (known !== -1) return known
    if (table.size() >= REMEMBERED_MAXIMUM) return -1
    const entry = table.add(key, 0)
    entries = Math.max(entries, entry + 1)
    return entry
  }

  /** Marks what is there, and answers at most `limit` that were not examined: those that are new, then those that waited. */
  function see(list: Uint8Array, limit: number): Unexamined[] {
    poll = poll === EVEN_POLL ? ODD_POLL : EVEN_POLL
    const [fresh, waiting]: [Unexamined[], Unexamined[]] = [[], []]
    const idAt = (at: number) => Buffer.from(list.buffer, list.byteOffset + at, ID_CHARACTERS).toString('latin1')
    forEachId(list, at => {
      readKey(list, at, key)
      const entry = remember()
      if (entry === -1) return
      const value = table.value(entry)
      table.setValue(entry, poll | (value & EXAMINED))
      if ((value & EXAMINED) !== 0) return
      const queue = value === 0 ? fresh : waiting
      if (queue.length < limit) queue.push({ entry, id: idAt(at) })
    })
    forget()
    return [...fresh, ...waiting].slice(0, limit)
  }

  /** Entries that are free have the value 0. */
  function forget(): void {
    for (let entry = 0; entry < entries; entry++) {
      const value = table.value(entry)
      if (value === 0 || (value & poll) !== 0) continue
      table.remove(entry)
      table.setValue(entry, 0)
    }
  }

  return { see, examine: ({ entry }: Unexamined) => table.setValue(entry, table.value(entry) | EXAMINED) }
}

/** A transaction's ancestors that are in no block either; null where it has left the mempool meanwhile. */
async function ancestorsOf(rpc: Rpc, context: ScanContext, txid: string): Promise<TransactionSeen[] | null> {
  const gone = [RPC_ERROR.invalidAddressOrKey]
  const ids = await rpc.ask(z.array(z.string()), gone, 'getmempoolancestors', txid)
  if (!ids.ok) return null
  const found: TransactionSeen[] = []
  let hasLeft = false
  for (const id of ids.result.slice(0, ANCESTORS_MAXIMUM)) {
    const answer = await rpc.ask(z.string(), gone, 'getrawtransaction', id)
    if (answer.ok) found.push(readAncestor(Buffer.from(answer.result, 'hex'), context))
    else hasLeft = true
  }
  // An ancestor that is gone is in a block, or was replaced: then what stands on it is gone as well, and nobody would ever see why.
  const isGone = hasLeft && !(await rpc.ask(z.unknown(), gone, 'getmempoolentry', txid)).ok
  return isGone ? null : found
}

/** With what it stands on, where it pays us. */
async function examined(rpc: Rpc, context: ScanContext, txid: string, raw: string): Promise<BitcoinFact[]> {
  const facts = factsOf(raw, context)
  if (!facts.some(({ kind }) => kind === 'payment.seen')) return facts
  const ancestors = await ancestorsOf(rpc, context, txid)
  return ancestors === null ? [] : [...ancestors, ...facts]
}

/** Its memory of what was examined is bounded; what the node dropped is forgotten. */
export function createMempool(rpc: Rpc, context: ScanContext): Mempool {
  const memory = createMemory()

  async function pending(limit: number): Promise<BitcoinFact[]> {
    const unexamined = memory.see(await rpc.list('getrawmempool'), limit)
    const facts: BitcoinFact[] = []
    for (const [position, transaction] of unexamined.entries()) {
      try {
        const answer = await rpc.ask(z.string(), [RPC_ERROR.invalidAddressOrKey], 'getrawtransaction', transaction.id)
        // Mined or dropped between the two calls: then a block tells, or nothing does.
        if (answer.ok) for (const fact of await examined(rpc, context, transaction.id, answer.result)) facts.push(fact)
      } catch (error) {
        if (position === 0) throw error
        break
      }
      memory.examine(transaction)
    }
    return facts
  }

  return { pending }
}
