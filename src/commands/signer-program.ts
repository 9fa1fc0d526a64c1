/** The signer alone: all that a machine which only signs has to know. */
import { createCommand } from './command-line.ts'
import { describeProgram } from './help.ts'
import { addInit } from './init.ts'
import { addMemoryCommands } from './memory.ts'
import { outcomeOf } from './outcome.ts'
import { addBackup, addSignerCommands, addVerify } from './signer-commands.ts'
import type { Terminal } from './terminal.ts'

/** @param args without the binary's own name */
export function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = describeProgram(createCommand('lockkeeper'), 'The signer of Lockkeeper: keeps the keys, and signs.')
  addInit(program, terminal, 'signer')
  addSignerCommands(program, terminal)
  addMemoryCommands(program, terminal)
  addVerify(program, terminal, () => Promise.resolve(null))
  addBackup(program, terminal, () => Promise.resolve(null))
  return outcomeOf(program, args, terminal)
}
