/** Both configuration files: YAML text in, typed values with defaults and absolute paths out, or an error that names the key. */
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { boundary } from './kernel/fault.ts'
import type { ConfigLocation } from '../adapters/config-fields.ts'
import { FAMILY_NAMES } from '../adapters/configuring.ts'
import { signerSchema, type SignerConfig } from './config/signer.ts'
import { watcherSchema, type WatcherConfig } from './config/watcher.ts'

export type { SignerConfig } from './config/signer.ts'
export type { ChainConfig, WatcherConfig } from './config/watcher.ts'

const MAXIMUM_ERRORS = 5
const anyFile = () => true

/**
 * @param baseDirectory relative paths start here: the directory of the file
 * @param isFile tells whether a named file is there; without it none is looked for
 * @throws boundary `configuration`: `chains.litecoin.fees.target: …`
 */
export function loadWatcherConfig(
  text: string,
  baseDirectory: string,
  isFile: ConfigLocation['isFile'] = anyFile,
): WatcherConfig {
  return load(watcherSchema({ baseDirectory, isFile }), text)
}

/** As loadWatcherConfig, for signer.yaml. */
export function loadSignerConfig(
  text: string,
  baseDirectory: string,
  isFile: ConfigLocation['isFile'] = anyFile,
): SignerConfig {
  return load(signerSchema({ baseDirectory, isFile }), text)
}

function load<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  const result = schema.safeParse(parseYaml(text), { reportInput: true })
  if (result.success) return result.data
  const errors = result.error.issues.flatMap(describe)
  const more = errors.length > MAXIMUM_ERRORS ? [`and ${errors.length - MAXIMUM_ERRORS} more`] : []
  throw boundary('configuration', [...errors.slice(0, MAXIMUM_ERRORS), ...more].join('; '))
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
