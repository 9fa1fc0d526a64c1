/** How a command ends: its exit status, and one readable line on stderr. */
import { CommanderError, type Command } from 'commander'
import { Fault, reasonOf } from '../kernel/fault.ts'
import type { Terminal } from './terminal.ts'

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
    program.exitOverride().configureOutput({
      writeOut: text => terminal.out(text.trimEnd()),
      writeErr: text => terminal.err(text.trimEnd()),
    })
    for (const command of allOf(program)) command.copyInheritedSettings(program)
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    return statusOf(error, terminal, args.includes('--verbose'))
  }
}

/** Commander hands settings down only to commands that are added later. */
const allOf = (command: Command): Command[] => command.commands.flatMap(child => [child, ...allOf(child)])

function statusOf(error: unknown, terminal: Terminal, verbose: boolean): number {
  // Commander has written its own line already; asking for help is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE
  terminal.err(`lockkeeper: ${reasonOf(error)}`)
  if (verbose && error instanceof Error && error.stack !== undefined) terminal.err(error.stack)
  return error instanceof Fault && USAGE_KINDS.includes(error.kind) ? WRONG_USAGE : FAILED
}
