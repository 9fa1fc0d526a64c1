/** `lockkeeper init`: everything that a first start needs, in one new directory. */
import { join } from 'node:path'
import { boundary } from '../kernel/fault.ts'
import type { Random } from '../kernel/ports.ts'
import { base64Of, keyFrom, publicKeyOf } from '../canonical.ts'
import { isTaken, makeSecretDirectory, readText, writeSecret } from '../shell/files.ts'
import { whoAsks } from '../shell/offline.ts'
import { createPorts } from '../shell/ports.ts'
import { choosePassphrase } from '../shell/terminal.ts'
import { establishSigner } from '../signer/offline/establish.ts'
import type { OfflinePorts } from '../signer/offline/recorded.ts'
import type { Command } from './command-line.ts'
import { HELP_GROUPS } from './help.ts'
import { SIGNER_YAML, WATCHER_YAML } from './templates.ts'
import type { Terminal } from './terminal.ts'

const TOKEN_BYTES = 32
const KEY_BYTES = 32
const KEYSTORE = 'data/signer/keystore.json'
/** The identity key: what the backend's intents name. */
const WALLET = 'secrets/wallet.pub'
const PASSPHRASE_VARIABLE = 'LOCKKEEPER_PASSPHRASE'

/** For whom: `both` daemons, or the `signer` alone on its machine. */
export type Part = 'both' | 'signer'

const WHAT: Record<Part, string> = {
  both: 'makes configuration, secrets and the keystore in a new directory',
  signer: "makes the signer's configuration, its token and the keystore in a new directory",
}

export interface InitOptions {
  directory: string
  passphrase: string
  /** Restores this recovery phrase instead of making one. */
  phrase?: string
  /** The backend's public key, base64. Without it a pair is made, and its secret half has to be carried to the backend. */
  backendKey?: string
}

export function addInit(program: Command, terminal: Terminal, part: Part): void {
  program
    .command('init')
    .helpGroup(HELP_GROUPS.setUp)
    .description(WHAT[part])
    .requiredOption('--directory <directory>', 'where to write them')
    .option('--phrase-file <file>', 'restores the recovery phrase in this file')
    .option('--backend-key <key>', "the backend's public key, base64; without it a pair is made here")
    .note(`The passphrase comes from ${PASSPHRASE_VARIABLE}, else it is asked for.`)
    .action(async (options: { directory: string; phraseFile?: string; backendKey?: string }) => {
      const { directory, phraseFile, backendKey } = options
      const phrase = phraseFile === undefined ? {} : { phrase: words(await readText(phraseFile)) }
      const given = backendKey === undefined ? {} : { backendKey }
      const passphrase = await choosePassphrase(PASSPHRASE_VARIABLE)
      await initialise(createPorts('error'), { directory, passphrase, ...phrase, ...given }, terminal, part)
    })
}

const words = (text: string) => text.trim().split(/\s+/).join(' ')

/** @throws boundary `exists` before anything is written when one of its files is there; `bad-key` */
export async function initialise(
  ports: OfflinePorts,
  options: InitOptions,
  terminal: Terminal,
  part: Part = 'both',
): Promise<void> {
  const at = (name: string) => join(options.directory, name)
  const { files, newKeys } = newFiles(ports.random, options, part)
  for (const name of [...Object.keys(files), KEYSTORE, WALLET]) {
    if (await isTaken(at(name))) throw boundary('exists', `${at(name)} exists; init never overwrites`)
  }
  const data = part === 'both' ? ['data/signer', 'data/watcher'] : ['data/signer']
  for (const directory of ['secrets', 'data', ...data]) await makeSecretDirectory(at(directory))
  const given = options.phrase === undefined ? {} : { phrase: options.phrase }
  const establishing = { passphrase: options.passphrase, newKeys, by: await whoAsks(), ...given }
  const premises = { keystore: at(KEYSTORE), directory: at('data/signer') }
  const { phrase, identity } = await establishSigner(ports, premises, establishing)
  await writeSecret(at(WALLET), `${identity.key}\n`)
  for (const [name, text] of Object.entries(files)) await writeSecret(at(name), text)
  report(options, phrase, terminal, part)
}

/** `newKeys`: what has authorised nothing before, because it was made here and now. */
function newFiles(
  random: Random,
  { backendKey }: InitOptions,
  part: Part,
): { files: Record<string, string>; newKeys: string[] } {
  const token = () => `${Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url')}\n`
  const backend = backendFiles(random, backendKey)
  const ofBoth = { 'watcher.yaml': WATCHER_YAML, 'secrets/api-token': token() }
  const files = {
    ...(part === 'both' ? ofBoth : {}),
    'signer.yaml': SIGNER_YAML.replace('BACKEND_KEY', backend.key),
    'secrets/signer-token': token(),
    ...backend.files,
  }
  return { files, newKeys: backendKey === undefined ? [backend.key] : [] }
}

function backendFiles(random: Random, given: string | undefined): { key: string; files: Record<string, string> } {
  if (given !== undefined) return { key: base64Of(keyFrom(given)), files: {} }
  const seed = random.bytes(KEY_BYTES)
  const key = publicKeyOf(seed)
  return { key, files: { 'secrets/backend.key': `${base64Of(seed)}\n`, 'secrets/backend.pub': `${key}\n` } }
}

function report(options: InitOptions, phrase: string, terminal: Terminal, part: Part): void {
  const { directory, backendKey } = options
  if (options.phrase === undefined) {
    terminal.out('The recovery phrase. Write it down: it is shown this once, and it is every coin.')
    terminal.out('')
    terminal.out(phrase)
    terminal.out('')
  }
  const files = part === 'both' ? 'watcher.yaml and signer.yaml' : 'signer.yaml'
  terminal.out(`Written to ${directory}. Name your chains in ${files}; then:`)
  terminal.out(`  lockkeeper signer --config ${join(directory, 'signer.yaml')}`)
  if (part === 'both') terminal.out(`  lockkeeper watcher --config ${join(directory, 'watcher.yaml')}`)
  if (backendKey === undefined) terminal.out('secrets/backend.key authorises withdrawals: move it to the backend.')
  terminal.out('secrets/wallet.pub is what its intents name: the backend needs a copy, beside that key.')
  if (options.phrase === undefined) return
  terminal.out('Restored from its phrase, the signer starts with backend keys never used before only, until all of its')
  terminal.out(
    'memory is back: lockkeeper signer-memory import --seen. Keys that are known to be new: signer-memory begin.',
  )
}
