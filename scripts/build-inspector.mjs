/**
 * `npm run build:inspector`: the page, its charts and its documents in dist/inspector/, each file with its compressed forms,
 * and a manifest of what is served where. Takes about two seconds.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { rolldown } from 'rolldown'
import { renderDocs } from './inspector/docs.mjs'

const PAGE = join('src', 'inspector', 'page')
const [toBrotli, toGzip] = [promisify(brotliCompress), promisify(gzip)]

async function bundle(root) {
  const built = await rolldown({
    input: join(root, PAGE, 'main.tsx'),
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  })
  const { output } = await built.generate({ format: 'esm', minify: true, codeSplitting: false })
  await built.close()
  if (output.length !== 1) throw new Error(`one file was expected, there are ${output.length}`)
  return output[0].code
}

/** As `npm run generate` has laid them out: the page needs no layout engine, and shows what the documents show. */
async function charts(root) {
  const drawn = JSON.parse(await readFile(join(root, 'visualizations', 'statecharts.json'), 'utf8'))
  return JSON.stringify(drawn)
}

/** `/inspector/app-3f2a9c….js`: another content is another name. */
function hashed(name, text) {
  const [stem, extension] = name.split('.')
  return `/inspector/${stem}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.${extension}`
}

const TYPES = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
}

function asset(name, text) {
  return { path: hashed(name, text), contentType: TYPES[name.split('.').at(-1)], isImmutable: true, text }
}

/** Two starts at once may both build: each file is the old one or the new one, whole. */
async function replace(path, content) {
  await writeFile(`${path}.${process.pid}`, content)
  await rename(`${path}.${process.pid}`, path)
}

async function write(out, { path, text, ...listed }, n) {
  const file = `${n}${path.replaceAll('/', '_')}`
  const body = Buffer.from(text)
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }
  await Promise.all([
    replace(join(out, file), body),
    replace(join(out, `${file}.br`), await toBrotli(body, quality)),
    replace(join(out, `${file}.gz`), await toGzip(body, { level: 9 })),
  ])
  return { path, file, ...listed }
}

/** @param root the checkout */
export async function buildInspector(root) {
  const out = join(root, 'dist', 'inspector')
  const inPage = name => readFile(join(root, PAGE, name), 'utf8')
  const [code, drawn, style, icon, html] = await Promise.all([
    bundle(root),
    charts(root),
    inPage('style.css'),
    inPage('icon.svg'),
    inPage('index.html'),
  ])
  const named = {
    app: asset('app.js', code),
    charts: asset('charts.json', drawn),
    styles: asset('style.css', style),
    icon: asset('icon.svg', icon),
  }
  const index = Object.entries(named).reduce((text, [name, { path }]) => text.replaceAll(`{${name}}`, path), html)
  const documents = renderDocs(root, { styles: named.styles.path, icon: named.icon.path })
  const files = [
    { path: '/', contentType: 'text/html; charset=utf-8', isImmutable: false, text: index },
    ...Object.values(named),
    ...documents.map(one => ({ isImmutable: false, ...one })),
  ]
  await mkdir(out, { recursive: true })
  const manifest = await Promise.all(files.map((file, n) => write(out, file, n)))
  await replace(join(out, 'manifest.json'), JSON.stringify(manifest, null, 1))
  const kept = new Set(['manifest.json', ...manifest.flatMap(({ file }) => [file, `${file}.br`, `${file}.gz`])])
  const gone = (await readdir(out)).filter(name => !kept.has(name))
  await Promise.all(gone.map(name => rm(join(out, name), { force: true })))
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await buildInspector(dirname(dirname(fileURLToPath(import.meta.url))))
