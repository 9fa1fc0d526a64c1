/** What an operator reads: a line for each durable transition of a chain, a deposit, a withdrawal, a transfer, and for refusals. */
import { isIdOf, kindOf, nameOf, type WatcherKind } from '../../machines/ids.ts'
import { chainOf, isKind, type Commit, type Entry } from '../kernel/entry.ts'
import type { Log, LogLevel } from '../kernel/ports.ts'

const TOLD: readonly WatcherKind[] = ['chain', 'deposit', 'withdrawal', 'transfer']

/** States that a person must look at now; of the others, those that are worth a second look. */
const ERRORS = ['chain halted', 'attempt refused', 'attempt withheld', 'account stuck']
const WARNINGS = [
  'chain unreachable',
  'deposit reversed',
  'deposit lost',
  'deposit quarantined',
  'withdrawal held',
  'withdrawal failed',
  'transfer dead',
  'transfer failing',
]

const topLevel = (value: string | null): string | null => value?.split('.', 1)[0] ?? null

function levelOf(kind: string, state: string): LogLevel {
  const name = `${kind} ${state}`
  return ERRORS.includes(name) ? 'error' : WARNINGS.includes(name) ? 'warn' : 'info'
}

function heightsOf({ image }: Entry): object {
  if (isKind(image, 'chain')) return { height: image.context.height }
  if (isKind(image, 'deposit') || isKind(image, 'withdrawal') || isKind(image, 'transfer'))
    return image.context.place === null ? {} : { height: image.context.place.height }
  return {}
}

/** A chain takes blocks without changing its state: those lines would say nothing. */
export function logTransitions(log: Log, { entries }: Commit): void {
  for (const entry of entries) {
    const { image, event, seq } = entry
    const [from, to] = [topLevel(entry.from), topLevel(entry.to)]
    if (from === to) continue
    const kind = kindOf(image.id)
    const level = levelOf(kind, to!)
    if (!isIdOf(TOLD, image.id) && level === 'info') continue
    const reason = 'reason' in image.context && image.context.reason !== null ? { reason: image.context.reason } : {}
    const at = { chain: chainOf(image), ...heightsOf(entry), seq }
    log(level, `${kind} ${to}`, { id: nameOf(image.id), from, to, event, ...at, ...reason })
  }
}
