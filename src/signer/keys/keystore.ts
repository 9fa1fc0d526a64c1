/**
 * The one secret at rest: the entropy of a BIP-39 phrase, encrypted with AES-256-GCM under a key that scrypt
 * (RFC 7914) makes of the passphrase. Everything in front of the ciphertext is authenticated with it: scrypt's cost cannot
 * be lowered unnoticed, nor another memory be put in the place of the signer's own (binding.ts). An unkeyed checksum tells
 * damage from a wrong passphrase.
 */
import { createCipheriv, createDecipheriv, createHash, pbkdf2Sync } from 'node:crypto'
import { posix } from 'node:path'
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { z } from 'zod'
import { boundary, corruptStore } from '../../kernel/fault.ts'
import type { Derive, Disk, Random } from '../../kernel/ports.ts'
import { canonicalJson } from '../../canonical.ts'
import { readWhole } from '../../file.ts'
import { bindingFields, bindingOf, fieldsOf, type MemoryBinding } from './binding.ts'

/** 24 words. */
const ENTROPY_BYTES = 32
const KEY_BYTES = 32
const SALT_BYTES = 32
const SEED_BYTES = 64
/** NIST SP 800-38D: 96 bits. The key is fresh with every file, so a random nonce cannot repeat under it. */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const MAXIMUM_FILE_BYTES = 64 * 1024
const MAXIMUM_N = 2 ** 20
/** Characters. */
const MINIMUM_PASSPHRASE = 12

/** Of scrypt, RFC 7914: it takes 128 · N · r bytes of memory, and time in proportion to N · r · p. */
export interface Cost {
  N: number
  r: number
  p: number
}

/** About 128 MiB and a few hundred milliseconds. */
const DEFAULT_COST: Cost = { N: 2 ** 17, r: 8, p: 1 }

/** What making a keystore needs of the machine; opening one needs no randomness. */
export interface KeystorePorts {
  disk: Disk
  derive: Derive
  random: Random
}

const isPowerOfTwo = (n: number): boolean => n > 1 && (n & (n - 1)) === 0

const headerSchema = z.strictObject({
  version: z.literal(2),
  kdf: z.literal('scrypt'),
  N: z.int().max(MAXIMUM_N).refine(isPowerOfTwo),
  r: z.int().min(1).max(32),
  p: z.int().min(1).max(16),
  salt: z.base64(),
  cipher: z.literal('aes-256-gcm'),
  nonce: z.base64(),
  ...bindingFields,
})
const fileSchema = headerSchema.extend({ ciphertext: z.base64(), tag: z.base64(), checksum: z.string() })
type Header = z.infer<typeof headerSchema>

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const plain = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
type Flat = Parameters<typeof canonicalJson>[0]
const checksumOf = (fields: Flat): string => createHash('sha256').update(canonicalJson(fields)).digest('hex')

/** NFKD as BIP-39 does, so that two keyboards type the same passphrase. The answer is the caller's to overwrite. */
async function keyOf(derive: Derive, passphrase: string, header: Header): Promise<Uint8Array> {
  const password = new TextEncoder().encode(passphrase.normalize('NFKD'))
  const { N, r, p } = header
  try {
    return await derive(password, plain(header.salt), { N, r, p }, KEY_BYTES)
  } finally {
    password.fill(0)
  }
}

function encrypt(key: Uint8Array, header: Header, entropy: Uint8Array): Flat {
  const cipher = createCipheriv('aes-256-gcm', key, plain(header.nonce), { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(canonicalJson(header)))
  const ciphertext = Buffer.concat([cipher.update(entropy), cipher.final()])
  const fields = { ...header, ciphertext: base64(ciphertext), tag: base64(cipher.getAuthTag()) }
  return { ...fields, checksum: checksumOf(fields) }
}

function decrypt(key: Uint8Array, header: Header, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array {
  const cipher = createDecipheriv('aes-256-gcm', key, plain(header.nonce), { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(canonicalJson(header)))
  cipher.setAuthTag(tag)
  return new Uint8Array(Buffer.concat([cipher.update(ciphertext), cipher.final()]))
}

/** The words never appear in the message: a mistyped phrase is still nearly the phrase. */
function entropyOf(phrase: string): Uint8Array {
  const words = phrase.normalize('NFKD').trim().toLowerCase().split(/\s+/)
  if (words.length !== 24) throw boundary('bad-phrase', `a recovery phrase has 24 words, this one has ${words.length}`)
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch {
    throw boundary('bad-phrase', 'the recovery phrase is not valid: a word is misspelt, or its checksum is wrong')
  }
}

/** Written beside, synced and renamed: a crash leaves what was there (no keystore, the old one) or the new one, whole. */
async function writeWhole(disk: Disk, path: string, text: string): Promise<void> {
  const directory = posix.dirname(path)
  await disk.makeDirectory(directory)
  const beside = `${path}.tmp`
  const file = await disk.open(beside, { create: true })
  await file.truncate(0)
  await file.append(new TextEncoder().encode(text))
  await file.sync()
  await file.close()
  await disk.rename(beside, path)
  await disk.syncDirectory(directory)
}

/** What an opened keystore holds. The seed is the caller's to overwrite. */
export interface OpenedKeystore {
  /** The 64-byte BIP-39 seed, without a BIP-39 passphrase. */
  seed: Uint8Array
  binding: MemoryBinding
}

/**
 * Makes a keystore from fresh entropy, or from `phrase`, for the memory that `binding` names, and answers the phrase, to be
 * shown once, and the seed. Refuses with a boundary fault: `keystore-exists`, `short-passphrase`, `bad-phrase`.
 */
export async function createKeystore(
  ports: KeystorePorts,
  path: string,
  passphrase: string,
  binding: MemoryBinding,
  options: { phrase?: string; cost?: Cost } = {},
): Promise<{ phrase: string; seed: Uint8Array }> {
  refuseShort(passphrase)
  if (await ports.disk.exists(path)) throw boundary('keystore-exists', `${path} exists and is never overwritten`)
  const entropy = options.phrase === undefined ? ports.random.bytes(ENTROPY_BYTES) : entropyOf(options.phrase)
  try {
    await seal(ports, path, passphrase, { entropy, binding }, options.cost ?? DEFAULT_COST)
    const phrase = entropyToMnemonic(entropy, wordlist)
    return { phrase, seed: seedOf(phrase) }
  } finally {
    entropy.fill(0)
  }
}

interface Secret {
  entropy: Uint8Array
  binding: MemoryBinding
}

/** Guessing is what scrypt makes slow, and only a passphrase of some length makes hopeless. Keystores of before still open. */
function refuseShort(passphrase: string): void {
  const { length } = Array.from(passphrase.normalize('NFC'))
  if (length >= MINIMUM_PASSPHRASE) return
  throw boundary(
    'short-passphrase',
    `a passphrase has at least ${MINIMUM_PASSPHRASE} characters, this one has ${length}`,
  )
}

/** Encrypts under a fresh salt and a fresh nonce, and writes the file. */
async function seal(
  { disk, derive, random }: KeystorePorts,
  path: string,
  passphrase: string,
  { entropy, binding }: Secret,
  cost: Cost,
): Promise<void> {
  const salt = base64(random.bytes(SALT_BYTES))
  const nonce = base64(random.bytes(NONCE_BYTES))
  const kept = fieldsOf(binding)
  const header: Header = { version: 2, kdf: 'scrypt', ...cost, salt, cipher: 'aes-256-gcm', nonce, ...kept }
  const key = await keyOf(derive, passphrase, header)
  try {
    await writeWhole(disk, path, `${JSON.stringify(encrypt(key, header, entropy), null, 2)}\n`)
  } finally {
    key.fill(0)
  }
}

const NAMES_NO_MEMORY =
  'a keystore of version 1 does not say which memory is its own: restore its phrase in a new directory ' +
  '(lockkeeper init --phrase-file), and import what the version that made it has exported'

function parse(path: string, text: string): Omit<z.infer<typeof fileSchema>, 'checksum'> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw corruptStore(`${path} is not JSON: the keystore is damaged; restore it from a backup or from the phrase`)
  }
  const parsed = fileSchema.safeParse(json)
  if (!parsed.success) {
    if ((json as { version?: unknown } | null)?.version === 1) throw corruptStore(`${path}: ${NAMES_NO_MEMORY}`)
    const at = parsed.error.issues[0]!.path.join('.')
    throw corruptStore(`${path} is not a keystore that this version understands (at ${at === '' ? 'its top' : at})`)
  }
  const { checksum, ...fields } = parsed.data
  if (checksumOf(fields) !== checksum) throw corruptStore(`${path} was changed or damaged: its checksum is wrong`)
  return fields
}

/** The caller overwrites the entropy. Throws as openKeystore does. */
async function openSecret(
  ports: Pick<KeystorePorts, 'disk' | 'derive'>,
  path: string,
  passphrase: string,
): Promise<Secret> {
  if (!(await ports.disk.exists(path))) throw boundary('no-keystore', `there is no keystore at ${path}`)
  const bytes = await readWhole(ports.disk, path, MAXIMUM_FILE_BYTES)
  const { ciphertext, tag, ...header } = parse(path, new TextDecoder().decode(bytes))
  const key = await keyOf(ports.derive, passphrase, header)
  try {
    return { entropy: decrypt(key, header, plain(ciphertext), plain(tag)), binding: bindingOf(header) }
  } catch {
    throw boundary('wrong-passphrase', `the passphrase does not open ${path}, or somebody has altered the file`)
  } finally {
    key.fill(0)
  }
}

/**
 * What the keystore holds. Throws `no-keystore` or `wrong-passphrase` (boundary), or a corrupt-store fault when the file was
 * changed or damaged. Nothing secret is in any message.
 */
export async function openKeystore(
  ports: Pick<KeystorePorts, 'disk' | 'derive'>,
  path: string,
  passphrase: string,
): Promise<OpenedKeystore> {
  const { entropy, binding } = await openSecret(ports, path, passphrase)
  const seed = seedOf(entropyToMnemonic(entropy, wordlist))
  entropy.fill(0)
  return { seed, binding }
}

/** BIP-39 with an empty passphrase: PBKDF2 with SHA-512 over the words, 2048 rounds; in JavaScript a tenth of a second. */
function seedOf(words: string): Uint8Array {
  const password = Buffer.from(words.normalize('NFKD'))
  const seed = pbkdf2Sync(password, 'mnemonic', 2048, SEED_BYTES, 'sha512')
  password.fill(0)
  return new Uint8Array(seed.buffer, seed.byteOffset, seed.length)
}

/**
 * The same phrase under another passphrase: a new file takes the place of the old one, which a crash leaves whole. Copies of
 * the old file still open with the old passphrase. Throws as openKeystore does, and `short-passphrase`.
 */
export async function changePassphrase(
  ports: KeystorePorts,
  path: string,
  passphrases: { old: string; new: string },
  cost = DEFAULT_COST,
): Promise<void> {
  refuseShort(passphrases.new)
  const secret = await openSecret(ports, path, passphrases.old)
  try {
    await seal(ports, path, passphrases.new, secret, cost)
  } finally {
    secret.entropy.fill(0)
  }
}

/** The same phrase and passphrase, for this memory. Throws as openKeystore does. */
export async function bindKeystore(
  ports: KeystorePorts,
  path: string,
  passphrase: string,
  binding: MemoryBinding,
  cost = DEFAULT_COST,
): Promise<void> {
  const { entropy } = await openSecret(ports, path, passphrase)
  try {
    await seal(ports, path, passphrase, { entropy, binding }, cost)
  } finally {
    entropy.fill(0)
  }
}

/**
 * Which memory the keystore names, for whoever has no passphrase: not authenticated, good for noticing and not for
 * deciding. Throws as openKeystore does for a file that is none.
 */
export async function namedMemory(disk: Disk, path: string): Promise<string> {
  if (!(await disk.exists(path))) throw boundary('no-keystore', `there is no keystore at ${path}`)
  return parse(path, new TextDecoder().decode(await readWhole(disk, path, MAXIMUM_FILE_BYTES))).ledgerId
}
