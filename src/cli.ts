#!/usr/bin/env node
/** The binary. What it does is in commands/. */
import { runProgram } from './commands/program.ts'

const terminal = {
  out: (line: string) => process.stdout.write(`${line}\n`),
  err: (line: string) => process.stderr.write(`${line}\n`),
}
process.exit(await runProgram(process.argv.slice(2), terminal))
