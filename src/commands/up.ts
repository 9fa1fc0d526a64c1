/**
 * `lockkeeper up`: a whole exchange's coin side on one machine, to look at: a litecoind in regtest, a signer and a
 * watcher, each a process of its own. A demonstration: the passphrase lies beside the keystore.
 */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { z } from 'zod'
import { createRpc, type Rpc } from '../../adapters/bitcoin/rpc.ts'
import { operating, reasonOf } from '../kernel/fault.ts'
import type { Ports } from '../kernel/ports.ts'
import { choosePort, createChildren, isOnPath, signalled, type Children } from '../shell/children.ts'
import { isFile, makeSecretDirectory, readText, writeSecret, writeText } from '../shell/files.ts'
import { parseTokens } from '../http/tokens.ts'
import { initialise } from './init.ts'
import type { Terminal } from './terminal.ts'

export const UP_DIRECTORY = 'lockkeeper-data'
const CHAIN = 'litecoin'
const WALLET = 'demo'
/** It exists, or it is loaded. */
const WALLET_ERROR = -4
const PORTS = { watcher: 4100, signer: 4200, node: 19443 }
const PASSPHRASE_BYTES = 16
/** Coinbase outputs may be spent after 100 blocks. */
const FIRST_BLOCKS = 110
const MAXIMUM_TRIES = 300
const TRY_MS = 200
const CLI = fileURLToPath(new URL('../cli.js', import.meta.url))

interface Place {
  at: (name: string) => string
  ports: typeof PORTS
}

/**
 * Runs until Ctrl-C or SIGTERM, then stops what it started.
 * @throws operating `locked` when it runs already, `missing-litecoind`, `child-ended`, `not-ready`
 */
export async function up(ports: Ports, terminal: Terminal): Promise<void> {
  const directory = resolve(UP_DIRECTORY)
  await makeSecretDirectory(directory)
  const unlock = await ports.disk.lock(join(directory, 'LOCK'))
  const place: Place = { at: name => join(directory, name), ports: await choosePorts() }
  const children = createChildren()
  const stopped = signalled()
  try {
    const started = startAll(ports, place, children, terminal)
    await Promise.race([stopped, children.failed, started.then(() => stopped)])
    terminal.out('stopping')
  } finally {
    await children.stop()
    await unlock()
  }
}

const choosePorts = async () => ({
  watcher: await choosePort(PORTS.watcher),
  signer: await choosePort(PORTS.signer),
  node: await choosePort(PORTS.node),
})

async function startAll(ports: Ports, place: Place, children: Children, terminal: Terminal): Promise<void> {
  if (!isOnPath('litecoind'))
    throw operating('missing-litecoind', 'there is no litecoind on the PATH: on Debian, apt-get install litecoind')
  await prepare(ports, place, terminal)
  const rpc = createRpc({ url: nodeUrl(place), cookieFile: place.at(COOKIE) }, ports.request, ports.disk)
  await ports.disk.makeDirectory(place.at('litecoind'))
  startNode(place, children)
  await until(ports, 'litecoind', () => rpc.call(z.unknown(), 'getblockchaininfo'))
  await prepareNode(rpc)
  startDaemon(place, children, 'signer')
  await until(ports, 'the signer', () => askOk(ports, `${signerUrl(place)}/healthz`))
  startDaemon(place, children, 'watcher')
  await until(ports, 'the watcher', () => askOk(ports, `${watcherUrl(place)}/readyz`))
  await until(ports, 'the address pool', () => askFreeAddress(ports, place))
  report(place, terminal)
}

const COOKIE = 'litecoind/regtest/.cookie'
const nodeUrl = ({ ports }: Place): string => `http://127.0.0.1:${ports.node}`
const signerUrl = ({ ports }: Place): string => `http://127.0.0.1:${ports.signer}`
const watcherUrl = ({ ports }: Place): string => `http://127.0.0.1:${ports.watcher}`

async function until(ports: Ports, name: string, ask: () => Promise<unknown>): Promise<void> {
  let last = 'no answer'
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
    try {
      await ask()
      return
    } catch (error) {
      last = reasonOf(error)
      await new Promise<void>(resolve => void ports.clock.wake(TRY_MS, resolve))
    }
  }
  throw operating('not-ready', `${name} is not ready: ${last}; see ${UP_DIRECTORY}/logs`)
}

/** Keys and secrets the first time; the configuration each time, because the ports may have changed. */
async function prepare(ports: Ports, { at, ports: chosen }: Place, terminal: Terminal): Promise<void> {
  if (!isFile(at('data/signer/keystore.json'))) {
    terminal.out(`first start: making keys and secrets in ${at('')}`)
    const passphrase = Buffer.from(ports.random.bytes(PASSPHRASE_BYTES)).toString('hex')
    // The phrase is not shown: whoever loses these files loses regtest coins only.
    await initialise(ports, { directory: at(''), passphrase }, { ...terminal, out: () => {} })
    await writeSecret(at('secrets/passphrase'), `${passphrase}\n`)
  }
  const backend = (await readText(at('secrets/backend.pub'))).trim()
  const { watcher, signer, node } = chosen
  const note = '# Written by `lockkeeper up` at each of its starts.\n'
  const network = { family: 'bitcoin', network: 'litecoin-regtest', asset: 'LTC' }
  const access = { url: `http://127.0.0.1:${node}`, cookieFile: `./${COOKIE}` }
  const watched = { ...network, node: access, confirmations: { credit: 3, final: 20 }, minimumDeposit: '1000' }
  const watcherYaml = {
    listen: `127.0.0.1:${watcher}`,
    signer: { url: `http://127.0.0.1:${signer}`, tokenFile: './secrets/signer-token' },
    chains: { [CHAIN]: watched },
  }
  const signerYaml = {
    listen: `127.0.0.1:${signer}`,
    keystore: { file: './data/signer/keystore.json', passphraseFile: './secrets/passphrase' },
    authorisation: { required: true, keys: [backend], approvals: 1 },
    chains: { [CHAIN]: { ...network, policy: { maximumFeeRate: 500, perTransaction: '500000000' } } },
  }
  await writeText(at('watcher.yaml'), note + stringify(watcherYaml))
  await writeText(at('signer.yaml'), note + stringify(signerYaml))
}

function startNode({ at, ports }: Place, children: Children): void {
  const args = [
    '-regtest',
    `-datadir=${at('litecoind')}`,
    `-rpcport=${ports.node}`,
    '-rest=1',
    '-listen=0',
    '-connect=0',
    '-dnsseed=0',
    '-fallbackfee=0.0002',
    '-printtoconsole=1',
  ]
  children.start({ name: 'litecoind', command: 'litecoind', args, logFile: at('logs/litecoind.log') })
}

/** A wallet with coins to pay with, and a tip that is not old: a node with an old one counts as syncing. */
async function prepareNode(rpc: Rpc): Promise<void> {
  const created = await rpc.ask(z.unknown(), [WALLET_ERROR], 'createwallet', WALLET)
  if (!created.ok) await rpc.ask(z.unknown(), [WALLET_ERROR], 'loadwallet', WALLET)
  const info = z.object({ blocks: z.number(), initialblockdownload: z.boolean() })
  const { blocks, initialblockdownload } = await rpc.call(info, 'getblockchaininfo')
  const wanted = blocks === 0 ? FIRST_BLOCKS : Number(initialblockdownload)
  if (wanted === 0) return
  await rpc.call(z.unknown(), 'generatetoaddress', wanted, await rpc.call(z.string(), 'getnewaddress'))
}

function startDaemon({ at }: Place, children: Children, name: 'signer' | 'watcher'): void {
  const args = [CLI, name, '--config', at(`${name}.yaml`)]
  children.start({ name, command: process.execPath, args, logFile: at(`logs/${name}.log`) })
}

async function askOk({ request }: Ports, url: string, headers: Record<string, string> = {}): Promise<string> {
  const call = { method: 'GET', url, headers, body: null, timeoutMs: 2000, maximumBytes: 65_536 } as const
  const { status, body } = await request(call)
  const text = Buffer.from(body).toString()
  if (status !== 200) throw operating('not-ready', text)
  return text
}

const chainShape = z.object({ addressPool: z.object({ free: z.number() }) })

/** At its tip the watcher is ready, a moment before the signer has made the first addresses. */
async function askFreeAddress(ports: Ports, place: Place): Promise<void> {
  const [token] = parseTokens(await readText(place.at('secrets/api-token')))
  const headers = { authorization: `Bearer ${token!}` }
  const text = await askOk(ports, `${watcherUrl(place)}/v1/chains/${CHAIN}`, headers)
  if (chainShape.parse(JSON.parse(text)).addressPool.free === 0) throw operating('not-ready', 'no address is free')
}

function report(place: Place, terminal: Terminal): void {
  const header = `-H "Authorization: Bearer $(cat ${UP_DIRECTORY}/secrets/api-token)"`
  const cli = `litecoin-cli -regtest -datadir=${UP_DIRECTORY}/litecoind -rpcport=${place.ports.node}`
  terminal.out(`watcher    ${watcherUrl(place)}`)
  terminal.out(`signer     ${signerUrl(place)}`)
  terminal.out(`litecoind  ${nodeUrl(place)} (regtest)`)
  terminal.out('')
  terminal.out('an address for user-1, a payment to it from the node’s own wallet, and three blocks:')
  terminal.out(`  curl -X PUT ${header} ${watcherUrl(place)}/v1/chains/${CHAIN}/addresses/user-1`)
  terminal.out(`  ${cli} sendtoaddress ADDRESS 1.5`)
  terminal.out(`  ${cli} -generate 3`)
  terminal.out(`  curl ${header} "${watcherUrl(place)}/v1/deposits"`)
  terminal.out('')
  terminal.out(`data stay in ./${UP_DIRECTORY}; Ctrl-C stops everything`)
}
