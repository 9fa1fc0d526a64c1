import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { intentBytes } from '../../src/canonical.ts'
import { isSigned } from '../../src/signatures.ts'
import { HELP_GROUPS } from '../../src/commands/help.ts'
import { runProgram } from '../../src/commands/program.ts'
import { loadSignerConfig, loadWatcherConfig } from '../../src/config.ts'
import { lowdbEngine } from '../../src/ledger/lowdb/engine.ts'
import { createDisk } from '../../src/shell/disk.ts'
import { beginAudit } from '../../src/signer/audit/open.ts'
import { isFile } from '../../src/shell/files.ts'
import { createPorts } from '../../src/shell/ports.ts'
import { identityOf } from '../../src/signer/keys/identity.ts'
import { memoryIn } from '../../src/signer/memory/memory.ts'
import { openKeystore } from '../../src/signer/keys/keystore.ts'
import type { Entry } from '../../src/kernel/entry.ts'
import type { Authorisation, Intent } from '../../machines/vocabulary.ts'
import { untypedInstance } from '../kernel/untyped.ts'

const PHRASE = `${'abandon '.repeat(23)}art`
const PASSPHRASE = 'correct horse'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockkeeper-cli-'))
  vi.stubEnv('LOCKKEEPER_PASSPHRASE', PASSPHRASE)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(directory, { recursive: true })
})

async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const status = await runProgram(args, { out: line => out.push(line), err: line => err.push(line) })
  return { status, out: out.join('\n'), err: err.join('\n') }
}

describe('wrong usage', () => {
  test.each([
    [[], 'Usage: lockkeeper'],
    [['dance'], "unknown command 'dance'"],
    [['signer'], '--config'],
    [['signer', '--config'], '--config'],
    [['init', '--directory', 'x', '--force'], "unknown option '--force'"],
    [['keystore'], 'passphrase'],
    [['explain', '--config', 'x'], '<id> is missing'],
    [['status', 'all', '--config', 'x'], "'all' is too much for lockkeeper status"],
    [['status', '--config', 'x', '--config', 'y'], 'stands twice'],
    [['status', '--config', '--json'], "'--config <file>' lacks its value"],
    [['status', '--config', 'x', '--json=yes'], 'takes no value'],
    [['deposits', '--config', 'x', '--csv', '--json'], 'do not go together'],
    [['deposits', '--config', 'x', '--limit', 'all'], "'all': it is not a whole number"],
    [['status', '--config', 'missing.yaml'], 'missing.yaml'],
    [['verify', '--config', 'missing.yaml'], 'missing.yaml'],
    [['authorise', '--key', 'missing.key', '--intent', '-'], 'missing.key'],
    [['visualize', '--instance', 'w-1'], '--config'],
    [['visualize', '--instance', 'w-1', '--config', 'missing.yaml'], 'missing.yaml'],
  ])('%j ends with 2 and names what is wrong', async (args, named) => {
    const { status, err } = await run(...args)
    expect(err).toContain(named)
    expect(status).toBe(2)
  })
  test('--help is no error, and lists every command under a heading of ours', async () => {
    const { status, out, err } = await run('--help')
    expect([status, err]).toEqual([0, ''])
    const headings = out.split('\n').filter(line => /^\S.*:$/.test(line))
    expect(headings).toEqual(['Options:', ...Object.values(HELP_GROUPS)])
  })
  test.each([
    ['watcher', 'watcher.yaml'],
    ['signer', 'signer.yaml'],
    ['signer prove', 'signer.yaml'],
    ['keystore passphrase', 'LOCKKEEPER_NEW_PASSPHRASE'],
    ['check-proof', 'needs no keys'],
    ['init', 'LOCKKEEPER_PASSPHRASE'],
    ['authorise', 'secrets/backend.key'],
    ['status', '--watch'],
    ['deposits', '--transaction-id'],
    ['withdrawals', '--csv'],
    ['events', '--kind'],
    ['explain', 'withdrawal/w-1'],
    ['backup', 'a new folder'],
    ['verify', "the watcher's or the signer's"],
    ['signer-memory export', 'signer.yaml'],
    ['signer-memory import', 'signer.yaml'],
    ['signer-memory begin', 'signer.yaml'],
    ['rebuild', 'watcher.yaml'],
    ['accept-signer', 'lost for good'],
    ['visualize', '--instance'],
  ])('%s --help says how it is used, and fits a terminal', async (command, named) => {
    const { status, out, err } = await run(...command.split(' '), '--help')
    expect([status, err]).toEqual([0, ''])
    expect(out).toMatch(new RegExp(`^Usage: lockkeeper ${command} `))
    for (const part of [named, '--verbose']) expect(out).toContain(part)
    expect(out.split('\n').filter(line => line.length > 100)).toEqual([])
  })
  test.each([
    [['--version'], /^\d+\.\d+\.\d+/],
    [['help'], /^Usage: lockkeeper \[options\] \[command\]\n/],
    [['help', 'signer', 'prove'], /^Usage: lockkeeper signer prove \[options\]\n/],
    [['signer', 'prove', '--config=x', '-h'], /^Usage: lockkeeper signer prove \[options\]\n/],
    [['deposits', '--help'], /--after <cursor> .*\(default: 0\)\n/],
  ])('%j is answered on stdout, with 0', async (args, said) => {
    const { status, out, err } = await run(...args)
    expect([status, err]).toEqual([0, ''])
    expect(out).toMatch(said)
  })
  test('a value may stand behind an equals sign, and options of a command above anywhere behind its name', async () => {
    for (const args of [
      ['prove', '--config=missing.yaml'],
      ['--config', 'missing.yaml', 'prove'],
    ])
      expect(await run('signer', ...args, '--challenge', '-')).toMatchObject({
        status: 2,
        err: expect.stringContaining('missing.yaml') as string,
      })
  })
  test('a wrong key of the configuration is one line with file and key, and a stack only with --verbose', async () => {
    const path = join(directory, 'signer.yaml')
    await writeFile(path, 'chains: { ltc: { family: bitcoin, network: litecoin, asset: LTC, policy: { fee: 1 } } }')
    const quiet = await run('signer', '--config', path)
    expect(quiet.status).toBe(2)
    expect(quiet.err).toContain('signer.yaml: ')
    expect(quiet.err).toContain('chains.ltc.policy.fee: unknown key')
    expect(quiet.err.split('\n')).toHaveLength(1)
    expect((await run('signer', '--config', path, '--verbose')).err).toMatch(/\n\s+at /)
  })
})

describe('init', () => {
  test('writes configuration that loads, secrets that only their owner reads, and shows the phrase once', async () => {
    const at = (name: string) => join(directory, 'new', name)
    const { status, out } = await run('init', '--directory', join(directory, 'new'))
    expect(status).toBe(0)
    const text = (name: string) => readFile(at(name), 'utf8')
    loadWatcherConfig(await text('watcher.yaml'), join(directory, 'new'), isFile)
    const signer = loadSignerConfig(await text('signer.yaml'), join(directory, 'new'), isFile)
    expect(signer.authorisation?.keys).toEqual([(await text('secrets/backend.pub')).trim()])
    const names = ['watcher.yaml', 'signer.yaml', 'secrets/api-token', 'secrets/signer-token', 'secrets/backend.key']
    for (const name of [...names, 'secrets/backend.pub', 'data/signer/keystore.json']) {
      expect([name, (await stat(at(name))).mode & 0o777]).toEqual([name, 0o600])
    }
    expect((await stat(at('secrets'))).mode & 0o777).toBe(0o700)
    const phrases = out.split('\n').filter(line => line.split(' ').length === 24)
    expect(phrases).toHaveLength(1)
    for (const name of [...names, 'data/signer/keystore.json']) expect(await text(name)).not.toContain(phrases[0])
    expect(await text('secrets/api-token')).not.toBe(await text('secrets/signer-token'))
  })

  test.each(['watcher.yaml', 'secrets/backend.key', 'data/signer/keystore.json'])(
    'refuses to overwrite %s, and then writes nothing',
    async name => {
      const ports = createPorts('error')
      await ports.disk.makeDirectory(join(directory, name, '..'))
      await writeFile(join(directory, name), 'mine')
      const { status, err } = await run('init', '--directory', directory)
      expect([status, err]).toEqual([1, expect.stringContaining(join(directory, name))])
      expect(await readFile(join(directory, name), 'utf8')).toBe('mine')
      expect(
        await Promise.all(['signer.yaml', 'secrets/api-token'].map(file => ports.disk.exists(join(directory, file)))),
      ).toEqual([false, false])
    },
  )

  test('restores the same keys from a phrase file, and does not show it', async () => {
    await writeFile(join(directory, 'phrase'), `  ${PHRASE.replaceAll(' ', '\n')}\n`)
    const identities = []
    for (const name of ['a', 'b']) {
      const { status, out } = await run(
        'init',
        '--directory',
        join(directory, name),
        '--phrase-file',
        join(directory, 'phrase'),
      )
      expect(status).toBe(0)
      expect(out).not.toContain('abandon')
      const ports = createPorts('error')
      const { seed } = await openKeystore(ports, join(directory, name, 'data/signer/keystore.json'), PASSPHRASE)
      identities.push(createHash('sha256').update(seed).digest('hex'))
      expect(identityOf(seed)).toBeDefined()
    }
    expect(identities[0]).toBe(identities[1])
  })

  test('a phrase that is not one ends with 2 and is not repeated', async () => {
    await writeFile(join(directory, 'phrase'), PHRASE.replace('art', 'zoo'))
    const { status, err } = await run(
      'init',
      '--directory',
      join(directory, 'x'),
      '--phrase-file',
      join(directory, 'phrase'),
    )
    expect(status).toBe(2)
    expect(err).not.toContain('abandon')
  })

  test('without a passphrase and without a terminal ends with 2', async () => {
    vi.stubEnv('LOCKKEEPER_PASSPHRASE', '')
    const { status, err } = await run('init', '--directory', join(directory, 'x'))
    expect([status, err]).toEqual([2, expect.stringContaining('LOCKKEEPER_PASSPHRASE')])
  })
})

describe('authorise', () => {
  const intent = { id: 'w1', chain: 'litecoin', asset: 'LTC', to: 'Müller', amount: '5' }
  const WALLET = Buffer.alloc(32, 9).toString('base64')
  const write = async (text: string) => {
    await writeFile(join(directory, 'key'), `${Buffer.alloc(32, 7).toString('base64')}\n`)
    await writeFile(join(directory, 'wallet.pub'), `${WALLET}\n`)
    await writeFile(join(directory, 'intent'), text)
    return run('authorise', '--key', join(directory, 'key'), '--intent', join(directory, 'intent'))
  }
  test('signs the canonical intent, absent values as null and round 1', async () => {
    const { status, out } = await write(JSON.stringify(intent))
    const full: Intent = { ...intent, dataField: null, expiresAt: null, round: 1, memory: null }
    expect(status).toBe(0)
    expect(isSigned(JSON.parse(out) as Authorisation, intentBytes(full, WALLET))).toBe(true)
    expect(isSigned(JSON.parse(out) as Authorisation, intentBytes({ ...full, amount: '6' }, WALLET))).toBe(false)
  })
  test('signs for the wallet beside the key, or for the one that is named; an intent that names another is refused', async () => {
    await write(JSON.stringify(intent))
    const other = Buffer.alloc(32, 8).toString('base64')
    await writeFile(join(directory, 'other.pub'), `${other}\n`)
    const asked = { ...intent, dataField: null, expiresAt: null, round: 1, memory: 12, wallet: other }
    await writeFile(join(directory, 'intent'), JSON.stringify(asked))
    const { wallet: _, ...full } = asked
    const args = ['authorise', '--key', join(directory, 'key'), '--intent', join(directory, 'intent')]
    const refused = await run(...args)
    expect([refused.status, refused.err]).toEqual([2, expect.stringContaining("the intent's wallet")])
    const { status, out } = await run(...args, '--wallet', join(directory, 'other.pub'))
    expect(status).toBe(0)
    expect(isSigned(JSON.parse(out) as Authorisation, intentBytes(full, other))).toBe(true)
  })

  test.each([
    ['{', 'not JSON'],
    ['{"id":"w1"}', "the intent's chain"],
    [JSON.stringify({ ...intent, amount: 5 }), "the intent's amount"],
    [JSON.stringify({ ...intent, more: 1 }), 'more'],
  ])('refuses %s', async (text, named) => {
    const { status, err } = await write(text)
    expect([status, err]).toEqual([2, expect.stringContaining(named)])
  })
})

/** The log of a signer that was started and stopped. */
async function writeAudit(directory: string, position: { sequence: number; hash: string }): Promise<void> {
  const { key, sign } = identityOf(new Uint8Array(64))
  const owner = { key, ledgerId: (await memoryIn(createDisk(), directory))!, generation: 1 }
  const memory = { position: () => position, had: () => true }
  const audit = await beginAudit(createPorts('error'), { directory, owner, sign, memory })
  await audit.close()
}

describe('verify', () => {
  const open = () => {
    const { random, log } = createPorts('error')
    const abort = (reason: string) => {
      throw new Error(reason)
    }
    const memory = { live: () => [], reservations: () => [] }
    const ports = { random, log, abort }
    return lowdbEngine(createDisk(), join(directory, 'data')).open({
      ports,
      memory,
      upgrade: image => image,
      versions: '1',
    })
  }
  test.each(['watcher.yaml', 'signer.yaml'])(
    'of %s ends with 0 for a sound store and with 1 for a damaged one',
    async name => {
      const { journal } = await open()
      const image = (seq: number) =>
        untypedInstance({
          ...{ id: 'chain/x', version: 1, value: 'a', context: {} },
          ...{ revision: seq, seq, entered: 1, at: 1, ended: false },
        })
      const entries: Entry[] = [1, 2, 3].map(seq => ({
        seq,
        prev: seq === 1 ? null : seq - 1,
        event: 'e',
        from: null,
        to: 'a',
        image: image(seq),
      }))
      for (const entry of entries)
        await journal.append({ at: 1, heights: {}, entries: [entry], reserve: [], release: [] })
      const position = journal.position()
      await journal.close()
      if (name === 'signer.yaml') await writeAudit(join(directory, 'data'), position)
      await writeFile(join(directory, name), 'dataDirectory: ./data')
      const sound = await run('verify', '--config', join(directory, name))
      expect(sound.err).toBe('')
      expect([sound.status, sound.out]).toEqual([0, expect.stringContaining('3 entries')])
      const [file] = await createDisk().list(join(directory, 'data', 'journal'))
      const path = join(directory, 'data', 'journal', file!)
      const bytes = await readFile(path)
      bytes[Math.floor(bytes.length / 2)]! ^= 1
      await writeFile(path, bytes)
      const damaged = await run('verify', '--config', join(directory, name))
      expect([damaged.status, damaged.out]).toEqual([1, expect.stringContaining(file!)])
    },
  )
})
