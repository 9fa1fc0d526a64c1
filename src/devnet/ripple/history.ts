/** What has happened to a simulated server, one line each: one that is made again from them has the same ledgers. */
import { z } from 'zod'
import { corruptStore, reasonOf } from '../../kernel/fault.ts'
import { offerRaw, type LedgerChain } from './ledger.ts'

/** `closeTime`: seconds since 2000 UTC. */
export type RippleHappening =
  | { type: 'transaction.accepted'; raw: string }
  | { type: 'transaction.forgotten'; hash: string }
  | { type: 'ledger.closed'; closeTime: number }

const lineSchema = z.union([
  z.strictObject({ transaction: z.string().regex(/^[0-9A-F]+$/) }),
  z.strictObject({ forgotten: z.string().regex(/^[0-9A-F]{64}$/) }),
  z.strictObject({ closed: z.int() }),
])

export function encodeRippleHappening(happening: RippleHappening): string {
  switch (happening.type) {
    case 'transaction.accepted':
      return JSON.stringify({ transaction: happening.raw })
    case 'transaction.forgotten':
      return JSON.stringify({ forgotten: happening.hash })
    case 'ledger.closed':
      return JSON.stringify({ closed: happening.closeTime })
  }
}

/** @throws corruptStore for what `encodeRippleHappening` has not written */
export function decodeRippleHappening(line: string): RippleHappening {
  try {
    const parsed = lineSchema.parse(JSON.parse(line))
    if ('transaction' in parsed) return { type: 'transaction.accepted', raw: parsed.transaction }
    if ('forgotten' in parsed) return { type: 'transaction.forgotten', hash: parsed.forgotten }
    return { type: 'ledger.closed', closeTime: parsed.closed }
  } catch (error) {
    throw corruptStore(`a line of the simulated server's history cannot be read: ${reasonOf(error)}`)
  }
}

/** In their order. */
export function restoreRipple(chain: LedgerChain, happenings: Iterable<RippleHappening>): void {
  for (const happening of happenings) {
    if (happening.type === 'transaction.accepted') offerRaw(chain, happening.raw)
    else if (happening.type === 'transaction.forgotten') chain.forget(happening.hash)
    else chain.close(happening.closeTime)
  }
}
