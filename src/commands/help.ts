/** What both command lines say of themselves. */
import type { Command } from 'commander'

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
  '\nThe passphrase comes from the variable or file that the configuration names, else it is asked for.'

const STATUS_NOTE = '\nExit status: 0 done, 1 failed, 2 wrong usage or configuration. An error is one line on stderr.'

/** Options of the commands above are shown too: `signer prove` needs the --config of `signer`. */
export function describeProgram(program: Command, description: string): Command {
  return program
    .description(description)
    .option('--verbose', 'more in the log, and a stack trace with an error')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', STATUS_NOTE)
    .commandsGroup(HELP_GROUPS.look)
}
