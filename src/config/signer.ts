/** signer.yaml. */
import { z } from 'zod'
import { isVerifyingKey } from '../signatures.ts'
import { chainNameSchema } from '../http/schemas.ts'
import { amount, pathSchemas, symbol, whole, type ConfigLocation } from '../../adapters/config-fields.ts'
import { signedChain } from '../../adapters/configuring.ts'
import { chainsSchema, listenSchema } from './fields.ts'

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
      chains: chainsSchema(signedChain()).describe('The chains to sign for, named as in watcher.yaml'),
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
