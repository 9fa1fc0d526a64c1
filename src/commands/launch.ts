/**
 * Loads the program and runs it. What the program stands on, WebAssembly for one, is read while its modules are loaded: where
 * a part is missing or damaged that is one line and an exit status, like any other error (S6). So nothing may be
 * imported here that could itself be missing.
 */
import type { Terminal } from './terminal.ts'

const FAILED = 1

interface Program {
  /** @param args without the binary's own name @returns the exit status */
  runProgram(args: readonly string[], terminal: Terminal): Promise<number>
}

/** Ends the process. `load` imports the module whose program it is. */
export async function launch(load: () => Promise<Program>): Promise<never> {
  const terminal: Terminal = {
    out: line => process.stdout.write(`${line}\n`),
    err: line => process.stderr.write(`${line}\n`),
  }
  const args = process.argv.slice(2)
  const program = await load().catch((error: unknown) => report(error, args, terminal))
  process.exit(program === null ? FAILED : await program.runProgram(args, terminal))
}

function report(error: unknown, args: readonly string[], terminal: Terminal): null {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  terminal.err(`lockkeeper: a part of the program cannot be loaded (${oneLine(reason)}): install it again`)
  if (args.includes('--verbose') && error instanceof Error) terminal.err(error.stack ?? '')
  return null
}

const oneLine = (text: string): string => text.split('\n')[0]!
