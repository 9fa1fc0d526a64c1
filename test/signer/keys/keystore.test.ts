import { mnemonicToSeedSync, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDisk } from '../../../src/shell/disk.ts'
import { derive } from '../../../src/shell/ports.ts'
import { simulatedDisk } from '../../simulation/disk.ts'
import { bindingOf, fieldsOf, refuseOldKeys, type MemoryBinding } from '../../../src/signer/keys/binding.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import {
  bindKeystore,
  changePassphrase,
  createKeystore,
  namedMemory,
  openKeystore,
} from '../../../src/signer/keys/keystore.ts'

/** The real scrypt at a cost that tests can pay. */
const cost = { N: 2 ** 10, r: 8, p: 1 }
const passphrase = 'correct horse Ä battery'
const binding: MemoryBinding = {
  ...{ ledgerId: 'a'.repeat(32), began: 'begun', generation: 3 },
  guard: { newKeys: ['k1'], known: { sequence: 5, hash: 'c'.repeat(64) } },
}
const ports = { disk: createDisk(), derive, random: { bytes: (length: number) => new Uint8Array(randomBytes(length)) } }

let directory = ''
let path = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystore-'))
  path = join(directory, 'deep', 'keystore.json')
})
afterEach(async () => rm(directory, { recursive: true }))

describe('a keystore', () => {
  test('gives the seed of the phrase that was shown', async () => {
    const { phrase } = await createKeystore(ports, path, passphrase, binding, { cost })
    expect(phrase.split(' ')).toHaveLength(24)
    expect(validateMnemonic(phrase, wordlist)).toBe(true)
    expect((await openKeystore(ports, path, passphrase)).seed).toEqual(mnemonicToSeedSync(phrase))
  })

  test('is scrypt with N = 2^17, r = 8, p = 1 and AES-256-GCM unless a test says otherwise', async () => {
    await createKeystore(ports, path, passphrase, binding)
    const file = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    expect(file).toMatchObject({ version: 2, kdf: 'scrypt', N: 131072, r: 8, p: 1, cipher: 'aes-256-gcm' })
  })

  test('is not overwritten, not even with the same passphrase', async () => {
    const { phrase } = await createKeystore(ports, path, passphrase, binding, { cost })
    await expect(createKeystore(ports, path, passphrase, binding, { cost, phrase })).rejects.toThrow(
      /never overwritten/,
    )
    expect((await openKeystore(ports, path, passphrase)).seed).toEqual(mnemonicToSeedSync(phrase))
    expect(await readdir(join(directory, 'deep'))).toEqual(['keystore.json'])
  })

  test('is restored from the phrase, whatever its spacing, with the same identity key', async () => {
    const { phrase } = await createKeystore(ports, path, passphrase, binding, { cost })
    const second = join(directory, 'second.json')
    await createKeystore(ports, second, 'quite another', binding, {
      cost,
      phrase: `  ${phrase.toUpperCase().replaceAll(' ', '\n')}\n`,
    })
    const opened = [await openKeystore(ports, path, passphrase), await openKeystore(ports, second, 'quite another')]
    const seeds = opened.map(({ seed }) => seed)
    expect(seeds[1]).toEqual(seeds[0])
    expect(identityOf(seeds[1]!).key).toBe(identityOf(seeds[0]!).key)
  })

  test('refuses a phrase with a wrong checksum or of another length, without repeating it', async () => {
    const wrong = `${'abandon '.repeat(23)}abandon`
    for (const phrase of [wrong, `${'abandon '.repeat(11)}about`, wrong.replace('abandon', 'abandom')]) {
      const attempt = createKeystore(ports, path, passphrase, binding, { cost, phrase })
      await expect(attempt).rejects.toMatchObject({ type: 'boundary', kind: 'bad-phrase' })
      await expect(attempt).rejects.not.toThrow(/aband/)
    }
  })

  test('refuses a passphrase under 12 characters', async () => {
    for (const short of ['', 'eleven char', 'éééééé'.normalize('NFC')])
      await expect(createKeystore(ports, path, short, binding, { cost })).rejects.toMatchObject({
        kind: 'short-passphrase',
      })
  })

  test('the phrase, its entropy and the passphrase are not in the file', async () => {
    const { phrase } = await createKeystore(ports, path, passphrase, binding, { cost })
    const text = await readFile(path, 'utf8')
    for (const word of [phrase, passphrase, Buffer.from(mnemonicToSeedSync(phrase)).toString('base64')]) {
      expect(text).not.toContain(word)
    }
  })

  test('every file has its own salt and nonce', async () => {
    const second = join(directory, 'second.json')
    const { phrase } = await createKeystore(ports, path, passphrase, binding, { cost })
    await createKeystore(ports, second, passphrase, binding, { cost, phrase })
    const [a, b] = [await readFile(path, 'utf8'), await readFile(second, 'utf8')].map(
      text => JSON.parse(text) as Record<string, unknown>,
    )
    for (const field of ['salt', 'nonce', 'ciphertext']) expect(a![field]).not.toBe(b![field])
  })
})

describe('opening a keystore', () => {
  test('a missing file and a wrong passphrase are told apart', async () => {
    await expect(openKeystore(ports, path, passphrase)).rejects.toMatchObject({ kind: 'no-keystore' })
    await createKeystore(ports, path, passphrase, binding, { cost })
    const attempt = openKeystore(ports, path, 'wrong guess')
    await expect(attempt).rejects.toMatchObject({ type: 'boundary', kind: 'wrong-passphrase' })
    await expect(attempt).rejects.not.toThrow(/wrong guess/)
  })

  test('a file that was changed anywhere is refused before the passphrase is judged', async () => {
    await createKeystore(ports, path, passphrase, binding, { cost })
    const text = await readFile(path, 'utf8')
    for (let at = 0; at < text.length; at++) {
      if (/\s/.test(text[at]!)) continue
      await writeFile(path, `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`)
      await expect(openKeystore(ports, path, passphrase)).rejects.toMatchObject({ type: 'corruptStore' })
    }
  })

  test('a cheaper scrypt, another memory or a wider guard under a mended checksum still does not open', async () => {
    const { createHash } = await import('node:crypto')
    const { canonicalJson } = await import('../../../src/canonical.ts')
    await createKeystore(ports, path, passphrase, binding, { cost })
    const { checksum, ...fields } = JSON.parse(await readFile(path, 'utf8')) as Parameters<typeof canonicalJson>[0]
    for (const change of [
      { N: 2 },
      { ledgerId: 'b'.repeat(32) },
      { generation: 2 },
      { newKeys: null },
      { newKeys: ['k1', 'k2'] },
      { knownSequence: 6 },
      { nonce: String(fields.salt).slice(0, 16) },
      { tag: 'AAAAAAAAAAAAAAAAAAAAAA==' },
    ]) {
      const altered = { ...fields, ...change }
      expect(altered).not.toEqual(fields)
      const mended = createHash('sha256').update(canonicalJson(altered)).digest('hex')
      expect(mended).not.toBe(checksum)
      await writeFile(path, JSON.stringify({ ...altered, checksum: mended }))
      await expect(openKeystore(ports, path, passphrase)).rejects.toMatchObject({ kind: 'wrong-passphrase' })
    }
  })

  test('an unknown version, a truncated file and scrypt beyond its bound are refused', async () => {
    await createKeystore(ports, path, passphrase, binding, { cost })
    const text = await readFile(path, 'utf8')
    for (const bad of [
      '',
      '{}',
      text.slice(0, 80),
      text.replace('"version": 2', '"version": 3'),
      text.replace('1024', '1073741824'),
    ]) {
      await writeFile(path, bad)
      await expect(openKeystore(ports, path, passphrase)).rejects.toMatchObject({ type: 'corruptStore' })
    }
  })
})

describe('the memory that belongs to it', () => {
  const whole: MemoryBinding = { ledgerId: 'd'.repeat(32), began: 'made', generation: 1, guard: null }

  test('is what was written, guarded or not, and known without the passphrase', async () => {
    const { phrase } = await createKeystore(ports, path, passphrase, binding, { cost })
    expect((await openKeystore(ports, path, passphrase)).binding).toEqual(binding)
    expect(await namedMemory(ports.disk, path)).toBe(binding.ledgerId)
    await bindKeystore(ports, path, passphrase, whole, cost)
    expect(await openKeystore(ports, path, passphrase)).toEqual({ seed: mnemonicToSeedSync(phrase), binding: whole })
    expect(await namedMemory(ports.disk, path)).toBe(whole.ledgerId)
    for (const each of [binding, whole]) expect(bindingOf(fieldsOf(each))).toEqual(each)
  })

  test('is not changed without the passphrase', async () => {
    await createKeystore(ports, path, passphrase, binding, { cost })
    await expect(bindKeystore(ports, path, 'wrong', whole, cost)).rejects.toMatchObject({ kind: 'wrong-passphrase' })
    expect((await openKeystore(ports, path, passphrase)).binding).toEqual(binding)
  })

  test('S3: its guard names the first backend key that has perhaps authorised something before', () => {
    expect(() => refuseOldKeys(binding, ['k1', 'k2'])).toThrow(
      /^authorisation\.keys\.1: a part of the memory may be missing/,
    )
    expect(() => refuseOldKeys({ ...binding, began: 'restored' }, ['k2'])).toThrow(/restored from its phrase/)
    refuseOldKeys(binding, ['k1'])
    refuseOldKeys(whole, ['k1', 'k2'])
  })

  test('a keystore of before, which names none, says what to do', async () => {
    await createKeystore(ports, path, passphrase, whole, { cost })
    const { ledgerId: _, ...old } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await writeFile(path, JSON.stringify({ ...old, version: 1 }))
    await expect(openKeystore(ports, path, passphrase)).rejects.toThrow(/does not say which memory.*--phrase-file/)
  })
})

describe('changing the passphrase', () => {
  const another = 'quite another passphrase'

  test('the new one opens the same seed, the old one nothing, under a fresh salt and nonce', async () => {
    const { phrase } = await createKeystore(ports, path, passphrase, binding, { cost })
    const before = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await changePassphrase(ports, path, { old: passphrase, new: another }, cost)
    expect(await openKeystore(ports, path, another)).toEqual({ seed: mnemonicToSeedSync(phrase), binding })
    await expect(openKeystore(ports, path, passphrase)).rejects.toMatchObject({ kind: 'wrong-passphrase' })
    const after = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    for (const field of ['salt', 'nonce', 'ciphertext']) expect(after[field]).not.toBe(before[field])
    expect(await readdir(join(directory, 'deep'))).toEqual(['keystore.json'])
  })

  test('a wrong old one, an empty new one and a damaged file change nothing', async () => {
    await createKeystore(ports, path, passphrase, binding, { cost })
    const before = await readFile(path, 'utf8')
    const change = (old: string, next: string) => changePassphrase(ports, path, { old, new: next }, cost)
    await expect(change('wrong', another)).rejects.toMatchObject({ kind: 'wrong-passphrase' })
    await expect(change(passphrase, 'eleven char')).rejects.toMatchObject({ kind: 'short-passphrase' })
    expect(await readFile(path, 'utf8')).toBe(before)
  })

  test('a power cut at any call leaves the old file or the new one, whole', async () => {
    const kept = new Set<string>()
    for (let at = 1; at <= 20; at++) {
      let left = Infinity
      let cut: () => void = () => undefined
      const isCut = new Promise<void>(resolve => (cut = resolve))
      const settle = async () => {
        if (--left > 0) return
        cut()
        await new Promise<never>(() => undefined)
      }
      const disk = simulatedDisk({ seed: at, settle })
      const { phrase } = await createKeystore({ ...ports, disk }, '/k/keystore.json', passphrase, binding, { cost })
      left = at
      const changing = changePassphrase({ ...ports, disk }, '/k/keystore.json', { old: passphrase, new: another }, cost)
      await Promise.race([changing, isCut])
      const after = disk.crash({ seed: at, settle: () => Promise.resolve() })
      const opens = async (word: string) =>
        openKeystore({ ...ports, disk: after }, '/k/keystore.json', word).catch(() => null)
      const [old, fresh] = [await opens(passphrase), await opens(another)]
      expect((old ?? fresh)!.seed).toEqual(mnemonicToSeedSync(phrase))
      kept.add(old === null ? 'new' : 'old')
    }
    expect([...kept].sort()).toEqual(['new', 'old'])
  })
})
