/** Watcher, signer and node, wired together in one world. */
import type { HttpCall } from '../../src/kernel/ports.ts'
import type { SimulatedBitcoin } from '../../src/devnet/bitcoin/node.ts'
import { main as signerMain } from '../../src/signer/main.ts'
import { main as watcherMain } from '../../src/watcher/main.ts'
import type { SimulatedDisk } from './disk.ts'
import {
  fillWatcher,
  foreignNode,
  MANY_COINS,
  NODE_URL,
  PASSPHRASE,
  REPLACE_AFTER_MS,
  prepareBlocks,
  preparedNode,
  prepareSigner,
  SIGNER_URL,
  signerConfig,
  TOKEN,
  WATCHER_URL,
  watcherConfig,
} from './fixtures.ts'
import { createMachine, type Machine } from './machine.ts'
import { CALM, createWire, type Weather } from './wire.ts'
import type { World } from './world.ts'

export interface Answer {
  status: number
  body: Record<string, unknown>
  /** Names in lower case; absent where no wire was between. */
  headers?: Record<string, string>
}

export interface System {
  world: World
  node: SimulatedBitcoin
  watcher: Machine
  signer: Machine
  /** Changed while it runs. */
  sky: {
    weather: Weather
    node: 'up' | 'down' | 'foreign'
    /** How far their dates are from the world's. */
    skewMs: { watcher: number; signer: number }
    /** The signer's limit of a day, from its next start on. */
    perDay: string | null
    /** Of the watcher's configuration, from its next start on. */
    replaceAfterMs: number
    consolidatesAbove: number
  }
  /** The backend's view of the watcher. Rejects when there is no proper answer. */
  ask: (method: 'GET' | 'PUT', path: string, body?: unknown) => Promise<Answer>
  /** A further watcher beside it, on the same signer and node. */
  another: (name: string) => Pick<System, 'watcher' | 'ask'>
  /** Straight to a running process, past all weather; null when it is down. */
  askDirectly: (machine: Machine, path: string) => Promise<Answer | null>
}

interface Prepared {
  fillSigner: (disk: SimulatedDisk) => void
  blocks: ReturnType<typeof prepareBlocks>
}

export const prepare = async (): Promise<Prepared> => ({ fillSigner: await prepareSigner(), blocks: prepareBlocks() })

const CLIENT_TIMEOUT_MS = 10_000
const MAXIMUM_BYTES = 64 * 1024 * 1024
const MAXIMUM_PAUSE_MS = 8000
/** How often a disk fails after a restart. */
const DISK_FAILURE = 0.1

const authorised = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

const callOf = (method: 'GET' | 'PUT', url: string, body?: unknown): HttpCall => ({
  ...{ method, url, headers: authorised, timeoutMs: CLIENT_TIMEOUT_MS, maximumBytes: MAXIMUM_BYTES },
  body: body === undefined ? null : new TextEncoder().encode(JSON.stringify(body)),
})

const read = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as Answer['body']

/** `isReplacing`: whether the node replaces by BIP-125. */
export function createSystem(world: World, { fillSigner, blocks }: Prepared, isReplacing = true): System {
  const sky: System['sky'] = {
    weather: CALM,
    node: 'up',
    skewMs: { watcher: 0, signer: 0 },
    perDay: null,
    replaceAfterMs: REPLACE_AFTER_MS,
    consolidatesAbove: MANY_COINS,
  }
  const node = preparedNode(blocks, () => world.now(), isReplacing)
  const foreign = foreignNode(() => world.now())
  const pauseMs = () => world.dice.between(1, MAXIMUM_PAUSE_MS)
  const common = { world, pauseMs, fails: () => sky.weather !== CALM && world.dice.chance(DISK_FAILURE) }

  const signer: Machine = createMachine({
    ...common,
    name: 'signer',
    fill: fillSigner,
    skewMs: () => sky.skewMs.signer,
    boot: ports => signerMain(ports, signerConfig(sky.perDay), PASSPHRASE),
    request: () => Promise.reject(new Error('the signer opens no connection')),
  })
  const weather = () => sky.weather
  const toSigner = createWire(world, weather, () => signer.handler())
  const toNode = createWire(world, weather, () => {
    if (sky.node === 'down') return null
    return async request => (sky.node === 'foreign' ? foreign : node).handle(request)
  })
  /** A watcher with a disk of its own, and its backend's way to it. */
  const openWatcher = (name: string): Pick<System, 'watcher' | 'ask'> => {
    const watcher: Machine = createMachine({
      ...common,
      name,
      fill: fillWatcher,
      skewMs: () => sky.skewMs.watcher,
      boot: ports => watcherMain(ports, watcherConfig(sky.replaceAfterMs, sky.consolidatesAbove)),
      request(call) {
        if (call.url.startsWith(SIGNER_URL)) return toSigner(call)
        if (call.url.startsWith(NODE_URL)) return toNode(call)
        throw new Error(`nobody is at ${call.url}`)
      },
    })
    const toWatcher = createWire(world, weather, () => watcher.handler())
    return {
      watcher,
      async ask(method, path, body) {
        const { status, headers, body: bytes } = await toWatcher(callOf(method, `${WATCHER_URL}${path}`, body))
        const said = read(bytes)
        world.trace(
          `backend of ${name} ${method} ${path} ${status} ${status < 400 ? '' : JSON.stringify(said['kind'])}`,
        )
        return { status, headers, body: said }
      },
    }
  }

  return {
    ...{ world, node, signer, sky },
    ...openWatcher('watcher'),
    another: openWatcher,
    async askDirectly(machine, path) {
      const handler = machine.handler()
      if (handler === null) return null
      const { pathname, searchParams } = new URL(`${WATCHER_URL}${path}`)
      const request = { method: 'GET', path: pathname, query: Object.fromEntries(searchParams), headers: authorised }
      const answer = await handler({ ...request, body: new Uint8Array() })
      return { status: answer.status, body: read(new TextEncoder().encode(JSON.stringify(answer.body))) }
    },
  }
}
