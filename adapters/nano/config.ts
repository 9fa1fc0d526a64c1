/** The family in both configuration files. */
import { z } from 'zod'
import {
  amount,
  common,
  confirmations,
  FAMILY,
  plainNode,
  rules,
  symbol,
  urlSchema,
  type ConfigExample,
  type ConfigLocation,
} from '../config-fields.ts'

const network = z.enum(['nano', 'nano-dev', 'banano'])

/** A chain of watcher.yaml. */
export function watched(location: ConfigLocation) {
  return z.strictObject({
    family: z.literal('nano').describe(FAMILY),
    network: network.describe('nano, nano-dev or banano'),
    ...common(),
    node: plainNode(location),
    confirmations: confirmations(1, 1, 1),
    representative: z
      .string()
      .max(100)
      .optional()
      .describe("Who represents accounts that are opened, as in the signer's configuration; absent: each itself"),
    work: z
      .strictObject({
        servers: z.array(urlSchema(location)).max(16).default([]).describe('Asked for work before the node is'),
        local: z.boolean().default(true).describe('Search here when nobody else gives work; slow on the main networks'),
      })
      .prefault({})
      .describe('Proof of work'),
    sweep: z
      .strictObject({
        minimum: amount
          .default('1000000000000000000000000')
          .describe('What an address must have to be swept; raw. Payments under a 16th of it are not received'),
      })
      .prefault({})
      .describe('When deposits are gathered in the treasury'),
  })
}

/** Nothing but work is paid for a block. A chain of signer.yaml. */
export function signed() {
  return z.strictObject({
    family: z.literal('nano').describe(FAMILY),
    network: network.describe('As in watcher.yaml'),
    asset: symbol.describe("The native asset's symbol"),
    representative: z
      .string()
      .max(80)
      .optional()
      .describe('Whom new accounts are represented by; absent: each by itself. Must be the same as in watcher.yaml'),
    policy: z
      .strictObject(rules)
      .prefault({})
      .describe('What is never signed, whoever asks')
      .transform(given => ({ maximumFeeRate: 0, maximumFee: '0', ...given })),
  })
}

/** Development networks: each node is a network of its own, though all have one name. */
export const isPrivate = (name: string): boolean => name.endsWith('-dev')

/** As `lockkeeper init` shows it. */
export const EXAMPLE: ConfigExample = {
  watcher: `nano:
  family: nano
  network: nano-dev
  asset: XNO
  node: { url: http://127.0.0.1:17076 }
  representative: nano_3e3j5tkog48pnny9dmfzj1r16pg8t1e76dz5tmac6iq689wyjfpiij4txtdo
  work: { servers: [], local: true }
  sweep: { minimum: "1000000000000000000000000" }`,
  signer: `nano:
  family: nano
  network: nano-dev
  asset: XNO
  representative: nano_3e3j5tkog48pnny9dmfzj1r16pg8t1e76dz5tmac6iq689wyjfpiij4txtdo
  policy: { perDay: "1000000000000000000000000000000000" }`,
}
