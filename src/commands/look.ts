/** The commands that look at a running watcher. */
import { boundary } from '../kernel/fault.ts'
import type { Command } from './command-line.ts'
import { explain, type Charts } from './explain.ts'
import { HELP_GROUPS, WATCHER_CONFIG } from './help.ts'
import { LISTS, showList, type ListName } from './lists.ts'
import { showStatus } from './status.ts'
import type { Terminal } from './terminal.ts'
import type { WatcherApi } from './watcher-api.ts'

/** A running watcher, as its configuration names it. */
export interface Watched {
  api: WatcherApi
  listen: string
  tokenFile: string
}

export interface Looking {
  open: (configPath: string) => Promise<Watched>
  loadCharts: () => Promise<Charts>
  pause: (ms: number) => Promise<void>
}

const WATCH_MS = 2000
/** ANSI: to the top left, and everything below is gone. */
const CLEAR = '\u001b[H\u001b[2J'

const DESCRIPTIONS: Record<ListName, string> = {
  deposits: 'lists deposits by their last change',
  withdrawals: 'lists withdrawals by their last change',
  events: 'lists what has happened, in order',
}

/** Filters of the API, by the list that has them. */
const FILTERS: [flags: string, description: string, lists: readonly ListName[]][] = [
  ['--chain <chain>', 'of this chain', ['deposits', 'withdrawals', 'events']],
  ['--state <state>', 'in this state', ['deposits', 'withdrawals']],
  ['--kind <kind>', 'of this kind', ['events']],
  ['--reference <reference>', 'of this reference', ['deposits']],
  ['--address <address>', 'that pay to this address', ['deposits', 'withdrawals']],
  ['--transaction-id <id>', 'by this transaction', ['deposits', 'withdrawals']],
  ['--from <time>', 'changed then or later: 2026-01-31T12:00:00Z', ['deposits', 'withdrawals', 'events']],
  ['--to <time>', 'changed before', ['deposits', 'withdrawals', 'events']],
]

function parseNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw boundary('invalid-argument', 'it is not a whole number')
  return Number(text)
}

function addList(program: Command, terminal: Terminal, { open }: Looking, name: ListName): void {
  const command = program
    .command(name)
    .helpGroup(HELP_GROUPS.look)
    .description(DESCRIPTIONS[name])
    .requiredOption(...WATCHER_CONFIG)
    .option('--after <cursor>', 'behind this one', { parse: parseNumber, fallback: 0 })
    .option('--limit <count>', 'so many at most', { parse: parseNumber })
    .option('--csv', 'as CSV', { conflict: '--json' })
    .option('--json', 'as a JSON list', { conflict: '--csv' })
  for (const [flags, description, lists] of FILTERS) if (lists.includes(name)) command.option(flags, description)
  command.action(async ({ verbose: _, ...options }: Record<string, unknown>) => {
    const {
      config,
      after,
      limit = Number.MAX_SAFE_INTEGER,
      csv,
      json,
      ...filters
    } = options as {
      config: string
      after: number
      limit?: number
      csv?: boolean
      json?: boolean
    } & Record<string, string>
    const { api } = await open(config)
    const format = csv === true ? 'csv' : json === true ? 'json' : 'table'
    await showList(api, { name, filters, after, limit, format }, terminal)
  })
}

/** Until the terminal ends it. */
async function watchStatus(
  api: WatcherApi,
  isJson: boolean,
  { terminal, pause }: { terminal: Terminal; pause: Looking['pause'] },
): Promise<never> {
  for (;;) {
    if (!isJson) terminal.out(CLEAR)
    await showStatus(api, isJson, terminal)
    await pause(WATCH_MS)
  }
}

export function addLook(program: Command, terminal: Terminal, looking: Looking): void {
  program
    .command('status')
    .helpGroup(HELP_GROUPS.look)
    .description('shows the chains of a running watcher, its signer, what waits and what has ended')
    .requiredOption(...WATCHER_CONFIG)
    .option('--json', 'as JSON')
    .option('--watch', 'again every two seconds, until Ctrl-C')
    .action(async ({ config, json = false, watch = false }: { config: string; json?: boolean; watch?: boolean }) => {
      const { api } = await looking.open(config)
      if (watch) await watchStatus(api, json, { terminal, pause: looking.pause })
      else await showStatus(api, json, terminal)
    })
  for (const name of Object.keys(LISTS) as ListName[]) addList(program, terminal, looking, name)
  program
    .command('explain')
    .helpGroup(HELP_GROUPS.look)
    .description('tells the story of one deposit, withdrawal, transfer or chain, or of what an address leads to')
    .argument('<id>', 'an id (withdrawal/w-1, w-1), an address, a transaction or a reference')
    .requiredOption(...WATCHER_CONFIG)
    .action(async ({ config }: { config: string }, id) => {
      await explain({ ...(await looking.open(config)), charts: await looking.loadCharts() }, id, terminal)
    })
}
