/** The chains that are followed, as their families know them. */
import type { Ports, Request } from '../kernel/ports.ts'
import { openWatching } from '../../adapters/watching.ts'
import type { WatchedChain, WatchingFamily } from '../../adapters/family.ts'
import type { ChainConfig, WatcherConfig } from '../config.ts'
import type { ChainPolicy, Policies } from '../orchestrator/policy.ts'
import { readTextOn } from './text.ts'

const firstLine = (text: string): string => text.split('\n', 1)[0]!.trim()

/** A node's password stands in a file of its own. */
async function watchedChain({ disk }: Ports, name: string, chain: ChainConfig): Promise<WatchedChain> {
  const { url, username, passwordFile } = chain.node
  const password = passwordFile === undefined ? {} : { password: firstLine(await readTextOn(disk, passwordFile)) }
  const cookie = 'cookieFile' in chain.node ? { cookieFile: chain.node.cookieFile } : {}
  const node = { url, ...(username === undefined ? {} : { username }), ...password, ...cookie }
  const { family, network, asset, minimumDeposit, node: _node, startHeight: _start, pollMs: _poll, ...own } = chain
  return { chain: name, family, network, asset, minimumDeposit, node, own }
}

/** Where one transaction makes one payment there is nothing to wait for. */
const ONE_EACH = { windowMs: 0, maximum: 1 }

function policyOf(name: string, chain: ChainConfig, opened: WatchingFamily, role: WatcherConfig['role']): ChainPolicy {
  const { planner, book, signable, assets } = opened
  const { final } = chain.confirmations
  // Followed only as far as the chain calls it final, a block is deep enough when it comes.
  const credit = chain.confirmations.credit === 'finalized' ? 1 : chain.confirmations.credit
  const { family, asset } = chain
  const batch = 'batch' in chain ? chain.batch : ONE_EACH
  // A watching one replaces nothing of what the other has signed.
  const replaceAfterMs = 'replaceAfterMs' in chain && role === 'paying' ? chain.replaceAfterMs : null
  return { name, family, asset, assets, credit, final, batch, replaceAfterMs, planner, book, signable }
}

export interface Families {
  families: Record<string, WatchingFamily>
  policies: Policies
}

/** `measured`: the way to a chain's node, as it is counted. Rejects with boundary `configuration`. */
export async function openFamilies(
  ports: Ports,
  config: WatcherConfig,
  measured: (request: Request, chain: string) => Request = request => request,
): Promise<Families> {
  const families: Record<string, WatchingFamily> = {}
  const policies: Record<string, ChainPolicy> = {}
  for (const [name, chain] of Object.entries(config.chains)) {
    const request = measured(ports.request, name)
    const family = openWatching(await watchedChain(ports, name, chain), { ...ports, request })
    families[name] = family
    policies[name] = policyOf(name, chain, family, config.role)
  }
  return { families, policies }
}
