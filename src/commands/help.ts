/** What both command lines say of themselves. */
import type { Command } from './command-line.ts'

/** How `--config` is described by the watcher's commands. */
export const WATCHER_CONFIG = ['--config <file>', "the watcher's configuration, watcher.yaml"] as const
/** How `--config` is described by the signer's commands. */
export const SIGNER_CONFIG = ['--config <file>', "the signer's configuration, signer.yaml"] as const

/** Headings of the list of commands. */
export const HELP_GROUPS = {
  run: 'Run:',
  setUp: 'Set up:',
  backend: 'For the backend:',
  keys: 'Keys and memory, while no signer runs:',
  look: 'Look and check:',
  develop: 'For developers:',
} as const

/** Where passphrases come from: never from an argument, which others can read. */
export const PASSPHRASE_NOTE =
  'The passphrase comes from the variable or file that the configuration names, else it is asked for.'

const STATUS_NOTE = 'Exit status: 0 done, 1 failed, 2 wrong usage or configuration. An error is one line on stderr.'

/** What holds for every command. */
export const describeProgram = (program: Command, description: string): Command =>
  program
    .description(description)
    .option('--verbose', 'more in the log, and a stack trace with an error')
    .note(STATUS_NOTE)
