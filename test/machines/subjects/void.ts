import type { VoidEvent } from '../../../machines/messages.ts'
import { voidMachine } from '../../../machines/void.ts'
import { at, type Stage } from '../table.ts'

export const voidEvent: VoidEvent = {
  type: 'withdrawal.voided',
  at,
  data: { chain: 'litecoin', withdrawal: 'w-1', round: 2, signed: ['ab'.repeat(32)] },
}

export const voidStage: Stage = {
  machine: voidMachine,
  events: { 'withdrawal.voided': voidEvent },
  stands: { absent: [], voided: ['withdrawal.voided'] },
}
