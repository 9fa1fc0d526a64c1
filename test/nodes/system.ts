/**
 * The whole system as an operator runs it: a real node (bitcoin-node.ts says of which coin), a signer and a watcher as
 * processes of their own, and a backend's view of the API. Each has its own temporary directory and ports, and is stopped by its pid.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SignedReceipt } from '../../machines/vocabulary.ts'
import { keyFrom, intentBytes, signBytes } from '../../src/canonical.ts'
import { PATIENCE_MS } from '../patience.ts'
import { openBook, type Book } from './book.ts'
import { daemon, run, type Daemon } from './daemon.ts'
import { COIN, startNode, type BitcoinNode } from './bitcoin-node.ts'
import { freePort } from './port.ts'
import { startProxy, type Proxy } from './proxy.ts'

const POLL_MS = 30
const LOG_CHARACTERS = 1500
export const { chain: CHAIN, asset: ASSET, network: NETWORK } = COIN
export const READ_TOKEN = 'a-token-that-may-only-read'
/** Small, so that tests are fast; larger than every reorg that a test means to survive. */
export const CREDIT = 2
export const FINAL = 8

export interface Answer<Body = Resource> {
  status: number
  body: Body
}

/** What the API shows; each test looks at the fields that it names. */
export interface Resource {
  id: string
  state: string
  reason: string | null
  amount: string
  fee: string
  kind: string
  detail: string
  transactionId: string | null
  transferId: string | null
  confirmations: number
  height: number
  blockHash: string | null
  blockHeight: number | null
  round: number
  reference: string | null
  outputIndex: number
  withdrawals: string[]
  receipt: SignedReceipt | null
  attempts: Attempt[]
  replacement: { state: string; feeRate: number | null; dueAt: string | null } | null
  balances: { asset: string; confirmed: string; pending: string; reserved: string }[]
  history: { seq: number; from: string | null; event: string; to: string }[]
  treasury: string
  addressPool: { free: number; assigned: number }
  revision: number
}

interface Attempt {
  n: number
  state: string
  reason: string | null
  transactionId: string
  signedTransaction: string
  spendKeys: string[]
  fee: string
}

export interface FeedEvent {
  seq: number
  kind: string
  id: string
  event: string
  from: string | null
  to: string
  data: Resource
}

export interface Wish {
  to: string
  amountSat: bigint
  /** The chain's own coin unless said otherwise. */
  asset?: string
  round?: number
  expiresAt?: string
  memory?: number
}

export interface System {
  node: BitcoinNode
  signer: Daemon
  watcher: Daemon
  /** Between the watcher and the node, and between the watcher and the signer. */
  toNode: Proxy
  toSigner: Proxy
  book: Book
  directory: string
  url: string
  token: string
  /** The signer's identity key. */
  wallet: string
  get<Body = Resource>(path: string): Promise<Answer<Body>>
  /** `url`: another way to the watcher than the straight one. */
  put<Body = Resource>(path: string, body?: unknown, url?: string): Promise<Answer<Body>>
  /** Asks until `accept` says yes; rejects with the last answer when it takes too long. */
  until: <Body = Resource>(path: string, accept: (body: Body) => boolean, ms?: number) => Promise<Body>
  /** As `until` a state. */
  reaches(path: string, state: string, ms?: number): Promise<Resource>
  /** Repeats a request until it is granted, as a backend does while processes are down. */
  insist<Body>(ask: () => Promise<Answer<Body>>, ms?: number): Promise<Answer<Body>>
  /** An address of ours for this reference. */
  address(reference: string): Promise<string>
  /** Mines, and waits until the watcher stands on the node's tip. */
  mine(count: number): Promise<void>
  /** Until the watcher stands on the node's tip. */
  synced(): Promise<void>
  /** Takes `depth` blocks off the node's chain and mines `depth + 1` others: each of these holds the raw transactions. */
  reorganise(depth: number, raw?: string[], following?: number): Promise<void>
  /** An authorised withdrawal, as the backend sends it. */
  withdraw(id: string, wish: Wish, url?: string): Promise<Answer>
  /** The whole feed after `seq`. */
  events(after?: number, kind?: string): Promise<FeedEvent[]>
  /** Coins of the treasury: confirmed deposits of so much each. */
  fund(...amountsSat: bigint[]): Promise<void>
  /** Stops both daemons as an operator would, and checks what they leave on disk. */
  close(): Promise<void>
  /** Ends everything at once, after a failure. */
  abandon(): Promise<void>
}

export interface SystemOptions {
  /** Keys of the chain in watcher.yaml, merged over the defaults below. */
  chain?: Record<string, unknown>
  /** Of signer.yaml, merged over the defaults below; `authorisation` gets the backend's public key. */
  signer?: { policy?: Record<string, unknown>; authorisation?: (backend: string) => Record<string, unknown> }
  /** Blocks mined before the watcher starts: enough for mature coins to pay with. */
  blocks?: number
  /** Further arguments of the node. */
  extra?: string[]
}

export interface Place {
  directory: string
  url: string
  signerUrl: string
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const secret = (directory: string, name: string) => readFileSync(join(directory, 'secrets', name), 'utf8').trim()

/** YAML is a superset of JSON. */
export function writeWatcher({ directory, url }: Place, signer: string, node: object, chain: object = {}): void {
  const defaults = { pollMs: 50, confirmations: { credit: CREDIT, final: FINAL }, minimumDeposit: '100000' }
  const followed = { family: 'bitcoin', network: NETWORK, asset: ASSET, node, ...defaults, ...chain }
  const listen = url.replace('http://', '')
  const config = { listen, signer: { url: signer }, chains: { [CHAIN]: followed } }
  writeFileSync(join(directory, 'watcher.yaml'), JSON.stringify(config))
}

export function writeSigner({ directory, signerUrl }: Place, options: SystemOptions['signer'] = {}): void {
  const limits = { maximumFeeRate: 1000, maximumFee: '10000000', perTransaction: '100000000000' }
  const policy = { ...limits, ...options.policy }
  const backend = secret(directory, 'backend.pub')
  const signed = { family: 'bitcoin', network: NETWORK, asset: ASSET, policy }
  const authorisation = { required: true, keys: [backend], approvals: 1, ...options.authorisation?.(backend) }
  const keystore = { file: './data/signer/keystore.json', passphraseEnv: 'LOCKKEEPER_PASSPHRASE' }
  const listen = signerUrl.replace('http://', '')
  const config = { listen, keystore, authorisation, chains: { [CHAIN]: signed } }
  writeFileSync(join(directory, 'signer.yaml'), JSON.stringify(config))
}

export const nodeKeys = (directory: string, url: string, node: Pick<BitcoinNode, 'username' | 'password'>) => {
  writeFileSync(join(directory, 'secrets', 'node-password'), node.password)
  return { url, username: node.username, passwordFile: './secrets/node-password' }
}

/** What `lockkeeper init` makes, and ports for both daemons. */
export async function prepare(directory: string): Promise<Place> {
  const made = await run(['init', '--directory', directory])
  if (made.status !== 0) throw new Error(`init failed: ${made.stderr}`)
  appendFileSync(join(directory, 'secrets', 'api-token'), `read:${READ_TOKEN}\n`)
  writeFileSync(join(directory, 'phrase'), made.stdout.split('\n\n')[1]!)
  const [watcherPort, signerPort] = [await freePort(), await freePort()]
  return { directory, url: `http://127.0.0.1:${watcherPort}`, signerUrl: `http://127.0.0.1:${signerPort}` }
}

export type Api = Pick<
  System,
  'wallet' | 'get' | 'put' | 'until' | 'reaches' | 'insist' | 'address' | 'withdraw' | 'events' | 'token'
>

/** A backend's view of a watcher. */
export function openApi(
  { directory, url }: Place,
  log: () => string,
  coin: { chain: string; asset: string } = { chain: CHAIN, asset: ASSET },
): Api {
  const token = secret(directory, 'api-token').split('\n')[0]!
  const backend = keyFrom(secret(directory, 'backend.key'))
  const wallet = secret(directory, 'wallet.pub')

  async function ask(method: string, path: string, body?: unknown, by = url): Promise<Answer<never>> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const answer = await fetch(`${by}${path}`, init)
    return { status: answer.status, body: (await answer.json()) as never }
  }

  const api: Api = {
    token,
    wallet,
    get: path => ask('GET', path),
    put: (path, body = {}, by = url) => ask('PUT', path, body, by),
    async until(path, accept, ms = PATIENCE_MS) {
      const deadline = performance.now() + ms
      let last: unknown
      while (performance.now() < deadline) {
        try {
          const { status, body } = await ask('GET', path)
          last = body
          if (status < 400 && accept(body)) return body
        } catch (error) {
          last = error instanceof Error ? error.message : error
        }
        await pause(POLL_MS)
      }
      throw new Error(`${path} did not become as expected: ${JSON.stringify(last)}\n${log().slice(-LOG_CHARACTERS)}`)
    },
    reaches: (path, state, ms) => api.until(path, body => body.state === state, ms),
    async insist(ask, ms = PATIENCE_MS) {
      const deadline = performance.now() + ms
      for (let last: unknown; ; last = await pause(POLL_MS)) {
        const answer = await ask().catch((error: unknown) => void (last = error))
        if (answer && answer.status < 300) return answer
        if (performance.now() > deadline) throw new Error(`refused: ${JSON.stringify(answer ?? String(last))}`)
      }
    },
    async address(reference) {
      const path = `/v1/chains/${coin.chain}/addresses/${reference}`
      return (await api.insist(() => api.put<{ address: string }>(path))).body.address
    },
    withdraw(id, { to, amountSat, asset = coin.asset, round = 1, expiresAt = null, memory = null }, by = url) {
      const intent = {
        chain: coin.chain,
        asset,
        to,
        dataField: null,
        amount: String(amountSat),
        expiresAt,
        round,
        memory,
      }
      const signature = signBytes(backend, intentBytes({ id, ...intent }, wallet))
      return api.put(`/v1/withdrawals/${id}`, { ...intent, authorisations: [signature] }, by)
    },
    async events(after = 0, kind) {
      const filter = kind === undefined ? '' : `&kind=${kind}`
      const all: FeedEvent[] = []
      for (let cursor = after; ;) {
        const { body } = await api.get<{ events: FeedEvent[]; next: number }>(
          `/v1/events?after=${cursor}&limit=1000${filter}`,
        )
        all.push(...body.events)
        if (body.next === cursor) return all
        cursor = body.next
      }
    },
  }
  return api
}

type Miner = Pick<System, 'mine' | 'synced' | 'reorganise'>

function openMiner({ rpc, mine }: BitcoinNode, { until }: Api): Miner {
  const synced = async () => {
    const best = (await rpc('getbestblockhash')) as string
    await until(`/v1/chains/${CHAIN}`, ({ blockHash, state }) => blockHash === best && state === 'following')
  }
  return {
    synced,
    async mine(count) {
      await mine(count)
      await synced()
    },
    async reorganise(depth, raw = [], following = depth) {
      const height = (await rpc('getblockcount')) as number
      await rpc('invalidateblock', await rpc('getblockhash', height - depth + 1))
      const address = await rpc('getnewaddress')
      await rpc('generateblock', address, raw)
      for (let n = 0; n < following; n++) await rpc('generateblock', address, [])
    },
  }
}

async function stopWell(name: string, { stop, isRunning, log }: Daemon): Promise<void> {
  if (!isRunning()) return
  const status = await stop()
  if (status !== 0) throw new Error(`${name} ended with ${status}\n${log()}`)
}

async function verify(config: string): Promise<void> {
  const { status, stdout, stderr } = await run(['verify', '--config', config])
  if (status !== 0) throw new Error(`verify ${config}: ${stdout}${stderr}`)
}

/** Node, signer and watcher, ready; the treasury is empty. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-system-'))
  const [place, node] = await Promise.all([prepare(directory), startNode({ extra: options.extra ?? [] })])
  await node.mine(options.blocks ?? 120)
  const [toNode, toSigner] = [await startProxy(node.url), await startProxy(place.signerUrl)]
  writeWatcher(place, toSigner.url, nodeKeys(directory, toNode.url, node), options.chain)
  writeSigner(place, options.signer)
  const files = { signer: join(directory, 'signer.yaml'), watcher: join(directory, 'watcher.yaml') }
  const signer = daemon(['signer', '--config', files.signer])
  const watcher = daemon(['watcher', '--config', files.watcher])
  const api = openApi(place, watcher.log)
  const miner = openMiner(node, api)

  const abandon = async () => {
    await Promise.all([watcher.kill9(), signer.kill9(), node.stop()])
    for (const proxy of [toNode, toSigner]) proxy.close()
    rmSync(directory, { recursive: true, force: true })
  }
  const fund = async (...amountsSat: bigint[]) => {
    const { treasury } = await api.until(`/v1/chains/${CHAIN}`, body => (body.treasury as string | null) !== null)
    for (const amountSat of amountsSat) await node.pay(treasury, amountSat)
    await miner.mine(CREDIT)
  }
  const close = async () => {
    try {
      await stopWell('watcher', watcher)
      await stopWell('signer', signer)
      await verify(files.watcher)
      await verify(files.signer)
    } finally {
      await abandon()
    }
  }
  try {
    await signer.start()
    await watcher.start()
  } catch (error) {
    await abandon()
    throw error
  }
  const processes = { node, signer, watcher, toNode, toSigner }
  return { ...processes, ...api, ...miner, book: openBook(node), directory, url: place.url, fund, close, abandon }
}
