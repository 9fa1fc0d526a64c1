/** What a withdrawal asks a planner for. */
import type { Payment } from '../../../adapters/adapter.ts'
import { nameOf } from '../../../machines/ids.ts'
import type { InstanceOf } from '../../kernel/entry.ts'

export const toPayment = ({ id, context: { to, dataField, asset, amount } }: InstanceOf<'withdrawal'>): Payment => ({
  withdrawal: nameOf(id),
  to,
  dataField,
  asset,
  amount,
})
