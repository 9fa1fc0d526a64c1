/** The chains that are followed, as their families know them. */
import { boundary } from '../kernel/fault.ts'
import type { Ports } from '../kernel/ports.ts'
import { watchingFamilyOf, type WatchedChain, type WatchingFamily } from '../../adapters/watching.ts'
import type { ChainConfig, WatcherConfig } from '../config.ts'
import type { ChainPolicy, Policies } from '../orchestrator/policy.ts'
import { readText } from './text.ts'

/** A node's password stands in a file of its own. */
async function watchedChain({ disk }: Ports, chain: ChainConfig): Promise<WatchedChain> {
  const { passwordFile, ...node } = chain.node as { url: string; passwordFile?: string }
  const secret =
    passwordFile === undefined ? {} : { password: (await readText(disk, passwordFile)).split('\n')[0]!.trim() }
  return { ...(chain as unknown as WatchedChain), node: { ...node, ...secret } }
}

function policyOf(name: string, chain: ChainConfig, family: WatchingFamily): ChainPolicy {
  const { credit, final } = chain.confirmations
  if (typeof credit !== 'number')
    throw boundary('configuration', `chains.${name}.confirmations.credit: must be a number`)
  if (!('batch' in chain))
    throw boundary('configuration', `chains.${name}.family: this version cannot follow ${chain.family}`)
  const { asset, minimumDeposit, batch } = chain
  const { planner, signable, segwit } = family
  return { name, family: chain.family, asset, credit, final, minimumDeposit, batch, segwit, planner, signable }
}

export interface Families {
  families: Record<string, WatchingFamily>
  policies: Policies
}

/** Rejects with boundary `configuration`. */
export async function openFamilies(ports: Ports, config: WatcherConfig): Promise<Families> {
  const families: Record<string, WatchingFamily> = {}
  const policies: Record<string, ChainPolicy> = {}
  for (const [name, chain] of Object.entries(config.chains)) {
    const family = watchingFamilyOf(name, await watchedChain(ports, chain), ports)
    families[name] = family
    policies[name] = policyOf(name, chain, family)
  }
  return { families, policies }
}
