/** Both configuration files: YAML text in, typed values with defaults and absolute paths out, or an error that names the key. */
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { boundary } from './kernel/fault.ts'
import type { ConfigLocation } from '../adapters/config-fields.ts'
import { FAMILY_NAMES } from '../adapters/configuring.ts'
import { overlay, type Environment, type Sources } from './config/environment.ts'
import { signerSchema, type SignerConfig } from './config/signer.ts'
import { watcherSchema, type WatcherConfig } from './config/watcher.ts'

export type { SignerConfig } from './config/signer.ts'
export type { ChainConfig, WatcherConfig } from './config/watcher.ts'

const MAXIMUM_ERRORS = 5
const anyFile = () => true

/**
 * @param baseDirectory relative paths start here: the directory of the file
 * @param isFile tells whether a named file is there; without it none is looked for
 * @param environment its `LOCKKEEPER_WATCHER_…` go before what the file says
 * @throws boundary `configuration`: `chains.litecoin.fees.target: …`, with the variable where the value is from there
 */
export function loadWatcherConfig(
  text: string,
  baseDirectory: string,
  isFile: ConfigLocation['isFile'] = anyFile,
  environment: Environment = {},
): WatcherConfig {
  return load(watcherSchema({ baseDirectory, isFile }), text, 'LOCKKEEPER_WATCHER_', environment)
}

/** As loadWatcherConfig, for signer.yaml and `LOCKKEEPER_SIGNER_…`. */
export function loadSignerConfig(
  text: string,
  baseDirectory: string,
  isFile: ConfigLocation['isFile'] = anyFile,
  environment: Environment = {},
): SignerConfig {
  return load(signerSchema({ baseDirectory, isFile }), text, 'LOCKKEEPER_SIGNER_', environment)
}

function load<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  prefix: string,
  environment: Environment,
): z.output<Schema> {
  const content = parseYaml(text)
  const sources = isMapping(content) ? overlay(content, schema, prefix, environment) : new Map<string, string>()
  const result = schema.safeParse(content, { reportInput: true })
  if (result.success) return result.data
  const errors = result.error.issues.flatMap(issue => describe(issue).map(text => `${text}${sourceOf(issue, sources)}`))
  const more = errors.length > MAXIMUM_ERRORS ? [`and ${errors.length - MAXIMUM_ERRORS} more`] : []
  throw boundary('configuration', [...errors.slice(0, MAXIMUM_ERRORS), ...more].join('; '))
}

const isMapping = (content: unknown): content is Record<string, unknown> =>
  typeof content === 'object' && content !== null && !Array.isArray(content)

/** Which variable gave what is complained of. */
function sourceOf({ path }: z.core.$ZodIssue, sources: Sources): string {
  const paths = path.map((_, index) => path.slice(0, path.length - index).join('.'))
  const variable = paths.map(each => sources.get(each)).find(each => each !== undefined)
  return variable === undefined ? '' : ` (from ${variable})`
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true, stringKeys: true })
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem !== undefined) throw boundary('configuration', problem.message.split('\n')[0]!.replace(/:$/, ''))
  try {
    // An empty file is a file without keys; `chains:` with every example still commented out is no chains.
    const content = (document.toJS() ?? {}) as { chains?: unknown }
    if (content.chains === null) delete content.chains
    return content
  } catch {
    throw boundary('configuration', 'the file holds too many aliases')
  }
}

function describe(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String)
  const at = (...more: string[]) => [...path, ...more].join('.') || 'the file'
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => `${at(key)}: unknown key`)
    case 'invalid_key':
      return [`${at()}: ${issue.issues[0]?.message ?? 'is not a name'}`]
    case 'invalid_union':
      return [`${at()}: ${unionMessage(issue)}`]
    case 'invalid_type':
      return [`${at()}: ${issue.input === undefined ? 'is missing' : issue.message.replace(/^Invalid input: /, '')}`]
    default:
      return [`${at()}: ${issue.message.replace(/^Invalid input: /, '')}`]
  }
}

/** `family` and `engine` choose a shape; what they may be is in the options. */
function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  if (issue.discriminator === undefined) return issue.message
  const choices =
    issue.path.at(-1) === 'family' ? FAMILY_NAMES.join(' or ').replace(/ or (?=.* or )/g, ', ') : 'lowdb or postgres'
  return `must be ${choices}`
}
