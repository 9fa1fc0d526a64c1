#!/usr/bin/env node
/** The signer alone: what `npm run build:signer` bundles into one file. */
import { Command } from 'commander'
import { addMemoryCommands } from './memory.ts'
import { outcomeOf } from './outcome.ts'
import { addSignerCommands, addVerify } from './signer-commands.ts'

const terminal = {
  out: (line: string) => process.stdout.write(`${line}\n`),
  err: (line: string) => process.stderr.write(`${line}\n`),
}
const program = new Command('lockkeeper')
  .description('The signer of Lockkeeper.')
  .option('--verbose', 'more in the log, and a stack trace with an error')
addSignerCommands(program, terminal)
addMemoryCommands(program, terminal)
addVerify(program, terminal)
process.exit(await outcomeOf(program, process.argv.slice(2), terminal))
