/** A real second process that runs the ledger: the sources, stripped of their types, in a folder of their own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../../..')

const PROGRAM = `
import { lowdbEngine } from './src/ledger/lowdb/engine.js'
import { createDisk } from './src/shell/disk.js'
const random = { bytes: length => new Uint8Array(length) }
const abort = reason => { console.error(reason); process.exit(1) }
try {
  const live = new Map()
  const memory = { live: () => live.values(), reservations: () => [] }
  const ports = { random, log: () => {}, abort }
  const engine = lowdbEngine(createDisk(), process.argv[2])
  const { journal, opened } = await engine.open({ ports, memory, upgrade: image => image, versions: '1' })
  for (const image of opened.live) live.set(image.id, image)
  console.log('ready')
  for (let seq = opened.seq + 1; seq <= Number(process.argv[3]); seq++) {
    const image = { id: 'deposit/' + seq, version: 1, value: 'waiting', context: {}, revision: 1, seq, entered: seq, ended: false }
    live.set(image.id, image)
    const entry = { seq, prev: null, event: 'made', from: null, to: 'waiting', image }
    void journal.append({ at: seq, heights: {}, entries: [entry], reserve: [], release: [] }).then(() => console.log(String(seq)))
    if (seq % 10 === 0) await new Promise(done => setImmediate(done))
  }
  setInterval(() => {}, 1000)
} catch (error) {
  console.log('refused ' + error.kind + ' ' + error.message)
}
`

/** What the program imports; the rest follows from the imports of these. */
const ENTRIES = ['src/ledger/lowdb/engine.ts', 'src/shell/disk.ts']
const IMPORTED = /^(?:import|export)\b[^'"]*['"](\.{1,2}\/[^'"]+)\.js['"]/gm

/** Makes the program in this folder, with all that it imports at run time; answers its path. */
export async function makeProgram(folder: string): Promise<string> {
  const files = new Set(ENTRIES)
  for (const file of files) {
    const target = join(folder, file.replace(/\.ts$/, '.js'))
    const source = transpiled(await readFile(join(ROOT, file), 'utf8'))
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, source)
    for (const [, path] of source.matchAll(IMPORTED)) files.add(`${join(dirname(file), path!)}.ts`)
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'program.js'), PROGRAM)
  return join(folder, 'program.js')
}

const transpiled = (source: string): string =>
  ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
    },
  }).outputText

export interface Child {
  process: ChildProcess
  lines: string[]
  /** Resolves with the first line that this holds for; rejects when the process ends without one. */
  line: (wanted: (line: string) => boolean) => Promise<string>
  kill: () => Promise<void>
}

/** Appends commits up to `last`, printing each seq once it is acknowledged, and then waits to be killed. */
export function runProgram(program: string, directory: string, last: number): Child {
  const child = spawn(process.execPath, [program, directory, String(last)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const waiting: { wanted: (line: string) => boolean; done: (line: string) => void }[] = []
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line)
    for (const one of waiting) if (one.wanted(line)) one.done(line)
  })
  const ended = new Promise<void>(done => child.once('close', () => done()))
  return {
    process: child,
    lines,
    line: wanted =>
      new Promise((done, fail) => {
        const found = lines.find(wanted)
        if (found !== undefined) return done(found)
        waiting.push({ wanted, done })
        void ended.then(() => fail(new Error('the program ended without that line')))
      }),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
