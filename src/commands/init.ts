/** `lockkeeper init`: everything that a first start needs, in one new directory. */
import { join } from 'node:path'
import { boundary } from '../../adapters/fault.ts'
import type { Derive, Disk, Random } from '../../adapters/ports.ts'
import { base64Of, publicKeyOf } from '../canonical.ts'
import { isTaken, makeSecretDirectory, writeSecret } from '../shell/files.ts'
import { createKeystore } from '../signer/keystore.ts'
import { noteRestored } from '../signer/restored.ts'
import { SIGNER_YAML, WATCHER_YAML } from './templates.ts'
import type { Terminal } from './terminal.ts'

const TOKEN_BYTES = 32
const KEY_BYTES = 32
const KEYSTORE = 'data/signer/keystore.json'

export interface InitOptions {
  directory: string
  passphrase: string
  /** Restores this recovery phrase instead of making one. */
  phrase?: string
}

export interface InitPorts {
  disk: Disk
  derive: Derive
  random: Random
}

/** @throws boundary `exists` before anything is written when one of its files is there */
export async function initialise(ports: InitPorts, options: InitOptions, terminal: Terminal): Promise<void> {
  const at = (name: string) => join(options.directory, name)
  const files = newFiles(ports.random)
  for (const name of [...Object.keys(files), KEYSTORE]) {
    if (await isTaken(at(name))) throw boundary('exists', `${at(name)} exists; init never overwrites`)
  }
  for (const directory of ['secrets', 'data', 'data/signer', 'data/watcher']) await makeSecretDirectory(at(directory))
  const given = options.phrase === undefined ? {} : { phrase: options.phrase }
  const { phrase } = await createKeystore(ports, at(KEYSTORE), options.passphrase, given)
  if (options.phrase !== undefined) await noteRestored(ports.disk, at(KEYSTORE), [files['secrets/backend.pub'].trim()])
  for (const [name, text] of Object.entries(files)) await writeSecret(at(name), text)
  report(options, phrase, terminal)
}

function newFiles(random: Random) {
  const seed = random.bytes(KEY_BYTES)
  const token = () => `${Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url')}\n`
  return {
    'watcher.yaml': WATCHER_YAML,
    'signer.yaml': SIGNER_YAML.replace('BACKEND_KEY', publicKeyOf(seed)),
    'secrets/api-token': token(),
    'secrets/signer-token': token(),
    'secrets/backend.key': `${base64Of(seed)}\n`,
    'secrets/backend.pub': `${publicKeyOf(seed)}\n`,
  }
}

function report(options: InitOptions, phrase: string, terminal: Terminal): void {
  if (options.phrase === undefined) {
    terminal.out('The recovery phrase. Write it down: it is shown this once, and it is every coin.')
    terminal.out('')
    terminal.out(phrase)
    terminal.out('')
  }
  terminal.out(`Written to ${options.directory}. Name your chains in watcher.yaml and signer.yaml; then:`)
  terminal.out(`  lockkeeper signer --config ${join(options.directory, 'signer.yaml')}`)
  terminal.out(`  lockkeeper watcher --config ${join(options.directory, 'watcher.yaml')}`)
  terminal.out('secrets/backend.key authorises withdrawals: move it to the backend.')
}
