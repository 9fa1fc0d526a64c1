/**
 * `npm run build:signer`: the compiled signer (dist/) and every package it uses in one readable file,
 * dist-signer/signer.mjs, and in dist-signer/PACKAGES.md the packages with version and licence. The WebAssembly of
 * tiny-secp256k1 stands in the file as base64, so that nothing beside it is ever read. Nothing is minified.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const OUT = process.argv[2] ?? 'dist-signer'
const ENTRY = join('dist', 'src', 'commands', 'signer-entry.js')
const WASM = join('node_modules', 'tiny-secp256k1', 'lib', 'secp256k1.wasm')

/** tiny-secp256k1 reads its WebAssembly from beside itself. */
const embedWasm = {
  name: 'embed-wasm',
  async transform(code, id) {
    if (!/tiny-secp256k1\/lib\/wasm_loader\.js$/.test(id)) return null
    const base64 = (await readFile(WASM)).toString('base64')
    const embedded = code.replace(
      /readFileSync\([^;]*?secp256k1\.wasm[^;]*?\)(?=;)/s,
      `Buffer.from('${base64}', 'base64')`,
    )
    if (embedded === code) throw new Error(`${id}: the place that reads secp256k1.wasm is not where it was`)
    return embedded
  },
}

/** What a package takes where it is there, and what is there only because a tool of development has brought it. */
const OPTIONAL = new Set(['supports-color'])
const ABSENT = '\0absent'
const leaveOut = {
  name: 'leave-out',
  resolveId: id => (OPTIONAL.has(id) ? ABSENT : null),
  load: id => (id === ABSENT ? 'module.exports = null' : null),
}

/** The folder in node_modules that a module came from, or null for our own. */
const packageOf = id => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? null

function describe(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (typeof license !== 'string') throw new Error(`${folder}: no licence is named`)
  return { name, version, license }
}

function listOf(modules, digest) {
  const folders = new Set(modules.map(packageOf).filter(folder => folder !== null))
  const packages = [...folders].map(describe).sort((a, b) => (a.name < b.name ? -1 : 1))
  const rows = packages.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`)
  return [
    '# What is in signer.mjs',
    '',
    `SHA-256 of the file: \`${digest}\`. Besides Lockkeeper's own code and Node's built-in modules:`,
    '',
    '| package | version | licence |',
    '|---|---|---|',
    ...new Set(rows),
    '',
  ].join('\n')
}

if (!existsSync(ENTRY)) throw new Error(`${ENTRY} is missing: npm run build`)
const bundle = await rolldown({ input: ENTRY, platform: 'node', plugins: [embedWasm, leaveOut] })
const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, minify: false, comments: true })
await bundle.close()
if (output.length !== 1) throw new Error(`one file was expected, there are ${output.length}`)
const [{ code, modules }] = output
await mkdir(OUT, { recursive: true })
await writeFile(join(OUT, 'signer.mjs'), code)
await chmod(join(OUT, 'signer.mjs'), 0o755)
await writeFile(join(OUT, 'PACKAGES.md'), listOf(Object.keys(modules), createHash('sha256').update(code).digest('hex')))
console.log(`${join(OUT, 'signer.mjs')}: ${Math.round(code.length / 1024)} KiB`)
