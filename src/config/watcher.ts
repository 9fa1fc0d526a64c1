/** watcher.yaml. */
import { z } from 'zod'
import { WATCHER_KINDS } from '../../machines/ids.ts'
import { chainNameSchema } from '../http/schemas.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { LEDGER_TICKETS } from '../../adapters/ripple/network.ts'
import {
  amount,
  chainsSchema,
  contractAddress,
  listenSchema,
  networks,
  pathSchemas,
  symbol,
  tokenList,
  urlSchema,
  whole,
  byNetwork,
  FAMILY,
  type ConfigLocation,
} from './fields.ts'

const MAXIMUM_DEPTH = 100_000
const MAXIMUM_HOOKS = 16

/** watcher.yaml with its defaults filled in, paths absolute. */
export type WatcherConfig = z.output<ReturnType<typeof watcherSchema>>
/** One followed chain; `family` tells which keys there are. */
export type ChainConfig = WatcherConfig['chains'][string]

/** Checks watcher.yaml; each complaint carries the path of its key. */
export function watcherSchema(location: ConfigLocation) {
  const { directory, file } = pathSchemas(location)
  return z.strictObject({
    listen: listenSchema(location)
      .prefault('127.0.0.1:4100')
      .describe('Where the API is served: `host:port` or `unix:/path`'),
    dataDirectory: directory.prefault('./data/watcher').describe('Where the ledger is kept'),
    apiTokenFile: file
      .prefault('./secrets/api-token')
      .describe('Tokens of the API, one a line; a line `read:TOKEN` may only read'),
    role: z
      .enum(['paying', 'watching'])
      .default('paying')
      .describe('`paying`; or `watching`: a second watcher, which hands out no address and pays nothing'),
    ledger: ledger(location).prefault({ engine: 'lowdb' }).describe('The engine that keeps the ledger'),
    signer: signer(location).prefault({}).describe('How the signer is reached'),
    notify: hooks(location).describe('Webhooks: the events of the feed are sent to these URLs, too'),
    chains: chainsSchema(chain(location)).describe('The chains to follow, by a name of your choice'),
    retired: z
      .array(chainNameSchema)
      .default([])
      .describe('Chains that the ledger knows and that are followed no more; one that is in neither refuses to start'),
  })
}

function ledger(location: ConfigLocation) {
  const { file } = pathSchemas(location)
  return z.discriminatedUnion('engine', [
    z.strictObject({ engine: z.literal('lowdb').describe('`lowdb`: files of its own; `postgres`: a database') }),
    z.strictObject({
      engine: z.literal('postgres'),
      urlFile: file.describe('For postgres, required: a file with the connection URL on its first line'),
    }),
  ])
}

function signer(location: ConfigLocation) {
  const { file } = pathSchemas(location)
  const tls = z.strictObject({
    ca: file.describe("The authority of the signer's certificate, PEM"),
    cert: file.describe('Our certificate, PEM'),
    key: file.describe('Its key, PEM'),
  })
  return z
    .strictObject({
      url: urlSchema(location)
        .prefault('http://127.0.0.1:4200')
        .describe('`http://…` on loopback, `https://…` or `unix:/path`'),
      tokenFile: file.prefault('./secrets/signer-token').describe("The signer's token"),
      tls: tls.optional().describe('Client certificate for `https://…`'),
    })
    .refine(({ url, tls: given }) => given === undefined || url.startsWith('https:'), {
      path: ['tls'],
      error: 'goes with a url that starts with https://',
    })
}

function hooks(location: ConfigLocation) {
  const hook = z.strictObject({
    url: urlSchema(location).describe('Where events are POSTed'),
    keyFile: pathSchemas(location).file.describe('The secret that signs them: `whsec_` and base64'),
    kinds: z
      .array(z.enum(WATCHER_KINDS))
      .min(1)
      .default(['deposit', 'withdrawal'])
      .describe('Kinds of events that are sent'),
  })
  return z
    .array(hook)
    .max(MAXIMUM_HOOKS)
    .default([])
    .refine(list => new Set(list.map(({ url }) => url)).size === list.length, 'names a URL twice')
}

function chain(location: ConfigLocation) {
  return z.discriminatedUnion('family', [bitcoin(location), ethereum(location), nano(location), ripple(location)])
}

const common = () => ({
  asset: symbol.describe("The native asset's symbol"),
  startHeight: z
    .union([z.literal('latest'), whole(0, 2 ** 40)], 'must be a height, or latest')
    .default('latest')
    .describe('The first block to follow; `latest` is resolved once, before any address is served'),
  pollMs: whole(50, 600_000).default(1000).describe('How often the node is asked for news'),
  addressPool: z
    .strictObject({
      low: whole(0, 100_000).default(10).describe('Below this many free addresses the signer is asked for more'),
      high: whole(1, 100_000).default(20).describe('So many free addresses are there afterwards'),
    })
    .refine(({ low, high }) => low <= high, { path: ['low'], error: 'must not be above high' })
    .prefault({})
    .describe('Addresses made in advance'),
  minimumDeposit: amount.default('0').describe('Smaller deposits are ignored; base units'),
})

const basicNode = (location: ConfigLocation) => ({
  url: urlSchema(location).describe('Where the node answers'),
  username: z.string().min(1).optional().describe('For HTTP basic authentication'),
  passwordFile: pathSchemas(location).file.optional().describe('Holds the password on its first line'),
})

const needsBoth = {
  check: (node: { username?: unknown; passwordFile?: unknown }) =>
    (node.username === undefined) === (node.passwordFile === undefined),
  otherwise: { path: ['username'], error: 'username and passwordFile go together' },
}

const plainNode = (location: ConfigLocation) =>
  z.strictObject(basicNode(location)).refine(needsBoth.check, needsBoth.otherwise).describe('The node')

interface Depths {
  credit: number | 'finalized'
  final: number
}
const isOrdered = ({ credit, final }: Depths) => credit === 'finalized' || credit <= final
const disorder = { path: ['credit'], error: 'must not be above final' }
const CREDIT = 'Depth at which a deposit is offered and a withdrawal counts as paid'
const FINAL = 'Depth beyond the deepest reorg that is accepted'
const DEPTHS = 'Depths, counted as tip − height + 1'

function confirmations(credit: number, final: number, maximum: number) {
  return z
    .strictObject({
      credit: whole(1, maximum).default(credit).describe(CREDIT),
      final: whole(1, maximum).default(final).describe(FINAL),
    })
    .refine(isOrdered, disorder)
    .prefault({})
    .describe(DEPTHS)
}

function finalizedConfirmations() {
  const credit = z.union([z.literal('finalized'), whole(1, MAXIMUM_DEPTH)], 'must be a depth, or finalized')
  return z
    .strictObject({
      credit: credit.default('finalized').describe(CREDIT),
      final: whole(1, MAXIMUM_DEPTH).default(64).describe(FINAL),
    })
    .refine(isOrdered, disorder)
    .prefault({})
    .describe(DEPTHS)
}

const replaceAfterMs = whole(1000, 2 ** 40)
  .default(600_000)
  .describe('How long what is signed may be in no block before it is replaced with a higher fee')

function bitcoin(location: ConfigLocation) {
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
    network: networks.bitcoin.describe('bitcoin, bitcoin-testnet4, litecoin, litecoin-regtest, dogecoin…'),
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

function ethereum(location: ConfigLocation) {
  const token = z.strictObject({
    asset: symbol.describe("The token's symbol"),
    contract: contractAddress.describe('Its contract'),
    decimals: whole(0, 77).default(18).describe('For people; the API speaks base units'),
    minimumDeposit: amount.default('0').describe('Smaller deposits are ignored; base units'),
  })
  return z
    .strictObject({
      family: z.literal('ethereum').describe(FAMILY),
      network: networks.ethereum.describe('`{ chainId: 1 }`'),
      ...common(),
      node: plainNode(location),
      confirmations: finalizedConfirmations(),
      tokens: tokenList(token).describe('ERC-20 tokens that are credited; any other is not'),
      sweep: z
        .strictObject({
          minimum: amount.default('10000000000000000').describe('Native balance from which an address is swept; wei'),
          tokens: z.record(symbol, amount).default({}).describe('The same for tokens, by symbol'),
        })
        .prefault({})
        .describe('When deposits are gathered in the treasury'),
      internalTransfers: z
        .enum(['auto', 'off'])
        .default('auto')
        .describe(
          '`auto`: ether that contracts send is found in logs (EIP-7708) or traces, else by balances, and held then; `off`: it is not looked for',
        ),
      fees: z
        .strictObject({ maximumFeePerGas: amount.default('500000000000').describe('Never more than this; wei') })
        .prefault({})
        .describe('Fee caps'),
      replaceAfterMs,
    })
    .superRefine(({ sweep, tokens }, context) => {
      const unknown = Object.keys(sweep.tokens).filter(asset => !tokens.some(listed => listed.asset === asset))
      for (const asset of unknown) {
        context.addIssue({ code: 'custom', path: ['sweep', 'tokens', asset], message: 'is not among tokens' })
      }
    })
}

function nano(location: ConfigLocation) {
  return z.strictObject({
    family: z.literal('nano').describe(FAMILY),
    network: networks.nano.describe('nano, nano-dev or banano'),
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

function ripple(location: ConfigLocation) {
  return z.strictObject({
    family: z.literal('ripple').describe(FAMILY),
    network: networks.ripple.describe('`{ networkId: 0 }`'),
    ...common(),
    node: plainNode(location),
    confirmations: confirmations(1, 1, 1),
    tickets: z
      .strictObject({
        low: whole(1, LEDGER_TICKETS).default(5).describe('Fewer free ones are filled up'),
        high: whole(1, LEDGER_TICKETS)
          .default(20)
          .describe("To so many; no more than one transaction may make by the signer's maximumTickets"),
      })
      .refine(({ low, high }) => low <= high, { path: ['low'], error: 'must not be above high' })
      .prefault({})
      .describe('Made in advance: each withdrawal spends one, and each takes its reserve meanwhile'),
    fees: z
      .strictObject({ maximumFee: amount.default('10000').describe('Never more than this; drops') })
      .prefault({})
      .describe('Fee caps'),
  })
}
