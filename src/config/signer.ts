/** signer.yaml. */
import { z } from 'zod'
import {
  amount,
  chainsSchema,
  contract,
  listenSchema,
  networks,
  pathSchemas,
  symbol,
  tokenList,
  whole,
  FAMILY,
  type Place,
} from './parts.ts'

export type SignerConfig = z.output<ReturnType<typeof signerSchema>>
export type SignerChainConfig = SignerConfig['chains'][string]

const LOOPBACK = /^(unix:.*|127\.\d+\.\d+\.\d+:\d+|\[::1\]:\d+|localhost:\d+)$/

export function signerSchema(place: Place) {
  const { directory, file } = pathSchemas(place)
  return z
    .strictObject({
      listen: listenSchema(place)
        .prefault('127.0.0.1:4200')
        .describe('Loopback `host:port`, `unix:/path`, or any `host:port` with tls'),
      dataDirectory: directory.prefault('./data/signer').describe("Where the signer's memory is kept"),
      tokenFile: file.prefault('./secrets/signer-token').describe('Tokens that the watcher may show, one a line'),
      tls: tls(place).optional().describe('Mutual TLS'),
      keystore: keystore(place).prefault({}).describe('The encrypted recovery phrase'),
      authorisation: authorisation()
        .optional()
        .describe('Whose signatures a withdrawal needs; absent: none, with a warning'),
      chains: chainsSchema(chain()).describe('The chains to sign for, named as in watcher.yaml'),
    })
    .refine(config => config.tls !== undefined || LOOPBACK.test(config.listen), {
      path: ['listen'],
      error: 'without tls the signer listens on loopback or a Unix socket only',
    })

  function keystore(at: Place) {
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

function tls(place: Place) {
  const { file } = pathSchemas(place)
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
  const key = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'must be the base64 of a 32-byte Ed25519 public key')
  return z
    .strictObject({
      required: z.boolean().default(true).describe('Whether a withdrawal without signatures is refused'),
      keys: z.array(key).max(100).default([]).describe("The backend's Ed25519 public keys, base64"),
      approvals: whole(1, 100).default(1).describe('How many distinct keys must have signed'),
    })
    .refine(({ required, keys, approvals }) => !required || keys.length >= approvals, {
      path: ['keys'],
      error: 'there are fewer keys than approvals',
    })
    .refine(({ keys }) => new Set(keys).size === keys.length, { path: ['keys'], error: 'a key is listed twice' })
}

const limits = {
  perTransaction: amount.optional().describe('The most one transaction may pay out; base units; absent: no limit'),
  perDay: amount.optional().describe('The most within any 24 hours, fees included; base units; absent: no limit'),
}

function policy(maximumFeeRate: number, maximumFee: string, unit: string) {
  return z
    .strictObject({
      maximumFeeRate: z
        .number()
        .positive()
        .max(Number.MAX_SAFE_INTEGER)
        .default(maximumFeeRate)
        .describe(`Cap; ${unit}`),
      maximumFee: amount.default(maximumFee).describe('The most one transaction may cost; base units'),
      ...limits,
    })
    .prefault({})
    .describe('What is never signed, whoever asks')
}

function chain() {
  const asset = symbol.describe("The native asset's symbol")
  const token = z.strictObject({
    asset: symbol.describe("The token's symbol"),
    contract: contract.describe('Its contract'),
    ...limits,
  })
  return z.discriminatedUnion('family', [
    z.strictObject({
      family: z.literal('bitcoin').describe(FAMILY),
      network: networks.bitcoin.describe('As in watcher.yaml'),
      asset,
      policy: policy(500, '1000000', 'sat/vB'),
    }),
    z.strictObject({
      family: z.literal('ethereum').describe(FAMILY),
      network: networks.ethereum.describe('As in watcher.yaml'),
      asset,
      tokens: tokenList(token).describe('ERC-20 tokens that may be paid out'),
      policy: policy(500_000_000_000, '50000000000000000', 'wei per gas'),
    }),
    z.strictObject({
      family: z.literal('nano').describe(FAMILY),
      network: networks.nano.describe('As in watcher.yaml'),
      asset,
      policy: z.strictObject(limits).prefault({}).describe('What is never signed, whoever asks'),
    }),
    z.strictObject({
      family: z.literal('ripple').describe(FAMILY),
      network: networks.ripple.describe('As in watcher.yaml'),
      asset,
      policy: z
        .strictObject({
          maximumFee: amount.default('100000').describe('The most one transaction may cost; drops'),
          ...limits,
        })
        .prefault({})
        .describe('What is never signed, whoever asks'),
    }),
  ])
}
