/** How a command ends: its exit status, and one readable line on stderr. */
import { Fault, reasonOf } from '../kernel/fault.ts'
import { readArguments, type Asked, type Command } from './command-line.ts'
import type { Terminal } from './terminal.ts'
import { usageOf } from './usage.ts'

const FAILED = 1
const WRONG_USAGE = 2
/** Faults that mean: what you typed or configured is wrong. */
const USAGE_KINDS = [
  'configuration',
  'missing-file',
  'empty-file',
  'no-passphrase',
  'short-passphrase',
  'invalid-tokens',
  'invalid-argument',
  'taken',
  'invalid-intent',
  'invalid-challenge',
  'bad-key',
  'bad-phrase',
  'wrong-user',
]

/** @param args without the binary's own name @returns 0 done, 1 failed, 2 wrong usage or configuration */
export async function outcomeOf(program: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await perform(readArguments(program, args), terminal)
  } catch (error) {
    return statusOf(error, terminal, args.includes('--verbose'))
  }
}

/** Help that was asked for is what was wanted; where a command is missing it says which there are. */
async function perform(asked: Asked, terminal: Terminal): Promise<number> {
  if (asked.kind === 'run') await asked.run(asked.options, asked.argument)
  else if (asked.kind === 'version') terminal.out(asked.text)
  else if (asked.isWanted) terminal.out(usageOf(asked.command))
  else terminal.err(usageOf(asked.command))
  return asked.kind === 'help' && !asked.isWanted ? WRONG_USAGE : 0
}

function statusOf(error: unknown, terminal: Terminal, verbose: boolean): number {
  terminal.err(`lockkeeper: ${reasonOf(error)}`)
  if (verbose && error instanceof Error && error.stack !== undefined) terminal.err(error.stack)
  return error instanceof Fault && USAGE_KINDS.includes(error.kind) ? WRONG_USAGE : FAILED
}
