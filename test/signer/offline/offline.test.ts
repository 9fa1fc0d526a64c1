/** The commands that touch keys and memory while the service is stopped: each stands in the audit log, or does nothing. */
import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runProgram } from '../../../src/commands/program.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, grow, intent, sign, simple } from '../rig.ts'

let rig: rigs.Rig
const file = (name: string) => join(rig.directory, name)
const log = () => file('memory/audit/1.jsonl')

beforeEach(async () => {
  rig = await rigs.createRig()
  const files =
    'dataDirectory: ./memory\ntokenFile: ./token\nkeystore: { file: ./keystore.json, passphraseFile: ./word }'
  await writeFile(file('signer.yaml'), `${files}\n${rigs.standard({})}`)
  await writeFile(file('word'), `${rigs.PASSPHRASE}\n`)
  vi.stubEnv('LOCKKEEPER_NEW_PASSPHRASE', rigs.PASSPHRASE)
  const signer = await rigs.start(rig)
  await grow(signer)
  await signer.stop()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await rigs.discard(rig)
})

async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const terminal = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  return { status: await runProgram([...args, '--config', file('signer.yaml')], terminal), out, err: err.join('\n') }
}

const COMMANDS = {
  prove: ['signer', 'prove', '--challenge', 'an auditor asks'],
  passphrase: ['keystore', 'passphrase'],
  export: ['signer-memory', 'export', '--out', 'EXPORT'],
  import: ['signer-memory', 'import', '--from', 'EXPORT'],
  begin: ['signer-memory', 'begin'],
}
type Name = keyof typeof COMMANDS
const NAMES = Object.keys(COMMANDS) as Name[]
const perform = (name: Name) => run(...COMMANDS[name].map(word => word.replace('EXPORT', file('export.json'))))

const linesOf = async () => (await readFile(log(), 'utf8')).trimEnd().split('\n')
const entriesOf = async () =>
  (await linesOf()).map(line => (JSON.parse(line) as { entry: Record<string, unknown> }).entry)

/** There is something to begin only where something is missing (belonging.test.ts). */
const ON_A_WHOLE_SIGNER = NAMES.filter(name => name !== 'begin')
/** What `init` and one run of the service have left in the log. */
const BEFORE = 6

async function playAll(): Promise<void> {
  for (const name of ON_A_WHOLE_SIGNER) expect(await perform(name)).toMatchObject({ status: 0, err: '' })
}

describe('a command on keys or memory', () => {
  test('leaves who ran it, what it was about and how it ended in the log, which verify finds sound', async () => {
    await playAll()
    const entries = (await entriesOf()).slice(BEFORE)
    const challenge = createHash('sha256').update('an auditor asks').digest('hex')
    const abouts = [`challenge ${challenge}`, null, null, 'from 1 to 1; whole']
    const by = expect.stringMatching(new RegExp(`^uid ${process.getuid!()}(, login \\d+)?$`)) as string
    const memory = { sequence: 1, hash: expect.any(String) as string }
    expect(entries).toEqual(
      ON_A_WHOLE_SIGNER.flatMap((command, at): unknown[] => [
        expect.objectContaining({ what: 'started', command, by, about: abouts[at], sealed: true, memory }),
        expect.objectContaining({ what: 'stopped', memory }),
      ]),
    )
    const { status, out } = await run('verify')
    expect(status).toBe(0)
    expect(out).toContain('opened by: init 1, signer 1, prove 1, passphrase 1, export 1, import 1')
    expect(out.join('\n')).toContain(`audit: 14 lines in 1 files, sealed by ${identityOf(rigs.SEED).key}`)
  })

  test('is found out when any line of it is removed, changed, repeated or moved', async () => {
    await playAll()
    const lines = await linesOf()
    for (let at = BEFORE; at < lines.length; at++) {
      const attempts = [lines.toSpliced(at, 1), lines.toSpliced(at, 0, lines[at]!)]
      attempts.push(lines.with(at, lines[at]!.replace(/"at":\d/, '"at":9')))
      attempts.push(lines.with(at, lines[at]!.replace(/"(by|about|reason|memory)":/, '"else":')))
      attempts.push(lines.with(at, lines[at]!.replace(/uid \d+/, 'uid 4242')))
      if (at < lines.length - 1) attempts.push(lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!))
      for (const wrong of attempts.filter(attempt => attempt.join() !== lines.join())) {
        await writeFile(log(), `${wrong.join('\n')}\n`)
        expect((await run('verify')).status).toBe(1)
      }
    }
    await writeFile(log(), `${lines.slice(0, BEFORE).join('\n')}\n`)
    expect((await run('verify')).out.join('\n')).toContain('lines were removed from its end')
    await writeFile(log(), `${lines.join('\n')}\n`)
    expect((await run('verify')).status).toBe(0)
  })

  test('does nothing beside a running signer, and says why', async () => {
    expect((await perform('export')).status).toBe(0)
    const keystore = await readFile(file('keystore.json'), 'utf8')
    const signer = await rigs.start(rig)
    const before = await linesOf()
    for (const name of NAMES) {
      const { status, out, err } = await perform(name)
      expect([name, status, out, err]).toEqual([name, 1, [], expect.stringContaining('in use by another process')])
    }
    expect(await linesOf()).toEqual(before)
    expect(await readFile(file('keystore.json'), 'utf8')).toBe(keystore)
    expect((await ask(signer, 'GET', '/v1/identity')).status).toBe(200)
    await signer.stop()
  })

  test('that fails has a line that says so; one without the passphrase does nothing', async () => {
    expect((await perform('export')).status).toBe(0)
    expect((await perform('export')).err).toContain('is never overwritten')
    const entries = await entriesOf()
    expect(entries.slice(-2)).toMatchObject([{ command: 'export' }, { what: 'stopped', reason: 'exists' }])
    await writeFile(file('word'), 'wrong\n')
    for (const name of NAMES) expect(await perform(name)).toMatchObject({ status: 1, out: [] })
    expect(await entriesOf()).toEqual(entries)
    await writeFile(file('word'), `${rigs.PASSPHRASE}\n`)
    expect((await run('verify')).status).toBe(0)
  })

  test.each(ON_A_WHOLE_SIGNER.filter(name => name !== 'import'))(
    '%s does nothing where the log is damaged',
    async name => {
      const keystore = await readFile(file('keystore.json'), 'utf8')
      await writeFile(log(), (await linesOf()).toSpliced(1, 1).join('\n'))
      const { status, out, err } = await perform(name)
      expect([status, out, err]).toEqual([1, [], expect.stringContaining('1.jsonl: byte')])
      expect(await readFile(file('keystore.json'), 'utf8')).toBe(keystore)
    },
  )

  test('S3: a memory put back beside a newer log is healed by an import, which the log then tells', async () => {
    const journal = file('memory/journal/1.jsonl')
    const earlier = await readFile(journal)
    const signer = await rigs.start(rig)
    expect((await sign(signer, 't', 1, simple(), [authorised(intent('w-1', 1_000_000n))])).status).toBe(200)
    await signer.stop()
    expect((await perform('export')).status).toBe(0)
    await writeFile(journal, earlier)
    for (const name of ['prove', 'passphrase'] as const) {
      expect((await perform(name)).err).toContain('import the newer memory')
    }
    await expect(rigs.start(rig)).rejects.toThrow(/import the newer memory/)
    expect(await perform('import')).toMatchObject({ status: 0 })
    expect((await entriesOf()).at(-2)).toMatchObject({
      command: 'import',
      about: 'from 1 to 4; whole',
      memory: { sequence: 4 },
    })
    expect((await run('verify')).status).toBe(0)
    await (await rigs.start(rig)).stop()
  })

  test('S3: an import that brings less than the log has seen is refused by the log', async () => {
    expect((await perform('export')).status).toBe(0)
    const journal = file('memory/journal/1.jsonl')
    const earlier = await readFile(journal)
    const signer = await rigs.start(rig)
    expect((await sign(signer, 't', 1, simple(), [authorised(intent('w-1', 1_000_000n))])).status).toBe(200)
    await signer.stop()
    await writeFile(journal, earlier)
    const { status, err } = await perform('import')
    expect([status, err]).toEqual([1, expect.stringContaining('memory 4 was seen, the export ends at 1')])
  })

  test('is refused to another user, whose files the service could not open', async () => {
    const { uid } = await stat(file('memory/HEAD.json'))
    vi.spyOn(process, 'geteuid').mockReturnValue(uid + 1)
    const before = await linesOf()
    for (const name of NAMES) {
      const { status, err } = await perform(name)
      expect([status, err]).toEqual([2, expect.stringContaining(`belongs to user ${uid}: run this as that user`)])
    }
    expect(await linesOf()).toEqual(before)
  })
})
