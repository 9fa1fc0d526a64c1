/** docs/reference/configuration.md, from the schemas that check the files. */
import { z } from 'zod'
import { signerSchema } from './signer.ts'
import { watcherSchema } from './watcher.ts'

/** The part of JSON Schema that our schemas come out as. */
interface Schema {
  type?: string
  description?: string
  default?: unknown
  const?: unknown
  enum?: unknown[]
  minimum?: number
  maximum?: number
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: Schema | boolean
  oneOf?: Schema[]
  anyOf?: Schema[]
}

const HEAD = `# Configuration

Generated from the schemas by \`npm run generate\`; do not edit. Paths are relative to the file they stand in. Unknown keys,
wrong types and missing files (but a node's cookie, which comes and goes with the node) are refused at start, each with its
path in the file. Amounts are strings of digits: base units (satoshi, wei, raw, drops).

Every key can come from the environment, and goes before what the file says: \`LOCKKEEPER_WATCHER_\` or \`LOCKKEEPER_SIGNER_\`, then the
key's path with two underscores for each dot. \`LOCKKEEPER_WATCHER_CHAINS__LITECOIN__NODE__URL\` is \`chains.litecoin.node.url\` of
watcher.yaml, \`LOCKKEEPER_SIGNER_DATA_DIRECTORY\` is \`dataDirectory\` of signer.yaml. Capitals, and underscores and hyphens within a name, do
not count; the elements of a list are numbered from 0 (\`LOCKKEEPER_WATCHER_NOTIFY__0__URL\`); what is not text is written as in YAML
(\`LOCKKEEPER_SIGNER_AUTHORISATION__KEYS='[…]'\`). A chain that the file does not have is named in small letters. A variable that means no
key is refused like an unknown key. All commands that take \`--config\` heed them: give the same ones to a daemon and to \`lockkeeper status\`.
The files themselves have to be there, if only empty.
`

/** Markdown: the keys, types, defaults and meanings of both files. */
export function renderReference(): string {
  const place = { baseDirectory: '/', isFile: () => true }
  const parts = [
    HEAD,
    '## watcher.yaml\n',
    ...section(watcherSchema(place)),
    '## signer.yaml\n',
    ...section(signerSchema(place)),
  ]
  return `${parts.join('\n').trimEnd()}\n`
}

function section(schema: z.ZodType): string[] {
  return tables(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema)
}

/** One table of the file's own keys, then one for each family of chains. */
function tables(root: Schema): string[] {
  const families = (root.properties?.chains?.additionalProperties as Schema).oneOf ?? []
  const own = table(rows(root, ''))
  const each = families.flatMap(family => {
    const name = String(family.properties?.family?.const)
    return [`### \`chains.<name>\`, family ${name}\n`, ...table(rows(family, 'chains.<name>.'))]
  })
  return [...own, ...each]
}

const table = (lines: string[]) => ['| key | type | default | meaning |', '|---|---|---|---|', ...lines, '']

function rows(schema: Schema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const isRequired = schema.required?.includes(name) ?? false
    const own = row(prefix + name, part, isRequired)
    const isList = part.items?.properties !== undefined
    const shape = part.oneOf === undefined ? (isList ? part.items! : part) : merge(part.oneOf)
    return [own, ...rows(shape, `${prefix}${name}${isList ? '[].' : '.'}`)]
  })
}

/** The shapes of a union as one: the key that chooses between them shows every choice. */
function merge(shapes: Schema[]): Schema {
  const properties: Record<string, Schema> = {}
  for (const [name, part] of shapes.flatMap(shape => Object.entries(shape.properties ?? {}))) {
    const earlier = properties[name]
    properties[name] = earlier === undefined ? part : choice(earlier, part)
  }
  const isAlways = (name: string) => shapes.every(shape => shape.required?.includes(name))
  return { properties, required: Object.keys(properties).filter(isAlways) }
}

function choice({ const: first, ...earlier }: Schema, part: Schema): Schema {
  return { ...earlier, enum: [...(earlier.enum ?? [first]), part.const] }
}

function row(path: string, schema: Schema, isRequired: boolean): string {
  const cells = [`\`${path}\``, typeOf(schema), defaultOf(schema, isRequired), schema.description ?? '']
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function defaultOf(schema: Schema, isRequired: boolean): string {
  if (isRequired) return 'required'
  if (schema.default === undefined) return '–'
  return schema.properties === undefined ? `\`${JSON.stringify(schema.default)}\`` : 'see below'
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map(value => `\`${JSON.stringify(value)}\``).join(' or ')
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.oneOf !== undefined) return 'object'
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'anything' : typeOf(schema.items)}`
  return `${schema.type ?? 'anything'}${rangeOf(schema)}`
}

function rangeOf({ minimum, maximum }: Schema): string {
  return minimum === undefined || maximum === undefined ? '' : ` ${minimum} to ${maximum}`
}
