/** The directory of `lockkeeper up`: keys and secrets from its first start on, configuration written at each. */
import { join, relative } from 'node:path'
import { stringify } from 'yaml'
import { boundary, Fault, operating } from '../../kernel/fault.ts'
import type { Ports, Random } from '../../kernel/ports.ts'
import type { DaemonAccess } from '../../devnet/devnet.ts'
import type { ConfiguredChain, RunningChain } from '../../devnet/traffic.ts'
import { isFile, isTaken, readText, writeSecret, writeText } from '../../shell/files.ts'
import { readSecretFile } from '../../shell/terminal.ts'
import { endProcess, runningOf, type Named } from '../../shell/processes.ts'
import { makeWhole } from '../../shell/whole-directory.ts'
import { initialise } from '../init.ts'

export interface UpPlace {
  directory: string
  /** Of something in it. */
  at: (name: string) => string
  /** The same as a person types it. */
  shown: (name: string) => string
}

const SECRET_BYTES = 24
const MODE = 'up.json'
const KEYSTORE = 'data/signer/keystore.json'
const NOTE = '# Written by `lockkeeper up` at each of its starts.\n'

export const createPlace = (directory: string): UpPlace => ({
  directory,
  at: name => join(directory, name),
  shown: name => {
    const near = relative('.', join(directory, name))
    return near.startsWith('..') ? join(directory, name) : near
  },
})

const secret = (random: Random): string => Buffer.from(random.bytes(SECRET_BYTES)).toString('hex')

/**
 * Keys and secrets where there are none yet. @param mode what its networks will be: another one has other chains
 * @throws boundary `other-mode` for a directory that was begun otherwise
 */
export async function prepare(ports: Ports, place: UpPlace, mode: string): Promise<'made' | 'found'> {
  if (await isTaken(place.directory)) {
    await refuseOtherMode(place, mode)
    return 'found'
  }
  await makeWhole(place.directory, async directory => {
    const at = (name: string) => join(directory, name)
    const passphrase = secret(ports.random)
    // The phrase is shown to nobody: whoever loses these files loses coins that are worth nothing.
    await initialise(ports, { directory, passphrase }, { out: () => {}, err: () => {} })
    await writeSecret(at('secrets/passphrase'), `${passphrase}\n`)
    await writeSecret(at('secrets/node-password'), `${secret(ports.random)}\n`)
    await writeSecret(at('secrets/read-token'), `${secret(ports.random)}\n`)
    await writeText(at(MODE), modeText(null))
  })
  return 'made'
}

const modeText = (nodes: string | null): string => `${JSON.stringify({ nodes })}\n`

/** Null as long as no network has run in it; so it is where somebody was killed while he wrote it down. */
async function modeOf(place: UpPlace): Promise<string | null> {
  const text = await readText(place.at(MODE))
  return text === '' ? null : (JSON.parse(text) as { nodes: string | null }).nodes
}

/** Its networks run: no others may follow. Until then a start that came to nothing has decided nothing. */
export async function bindTo(place: UpPlace, mode: string): Promise<void> {
  if ((await modeOf(place)) === null) await writeText(place.at(MODE), modeText(mode))
}

async function refuseOtherMode(place: UpPlace, mode: string): Promise<void> {
  const aside = `set it aside (mv ${place.shown('.')} ${place.shown('.')}.old), or name another one with --directory`
  if (!isFile(place.at(MODE)) || !isFile(place.at(KEYSTORE)))
    throw boundary('other-mode', `${place.shown('.')} was not made by this \`lockkeeper up\`: ${aside}`)
  const nodes = await modeOf(place)
  if (nodes !== null && nodes !== mode)
    throw boundary('other-mode', `${place.shown('.')} was begun with ${nodes} nodes, not with ${mode}: ${aside}`)
}

/** @throws operating `locked`, naming what runs */
export async function lock({ disk }: Ports, place: UpPlace): Promise<() => Promise<void>> {
  try {
    return await disk.lock(place.at('LOCK'))
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'locked') throw error
    const up = runningOf(place.at(PROCESSES)).find(({ name }) => name === UP)
    const which = up === undefined ? '' : ` (pid ${up.pid}): Ctrl-C there, or kill ${up.pid}`
    throw operating('locked', `${place.shown('.')} is in use: lockkeeper up runs already${which}`)
  }
}

export const PROCESSES = 'processes.json'
export const UP = 'lockkeeper up'

/** Whatever an earlier start has left, by name; ended before anything else begins. */
export async function endLeftovers(place: UpPlace, tell: (left: Named) => void): Promise<void> {
  const left = runningOf(place.at(PROCESSES)).filter(({ name }) => name !== UP)
  left.forEach(tell)
  await Promise.all(left.map(endProcess))
}

/** The watcher's tokens: the backend's own, and one that may only look. */
async function writeTokens({ disk }: Ports, { at }: UpPlace): Promise<void> {
  const [token, read] = [await readSecretFile(at('secrets/api-token')), await readSecretFile(at('secrets/read-token'))]
  if (await disk.exists(at('secrets/tokens'))) await disk.remove(at('secrets/tokens'))
  await writeSecret(at('secrets/tokens'), `${token}\nread:${read}\n`)
}

const mapChains = <Chain extends ConfiguredChain>(chains: readonly Chain[], of: (one: Chain) => object) =>
  Object.fromEntries(chains.map(one => [one.chain.name, of(one)]))

const networkOf = ({ family, chain }: ConfiguredChain) => ({ family, network: chain.network, asset: chain.asset })

export async function writeSignerConfig(
  place: UpPlace,
  port: number,
  chains: readonly ConfiguredChain[],
): Promise<void> {
  const backend = (await readText(place.at('secrets/backend.pub'))).trim()
  const config = {
    listen: `127.0.0.1:${port}`,
    keystore: { file: `./${KEYSTORE}`, passphraseFile: './secrets/passphrase' },
    authorisation: { required: true, keys: [backend], approvals: 1 },
    chains: mapChains(chains, running => ({ ...networkOf(running), policy: running.chain.policy })),
  }
  await writeText(place.at('signer.yaml'), NOTE + stringify(config))
}

/** Paths in it are relative to the file, so that the directory can be moved. */
const nodeOf = ({ directory }: UpPlace, node: DaemonAccess): object =>
  Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key.endsWith('File') ? `./${relative(directory, String(value))}` : value,
    ]),
  )

export async function writeWatcherConfig(
  ports: Ports,
  place: UpPlace,
  port: number,
  signerUrl: string,
  chains: readonly RunningChain[],
): Promise<void> {
  await writeTokens(ports, place)
  const config = {
    listen: `127.0.0.1:${port}`,
    apiTokenFile: './secrets/tokens',
    signer: { url: signerUrl, tokenFile: './secrets/signer-token' },
    chains: mapChains(chains, running => ({
      ...networkOf(running),
      node: nodeOf(place, running.devnet.node),
      confirmations: running.chain.confirmations,
      ...running.chain.watcher,
    })),
  }
  await writeText(place.at('watcher.yaml'), NOTE + stringify(config))
}
