/**
 * `npm run census`: how the house stands, counted from the syntax trees of what runs at a user. Figures to be compared with
 * earlier ones, and no limits: limits are the linter's.
 *
 *     npm run census                          of this checkout
 *     npm run census -- --root ../other       of another one
 *     npm run census -- --verbose             with the names, places and functions behind the figures
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'

/** The rooms that are counted; tests and what draws pictures are not. */
const ROOMS = ['machines', 'adapters', 'src'] as const

interface Source {
  /** From the root. */
  path: string
  lines: number
  /** Lines that hold more than a comment. */
  code: number
  tree: ts.SourceFile
}

interface Named {
  name: string
  path: string
  isDocumented: boolean
}

interface Long {
  where: string
  lines: number
}

const linesOf = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)

function sourcesIn(root: string, room: string): Source[] {
  const names = readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
  return names
    .filter(name => name.endsWith('.ts'))
    .sort()
    .map(name => {
      const path = join(room, name)
      const text = readFileSync(join(root, path), 'utf8')
      const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
      return { path, lines: linesOf(text), code: codeIn(tree), tree }
    })
}

/** A comment is no node but the room before one; JSDoc is one. */
function codeIn(tree: ts.SourceFile): number {
  const lines = new Set<number>()
  const lineAt = (position: number) => tree.getLineAndCharacterOfPosition(position).line
  for (const node of nodesOf(tree)) {
    const isToken = node.getChildCount() === 0 && node.kind !== ts.SyntaxKind.EndOfFileToken
    if (!isToken || node.getText() === '') continue
    for (let line = lineAt(node.getStart()); line <= lineAt(node.getEnd()); line++) lines.add(line)
  }
  return lines.size
}

function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  for (const child of node.getChildren()) if (!ts.isJSDoc(child)) yield* nodesOf(child)
}

const spanOf = ({ tree }: Source, node: ts.Node): number => {
  const lineAt = (position: number) => tree.getLineAndCharacterOfPosition(position).line
  return lineAt(node.getEnd()) - lineAt(node.getStart()) + 1
}

const placeOf = ({ tree, path }: Source, node: ts.Node): string =>
  `${path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`

/** `x as T` and `<T>x`; `as const` claims nothing. */
const isCast = (node: ts.Node): boolean =>
  (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) && !ts.isConstTypeReference(node.type)

const castsIn = (source: Source): string[] =>
  [...nodesOf(source.tree)].filter(isCast).map(node => `${placeOf(source, node)}  ${firstLineOf(node.getText())}`)

const firstLineOf = (text: string): string => text.split('\n')[0]!.slice(0, 100)

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

/** What the file itself declares and exports; what it passes on (`export … from`) is declared elsewhere. */
function exportsOf({ tree, path }: Source): Named[] {
  const documented = (node: ts.Node) => ts.getJSDocCommentsAndTags(node).length > 0
  return tree.statements.filter(isExported).flatMap((node): Named[] => {
    if (ts.isVariableStatement(node))
      return node.declarationList.declarations.map(({ name }) => ({
        name: name.getText(),
        path,
        isDocumented: documented(node),
      }))
    const { name } = node as ts.Statement & { name?: ts.Identifier }
    return name === undefined ? [] : [{ name: name.text, path, isDocumented: documented(node) }]
  })
}

/** What families have alike stands in files of one name, a folder each: these are one place. */
const FAMILY_FOLDER = /^(adapters|src\/devnet)\/(bitcoin|ethereum|nano|ripple)\//

/** Overloads of one name in one file are one declaration. */
function declaredTwice(all: readonly Named[]): Map<string, string[]> {
  const places = new Map<string, Set<string>>()
  for (const { name, path } of all) {
    const place = path.replace(FAMILY_FOLDER, '$1/<family>/')
    places.set(name, (places.get(name) ?? new Set()).add(place))
  }
  return new Map([...places].filter(([, paths]) => paths.size > 1).map(([name, paths]) => [name, [...paths]]))
}

type WithBody = ts.FunctionLikeDeclaration & { body: ts.Node }
const hasBody = (node: ts.Node): node is WithBody =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

/** A function that is handed to a call where it stands is a part of the function around it. */
function functionsOf(source: Source): Long[] {
  return [...nodesOf(source.tree)]
    .filter(hasBody)
    .filter(({ parent }) => !ts.isCallExpression(parent))
    .map(node => ({ where: placeOf(source, node), lines: spanOf(source, node) }))
}

/** Whom each file imports, types too. */
function importsOf({ path, tree }: Source, known: ReadonlySet<string>): string[] {
  return tree.statements.flatMap(node => {
    if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return []
    const specifier = node.moduleSpecifier
    if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return []
    const target = join(dirname(path), specifier.text)
    return known.has(target) ? [target] : []
  })
}

/** Strongly connected files (Tarjan 1972): each such group is at least one cycle. */
function cyclesIn(sources: readonly Source[]): string[][] {
  const known = new Set(sources.map(({ path }) => path))
  const edges = new Map(sources.map(source => [source.path, importsOf(source, known)]))
  const [order, low] = [new Map<string, number>(), new Map<string, number>()]
  const [stack, cycles]: [string[], string[][]] = [[], []]
  const visit = (path: string): number => {
    let least = order.size
    order.set(path, least)
    stack.push(path)
    for (const next of edges.get(path)!) {
      if (!order.has(next)) least = Math.min(least, visit(next))
      else if (stack.includes(next)) least = Math.min(least, order.get(next)!)
    }
    low.set(path, least)
    if (least === order.get(path)) {
      const group = stack.splice(stack.indexOf(path))
      if (group.length > 1 || edges.get(path)!.includes(path)) cycles.push(group)
    }
    return least
  }
  for (const { path } of sources) if (!order.has(path)) visit(path)
  return cycles
}

/** `median/90th percentile/longest`. */
function spread(lengths: readonly number[]): string {
  const sorted = lengths.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return `${sorted.length}, median ${at(0.5)}, 90th percentile ${at(0.9)}, longest ${at(1)} lines`
}

const perThousand = (count: number, lines: number): string => ((1000 * count) / lines).toFixed(1)
const codeOf = (sources: readonly Source[]): number => sources.reduce((sum, { code }) => sum + code, 0)
const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(0)} % (${part} of ${whole})`

function print(root: string, isVerbose: boolean): void {
  const rooms = ROOMS.map(room => ({ room, sources: sourcesIn(root, room) }))
  const sources = rooms.flatMap(({ sources: found }) => found)
  const exported = sources.flatMap(exportsOf)
  const more = (lines: readonly string[]) => {
    if (isVerbose) for (const line of lines) console.log(`    ${line}`)
  }
  for (const { room, sources: found } of rooms) {
    const casts = found.flatMap(castsIn)
    console.log(
      `casts in ${room}: ${perThousand(casts.length, codeOf(found))} per 1,000 lines of code (${casts.length})`,
    )
    more(casts)
  }
  const twice = declaredTwice(exported)
  console.log(`exported names declared more than once (what families have alike counts once): ${twice.size}`)
  more([...twice].map(([name, paths]) => `${name}: ${paths.join(', ')}`))
  const undocumented = exported.filter(({ isDocumented }) => !isDocumented)
  console.log(`exports documented: ${share(exported.length - undocumented.length, exported.length)}`)
  more(undocumented.map(({ path, name }) => `${path}: ${name}`))
  const functions = sources.flatMap(functionsOf)
  console.log(`functions: ${spread(functions.map(({ lines }) => lines))}`)
  more(
    functions
      .toSorted((a, b) => b.lines - a.lines)
      .slice(0, 10)
      .map(({ where, lines }) => `${lines} ${where}`),
  )
  console.log(`files: ${spread(sources.map(({ lines }) => lines))}`)
  more(
    sources
      .toSorted((a, b) => b.lines - a.lines)
      .slice(0, 10)
      .map(({ path, lines }) => `${lines} ${path}`),
  )
  const cycles = cyclesIn(sources)
  console.log(`import cycles: ${cycles.length === 0 ? 'none' : cycles.length}`)
  more(cycles.map(group => group.join(' ↔ ')))
}

const { values } = parseArgs({
  options: { root: { type: 'string', default: '.' }, verbose: { type: 'boolean', default: false } },
})
console.log(`${relative('.', values.root) || 'this checkout'}:`)
print(values.root, values.verbose)
