/** A signer as it runs, on a directory of its own, and a backend and a watcher that ask it for things. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transaction } from 'bitcoinjs-lib'
import type { Deriver, Signable } from '../../adapters/adapter.ts'
import { scriptOf } from '../../adapters/bitcoin/address.ts'
import { createDeriver } from '../../adapters/bitcoin/deriver.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { createSignable } from '../../adapters/bitcoin/signable.ts'
import { writeTemplate } from '../../adapters/bitcoin/template.ts'
import type { Disk, LogLevel, Ports } from '../../src/kernel/ports.ts'
import { mnemonicToEntropy, mnemonicToSeedSync } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import type { AuthorisedIntent, Intent, Json } from '../../machines/vocabulary.ts'
import { intentBytes, publicKeyOf, signBytes } from '../../src/canonical.ts'
import { loadSignerConfig, type SignerConfig } from '../../src/config.ts'
import { createDisk } from '../../src/shell/disk.ts'
import { createClock, derive } from '../../src/shell/ports.ts'
import { identityOf } from '../../src/signer/keys/identity.ts'
import { establishSigner } from '../../src/signer/offline/establish.ts'
import type { Premises } from '../../src/signer/offline/recorded.ts'
import { main, type Signer } from '../../src/signer/main.ts'

export type { Signer } from '../../src/signer/main.ts'
export const PHRASE = `${'zoo '.repeat(23)}vote`
export const PASSPHRASE = 'canary-passphrase-7f3a'
export const TOKEN = 'canary-token-0123456789'
export const BACKEND = new Uint8Array(32).fill(3)
export const SECOND_BACKEND = new Uint8Array(32).fill(4)
export const STRANGER = new Uint8Array(32).fill(5)
export const NETWORK = networkOf('litecoin-regtest')
export const SEED = mnemonicToSeedSync(PHRASE)
/** What intents for this signer name. */
export const WALLET = identityOf(SEED).key
export const FUNDS = 10_000_000n

export const COST = { N: 2 ** 10, r: 8, p: 1 }
export interface Rig {
  directory: string
  config: SignerConfig
  ports: Ports
  logs: string[]
  aborts: string[]
  now: { ms: number }
}

/** A directory with a keystore, a token and a configuration. */
export const createRig = async (yaml = ''): Promise<Rig> =>
  furnish(assemble(await mkdtemp(join(tmpdir(), 'signer-')), createDisk(), yaml))

/** The same on a disk that a test can crash. */
export const createRigOn = (disk: Disk, yaml = ''): Promise<Rig> => furnish(assemble('/signer', disk, yaml))

/** Another machine, restored from the same phrase; these backend keys have authorised nothing before. */
export const restoreRigOn = (disk: Disk, newKeys: readonly Uint8Array[]): Promise<Rig> =>
  furnish(assemble('/signer', disk, '', 'restored'), { phrase: PHRASE, newKeys: newKeys.map(publicKeyOf) })

/** The same machine after a crash: what is on this disk is all there is. */
export const reboot = (disk: Disk, yaml = ''): Rig => assemble('/signer', disk, yaml)

function assemble(directory: string, disk: Disk, yaml: string, salt = ''): Rig {
  const logs: string[] = []
  const aborts: string[] = []
  const now = { ms: Date.parse('2026-01-01T00:00:00Z') }
  let drawn = 0
  const draw = (length: number) => {
    drawn++
    return new Uint8Array(
      createHash('shake256', { outputLength: length }).update(`${salt}${directory}${drawn}`).digest(),
    )
  }
  const ports: Ports = {
    clock: { ...createClock(), now: () => now.ms },
    random: { bytes: draw },
    disk,
    request: () => Promise.reject(new Error('the signer opens no connection')),
    derive,
    work: () => Promise.reject(new Error('the signer does no work')),
    log: (level: LogLevel, message, fields) => logs.push(JSON.stringify({ level, message, ...fields })),
    abort: reason => aborts.push(reason),
  }
  return { directory, config: loadSignerConfig(configText(yaml), directory), ports, logs, aborts, now }
}

async function furnish(rig: Rig, restored?: { phrase: string; newKeys: string[] }): Promise<Rig> {
  const { disk } = rig.ports
  const ports = restored === undefined ? chancing(rig.ports) : rig.ports
  const establishing = { passphrase: PASSPHRASE, by: 'a test', cost: COST, ...(restored ?? { newKeys: [] }) }
  await establishSigner(ports, premisesOf(rig), establishing)
  const token = await disk.open(join(rig.directory, 'token'), { create: true })
  await token.append(new TextEncoder().encode(`${TOKEN}\nread:${TOKEN}-reader\n`))
  await token.sync()
  await token.close()
  await disk.syncDirectory(rig.directory)
  return rig
}

/** Paths of keystore and memory. */
export const premisesOf = ({ config }: Rig): Premises => ({
  keystore: config.keystore.file,
  directory: config.dataDirectory,
})

/** By chance the entropy of a new signer is that of our phrase: it is new, and the tests know its keys. */
function chancing(ports: Ports): Ports {
  let isDrawn = false
  const bytes = (length: number) => {
    if (length !== 32 || isDrawn) return ports.random.bytes(length)
    isDrawn = true
    return mnemonicToEntropy(PHRASE, wordlist)
  }
  return { ...ports, random: { bytes } }
}

export const configText = (yaml: string): string => `
dataDirectory: ./memory
tokenFile: ./token
keystore: { file: ./keystore.json, passphraseEnv: UNUSED }
${yaml === '' ? standard({}) : yaml}
`

export function standard(options: { authorisation?: string; policy?: string }): string {
  const keys = `authorisation: { required: true, keys: ["${publicKeyOf(BACKEND)}", "${publicKeyOf(SECOND_BACKEND)}"], approvals: 1 }`
  const policy = options.policy ?? 'maximumFeeRate: 100, maximumFee: "100000"'
  return `${options.authorisation ?? keys}
chains:
  litecoin: { family: bitcoin, network: litecoin-regtest, asset: LTC, policy: { ${policy} } }
  doge: { family: bitcoin, network: dogecoin-regtest, asset: DOGE }
`
}

export const start = (rig: Rig, passphrase = PASSPHRASE): Promise<Signer> => main(rig.ports, rig.config, passphrase)
export const discard = (rig: Rig): Promise<void> => rm(rig.directory, { recursive: true, force: true })

export interface Answer {
  status: number
  headers: Record<string, string>
  body: Record<string, unknown>
}

/** One request, as JSON would carry it. */
export async function ask(
  signer: Signer,
  method: 'GET' | 'PUT',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const [plain = path, search = ''] = path.split('?')
  const bytes = body === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(body))
  const query = Object.fromEntries(new URLSearchParams(search))
  const sent = { authorization: `Bearer ${TOKEN}`, ...headers }
  const answer = await signer.handle({ method, path: plain, query, headers: sent, body: bytes })
  const shown = typeof answer.body === 'string' ? answer.body : (JSON.parse(JSON.stringify(answer.body)) as unknown)
  return { status: answer.status, headers: answer.headers ?? {}, body: shown as Record<string, unknown> }
}

export const grow = (signer: Signer, size = 5, chain = 'litecoin'): Promise<Answer> =>
  ask(signer, 'PUT', `/v1/chains/${chain}/address-pool`, { size })

const deriver: Deriver = createDeriver(NETWORK)
export const signable: Signable = createSignable('litecoin', 'LTC', NETWORK)
export const ours = (index: number) => deriver.derive(SEED, index)
/** One object: what follows from a seed is kept by it, and making it anew costs milliseconds. */
const FOREIGN_SEED = new Uint8Array(64).fill(1)
/** Somebody else's address. */
export const foreign = (index: number) => deriver.derive(FOREIGN_SEED, index)
export const theirs = (index: number): string => foreign(index).address

export interface Coin {
  txid: string
  vout: number
  raw: string
  publicKey: string
}

/** A previous transaction that pays one of our addresses; `salt` makes it another coin. */
export function coin(index: number, salt: number, amount = FUNDS, owner = ours(index)): Coin {
  const transaction = new Transaction()
  transaction.version = 2
  transaction.addInput(new Uint8Array(32).fill(salt), salt)
  transaction.addOutput(scriptOf(owner.address, NETWORK), amount)
  return { txid: transaction.getId(), vout: 0, raw: transaction.toHex(), publicKey: owner.publicKey }
}

export const pay = (coins: readonly Coin[], outputs: readonly (readonly [string, bigint])[]): Json =>
  writeTemplate(
    coins,
    outputs.map(([to, amountSat]) => ({ script: scriptOf(to, NETWORK), amountSat })),
    NETWORK,
  )

export function intent(id: string, amount: bigint, changes: Partial<Intent> = {}): Intent {
  const base = { id, chain: 'litecoin', asset: 'LTC', to: theirs(0), dataField: null, amount: String(amount) }
  return { ...base, expiresAt: null, round: 1, memory: null, ...changes }
}

export const authorised = (plain: Intent, ...keys: Uint8Array[]): AuthorisedIntent => ({
  ...plain,
  authorisations: (keys.length === 0 ? [BACKEND] : keys).map(key => signBytes(key, intentBytes(plain, WALLET))),
})

export const transferOf = (name: string): string => createHash('sha256').update(name).digest('hex')
export const attemptPath = (name: string, n = 1, chain = 'litecoin'): string =>
  `/v1/chains/${chain}/transfers/${transferOf(name)}/attempts/${n}`

export const sign = (signer: Signer, name: string, n: number, template: Json, intents: unknown[]): Promise<Answer> =>
  ask(signer, 'PUT', attemptPath(name, n), { template, intents })

/** A payment of `amount` with change and a small fee. */
export const simple = (amount = 1_000_000n, salt = 1, fee = 1_000n, to = theirs(0)): Json =>
  pay(
    [coin(1, salt)],
    [
      [to, amount],
      [ours(0).address, FUNDS - amount - fee],
    ],
  )

export const reasonKinds = (answer: Answer): string[] =>
  (answer.body.reasons as { kind: string }[]).map(({ kind }) => kind)
