/** The backends of docs/http.md, each from the page alone, in a clean folder, beside a running system. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ASSET, CHAIN, CREDIT, startSystem, type System } from '../nodes/system.ts'
import { PATIENCE_MS, TEST_MS } from '../patience.ts'

const page = readFileSync('docs/http.md', 'utf8')
const codeOf = (language: string): string => new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(page)![1]!
const options = { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } }

interface Runtime {
  language: string
  file: string
  /** As it is run: what it is given is appended. */
  command: string[]
  /** What says that it is there, by its exit status. */
  probe: string[]
  /** Before it is run: to what the runtime takes. */
  build?: (code: string) => string
}

const RUNTIMES: Runtime[] = [
  {
    language: 'ts',
    file: 'backend.mjs',
    command: [process.execPath, 'backend.mjs'],
    probe: [process.execPath, '--version'],
    build: code => ts.transpileModule(code, options).outputText,
  },
  {
    language: 'python',
    file: 'backend.py',
    command: ['python3', 'backend.py'],
    probe: ['python3', '-c', 'import cryptography'],
  },
  { language: 'go', file: 'backend.go', command: ['go', 'run', 'backend.go'], probe: ['go', 'version'] },
]

const isThere = ({ probe: [command, ...args] }: Runtime): boolean => spawnSync(command!, args).status === 0
const present = RUNTIMES.filter(isThere)
for (const { language, probe } of RUNTIMES.filter(runtime => !present.includes(runtime)))
  console.warn(`docs/http.md: not run: no ${language} (\`${probe.join(' ')}\` fails)`)

let system: System
beforeAll(async () => {
  system = await startSystem()
  await system.fund(300_000_000n)
}, TEST_MS)
afterAll(() => system.close(), PATIENCE_MS)

interface Db {
  credits: Record<string, { user: string; amount: string; isTold: boolean }>
  withdrawals: Record<string, { state: string }>
}

test.each(present)(
  'the backend in $language credits once, pays, and refunds on proof',
  async runtime => {
    const { language, file, command, build = (code: string) => code } = runtime
    const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-http-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, file), build(codeOf(language)))
    const env = { ...process.env, WATCHER_URL: system.url, SECRETS: join(system.directory, 'secrets') }
    const run = async (...args: string[]): Promise<string> => {
      const [name, ...given] = [...command, ...args]
      return (await promisify(execFile)(name!, given, { cwd: folder, env })).stdout.trim()
    }
    const db = (): Db => JSON.parse(readFileSync(join(folder, 'db.json'), 'utf8')) as Db
    const until = async (holds: () => boolean) => {
      const deadline = performance.now() + PATIENCE_MS / 2
      do await run('follow')
      while (!holds() && performance.now() < deadline)
      expect(holds()).toBe(true)
    }
    const user = `user-${language}`

    const address = await run('address', user, CHAIN)
    expect(await run('address', user, CHAIN)).toBe(address)
    await expect(run('address', 'another', CHAIN)).resolves.not.toBe(address)
    await system.node.pay(address, 50_000_000n)
    await system.mine(CREDIT)
    await until(() => Object.values(db().credits).some(({ isTold }) => isTold))
    expect(Object.values(db().credits)).toEqual([{ user, amount: '50000000', isTold: true }])

    const to = (await system.node.rpc('getnewaddress')) as string
    const wish = { id: `paid-${language}`, chain: CHAIN, asset: ASSET, to, amount: '1000000' }
    await run('withdraw', JSON.stringify(wish))
    await run('withdraw', JSON.stringify(wish))
    await system.reaches(`/v1/withdrawals/${wish.id}`, 'paying')
    await system.mine(CREDIT)
    await until(() => db().withdrawals[wish.id]!.state === 'paid')
    expect(await run('cancel', wish.id)).toBe('false')

    const large = { ...wish, id: `large-${language}`, amount: '90000000000' }
    await run('withdraw', JSON.stringify(large))
    expect(await run('cancel', large.id)).toBe('true')
    expect(db().withdrawals[large.id]!.state).toBe('refunded')
  },
  PATIENCE_MS,
)
