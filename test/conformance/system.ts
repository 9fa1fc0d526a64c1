/** A subject's network with a signer and a watcher beside it, in virtual time, as an exchange's backend meets them. */
import { intentBytes, publicKeyOf, signerOf } from '../../src/canonical.ts'
import { loadSignerConfig, loadWatcherConfig } from '../../src/config.ts'
import { reasonOf } from '../../src/kernel/fault.ts'
import type { HttpCall } from '../../src/kernel/ports.ts'
import { main as signerMain } from '../../src/signer/main.ts'
import { main as watcherMain } from '../../src/watcher/main.ts'
import * as fixtures from '../simulation/fixtures.ts'
import { createMachine, type Machine } from '../simulation/machine.ts'
import { CALM, createWire, type Weather } from '../simulation/wire.ts'
import { createWorld, type World } from '../simulation/world.ts'
import type { Payee, Subject, SubjectAsset, SubjectNetwork } from './subject.ts'

const { BACKEND_SECRET, NODE_URL, PASSPHRASE, SECOND_SECRET, SIGNER_URL, TOKEN, WALLET, WATCHER_URL } = fixtures
export const CHAIN = 'followed'
const CHAIN_PATH = `/v1/chains/${CHAIN}`
const POLL_MS = 200
const LOOK_MS = 100
const RESTART_MS = 500
/** Of virtual time: a guard against standing still. */
const LONGEST_MS = 60 * 60_000
/** So long after a block everything that it sets in motion has happened. */
const SETTLING_MS = 5000
const CLIENT_TIMEOUT_MS = 10_000
const MAXIMUM_BYTES = 64 * 1024 * 1024

/** An answer of the API; each test looks at the fields that it names. */
export interface Answer {
  status: number
  body: Record<string, unknown> & Partial<Shown>
}

/** What the suite reads of deposits, withdrawals and transfers. */
export interface Shown {
  id: string
  state: string
  kind: string
  reason: string | null
  amount: string
  asset: string
  address: string
  dataField: string | null
  index: number
  fee: string | null
  transactionId: string | null
  transferId: string | null
  treasury: string | null
  receipt: { signed: string[] } | null
  withdrawals: string[]
  history: { from: string | null; event: string; to: string }[]
  balances: { asset: string; confirmed: string; pending: string; reserved: string }[]
}

export interface Wish {
  id: string
  asset: SubjectAsset
  payee: Payee
  amount?: bigint
  round?: number
  expiresAt?: string
  /** By how many of the backend's two keys. */
  approvals?: number
}

export interface System {
  subject: Subject
  world: World
  network: SubjectNetwork
  watcher: Machine
  signer: Machine
  /** Changed while it runs. */
  sky: { weather: Weather; node: 'up' | 'down' | 'foreign' }
  /** Rejects when there is no proper answer. */
  ask(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<Answer>
  /** Repeats it as a backend does, until there is an answer that says something. */
  insist(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<Answer>
  /** Asks until `accept` says yes. */
  until(path: string, accept: (body: Answer['body']) => boolean): Promise<Answer['body']>
  /** An address of ours, and the data field that goes with it. */
  assign(reference: string): Promise<Payee>
  /** A withdrawal as the backend sends it. */
  withdraw(wish: Wish): Promise<Answer>
  /** Blocks, each with time for what it sets in motion. */
  advance(blocks: number): Promise<void>
  /** Enough blocks for whatever is on its way to be beyond any reorg. */
  finalise(): Promise<void>
  /** Of the watcher's list, whole. */
  list(kind: 'deposits' | 'withdrawals' | 'transfers'): Promise<Answer['body'][]>
  /** Every address of ours, the treasury first, as the signer has made them. */
  addresses(): Promise<string[]>
  /** The watcher is followed and its treasury filled: what every story begins with. */
  begin(): Promise<void>
  /** Runs a story to its end. Rejects with what it rejects with, or with what must never be. */
  run(story: () => Promise<void>): Promise<void>
}

const authorised = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

const callOf = (method: 'GET' | 'PUT', url: string, body?: unknown): HttpCall => ({
  ...{ method, url, headers: authorised, timeoutMs: CLIENT_TIMEOUT_MS, maximumBytes: MAXIMUM_BYTES },
  body: body === undefined ? null : new TextEncoder().encode(JSON.stringify(body)),
})

function watcherConfig({ family, watcher, confirmations }: Subject) {
  const node = { url: NODE_URL, username: 'user', passwordFile: './node-password' }
  const common = { confirmations, node, pollMs: POLL_MS, addressPool: { low: 3, high: 6 }, startHeight: 0 }
  const files = { apiTokenFile: './token', signer: { url: SIGNER_URL, tokenFile: './token' } }
  const chains = { [CHAIN]: { family, ...common, ...watcher } }
  return loadWatcherConfig(JSON.stringify({ dataDirectory: './ledger', ...files, chains }), '/home')
}

function signerConfig({ family, signer, assets }: Subject) {
  const approvals = [
    { above: '0', approvals: 1 },
    ...assets.map(({ symbol, approvedAbove }) => ({
      ...{ above: String(approvedAbove), approvals: 2, chain: CHAIN, asset: symbol },
    })),
  ]
  const keys = [publicKeyOf(BACKEND_SECRET), publicKeyOf(SECOND_SECRET)]
  const keystore = { file: './keystore.json', passphraseEnv: 'UNUSED' }
  const files = { dataDirectory: './memory', tokenFile: './token', keystore }
  const chains = { [CHAIN]: { family, ...signer } }
  return loadSignerConfig(
    JSON.stringify({ ...files, authorisation: { required: true, keys, approvals }, chains }),
    '/home',
  )
}

let preparing: ReturnType<typeof fixtures.prepareSigner> | null = null

function openProcesses(subject: Subject, world: World, fillSigner: Awaited<ReturnType<typeof fixtures.prepareSigner>>) {
  const sky: System['sky'] = { weather: CALM, node: 'up' }
  const network = subject.open(() => world.now())
  const foreign = network.foreign()
  const common = { world, pauseMs: () => RESTART_MS, fails: () => false, skewMs: () => 0 }
  const signer = createMachine({
    ...{ ...common, name: 'signer', fill: fillSigner },
    boot: ports => signerMain(ports, signerConfig(subject), PASSPHRASE),
    request: () => Promise.reject(new Error('the signer opens no connection')),
  })
  const weather = () => sky.weather
  const toSigner = createWire(world, weather, () => signer.handler())
  const toNode = createWire(world, weather, () =>
    sky.node === 'down' ? null : async request => (sky.node === 'foreign' ? foreign : network).handle(request),
  )
  const watcher = createMachine({
    ...{ ...common, name: 'watcher', fill: fixtures.fillWatcher },
    boot: ports => watcherMain(ports, watcherConfig(subject)),
    request: call => (call.url.startsWith(SIGNER_URL) ? toSigner(call) : toNode(call)),
  })
  return { sky, network, signer, watcher, toWatcher: createWire(world, weather, () => watcher.handler()) }
}

const keys = [signerOf(BACKEND_SECRET), signerOf(SECOND_SECRET)]

/** Nothing runs yet. */
export async function openSystem(subject: Subject, seed = 1): Promise<System> {
  preparing ??= fixtures.prepareSigner()
  const world = createWorld(seed)
  const { sky, network, signer, watcher, toWatcher } = openProcesses(subject, world, await preparing)
  const system: System = {
    ...{ subject, world, network, watcher, signer, sky },
    async ask(method, path, body) {
      const { status, body: bytes } = await toWatcher(callOf(method, `${WATCHER_URL}${path}`, body))
      return { status, body: JSON.parse(new TextDecoder().decode(bytes)) as Answer['body'] }
    },
    async insist(method, path, body) {
      for (; ; await world.sleep(LOOK_MS)) {
        const answer = await system.ask(method, path, body).catch(() => null)
        if (answer !== null && answer.status < 500) return answer
      }
    },
    async until(path, accept) {
      const end = world.now() + LONGEST_MS / 2
      for (let last: Answer | null = null; ; await world.sleep(LOOK_MS)) {
        const answer: Answer | null = await system.ask('GET', path).catch(() => null)
        if (answer !== null && answer.status === 200 && accept(answer.body)) return answer.body
        last = answer ?? last
        if (world.now() > end) throw new Error(`${path} did not become as expected: ${JSON.stringify(last)}`)
      }
    },
    async assign(reference) {
      const { status, body } = await system.insist('PUT', `${CHAIN_PATH}/addresses/${reference}`, {})
      if (status >= 300) throw new Error(`no address: ${JSON.stringify(body)}`)
      return { address: body.address!, dataField: body.dataField ?? null }
    },
    withdraw({ id, asset, payee, amount = asset.withdrawal, round = 1, expiresAt = null, approvals = 1 }) {
      const asked = {
        chain: CHAIN,
        asset: asset.symbol,
        to: payee.address,
        dataField: payee.dataField,
        amount: String(amount),
      }
      const intent = { ...asked, expiresAt, round, memory: null }
      const authorisations = keys.slice(0, approvals).map(key => key.sign(intentBytes({ id, ...intent }, WALLET)))
      return system.insist('PUT', `/v1/withdrawals/${id}`, { ...intent, authorisations })
    },
    async advance(blocks) {
      for (let n = 0; n < blocks; n++) {
        network.advance()
        await world.sleep(SETTLING_MS)
      }
    },
    finalise: () => system.advance(2 * subject.confirmations.final + 2),
    async list(kind) {
      const { body } = await system.insist('GET', `/v1/${kind}?limit=1000`)
      return body['items'] as Answer['body'][]
    },
    async addresses() {
      const answer = await signer.handler()!({
        ...{ method: 'GET', path: `${CHAIN_PATH}/addresses`, query: { from: '0', limit: '1000' } },
        ...{ headers: authorised, body: new Uint8Array() },
      })
      return (answer.body as unknown[] as { address: string }[]).map(({ address }) => address)
    },
    async begin() {
      for (const machine of [signer, watcher]) machine.start()
      await world.sleep(SETTLING_MS)
      network.advance()
      const { treasury } = await system.until(CHAIN_PATH, body => body.state === 'following' && body.treasury !== null)
      for (const { symbol, funding } of subject.assets) network.fund(symbol, treasury!, funding)
      await system.advance(subject.confirmations.credit + 1)
    },
    async run(story) {
      const over: { isDone: boolean; error: Error | null } = { isDone: false, error: null }
      story().then(
        () => void (over.isDone = true),
        (error: unknown) =>
          Object.assign(over, { isDone: true, error: error instanceof Error ? error : new Error(reasonOf(error)) }),
      )
      const isOver = await world.run(() => over.isDone, world.now() + LONGEST_MS)
      if (over.error !== null) throw over.error
      if (world.violation() !== null) throw new Error(world.violation()!)
      if (!isOver) throw new Error(`stands still:\n${world.lines().slice(-30).join('\n')}`)
    },
  }
  return system
}

/** The watcher's disk is exchanged for one that holds its configuration only. */
export function loseLedger({ watcher }: System): void {
  const kept = watcher
    .disk()
    .paths()
    .filter(path => !path.startsWith('/home/ledger'))
    .map(path => [path, watcher.disk().peek(path)!] as const)
  watcher.replaceDisk(disk => {
    for (const [path, bytes] of kept) disk.poke(path, bytes)
  })
}
