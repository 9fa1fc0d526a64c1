#!/usr/bin/env node
/**
 * The binary: what it does is in src/commands. In a checkout what has changed is compiled first, so that nobody runs
 * what is no longer there; a published package holds dist/ and nothing to compile.
 */
import { existsSync } from 'fs'
import { fileURLToPath } from 'url'
import { lack } from './requirements.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMPILER = new URL('../scripts/build.mjs', import.meta.url)

function fail(reason) {
  process.stderr.write(`lockkeeper: ${reason}\n`)
  process.exit(1)
}

const sayCompiling = (count, all) =>
  process.stderr.write(`compiling what is new or has changed: ${count} of ${all} files\n`)

async function run() {
  const missing = lack({ withDevelopment: false })
  if (missing !== null) fail(missing)
  if (existsSync(fileURLToPath(COMPILER))) {
    const { build } = await import(COMPILER.href)
    await build(ROOT, sayCompiling).catch(error => fail(`dist/ is older than its sources: ${error.message}`))
  }
  await import('../dist/src/cli.js')
}

void run()
