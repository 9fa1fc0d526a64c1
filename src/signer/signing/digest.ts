/** Whether two requests ask for the same: the order of members and of intents says nothing, approvals neither. */
import { createHash } from 'node:crypto'
import { boundary } from '../../kernel/fault.ts'
import type { Intent, Json } from '../../../machines/vocabulary.ts'

/** No template nests deeper; a bound for the recursion. */
const MAXIMUM_DEPTH = 32

/** SHA-256, hex. Throws a boundary fault `too-deep`. */
export function digestOf(template: Json, intents: readonly Intent[]): string {
  const sorted = intents.map(plainIntent).sort((a, b) => (a.id < b.id ? -1 : 1))
  const text = ordered({ template, intents: sorted.map(intent => ({ ...intent })) }, 0)
  return createHash('sha256').update(text).digest('hex')
}

/** Without the approvals, which come and go while the intent stays the same. */
export function plainIntent({ id, chain, asset, to, dataField, amount, expiresAt, round, memory }: Intent): Intent {
  return { id, chain, asset, to, dataField, amount, expiresAt, round, memory }
}

function ordered(value: Json, depth: number): string {
  if (depth > MAXIMUM_DEPTH) throw boundary('too-deep', `the template nests deeper than ${MAXIMUM_DEPTH}`)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(item => ordered(item, depth + 1)).join(',')}]`
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${ordered(item, depth + 1)}`).join(',')}}`
}
