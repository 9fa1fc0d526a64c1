/** The command line: arguments in, an exit status out. 0 done, 1 failed, 2 wrong usage or configuration. */
import { join } from 'node:path'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { corruptStore, Fault, reasonOf } from '../../adapters/fault.ts'
import type { LogLevel } from '../../adapters/ports.ts'
import { renderReference } from '../config/reference.ts'
import { parseTokens } from '../http/tokens.ts'
import { readWatcherConfig } from '../shell/configuration.ts'
import { readText, readTextOrInput, writeText } from '../shell/files.ts'
import { createPorts } from '../shell/ports.ts'
import { createRequest } from '../shell/request.ts'
import { runRebuild } from '../shell/rebuild.ts'
import { runSigner } from '../shell/signer.ts'
import { runWatcher } from '../shell/watcher.ts'
import { choosePassphrase, readSecretFile } from '../shell/terminal.ts'
import { renderApi } from '../watcher/api.ts'
import { authorise } from './authorise.ts'
import { bench, visualize } from './generated.ts'
import { initialise } from './init.ts'
import { addMemoryCommands } from './memory.ts'
import { showStatus } from './status.ts'
import type { Terminal } from './terminal.ts'
import { up } from './up.ts'
import { verifyStore } from './verify.ts'

const FAILED = 1
const WRONG_USAGE = 2
const VERSION = '0.1.0'
const PASSPHRASE_VARIABLE = 'LOCKKEEPER_PASSPHRASE'
/** Faults that mean: what you typed or configured is wrong. */
const USAGE_KINDS = [
  'configuration',
  'missing-file',
  'empty-file',
  'no-passphrase',
  'empty-passphrase',
  'invalid-tokens',
  'invalid-intent',
  'bad-key',
  'bad-phrase',
]

/** @param args without the binary's own name */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const verbose = args.includes('--verbose')
  try {
    await createProgram(terminal).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    return statusOf(error, terminal, verbose)
  }
}

function statusOf(error: unknown, terminal: Terminal, verbose: boolean): number {
  // Commander has written its own line already; asking for help is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE
  terminal.err(`lockkeeper: ${reasonOf(error)}`)
  if (verbose && error instanceof Error && error.stack !== undefined) terminal.err(error.stack)
  return error instanceof Fault && USAGE_KINDS.includes(error.kind) ? WRONG_USAGE : FAILED
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('lockkeeper')
    .description('Moves coins in and out of an exchange.')
    .version(VERSION)
    .option('--verbose', 'more in the log, and a stack trace with an error')
    .exitOverride()
    .configureOutput({ writeOut: text => terminal.out(text.trimEnd()), writeErr: text => terminal.err(text.trimEnd()) })
  addDaemon(program, terminal, 'watcher', 'the daemon that follows the chains', runWatcher)
  addDaemon(program, terminal, 'signer', 'the service that keeps the keys and signs', runSigner)
  addSetup(program, terminal)
  addInspection(program, terminal)
  addMemoryCommands(program, terminal)
  addRebuild(program, terminal)
  addGenerators(program, terminal)
  return program
}

type Daemon = (configPath: string, level: LogLevel, out: (line: string) => void) => Promise<void>
const CONFIG = ['--config <file>', 'the configuration file'] as const

function addDaemon(program: Command, terminal: Terminal, name: string, description: string, run: Daemon): void {
  program
    .command(name)
    .description(description)
    .requiredOption(...CONFIG)
    .action((options: { config: string }) => {
      const { verbose } = program.opts<{ verbose?: boolean }>()
      return run(options.config, verbose === true ? 'debug' : 'info', line => terminal.out(line))
    })
}

function addSetup(program: Command, terminal: Terminal): void {
  program
    .command('up')
    .description('runs litecoind in regtest, a signer and a watcher, to look at')
    .action(() => up(createPorts('error', createRequest()), terminal))
  program
    .command('init')
    .description('makes configuration, secrets and the keystore in a new directory')
    .requiredOption('--directory <directory>', 'where to write them')
    .option('--phrase-file <file>', 'restores the recovery phrase in this file')
    .action(async (options: { directory: string; phraseFile?: string }) => {
      const { directory, phraseFile } = options
      const phrase = phraseFile === undefined ? {} : { phrase: words(await readText(phraseFile)) }
      const passphrase = await choosePassphrase(PASSPHRASE_VARIABLE)
      await initialise(createPorts('error'), { directory, passphrase, ...phrase }, terminal)
    })
  program
    .command('authorise')
    .description("signs a withdrawal intent with the backend's key")
    .requiredOption('--key <file>', 'the base64 of the 32-byte seed')
    .requiredOption('--intent <file>', 'the intent, JSON; - is standard input')
    .action(async (options: { key: string; intent: string }) => {
      const key = await readSecretFile(options.key)
      terminal.out(JSON.stringify(authorise(key, await readTextOrInput(options.intent))))
    })
}

const words = (text: string) => text.trim().split(/\s+/).join(' ')

function addInspection(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .description('shows the chains of a running watcher')
    .requiredOption(...CONFIG)
    .action(async (options: { config: string }) => {
      const config = await readWatcherConfig(options.config)
      const token = parseTokens(await readText(config.apiTokenFile))[0]!
      await showStatus(createRequest().request, config.listen, token, terminal)
    })
  program
    .command('verify')
    .description("reads a ledger or a signer's memory offline and checks every record")
    .requiredOption(...CONFIG)
    .action(async ({ config }: { config: string }) => {
      const { disk } = createPorts('error')
      if (!(await verifyStore(disk, config, await readText(config), terminal)))
        throw corruptStore('the store is damaged')
    })
}

function addRebuild(program: Command, terminal: Terminal): void {
  program
    .command('rebuild')
    .description('makes a new ledger from the signer and the chain, after the old one was lost')
    .requiredOption(...CONFIG)
    .requiredOption('--from <height>', 'the first block to read: below the first deposit', parseHeight)
    .action((options: { config: string; from: number }) =>
      runRebuild(options.config, options.from, line => terminal.out(line)),
    )
}

function parseHeight(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('it is not a block height.')
  return Number(text)
}

function addGenerators(program: Command, terminal: Terminal): void {
  program
    .command('visualize')
    .description('regenerates the diagrams and state tables')
    .option('--out <directory>', 'where to write them', 'visualizations')
    .action((options: { out: string }) => visualize(options.out))
  program
    .command('reference')
    .description('regenerates the references of configuration and API')
    .option('--out <directory>', 'where to write them', join('docs', 'reference'))
    .action(async ({ out }: { out: string }) => {
      await writeText(join(out, 'configuration.md'), renderReference())
      await writeText(join(out, 'openapi.json'), await renderApi())
    })
  program
    .command('bench')
    .description('prints the benchmark table')
    .action(() => bench(terminal))
}
