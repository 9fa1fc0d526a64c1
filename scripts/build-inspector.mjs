/**
 * `npm run build:inspector`: the page, its charts and its documents in dist/inspector/, each file with its compressed forms,
 * and a manifest of what is served where. Needs the compiled machines (dist/machines); takes about two seconds.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { rolldown } from 'rolldown'
import { chartOf } from './inspector/charts.mjs'
import { renderDocs } from './inspector/docs.mjs'

const PAGE = join('src', 'inspector', 'page')
const OUT = join('dist', 'inspector')
const [toBrotli, toGzip] = [promisify(brotliCompress), promisify(gzip)]

const compiled = path => import(pathToFileURL(join(process.cwd(), 'dist', path)).href)

async function bundle() {
  const built = await rolldown({
    input: join(PAGE, 'main.tsx'),
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  })
  const { output } = await built.generate({ format: 'esm', minify: true, codeSplitting: false })
  await built.close()
  if (output.length !== 1) throw new Error(`one file was expected, there are ${output.length}`)
  return output[0].code
}

async function charts() {
  const [{ machines }, { modelOf }] = await Promise.all([
    compiled('src/orchestrator/machines.js'),
    compiled('visualizations/model.js'),
  ])
  const drawn = []
  for (const machine of Object.values(machines)) drawn.push(await chartOf(modelOf(machine)))
  return JSON.stringify(drawn)
}

/** `/inspector/app-3f2a9c….js`: another content is another name. */
function hashed(name, text) {
  const [stem, extension] = name.split('.')
  return `/inspector/${stem}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.${extension}`
}

const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml', json: 'application/json' }

function asset(name, text) {
  return { path: hashed(name, text), contentType: TYPES[name.split('.').at(-1)], isImmutable: true, text }
}

async function write({ path, text, ...listed }, n) {
  const file = `${n}${path.replaceAll('/', '_')}`
  const body = Buffer.from(text)
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }
  await Promise.all([
    writeFile(join(OUT, file), body),
    writeFile(join(OUT, `${file}.br`), await toBrotli(body, quality)),
    writeFile(join(OUT, `${file}.gz`), await toGzip(body, { level: 9 })),
  ])
  return { path, file, ...listed }
}

const [code, drawn, style, icon, html] = await Promise.all([
  bundle(),
  charts(),
  readFile(join(PAGE, 'style.css'), 'utf8'),
  readFile(join(PAGE, 'icon.svg'), 'utf8'),
  readFile(join(PAGE, 'index.html'), 'utf8'),
])
const [app, chartFile, styles, iconFile] = [asset('app.js', code), asset('charts.json', drawn), asset('style.css', style), asset('icon.svg', icon)]
const index = html
  .replaceAll('{app}', app.path)
  .replaceAll('{charts}', chartFile.path)
  .replaceAll('{styles}', styles.path)
  .replaceAll('{icon}', iconFile.path)
const documents = renderDocs({ styles: styles.path, icon: iconFile.path }).map(one => ({ isImmutable: false, ...one }))
const files = [
  { path: '/', contentType: 'text/html; charset=utf-8', isImmutable: false, text: index },
  ...[app, chartFile, styles, iconFile],
  ...documents,
]
await rm(OUT, { recursive: true, force: true })
await mkdir(OUT, { recursive: true })
const manifest = await Promise.all(files.map(write))
await writeFile(join(OUT, 'manifest.json'), JSON.stringify(manifest, null, 1))
