/**
 * The native asset moving within a transaction, in the order of execution: its own value left out, as told by a trace or, where
 * the chain has them, by logs (EIP-7708). Both tell the same: not zero, not to oneself, not what was undone, not fees (E8, E17, E20).
 */
import type { Frame, LogAnswer } from './shapes.ts'
import { readTransferLog } from './token.ts'

/** Whose logs say that the native asset has moved (EIP-7708). */
export const SYSTEM_ADDRESS = '0xfffffffffffffffffffffffffffffffffffffffe'

/** Addresses in lower case. */
export interface Movement {
  from: string
  to: string
  amount: bigint
}

/** Whatever else a frame is called moves nothing: DELEGATECALL and STATICCALL cannot, CALLCODE pays itself. */
const MOVING = new Set(['CALL', 'CREATE', 'CREATE2', 'SELFDESTRUCT'])

/** Of the frames below the transaction's own. A frame that failed undoes everything below it. */
export function movementsOf(top: Frame): Movement[] {
  const movements: Movement[] = []
  const pending = [...(top.calls ?? [])].reverse()
  if (top.error !== undefined) return movements
  for (let frame = pending.pop(); frame !== undefined; frame = pending.pop()) {
    if (frame.error !== undefined) continue
    const { type, from, to, value, calls = [] } = frame
    const amount = value ?? 0n
    if (MOVING.has(type) && typeof to === 'string' && amount > 0n && to !== from) movements.push({ from, to, amount })
    pending.push(...[...calls].reverse())
  }
  return movements
}

/** The same from the logs of a transaction's receipt. `hasOwn`: it moves its own value, which is logged first. */
export function loggedMovements(logs: readonly LogAnswer[], hasOwn: boolean): Movement[] {
  const movements = logs.filter(({ address }) => address === SYSTEM_ADDRESS).flatMap(log => readTransferLog(log) ?? [])
  return movements.slice(hasOwn ? 1 : 0)
}
