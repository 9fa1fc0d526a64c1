/** Schemas that both configuration files share. Every part says what it is for: the reference is generated from it. */
import { z } from 'zod'
import { absoluteSocket, type ConfigLocation } from '../../adapters/config-fields.ts'
import { isPrivateNetwork, type NamedNetwork } from '../../adapters/configuring.ts'
import { chainNameSchema } from '../http/schemas.ts'

const MAXIMUM_CHAINS = 64

/** `host:port`, or `unix:` with a path. */
export function listenSchema(location: ConfigLocation) {
  return z
    .string()
    .regex(/^(unix:.+|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5})$/, 'must be host:port or unix:/path')
    .refine(text => text.startsWith('unix:') || Number(/\d*$/.exec(text)![0]) <= 65535, 'the port is above 65535')
    .transform(text => absoluteSocket(text, location))
}

type Chain = NamedNetwork & {
  asset: string
  tokens?: { asset: string }[]
}

/**
 * The chains by name. Two names for one public network would move the same coins twice, and two assets of one name
 * could not be told apart: both are refused.
 */
export function chainsSchema<Schema extends z.ZodType<Chain>>(chain: Schema) {
  return z
    .record(chainNameSchema, chain)
    .refine(chains => Object.keys(chains).length <= MAXIMUM_CHAINS, `at most ${MAXIMUM_CHAINS} chains`)
    .superRefine((chains, context) => {
      const seen = new Map<string, string>()
      for (const [name, entry] of Object.entries(chains) as [string, Chain][]) {
        const network = JSON.stringify(entry.network)
        const other = seen.get(network)
        if (other !== undefined && !isPrivateNetwork(entry)) {
          context.addIssue({
            code: 'custom',
            path: [name, 'network'],
            message: `is also the network of chains.${other}`,
          })
        }
        seen.set(network, name)
        refuseTwins(name, entry, context)
      }
    })
    .default({})
}

function refuseTwins(name: string, chain: Chain, context: z.core.$RefinementCtx): void {
  const seen = new Set([chain.asset])
  for (const [index, { asset }] of (chain.tokens ?? []).entries()) {
    const path = [name, 'tokens', index, 'asset']
    if (seen.has(asset)) context.addIssue({ code: 'custom', path, message: `${asset} is named twice` })
    seen.add(asset)
  }
}
