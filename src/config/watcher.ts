/** watcher.yaml. */
import { z } from 'zod'
import { WATCHER_KINDS } from '../../machines/ids.ts'
import { chainNameSchema } from '../http/schemas.ts'
import { pathSchemas, urlSchema, type ConfigLocation } from '../../adapters/config-fields.ts'
import { watchedChain } from '../../adapters/configuring.ts'
import { chainsSchema, listenSchema } from './fields.ts'

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
    chains: chainsSchema(watchedChain(location)).describe('The chains to follow, by a name of your choice'),
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
