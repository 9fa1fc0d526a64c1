/**
 * Keys of a configuration file that come from the environment: `LOCKKEEPER_WATCHER_CHAINS__LITECOIN__NODE__URL` is
 * `chains.litecoin.node.url` of watcher.yaml and goes before what the file says. Levels are parted by two underscores; capitals and single
 * underscores within a name do not count, so that `DATA_DIRECTORY` is `dataDirectory`.
 */
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { boundary } from '../kernel/fault.ts'

/** Variables by name, as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A watcher's or a signer's file: its path, its content, and the process's variables, which may say something else. */
export interface ConfigurationFile {
  path: string
  text: string
  environment: Environment
}

type Content = Record<string, unknown>

/** The part of JSON Schema that tells what a value may be and what stands below it. */
interface Shape {
  type?: string
  const?: unknown
  enum?: readonly unknown[]
  properties?: Readonly<Record<string, Shape>>
  items?: Shape
  additionalProperties?: Shape | boolean
  propertyNames?: { pattern?: string }
  oneOf?: readonly Shape[]
  anyOf?: readonly Shape[]
}

/** A place in a file, the path to it, and what may stand there. */
interface Spot {
  parent: Content | unknown[]
  key: string | number
  shapes: readonly Shape[]
  path: readonly string[]
}

/** What a variable gave, by the key's path in the file: for complaints, which name the variable then. */
export type Sources = ReadonlyMap<string, string>

/** More elements than any list of a configuration takes: one variable must not make a list of a million. */
const MAXIMUM_INDEX = 1000

/**
 * Puts into `content`, a parsed file, what the environment says; what is put in is checked with the rest.
 * @param prefix of the variables that mean this file: `LOCKKEEPER_WATCHER_`
 * @throws boundary `configuration`, naming the variable, for one that means no key
 */
export function overlay(content: Content, schema: z.ZodType, prefix: string, environment: Environment): Sources {
  const variables = Object.keys(environment).filter(name => name.startsWith(prefix) && environment[name] !== undefined)
  const sources = new Map<string, string>()
  if (variables.length === 0) return sources
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape
  for (const variable of variables.sort()) {
    const spot = spotOf(variable, variable.slice(prefix.length).split('__'), content, shape)
    put(spot, valueOf(variable, environment[variable]!, spot.shapes))
    sources.set(spot.path.join('.'), variable)
  }
  return sources
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '')

const refuse = (variable: string, reason: string) => boundary('configuration', `${variable}: ${reason}`)

const alternatives = (shape: Shape): readonly Shape[] => shape.oneOf ?? shape.anyOf ?? [shape]

function put({ parent, key }: Spot, value: unknown): void {
  // `__proto__` and its like are names of no key, and never come here as such.
  Object.defineProperty(parent, key, { value, enumerable: true, writable: true, configurable: true })
}

function spotOf(variable: string, segments: readonly string[], content: Content, root: Shape): Spot {
  let spot: Spot = { parent: { root: content }, key: 'root', shapes: [root], path: [] }
  for (const segment of segments) spot = below(variable, segment, spot)
  return spot
}

function below(variable: string, segment: string, spot: Spot): Spot {
  const shapes = spot.shapes.flatMap(alternatives)
  const lists = shapes.flatMap(({ items }) => items ?? [])
  if (lists.length > 0) return element(variable, segment, spot, lists)
  const parent = opened<Content>(variable, spot, {})
  const known = shapes.flatMap(({ properties }) => Object.keys(properties ?? {}))
  const name = known.find(each => plain(each) === plain(segment))
  if (name !== undefined) {
    const found = shapes.flatMap(({ properties }) => properties?.[name] ?? [])
    return { parent, key: name, shapes: found, path: [...spot.path, name] }
  }
  const named = shapes.find(({ additionalProperties }) => typeof additionalProperties === 'object')
  const key = named === undefined ? undefined : chosenName(segment, spot, Object.keys(parent))
  if (named === undefined || key === undefined)
    throw refuse(variable, `there is no key ${[...spot.path, segment].join('.')}`)
  return { parent, key, shapes: [named.additionalProperties as Shape], path: [...spot.path, key] }
}

/** As the file writes it; else a chain is called in small letters, as they all are, and a token's symbol stays as it is. */
function chosenName(segment: string, { path }: Spot, there: readonly string[]): string | undefined {
  if (plain(segment) === '') return undefined
  const isChain = path.length === 1 && path[0] === 'chains'
  return there.find(each => plain(each) === plain(segment)) ?? (isChain ? segment.toLowerCase() : segment)
}

function element(variable: string, segment: string, spot: Spot, shapes: readonly Shape[]): Spot {
  const parent = opened<unknown[]>(variable, spot, [])
  const index = /^(0|[1-9]\d{0,3})$/.test(segment) ? Number(segment) : MAXIMUM_INDEX
  if (index > Math.min(parent.length, MAXIMUM_INDEX - 1))
    throw refuse(
      variable,
      `${spot.path.join('.')} is a list of ${parent.length}: the next one is number ${parent.length}`,
    )
  return { parent, key: index, shapes, path: [...spot.path, String(index)] }
}

/** What stands there, made where nothing does. */
function opened<Held extends object>(variable: string, spot: Spot, empty: Held): Held {
  const { parent, key, path } = spot
  const there = (Object.hasOwn(parent, key) ? (parent as Content)[key] : undefined) ?? undefined
  if (there === undefined) put(spot, empty)
  else if (typeof there !== 'object' || Array.isArray(there) !== Array.isArray(empty))
    throw refuse(variable, `${path.join('.')} is not of the kind that holds it`)
  return (there ?? empty) as Held
}

/** Text where the key wants text; anything else as YAML writes it: `5`, `false`, `[a, b]`. */
function valueOf(variable: string, text: string, shapes: readonly Shape[]): unknown {
  const all = shapes.flatMap(alternatives)
  const isText = ({ type, const: only, enum: some }: Shape) =>
    type === 'string' || typeof only === 'string' || some?.some(each => typeof each === 'string') === true
  if (all.length > 0 && all.every(isText)) return text
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true })
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem !== undefined) throw refuse(variable, problem.message.split('\n')[0]!)
  return document.toJS({ maxAliasCount: 0 })
}
