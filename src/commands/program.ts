/** The command line: arguments in, an exit status out. 0 done, 1 failed, 2 wrong usage or configuration. */
import { dirname, join } from 'node:path'
import { boundary } from '../kernel/fault.ts'
import type { LogLevel } from '../kernel/ports.ts'
import { renderReference } from '../config/reference.ts'
import { renderDashboard } from '../metrics/dashboard.ts'
import { renderMetrics } from '../metrics/reference.ts'
import { parseTokens } from '../http/tokens.ts'
import { readWatcherConfig } from '../shell/configuration.ts'
import { readText, readTextOrInput, writeText } from '../shell/files.ts'
import { createPorts } from '../shell/ports.ts'
import { createRequest } from '../shell/request.ts'
import { readSecretFile } from '../shell/terminal.ts'
import { authorise } from './authorise.ts'
import { createCommand, type Command } from './command-line.ts'
import { drawInstance } from './draw-instance.ts'
import { bench, readCharts, loadRenderPath, visualize } from './generated.ts'
import { describeProgram, HELP_GROUPS, WATCHER_CONFIG } from './help.ts'
import { addInit } from './init.ts'
import { addMemoryCommands } from './memory.ts'
import { addLook, type Watched } from './look.ts'
import { renderSignerApi } from '../signer-api/description.ts'
import { outcomeOf } from './outcome.ts'
import { addBackup, addSignerCommands, addVerify, levelOf } from './signer-commands.ts'
import type { Terminal } from './terminal.ts'
import { VERSION } from '../version.ts'
import { watcherApi } from './watcher-api.ts'

// What only some commands need is loaded when one of them runs: the signer shares the binary with the watcher, and would
// else load all of it at every start.
const loadWatcher = () => import('../shell/watcher.ts')
const loadRebuild = () => import('../shell/rebuild.ts')
const loadAccept = () => import('../shell/accept.ts')
const loadApi = () => import('../watcher/api.ts')
const loadMachines = () => import('../orchestrator/machines.ts')
const loadUp = () => import('./up/up.ts')

/** @param args without the binary's own name */
export const runProgram = (args: readonly string[], terminal: Terminal): Promise<number> =>
  outcomeOf(createProgram(terminal), args, terminal)

function createProgram(terminal: Terminal): Command {
  const program = describeProgram(createCommand('lockkeeper'), 'Moves coins in and out of an exchange.').version(
    VERSION,
  )
  addDaemon(program, terminal, 'watcher', 'the daemon that follows the chains', async (...given) =>
    (await loadWatcher()).runWatcher(...given),
  )
  addSetup(program, terminal)
  addSignerCommands(program, terminal)
  addInspection(program, terminal)
  addMemoryCommands(program, terminal)
  addRebuild(program, terminal)
  addAccept(program, terminal)
  addGenerators(program, terminal)
  return program
}

type Daemon = (configPath: string, level: LogLevel, out: (line: string) => void) => Promise<void>

function addDaemon(program: Command, terminal: Terminal, name: string, description: string, run: Daemon): void {
  program
    .command(name)
    .helpGroup(HELP_GROUPS.run)
    .description(description)
    .requiredOption(...WATCHER_CONFIG)
    .action(({ config, verbose }: { config: string; verbose?: boolean }) =>
      run(config, levelOf(verbose), line => terminal.out(line)),
    )
}

function addSetup(program: Command, terminal: Terminal): void {
  addUp(program)
  addInit(program, terminal, 'both')
  program
    .command('authorise')
    .helpGroup(HELP_GROUPS.backend)
    .description("signs a withdrawal intent with the backend's key")
    .requiredOption('--key <file>', 'the base64 of its 32-byte seed: secrets/backend.key')
    .option('--wallet <file>', 'the identity key of the signer that shall pay; unless said, wallet.pub beside the key')
    .requiredOption('--intent <file>', 'the intent, JSON; - is standard input')
    .action(async (options: { key: string; wallet?: string; intent: string }) => {
      const key = await readSecretFile(options.key)
      const wallet = await readSecretFile(options.wallet ?? join(dirname(options.key), 'wallet.pub'))
      terminal.out(JSON.stringify(authorise(key, wallet, await readTextOrInput(options.intent))))
    })
}

function addUp(program: Command): void {
  program
    .command('up')
    .helpGroup(HELP_GROUPS.run)
    .description('runs everything on simulated networks, with users and accidents, to look at')
    .option('--directory <directory>', 'where its data are kept', { fallback: 'lockkeeper-data' })
    .option('--node <node>', 'a real regtest node instead: litecoind, or the URL of one that runs')
    .option('--accidents <seconds>', 'so long from one accident to the next; 0: none', {
      parse: parseSeconds,
      fallback: 20,
    })
    .action(async ({ directory, accidents, node }: { directory: string; accidents: number; node?: string }) =>
      (await loadUp()).up(createPorts('error', createRequest()), { directory, restMs: accidents * 1000, node }),
    )
}

function parseSeconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw boundary('invalid-argument', 'it is not a number of seconds')
  return Number(text)
}

function addInspection(program: Command, terminal: Terminal): void {
  addLook(program, terminal, { open, loadCharts: readCharts, pause })
  const machines = async () => (await loadMachines()).watcherMachines
  addVerify(program, terminal, machines)
  addBackup(program, terminal, machines)
}

const pause = (ms: number): Promise<void> => new Promise(resolve => void createPorts('error').clock.wake(ms, resolve))

/** The watcher of a configuration, asked with its first token. */
async function open(configPath: string): Promise<Watched> {
  const { listen, apiTokenFile: tokenFile } = await readWatcherConfig(configPath)
  const token = parseTokens(await readText(tokenFile))[0]!
  return { api: watcherApi(createRequest().request, listen, token), listen, tokenFile }
}

function addRebuild(program: Command, terminal: Terminal): void {
  program
    .command('rebuild')
    .helpGroup(HELP_GROUPS.setUp)
    .description('makes a new ledger from the signer and the chain, after the old one was lost')
    .requiredOption(...WATCHER_CONFIG)
    .requiredOption('--from <height>', 'the first block to read: below the first deposit', parseHeight)
    .action(async (options: { config: string; from: number }) =>
      (await loadRebuild()).runRebuild(options.config, options.from, line => terminal.out(line)),
    )
}

function addAccept(program: Command, terminal: Terminal): void {
  program
    .command('accept-signer')
    .helpGroup(HELP_GROUPS.setUp)
    .description("takes the signer's memory as it is, though a later one was seen: only when that is lost for good")
    .requiredOption(...WATCHER_CONFIG)
    .action(async (options: { config: string }) =>
      (await loadAccept()).runAccept(options.config, line => terminal.out(line)),
    )
}

function parseHeight(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw boundary('invalid-argument', 'it is not a block height')
  return Number(text)
}

interface Visualized {
  out?: string
  instance?: string
  config?: string
}

async function runVisualize({ out, instance, config }: Visualized, terminal: Terminal): Promise<void> {
  if (instance === undefined && config === undefined) return visualize(out ?? 'visualizations')
  if (instance === undefined || config === undefined)
    throw boundary('configuration', 'visualize: --instance and --config go together')
  const [{ api }, render] = await Promise.all([open(config), loadRenderPath()])
  await drawInstance({ api, render, id: instance, folder: out ?? '.' }, terminal)
}

function addGenerators(program: Command, terminal: Terminal): void {
  program
    .command('visualize')
    .helpGroup(HELP_GROUPS.develop)
    .description('regenerates the diagrams and state tables, or draws the way of one instance')
    .option('--out <directory>', 'where to write (default: visualizations; of an instance: here)')
    .option('--instance <id>', 'a deposit, withdrawal or transfer of a running watcher: its way, as SVG and Mermaid')
    .option('--config <file>', "the watcher's configuration, watcher.yaml: with --instance")
    .action((options: Visualized) => runVisualize(options, terminal))
  program
    .command('reference')
    .helpGroup(HELP_GROUPS.develop)
    .description('regenerates the references of configuration, API and metrics')
    .option('--out <directory>', 'where to write them', { fallback: join('docs', 'reference') })
    .action(async ({ out }: { out: string }) => {
      await writeText(join(out, 'configuration.md'), renderReference())
      await writeText(join(out, 'openapi.json'), await (await loadApi()).renderApi())
      await writeText(join(out, 'openapi-signer.json'), renderSignerApi())
      await writeText(join(out, 'metrics.md'), renderMetrics())
    })
  program
    .command('monitoring')
    .helpGroup(HELP_GROUPS.develop)
    .description('regenerates the dashboard for Grafana')
    .option('--out <directory>', 'where to write it', { fallback: join('deploy', 'monitoring') })
    .action(({ out }: { out: string }) => writeText(join(out, 'dashboard.json'), renderDashboard()))
  program
    .command('bench')
    .helpGroup(HELP_GROUPS.develop)
    .description('prints the benchmark table')
    .option('--large', 'what a long history costs: 1,000,000 instances, some minutes and gigabytes')
    .action(({ large = false }: { large?: boolean }) => bench(terminal, large))
}
