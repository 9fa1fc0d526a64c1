/**
 * `npm run build`: dist/, made of TypeScript whose types are taken off. Types are checked by `npm run types`; here nothing
 * but what has changed since the last time is written, so that whoever starts something may ask for it each time: a
 * dist/ that is older than its sources cannot be run.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCES = ['machines', 'adapters', 'src', 'scripts', 'visualizations', 'test']
/** What decides how a source is compiled. */
const TOOLS = ['scripts/build.mjs', 'tsconfig.json', 'package-lock.json']
/** The inspector's page runs in browsers: it is bundled, by a step of its own. */
const PAGE = join('src', 'inspector', 'page')
const isSource = path =>
  path.endsWith('.ts') && !path.endsWith('.d.ts') && !/\.(test|test-d|setup)\.ts$/.test(path) && !path.startsWith(PAGE)
/** What the inspector's files are made of. */
const SHOWN = [PAGE, 'docs', 'visualizations', 'machines', join('scripts', 'inspector')]
const SHOWN_TOOLS = [join('scripts', 'build-inspector.mjs'), 'README.md', 'package-lock.json']
const COMMAND = 'src/cli.js'
/** As tsconfig.json says: `verbatimModuleSyntax`, `rewriteRelativeImportExtensions`, `target`. */
const OPTIONS = {
  target: 'es2023',
  sourcemap: true,
  typescript: { onlyRemoveTypeImports: true, rewriteImportExtensions: 'rewrite' },
}

/** Who installs the package sees the types of its client. */
const TYPED = join('src', 'client', '/')
/** As `rewriteImportExtensions` does it for code. */
const declarationOf = ({ declaration }) => declaration.replaceAll(/(from\s+["']\.[^"']*)\.ts(["'])/g, '$1.js$2')

const outputOf = path => path.replace(/\.ts$/, '.js')

/** What a file is told by, without reading it: an older copy of it is as new as a newer one. */
async function stampOf(root, path) {
  const { size, mtimeMs } = await stat(join(root, path))
  return `${size} ${mtimeMs}`
}

async function filesIn(root, folders) {
  const found = await Promise.all(
    folders.map(async folder => {
      const names = await readdir(join(root, folder), { recursive: true })
      return names.map(name => join(folder, name))
    }),
  )
  return found.flat().sort()
}

async function stampsOf(root) {
  const sources = (await filesIn(root, SOURCES)).filter(isSource)
  const stamp = async path => [path, await stampOf(root, path)]
  return Object.fromEntries(await Promise.all(sources.map(stamp)))
}

const digestOf = async (root, paths) =>
  createHash('sha256')
    .update(JSON.stringify(await Promise.all(paths.map(path => stampOf(root, path)))))
    .digest('hex')

const shownOf = async root => digestOf(root, [...SHOWN_TOOLS, ...(await filesIn(root, SHOWN))])

/** A stamp that is missing or not whole is none: then everything is compiled. */
async function readStamp(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return { tools: '', files: {} }
  }
}

/** A process that reads the file meanwhile reads the old one or the new one, whole. */
async function replace(file, text) {
  const half = `${file}.${process.pid}`
  await writeFile(half, text)
  await rename(half, file)
}

async function compile(root, dist, path, transform) {
  const isTyped = path.startsWith(TYPED)
  const options = isTyped ? { ...OPTIONS, typescript: { ...OPTIONS.typescript, declaration: {} } } : OPTIONS
  const result = await transform(path, await readFile(join(root, path), 'utf8'), options)
  if (result.errors.length > 0) throw new Error(`${path}: ${result.errors[0].message}`)
  const output = join(dist, outputOf(path))
  await mkdir(dirname(output), { recursive: true })
  const name = output.slice(output.lastIndexOf('/') + 1)
  await replace(`${output}.map`, JSON.stringify(result.map))
  if (isTyped) await replace(output.replace(/js$/, 'd.ts'), declarationOf(result))
  await replace(output, `${result.code}\n//# sourceMappingURL=${name}.map\n`)
}

async function remove(dist, path) {
  const output = join(dist, outputOf(path))
  await Promise.all([rm(output, { force: true }), rm(`${output}.map`, { force: true })])
}

async function load(path) {
  try {
    return await import(path)
  } catch (error) {
    throw new Error(`the compiler cannot be loaded, run npm ci (${error.message.split('\n')[0]})`)
  }
}

const loadCompiler = async () => (await load('rolldown/utils')).transform
const loadInspectorBuild = () => load('./build-inspector.mjs')

/**
 * @param root the checkout
 * @param announce told how many files are compiled, and of how many, before they are; not told when there is nothing to do
 * @param hasPage whether the inspector's page is a part of it
 */
export async function build(root, announce = () => {}, hasPage = true) {
  const dist = join(root, 'dist')
  const file = join(dist, '.built.json')
  const [last, tools, files, shown] = await Promise.all([
    readStamp(file),
    digestOf(root, TOOLS),
    stampsOf(root),
    hasPage ? shownOf(root) : undefined,
  ])
  const before = last.tools === tools ? last.files : {}
  const changed = Object.keys(files).filter(path => files[path] !== before[path])
  const gone = Object.keys(last.files).filter(path => !(path in files))
  if (changed.length + gone.length > 0) {
    announce(changed.length, Object.keys(files).length)
    await compileAll(root, dist, changed, gone)
  }
  if (last.shown !== shown) await (await loadInspectorBuild()).buildInspector(root)
  // The stamps were taken first: what is edited while this runs is compiled the next time.
  if (last.shown !== shown || changed.length + gone.length > 0)
    await replace(file, JSON.stringify({ tools, files, shown }))
}

async function compileAll(root, dist, changed, gone) {
  const transform = await loadCompiler()
  await Promise.all(gone.map(path => remove(dist, path)))
  await Promise.all(changed.map(path => compile(root, dist, path, transform)))
  await chmod(join(dist, COMMAND), 0o755)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build(dirname(dirname(fileURLToPath(import.meta.url))), (count, all) =>
    console.log(`compiling ${count} of ${all} files`),
  )
}
