/** Answers recorded from a real nano_node: test/vectors/nano. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stateBlock, type StateBlock } from '../../../adapters/nano/block.ts'

const FOLDER = 'test/vectors/nano'

/** A call as it was made, and its answer. */
export interface Recorded {
  request: { action?: string; block?: Record<string, string> } | null
  response: { hash?: string; error?: string } | null
}

export const recorded: readonly (readonly [name: string, exchange: Recorded])[] = readdirSync(FOLDER)
  .filter(name => name.endsWith('.json'))
  .map(name => [name.replace('.json', ''), JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Recorded])

/** What the node took as a block: without what is no part of its hash. */
export function blockOf({ request }: Recorded): StateBlock {
  const { type, account, previous, representative, balance, link } = request?.block ?? {}
  return stateBlock.parse({ type, account, previous, representative, balance, link })
}
