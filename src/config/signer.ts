/** signer.yaml. */
import { z } from 'zod'
import { isVerifyingKey } from '../signatures.ts'
import { chainNameSchema } from '../http/schemas.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import {
  amount,
  chainsSchema,
  contractAddress,
  listenSchema,
  networks,
  pathSchemas,
  symbol,
  tokenList,
  whole,
  byNetwork,
  FAMILY,
  type ConfigLocation,
} from './fields.ts'

/** signer.yaml with its defaults filled in, paths absolute. */
export type SignerConfig = z.output<ReturnType<typeof signerSchema>>

const LOOPBACK = /^(unix:.*|127\.\d+\.\d+\.\d+:\d+|\[::1\]:\d+|localhost:\d+)$/

/** Checks signer.yaml; each complaint carries the path of its key. */
export function signerSchema(location: ConfigLocation) {
  const { directory, file } = pathSchemas(location)
  return z
    .strictObject({
      listen: listenSchema(location)
        .prefault('127.0.0.1:4200')
        .describe('Loopback `host:port`, `unix:/path`, or any `host:port` with tls'),
      dataDirectory: directory.prefault('./data/signer').describe("Where the signer's memory is kept"),
      tokenFile: file.prefault('./secrets/signer-token').describe('Tokens that the watcher may show, one a line'),
      tls: tls(location).optional().describe('Mutual TLS'),
      keystore: keystore(location).prefault({}).describe('The encrypted recovery phrase'),
      authorisation: authorisation()
        .optional()
        .describe('Whose signatures a withdrawal needs; absent: none, with a warning'),
      limits: rates().prefault({}).describe('What may be asked for without the word of the backend'),
      chains: chainsSchema(chain()).describe('The chains to sign for, named as in watcher.yaml'),
    })
    .refine(config => config.tls !== undefined || LOOPBACK.test(config.listen), {
      path: ['listen'],
      error: 'without tls the signer listens on loopback or a Unix socket only',
    })
    .superRefine(refuseUnknownNames)

  function keystore(at: ConfigLocation) {
    return z
      .strictObject({
        file: file.prefault('./data/signer/keystore.json').describe('Written by `lockkeeper init`'),
        passphraseEnv: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable')
          .optional()
          .describe('The variable with the passphrase; LOCKKEEPER_PASSPHRASE unless passphraseFile is given'),
        passphraseFile: pathSchemas(at).file.optional().describe('A file with the passphrase on its first line'),
      })
      .refine(given => given.passphraseEnv === undefined || given.passphraseFile === undefined, {
        path: ['passphraseFile'],
        error: 'passphraseEnv and passphraseFile exclude each other',
      })
      .transform(given =>
        given.passphraseFile === undefined ? { passphraseEnv: 'LOCKKEEPER_PASSPHRASE', ...given } : given,
      )
  }
}

function tls(location: ConfigLocation) {
  const { file } = pathSchemas(location)
  return z.strictObject({
    ca: file.describe('The authority that signs client certificates, PEM'),
    cert: file.describe("The signer's certificate, PEM"),
    key: file.describe('Its key, PEM'),
    clientFingerprints: z
      .array(z.string().regex(/^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, 'must be a SHA-256 fingerprint in hexadecimal'))
      .max(100)
      .default([])
      .describe('Client certificates that may connect; empty: any that the authority signed'),
  })
}

function authorisation() {
  const key = z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/, 'must be the base64 of a 32-byte Ed25519 public key')
    .refine(isVerifyingKey, 'is no Ed25519 key that could verify anything: not on the curve, or of small order')
  return z
    .strictObject({
      required: z.boolean().default(true).describe('Whether a withdrawal without signatures is refused'),
      keys: z.array(key).max(100).default([]).describe("The backend's Ed25519 public keys, base64"),
      approvals: z
        .union([whole(1, 100), z.array(threshold).min(1).max(100)])
        .default(1)
        .describe('How many distinct keys must have signed; or a list: so many above an amount, else 1'),
    })
    .refine(({ required, keys, approvals }) => !required || keys.length >= mostOf(approvals), {
      path: ['keys'],
      error: 'there are fewer keys than approvals',
    })
    .refine(({ keys }) => new Set(keys).size === keys.length, { path: ['keys'], error: 'a key is listed twice' })
}

/** Whoever has the watcher's token can ask for these; each keeps something for ever. */
function rates() {
  const rate = (headroom: number, perHour: number, things: string) =>
    z
      .strictObject({
        headroom: whole(1, 1_000_000_000).default(headroom).describe(`${things} at once; full at each start`),
        perHour: whole(1, 1_000_000_000).default(perHour).describe('So many more become free within an hour'),
      })
      .prefault({})
  return z.strictObject({
    addresses: rate(200_000, 20_000, 'New addresses of one chain').describe('How fast address pools grow'),
    ownTransfers: rate(20_000, 10_000, 'Templates').describe('Templates that serve no intent: sweeps and funding'),
    refusals: rate(50_000, 20_000, 'Refusals').describe(
      'Templates that are refused, or wait for approvals: each is remembered',
    ),
    voids: rate(100_000, 50_000, 'Voids').describe('Voids of rounds of which no authorised intent was seen'),
  })
}

/** A name that is misspelt would quietly ask for fewer approvals. */
function refuseUnknownNames(
  { authorisation: given, chains }: { authorisation?: Authorisation | undefined; chains: Record<string, Assets> },
  context: z.core.$RefinementCtx,
): void {
  const approvals = given?.approvals
  for (const [index, each] of (typeof approvals === 'object' ? approvals : []).entries()) {
    const refuse = (key: string, message: string) => {
      context.addIssue({ code: 'custom', path: ['authorisation', 'approvals', index, key], message })
    }
    if (each.chain !== undefined && !Object.hasOwn(chains, each.chain))
      refuse('chain', `there is no chain ${each.chain}`)
    const assets = Object.entries(chains).filter(([name]) => (each.chain ?? name) === name)
    const isKnown = assets.some(([, { asset, tokens = [] }]) =>
      [asset, ...tokens.map(token => token.asset)].includes(each.asset ?? asset),
    )
    if (each.asset !== undefined && !isKnown) refuse('asset', `there is no asset ${each.asset} here`)
  }
}

type Authorisation = z.output<ReturnType<typeof authorisation>>
interface Assets {
  asset: string
  tokens?: { asset: string }[]
}

const threshold = z.strictObject({
  above: amount.describe('Amounts above this one; base units'),
  approvals: whole(1, 100).describe('How many distinct keys must have signed'),
  chain: chainNameSchema.optional().describe('On this chain only'),
  asset: symbol.optional().describe('Of this asset only'),
})

const mostOf = (approvals: number | { approvals: number }[]): number =>
  typeof approvals === 'number' ? approvals : Math.max(...approvals.map(each => each.approvals))

const MAXIMUM_DESTINATIONS = 100_000
const addressList = z.array(z.string().min(1).max(256)).max(MAXIMUM_DESTINATIONS)
const destinations = z.strictObject({
  allowed: addressList.optional().describe('Withdrawals go to these only; absent: to any'),
  blocked: addressList.optional().describe('Withdrawals never go to these'),
})

const limits = {
  perTransaction: amount
    .optional()
    .describe('The most one transaction may cost, its fee included; base units; absent: no limit'),
  perDay: amount.optional().describe('The most within any 24 hours, fees included; base units; absent: no limit'),
}

const rules = {
  ...limits,
  destinations: destinations.optional().describe('Where withdrawals may go, whoever authorises them'),
}

const feeRate = z.number().positive().max(Number.MAX_SAFE_INTEGER)

/** A token's limits stand beside those of the native asset, under its symbol. */
function ethereum(asset: typeof symbol) {
  const token = z.strictObject({
    asset: symbol.describe("The token's symbol"),
    contract: contractAddress.describe('Its contract'),
  })
  const capped = z
    .strictObject({
      maximumFeeRate: feeRate.default(500_000_000_000).describe('Cap; wei per gas'),
      maximumFee: amount
        .default('50000000000000000')
        .describe('The most that the gas of one transaction may cost; wei'),
      gasFunding: amount
        .optional()
        .describe('The most that an address of ours may be given for the gas of its sweep; wei; absent: nothing'),
      ...rules,
      tokens: z.record(symbol, z.strictObject(limits)).default({}).describe('The limits of each token, by symbol'),
    })
    .prefault({})
    .describe('What is never signed, whoever asks')
  return z
    .strictObject({
      family: z.literal('ethereum').describe(FAMILY),
      network: networks.ethereum.describe('As in watcher.yaml'),
      asset,
      tokens: tokenList(token).describe('ERC-20 tokens that may be paid out'),
      policy: capped,
    })
    .superRefine(({ tokens, policy }, context) => {
      const unknown = Object.keys(policy.tokens).filter(name => !tokens.some(listed => listed.asset === name))
      for (const name of unknown) {
        context.addIssue({ code: 'custom', path: ['policy', 'tokens', name], message: 'is not among tokens' })
      }
    })
}

/** Fee rates differ between the networks of the family by orders of magnitude, and so do the caps. */
function bitcoin(asset: typeof symbol) {
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
      network: networks.bitcoin.describe('As in watcher.yaml'),
      asset,
      policy: capped,
    })
    .transform(({ policy: given, ...rest }) => {
      const { maximumRate, maximumFeeSat } = networkOf(rest.network).fees
      const { maximumFeeRate = maximumRate, maximumFee = String(maximumFeeSat), ...others } = given
      return { ...rest, policy: { maximumFeeRate, maximumFee, ...others } }
    })
}

/** Nothing but work is paid for a block. */
function nano(asset: typeof symbol) {
  return z.strictObject({
    family: z.literal('nano').describe(FAMILY),
    network: networks.nano.describe('As in watcher.yaml'),
    asset,
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

/** Fees are so many drops a transaction, whatever its size. */
function ripple(asset: typeof symbol) {
  return z.strictObject({
    family: z.literal('ripple').describe(FAMILY),
    network: networks.ripple.describe('As in watcher.yaml'),
    asset,
    policy: z
      .strictObject({
        maximumFee: amount.default('100000').describe('The most one transaction may cost; drops'),
        maximumTickets: whole(0, 250).default(50).describe('The most tickets that one transaction may make'),
        ...rules,
      })
      .prefault({})
      .describe('What is never signed, whoever asks')
      .transform(given => ({ maximumFeeRate: 0, ...given })),
  })
}

function chain() {
  const asset = symbol.describe("The native asset's symbol")
  return z.discriminatedUnion('family', [bitcoin(asset), ethereum(asset), nano(asset), ripple(asset)])
}
