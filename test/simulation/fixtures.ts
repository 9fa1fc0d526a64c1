/** What every run starts from and what is slow to make: the signer's keystore, and a chain with mature coins to pay with. */
import { entropyToMnemonic, mnemonicToSeedSync } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { publicKeyOf } from '../../src/canonical.ts'
import { loadSignerConfig, loadWatcherConfig, type SignerConfig, type WatcherConfig } from '../../src/config.ts'
import { createSimulatedBitcoin, type SimulatedBitcoin } from '../../src/devnet/bitcoin/node.ts'
import { identityOf } from '../../src/signer/keys/identity.ts'
import { establishSigner } from '../../src/signer/offline/establish.ts'
import { simulatedDisk, type SimulatedDisk } from './disk.ts'
import { quickDerive } from './machine.ts'

export const CHAIN = 'litecoin'
export const ASSET = 'LTC'
export const NETWORK = networkOf('litecoin-regtest')
export const TOKEN = 'a-token-of-the-simulation'
export const PASSPHRASE = 'a passphrase of the simulation'
export const BACKEND_SECRET = new Uint8Array(32).fill(7)
export const SECOND_SECRET = new Uint8Array(32).fill(8)
/** Base units; what is above it needs two approvals, and no transaction may cost more than the limit. */
export const TWO_ABOVE = 30_000_000n
export const LIMIT = 90_000_000n
/** The signer's operator wants nothing to be paid to it. */
export const BLOCKED = addressOf(scriptFor('p2wpkh', new Uint8Array(20).fill(6)), NETWORK)!
export const NODE_URL = 'http://node.invalid:19443'
export const SIGNER_URL = 'http://127.0.0.1:4200'
export const WATCHER_URL = 'http://watcher.invalid'
export const CREDIT = 3
export const FINAL = 10
export const MINIMUM_DEPOSIT = 20_000n
/** A block or two. */
export const REPLACE_AFTER_MS = 2000
/** More than a run without floods brings; and what some treasuries think are many. */
export const MANY_COINS = 500
export const FEW_COINS = 8

/**
 * The first reorg may leave blocks down to `FINAL` below this height. Coinbases mature after 100 blocks; there are enough
 * that payers need not spend their own change, whose ancestors a reorg could take away for good.
 */
export const BASE_HEIGHT = 190

const NODE_ACCESS = { username: 'user', password: 'password' }
/** What the signer draws by chance, once for all runs. */
const DRAWN = 9
const PHRASE = entropyToMnemonic(new Uint8Array(32).fill(DRAWN), wordlist)
/** What intents for the signer name. */
export const WALLET = identityOf(mnemonicToSeedSync(PHRASE)).key
const BASE_MS = Date.parse('2025-12-31T00:00:00Z')

export function watcherConfig(replaceAfterMs = REPLACE_AFTER_MS, consolidatesAbove = MANY_COINS): WatcherConfig {
  const chain = {
    family: 'bitcoin',
    network: NETWORK.name,
    asset: ASSET,
    node: { url: NODE_URL, username: NODE_ACCESS.username, passwordFile: './node-password' },
    startHeight: BASE_HEIGHT + 1 - FINAL,
    confirmations: { credit: CREDIT, final: FINAL },
    pollMs: 1000,
    addressPool: { low: 2, high: 4 },
    minimumDeposit: String(MINIMUM_DEPOSIT),
    replaceAfterMs,
    consolidation: { above: consolidatesAbove },
  }
  const files = { apiTokenFile: './token', signer: { url: SIGNER_URL, tokenFile: './token' } }
  return loadWatcherConfig(JSON.stringify({ dataDirectory: './ledger', ...files, chains: { [CHAIN]: chain } }), '/home')
}

export function signerConfig(perDay: string | null = null): SignerConfig {
  const chain = {
    family: 'bitcoin',
    network: NETWORK.name,
    asset: ASSET,
    policy: {
      ...{ maximumFeeRate: 1000, maximumFee: '10000000', perTransaction: String(LIMIT) },
      ...(perDay === null ? {} : { perDay }),
      destinations: { blocked: [BLOCKED] },
    },
  }
  const approvals = [
    { above: '0', approvals: 1 },
    { above: String(TWO_ABOVE), approvals: 2 },
  ]
  const keys = [publicKeyOf(BACKEND_SECRET), publicKeyOf(SECOND_SECRET)]
  const authorisation = { required: true, keys, approvals }
  const files = {
    dataDirectory: './memory',
    tokenFile: './token',
    keystore: { file: './keystore.json', passphraseEnv: 'UNUSED' },
  }
  return loadSignerConfig(JSON.stringify({ ...files, authorisation, chains: { [CHAIN]: chain } }), '/home')
}

const bytesOf = (text: string) => new TextEncoder().encode(text)

export function fillWatcher(disk: SimulatedDisk): void {
  disk.poke('/home/token', bytesOf(`${TOKEN}\n`))
  disk.poke('/home/node-password', bytesOf(`${NODE_ACCESS.password}\n`))
}

/** Before the first run. */
const STILL = { now: () => BASE_MS, monotonic: () => 0, processor: () => 0, wake: () => () => undefined }

/** The signer's files; keystore, memory and audit log are made once for all runs. */
export async function prepareSigner(): Promise<(disk: SimulatedDisk) => void> {
  const disk = simulatedDisk({ seed: 1 })
  const random = { bytes: (length: number) => new Uint8Array(length).fill(DRAWN) }
  const ports = { disk, random, derive: quickDerive, clock: STILL, log: () => undefined, abort: () => undefined }
  const premises = { keystore: '/home/keystore.json', directory: '/home/memory' }
  await establishSigner(ports, premises, { passphrase: PASSPHRASE, newKeys: [], by: 'the simulation' })
  const files = disk.paths().map(path => [path, disk.peek(path)!] as const)
  return made => {
    made.poke('/home/token', bytesOf(`${TOKEN}\n`))
    for (const [path, bytes] of files) made.poke(path, bytes)
  }
}

/** A node that somebody has put in our node's place: of another network, and with blocks of its own. */
export function foreignNode(now: () => number): SimulatedBitcoin {
  const network = networkOf('bitcoin-regtest')
  return createSimulatedBitcoin({ network, seed: 'foreign', now, ...NODE_ACCESS })
}

function emptyNode(now: () => number, isReplacing = false): SimulatedBitcoin {
  return createSimulatedBitcoin({ network: NETWORK, seed: 'simulation', now, isReplacing, ...NODE_ACCESS })
}

type Block = ReturnType<SimulatedBitcoin['block']>

/** Blocks of the faucet, from the first one. */
export function prepareBlocks(): Block[] {
  const node = emptyNode(() => BASE_MS)
  return node.mine(BASE_HEIGHT).map(hash => node.block(hash))
}

export function preparedNode(blocks: readonly Block[], now: () => number, isReplacing: boolean): SimulatedBitcoin {
  const node = emptyNode(now, isReplacing)
  for (const block of blocks) node.submit(block)
  return node
}
