import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type * as Secp256k1 from 'tiny-secp256k1'
import { HDKey } from '@scure/bip32'
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reasonOf } from '../../src/kernel/fault.ts'
import { signingFamilyOf } from '../../adapters/signing.ts'
import { loadSignerConfig } from '../../src/config.ts'
import { createKeystore, openKeystore } from '../../src/signer/keys/keystore.ts'
import * as rigs from './rig.ts'
import { ask, authorised, grow, intent, sign, simple, standard } from './rig.ts'

let rig: rigs.Rig
beforeEach(async () => {
  rig = await rigs.createRig()
})
afterEach(() => rigs.discard(rig))

const AMOUNT = 1_000_000n
const one = () => [authorised(intent('w-1', AMOUNT))]

describe('starting', () => {
  test('a second process on the same memory refuses to start', async () => {
    const signer = await rigs.start(rig)
    await expect(rigs.start(rig)).rejects.toMatchObject({ kind: 'locked' })
    await signer.stop()
    await (await rigs.start(rig)).stop()
  })

  test('a wrong passphrase refuses to start, and leaves the memory free', async () => {
    await expect(rigs.start(rig, 'wrong')).rejects.toMatchObject({ kind: 'wrong-passphrase' })
    await (await rigs.start(rig)).stop()
  })

  test('a family that this version cannot sign for is refused, not ignored', () => {
    const text = standard({}).replace('family: bitcoin, network: dogecoin-regtest', 'family: solana, network: devnet')
    const load = () =>
      loadSignerConfig(`keystore: { file: ./keystore.json }\ntokenFile: ./token\n${text}`, rig.directory)
    expect(load).toThrow(/chains\.doge\.family: must be bitcoin, ethereum, nano or ripple/)
    expect(() => signingFamilyOf('doge', { family: 'solana', network: 'devnet', asset: 'SOL' })).toThrow(
      /chains\.doge\.family: this version cannot sign for solana/,
    )
  })

  test('a representative that is no account is refused', async () => {
    const text = standard({}).replace(
      'family: bitcoin, network: dogecoin-regtest',
      'family: nano, network: nano-dev, representative: nobody',
    )
    const config = loadSignerConfig(`keystore: { file: ./keystore.json }\ntokenFile: ./token\n${text}`, rig.directory)
    await expect(rigs.start({ ...rig, config })).rejects.toThrow(/chains\.doge\.representative: nobody/)
  })

  test('a memory that belongs to another phrase refuses to start', async () => {
    const signer = await rigs.start(rig)
    await grow(signer)
    await signer.stop()
    const file = join(rig.directory, 'other.json')
    const { binding } = await openKeystore(rig.ports, rig.config.keystore.file, rigs.PASSPHRASE)
    await createKeystore(rig.ports, file, rigs.PASSPHRASE, binding, { cost: { N: 2, r: 1, p: 1 } })
    const config = { ...rig.config, keystore: { ...rig.config.keystore, file } }
    await expect(rigs.start({ ...rig, config })).rejects.toMatchObject({ type: 'corruptStore' })
    await (await rigs.start(rig)).stop()
  })

  test('a damaged memory refuses to start', async () => {
    const signer = await rigs.start(rig)
    await grow(signer)
    await sign(signer, 't1', 1, simple(), one())
    await sign(signer, 't2', 1, simple(AMOUNT, 2), [authorised(intent('w-2', AMOUNT))])
    await signer.stop()
    const file = join(rig.directory, 'memory', 'journal', '1.jsonl')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('"round":1', '"round":2'))
    await expect(rigs.start(rig)).rejects.toMatchObject({ type: 'corruptStore' })
  })

  test('without authorisation it starts with a loud warning, and signs what it is asked to', async () => {
    const open = await rigs.createRig(standard({ authorisation: '' }))
    const signer = await rigs.start(open)
    expect(open.logs.some(line => line.includes('authorisation is not required') && line.includes('"warn"'))).toBe(true)
    await grow(signer)
    expect((await sign(signer, 't', 1, simple(), [{ ...intent('w-1', AMOUNT) }])).status).toBe(200)
    await signer.stop()
    await rigs.discard(open)
  })

  test('S6: with a crypto backend that gives wrong answers the signer does not start', async () => {
    vi.resetModules()
    vi.doMock('tiny-secp256k1', async original => {
      const real = await original<typeof Secp256k1>()
      return {
        ...real,
        sign: (hash: Uint8Array, key: Uint8Array) =>
          real.sign(
            hash.map(b => b ^ 1),
            key,
          ),
      }
    })
    const starting = import('../../src/signer/main.ts').then(({ main }) => main(rig.ports, rig.config, rigs.PASSPHRASE))
    await expect(starting).rejects.toThrow(/does not give the known answer/)
    vi.doUnmock('tiny-secp256k1')
    vi.resetModules()
  })
})

describe('S5: secrets', () => {
  const privateKeys = [0, 1].map(index => HDKey.fromMasterSeed(rigs.SEED).derive(`m/84'/1'/0'/0/${index}`).privateKey!)
  const root = HDKey.fromMasterSeed(rigs.SEED)
  const entropy = mnemonicToEntropy(rigs.PHRASE, wordlist)
  const spellings = (bytes: Uint8Array) => {
    const buffer = Buffer.from(bytes)
    return [buffer.toString('hex'), buffer.toString('base64'), buffer.toString('base64url'), buffer.join(',')]
  }
  const secrets = [
    'zoo zoo',
    rigs.PASSPHRASE,
    rigs.TOKEN,
    root.privateExtendedKey,
    ...[rigs.SEED, entropy, root.privateKey!, ...privateKeys].flatMap(spellings),
  ]
  const findIn = (text: string) => secrets.filter(secret => text.includes(secret))

  test('S5: the canaries are what the keystore holds', () => {
    expect(entropyToMnemonic(entropy, wordlist)).toBe(rigs.PHRASE)
    expect(findIn(`x ${rigs.PASSPHRASE} y`)).toEqual([rigs.PASSPHRASE])
  })

  test('S5: none appears in any answer, log line, error, metric or file of the memory', async () => {
    const shown: string[] = []
    const show = (value: unknown) => shown.push(JSON.stringify(value))
    const signer = await rigs.start(rig)
    show(await grow(signer))
    show(await sign(signer, 't1', 1, simple(), one()))
    show(await sign(signer, 't1', 1, simple(AMOUNT, 1, 2_000n), one()))
    show(await sign(signer, 't2', 1, simple(AMOUNT, 2, 900_000n), one()))
    show(await sign(signer, 't3', 1, { psbt: rigs.theirs(0) }, []))
    show(await ask(signer, 'PUT', rigs.attemptPath('t4'), { nonsense: true }))
    for (const path of [
      '/v1/identity',
      '/v1/chains/litecoin/addresses',
      '/v1/chains/litecoin/transfers',
      '/v1/withdrawals/w-1',
      '/healthz',
      '/metrics',
      '/nothing',
      '/v1/chains/nowhere/addresses',
      '/v1/chains/litecoin/addresses?from=-1',
      rigs.attemptPath('t1'),
    ])
      show(await ask(signer, 'GET', path))
    show(await ask(signer, 'GET', '/v1/identity', undefined, { authorization: 'Bearer no' }))
    await signer.stop()
    const error: unknown = await rigs.start(rig, `${rigs.PASSPHRASE}x`).catch((thrown: unknown) => thrown)
    shown.push(reasonOf(error), String((error as Error).stack), ...rig.logs, JSON.stringify(signer))
    const memory = join(rig.directory, 'memory')
    for (const entry of await readdir(memory, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) shown.push(await readFile(join(entry.parentPath, entry.name), 'utf8'))
    }
    expect(shown.length).toBeGreaterThan(20)
    expect(shown.flatMap(findIn)).toEqual([])
  })
})

describe('S4, section 7: what the signer is made of', () => {
  const reach = async (file: string, seen: Set<string>): Promise<Set<string>> => {
    if (seen.has(file)) return seen
    seen.add(file)
    const text = await readFile(file, 'utf8')
    for (const [, specifier] of text.matchAll(/^(?!import type)(?:import|export)\b[^;]*?from '([^']+)'/gm)) {
      if (specifier!.startsWith('.')) await reach(join(file, '..', specifier!), seen)
      else seen.add(specifier!)
    }
    return seen
  }

  test('nothing that the signer runs reaches a node, an HTTP client or the watcher', async () => {
    const rootDirectory = join(import.meta.dirname, '..', '..')
    const reached = [...(await reach(join(rootDirectory, 'src/signer/main.ts'), new Set()))].map(file =>
      file.replace(`${rootDirectory}/`, ''),
    )
    expect(reached).toContain('adapters/bitcoin/signable.ts')
    expect(reached).toContain('src/ledger/lowdb/journal.ts')
    const forbidden =
      /(^|\/)(rpc|node|planner|watch|source|mempool|broadcast)\.ts$|^src\/(watcher|shell|devnet|inspector)\/|^(node:)?(http|https|net|tls|dgram|undici|fs)\b|koa/
    expect(reached.filter(file => forbidden.test(file))).toEqual([])
  })
})
