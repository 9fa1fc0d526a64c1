/** What the configuration files say of each currency family: one entry a family, in the order in which the reference shows them. */
import { z } from 'zod'
import * as bitcoin from './bitcoin/config.ts'
import type { ConfigExample, ConfigLocation } from './config-fields.ts'
import * as ethereum from './ethereum/config.ts'
import * as nano from './nano/config.ts'
import * as ripple from './ripple/config.ts'

const FAMILIES = { bitcoin, ethereum, nano, ripple }

/** What `family` may be. */
export const FAMILY_NAMES: readonly string[] = Object.keys(FAMILIES)

/** A chain of watcher.yaml; `family` tells which keys there are. */
export const watchedChain = (location: ConfigLocation) =>
  z.discriminatedUnion('family', [
    bitcoin.watched(location),
    ethereum.watched(location),
    nano.watched(location),
    ripple.watched(location),
  ])

/** The same of signer.yaml. */
export const signedChain = () =>
  z.discriminatedUnion('family', [bitcoin.signed(), ethereum.signed(), nano.signed(), ripple.signed()])

type Named<Chain> = Chain extends { family: infer Family; network: infer Network }
  ? { family: Family; network: Network }
  : never

/** A network by its name in its family. */
export type NamedNetwork = Named<z.output<ReturnType<typeof signedChain>>>

/** Development networks: each node is a network of its own, though all have one name. */
export function isPrivateNetwork(chain: NamedNetwork): boolean {
  switch (chain.family) {
    case 'bitcoin':
      return bitcoin.isPrivate(chain.network)
    case 'ethereum':
      return ethereum.isPrivate(chain.network)
    case 'nano':
      return nano.isPrivate(chain.network)
    case 'ripple':
      return ripple.isPrivate()
  }
}

/** What `lockkeeper init` writes. */
export const EXAMPLES: readonly ConfigExample[] = Object.values(FAMILIES).map(({ EXAMPLE }) => EXAMPLE)
