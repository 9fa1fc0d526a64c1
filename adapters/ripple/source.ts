/**
 * Where ledgers come from: one after the other, whole. `account_tx` would spare empty ones, but its ranges may be narrower than
 * asked (X5) and say nothing of the ledgers between; a ledger with its transactions says that it is complete.
 */
import { operating } from '../../src/kernel/fault.ts'
import type { Block } from '../adapter.ts'
import { checkWhole, factsOf, type ScanContext } from './block.ts'
import type { RippleFact } from './facts.ts'
import type { Rpc } from './rpc.ts'
import { headerShape, ledgerShape, type LedgerAnswer } from './shapes.ts'

/** A validated ledger, and what it says of us. */
export interface ScannedLedger {
  block: Block
  facts: RippleFact[]
}

/** Whole ledgers by their index, each validated. */
export interface LedgerSource {
  /** Null where the server has not validated it. */
  fetch(height: number): Promise<ScannedLedger | null>
  /** Begins to download what is wanted next. One is kept. Never rejects. */
  prefetch(height: number): void
  /** Forget what was asked for ahead: it may be another server now. */
  reset(): void
}

/** Seconds between 1970 and 2000, from where the ledger counts. */
export const RIPPLE_EPOCH = 946_684_800

export const blockOf = (ledger: Omit<LedgerAnswer, 'transactions'>): Block => ({
  height: ledger.ledger_index,
  hash: ledger.ledger_hash,
  parent: ledger.parent_hash,
  time: ledger.close_time + RIPPLE_EPOCH,
})

/** Without its transactions. Operating fault `node-behind` where it is not validated. */
export async function readLedgerHeader(rpc: Rpc, height: number | 'validated'): Promise<Block> {
  const { validated, ledger } = await rpc.call(headerShape, 'ledger', { ledger_index: height })
  if (!validated) throw operating('node-behind', `the server has not validated ledger ${height} yet`)
  return blockOf(ledger)
}

/** Over one server. `context.watch` is asked when the answers are there. */
export function createLedgerSource(rpc: Rpc, context: ScanContext): LedgerSource {
  let ahead: { height: number; download: Promise<LedgerAnswer | null> } | null = null

  async function download(height: number): Promise<LedgerAnswer | null> {
    const asked = { ledger_index: height, transactions: true, expand: true }
    const { validated, ledger } = await rpc.call(ledgerShape, 'ledger', asked)
    if (!validated) return null
    if (ledger.ledger_index !== height)
      throw operating('node-malformed', `the server gave ledger ${ledger.ledger_index} for ${height}`)
    checkWhole(ledger)
    return ledger
  }

  return {
    async fetch(height) {
      const wanted = ahead?.height === height ? ahead.download : null
      ahead = null
      const ledger = (await wanted) ?? (await download(height))
      return ledger === null ? null : { block: blockOf(ledger), facts: factsOf(context, ledger) }
    },
    prefetch(height) {
      // What fails here is asked for again when it is wanted, and fails there.
      ahead = { height, download: download(height).catch(() => null) }
    },
    reset: () => void (ahead = null),
  }
}
