/** The family in both configuration files. */
import { z } from 'zod'
import {
  amount,
  basicNode,
  common,
  confirmations,
  FAMILY,
  feeRate,
  MAXIMUM_DEPTH,
  needsBoth,
  pathSchemas,
  replaceAfterMs,
  rules,
  symbol,
  whole,
  type ConfigExample,
  type ConfigLocation,
} from '../config-fields.ts'
import { NETWORKS, networkOf, type FeeDefaults } from './network.ts'

const network = z
  .string()
  .refine(name => Object.hasOwn(NETWORKS, name), `must be one of ${Object.keys(NETWORKS).join(', ')}`)

/** For a description: the default of each network that has one of its own, test networks with their main one. */
function byNetwork(key: keyof FeeDefaults): string {
  const mains = Object.entries(NETWORKS).filter(([name]) => !name.includes('-'))
  const all = new Map<string, string[]>()
  for (const [name, { fees }] of mains) all.set(String(fees[key]), [...(all.get(String(fees[key])) ?? []), name])
  return `unless said: ${[...all].map(([value, names]) => `${value} (${names.join(', ')})`).join(', ')}`
}

/** A chain of watcher.yaml. */
export function watched(location: ConfigLocation) {
  const node = z
    .strictObject({
      ...basicNode(location),
      cookieFile: pathSchemas(location)
        // It comes and goes with the node.
        .path.optional()
        .describe("The node's own cookie, instead of username and passwordFile; may be missing while the node is down"),
    })
    .refine(needsBoth.check, needsBoth.otherwise)
    .refine(({ cookieFile, username }) => cookieFile === undefined || username === undefined, {
      path: ['cookieFile'],
      error: 'cookieFile and username exclude each other',
    })
  const chainObject = z.strictObject({
    family: z.literal('bitcoin').describe(FAMILY),
    network: network.describe('bitcoin, bitcoin-testnet4, litecoin, litecoin-regtest, dogecoin…'),
    ...common(),
    node: node.describe('The node'),
    watch: z
      .enum(['blocks', 'wallet'])
      .default('blocks')
      .describe('`blocks`: match here; `wallet`: import into the node'),
    confirmations: confirmations(3, 20, MAXIMUM_DEPTH),
    fees: z
      .strictObject({
        target: whole(1, 1008).default(3).describe('Blocks within which a transfer should be mined'),
        fallbackRate: rate.optional().describe(`Where the node knows no rate; sat/vB; ${byNetwork('fallbackRate')}`),
        maximumRate: rate.optional().describe(`Never more than this; sat/vB; ${byNetwork('maximumRate')}`),
      })
      .prefault({})
      .describe('Fee rates'),
    batch: z
      .strictObject({
        windowMs: whole(0, 86_400_000).default(0).describe('How long to collect; 0 sends at once'),
        maximum: whole(1, 1000).default(100).describe('Withdrawals per transfer'),
      })
      .prefault({})
      .describe('Many withdrawals in one transfer'),
    replaceAfterMs,
    consolidation: z
      .strictObject({
        above: whole(2, 1_000_000).default(500).describe('Up to so many coins that nobody holds are left as they are'),
        maximumRate: z
          .number()
          .min(0)
          .max(100_000)
          .optional()
          .describe(
            `Only while fee rates are not above this, 0 for never; sat/vB; by default what ${byNetwork('fallbackRate')} for fallbackRate`,
          ),
      })
      .prefault({})
      .describe('Many small coins are made one while that is cheap'),
  })
  return chainObject
    .transform(given => ({
      ...given,
      fees: feesOf(given.network, given.fees),
      consolidation: consolidationOf(given.network, given.consolidation),
    }))
    .superRefine(({ network, fees }, context) => {
      const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
      const { minimumRate } = networkOf(network).fees
      if (fees.maximumRate < minimumRate)
        refuse(['fees', 'maximumRate'], `must not be below ${minimumRate}: ${network} takes nothing cheaper`)
      if (fees.fallbackRate > fees.maximumRate) refuse(['fees', 'fallbackRate'], 'must not be above maximumRate')
    })
}

const rate = z.number().positive().max(100_000)

interface GivenFees {
  target: number
  fallbackRate?: number | undefined
  maximumRate?: number | undefined
}

function feesOf(network: string, { target, fallbackRate, maximumRate }: GivenFees) {
  const { fees } = networkOf(network)
  return { target, fallbackRate: fallbackRate ?? fees.fallbackRate, maximumRate: maximumRate ?? fees.maximumRate }
}

const consolidationOf = (
  network: string,
  { above, maximumRate }: { above: number; maximumRate?: number | undefined },
) => ({ above, maximumRate: maximumRate ?? networkOf(network).fees.fallbackRate })

/** Fee rates differ between the networks of the family by orders of magnitude, and so do the caps. A chain of signer.yaml. */
export function signed() {
  const capped = z
    .strictObject({
      maximumFeeRate: feeRate.optional().describe(`Cap; sat/vB; ${byNetwork('maximumRate')}`),
      maximumFee: amount
        .optional()
        .describe(`The most one transaction may cost; base units; ${byNetwork('maximumFeeSat')}`),
      ...rules,
    })
    .prefault({})
    .describe('What is never signed, whoever asks')
  return z
    .strictObject({
      family: z.literal('bitcoin').describe(FAMILY),
      network: network.describe('As in watcher.yaml'),
      asset: symbol.describe("The native asset's symbol"),
      policy: capped,
    })
    .transform(({ policy: given, ...rest }) => {
      const { maximumRate, maximumFeeSat } = networkOf(rest.network).fees
      const { maximumFeeRate = maximumRate, maximumFee = String(maximumFeeSat), ...others } = given
      return { ...rest, policy: { maximumFeeRate, maximumFee, ...others } }
    })
}

/** Development networks: each node is a network of its own, though all have one name. */
export const isPrivate = (name: string): boolean => name.endsWith('-regtest')

/** As `lockkeeper init` shows it. */
export const EXAMPLE: ConfigExample = {
  watcher: `litecoin:
  family: bitcoin
  network: litecoin-regtest
  asset: LTC
  node: { url: http://127.0.0.1:19443 }   # and username with passwordFile, or cookieFile
  startHeight: latest
  confirmations: { credit: 3, final: 20 }
  minimumDeposit: "1000"
  fees: { target: 3, fallbackRate: 2, maximumRate: 500 }`,
  signer: `litecoin:
  family: bitcoin
  network: litecoin-regtest
  asset: LTC
  policy: { maximumFeeRate: 500, maximumFee: "1000000", perTransaction: "500000000", perDay: "5000000000" }`,
}
