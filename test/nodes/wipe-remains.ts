/** What stands in a ledger that nobody has open any more: read off its files, as whoever examines a failed disk would. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf } from '../../src/ledger/record.ts'
import type { Instance } from '../../src/kernel/entry.ts'

export interface Remains {
  /** How many instances were under way, by kind and state. */
  states: Map<string, number>
  /** Each address that was given away, and to whom. */
  addresses: Map<string, string>
}

/** Coins and addresses wait for ever; what is under way is in the others. */
const MOVING = ['deposit', 'withdrawal', 'attempt']

function images(directory: string): Map<string, Instance> {
  const journal = join(directory, 'journal')
  const latest = new Map<string, Instance>()
  const segments = readdirSync(journal).filter(name => name.endsWith('.jsonl'))
  for (const name of segments.sort((a, b) => parseInt(a) - parseInt(b))) {
    // What follows the last newline is torn, and was never acknowledged.
    const lines = readFileSync(join(journal, name), 'utf8').split('\n').slice(0, -1)
    for (const line of lines) for (const { image } of commitOf(Buffer.from(line)).entries) latest.set(image.id, image)
  }
  return latest
}

export function readRemains(directory: string): Remains {
  const remains: Remains = { states: new Map(), addresses: new Map() }
  for (const { id, value, ended, context } of images(directory).values()) {
    const kind = id.slice(0, id.indexOf('/'))
    const { address, reference } = context as { address?: string; reference?: string | null }
    if (kind === 'address' && reference) remains.addresses.set(address!, reference)
    if (ended || !MOVING.includes(kind)) continue
    const state = `${kind} ${value.split('.')[0]!}`
    remains.states.set(state, (remains.states.get(state) ?? 0) + 1)
  }
  return remains
}
