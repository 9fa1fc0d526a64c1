/** What runs under `lockkeeper up`: networks, signer, watcher and the backend's books, each started as soon as what it stands on is known. */
import { z } from 'zod'
import { createApi, type Ask } from '../../devnet/api.ts'
import { openBook, type DemoBook } from '../../devnet/book.ts'
import type { DevnetTools } from '../../devnet/devnet.ts'
import { pause } from '../../devnet/pause.ts'
import { count } from '../../devnet/story.ts'
import type { ConfiguredChain, RunningChain } from '../../devnet/traffic.ts'
import { operating } from '../../kernel/fault.ts'
import type { Ports } from '../../kernel/ports.ts'
import { choosePort, type Children } from '../../shell/children.ts'
import { serveAny } from '../../shell/serve-any.ts'
import { readSecretFile } from '../../shell/terminal.ts'
import { launchSigner, launchWatcher, type Daemon } from './daemons.ts'
import { bindTo, type UpPlace } from './place.ts'
import type { Screen } from './screen.ts'

export interface Demonstration {
  chains: readonly RunningChain[]
  daemons: { signer: Daemon; watcher: Daemon }
  ask: Ask
  book: DemoBook
  /** The signer's identity key. */
  wallet: string
  /** Of the chains whose treasury has nothing yet: its address. */
  unfunded: ReadonlyMap<string, string>
}

export interface Setting {
  ports: Ports
  place: UpPlace
  children: Children
  screen: Screen
  say: (line: string) => void
}

const NODE_USER = 'lockkeeper'
const TIMEOUT_MS = 10_000
const MAXIMUM_BYTES = 65_536
const ADDRESS_TRIES = 600
const ADDRESS_TRY_MS = 100

export async function toolsOf({ ports, place, children, say }: Setting, chain: string): Promise<DevnetTools> {
  const directory = place.at(`nodes/${chain}`)
  await ports.disk.makeDirectory(directory)
  const passwordFile = place.at('secrets/node-password')
  const password = await readSecretFile(passwordFile)
  const freePort = () => choosePort(0)
  const launch = (command: string, args: readonly string[]) =>
    void children.start({ name: command, command, args, logFile: place.at(`logs/${command}.log`) })
  return { ports, directory, username: NODE_USER, password, passwordFile, serve: serveAny, freePort, launch, say }
}

/** From the signer itself: the watcher could name a key of its own. */
async function askIdentity({ ports, place }: Setting, { url }: Daemon): Promise<string> {
  const headers = { authorization: `Bearer ${await readSecretFile(place.at('secrets/signer-token'))}` }
  const limits = { timeoutMs: TIMEOUT_MS, maximumBytes: MAXIMUM_BYTES }
  const answer = await ports.request({ method: 'GET', url: `${url}/v1/identity`, headers, body: null, ...limits })
  return z.object({ key: z.string() }).parse(JSON.parse(new TextDecoder().decode(answer.body))).key
}

const chainSchema = z.object({
  treasury: z.string().nullable(),
  addressPool: z.object({ free: z.number() }),
  balances: z.array(z.object({ confirmed: z.string(), pending: z.string() })),
})

/** At its tip the watcher is ready, a moment before the signer has made the first addresses. */
async function untilAddresses({ ports }: Setting, ask: Ask, chain: string): Promise<z.output<typeof chainSchema>> {
  for (let tries = 0; tries < ADDRESS_TRIES; tries++) {
    const answer = chainSchema.parse((await ask('GET', `/v1/chains/${chain}`)).body)
    if (answer.treasury !== null && answer.addressPool.free > 0) return answer
    await pause(ports.clock, ADDRESS_TRY_MS)
  }
  throw operating('not-ready', `the signer has made no address for ${chain} yet: see the logs`)
}

async function askUnfunded(setting: Setting, ask: Ask, chains: readonly RunningChain[]): Promise<Map<string, string>> {
  const unfunded = new Map<string, string>()
  for (const { chain } of chains) {
    const { treasury, balances } = await untilAddresses(setting, ask, chain.name)
    const isEmpty = balances.every(({ confirmed, pending }) => confirmed === '0' && pending === '0')
    if (isEmpty) unfunded.set(chain.name, treasury!)
  }
  return unfunded
}

export interface Starting extends ConfiguredChain {
  running: Promise<RunningChain>
}

/** Each on its way. */
interface Launched {
  signer: Promise<Daemon>
  watcher: Promise<Daemon>
}

/** Whoever waits for them hears of their failure. */
function launchDaemons(setting: Setting, starting: readonly Starting[], mode: string): Launched {
  const { ports, place, children } = setting
  // It takes as long as the networks, and needs to know nothing of where they are.
  const signing = launchSigner(place, children, starting)
  const launch = async (): Promise<Daemon> => {
    const chains = await Promise.all(starting.map(({ running }) => running))
    // From here on there is something in the directory that belongs to these networks alone.
    await bindTo(place, mode)
    return launchWatcher(ports, place, children, signing, chains)
  }
  const launched = { signer: signing.ready, watcher: launch() }
  for (const way of [signing.expected, launched.signer, launched.watcher]) way.catch(() => undefined)
  return launched
}

/** @param starting the networks, on their way already; @param mode what they are, for the directory to remember */
export async function startDemonstration(
  setting: Setting,
  starting: readonly Starting[],
  mode: string,
): Promise<Demonstration> {
  const { ports, place, screen } = setting
  const launched = launchDaemons(setting, starting, mode)
  const chains: RunningChain[] = []
  for (const { chain, running } of starting)
    await screen.step(chain.name, async note => {
      const started = await running
      chains.push(started)
      note(started.devnet.title)
    })
  const tick = (name: keyof Launched) =>
    screen.step(name, async note => {
      const daemon = await launched[name]
      note(daemon.url)
      return daemon
    })
  const signer = await tick('signer')
  const watcher = await tick('watcher')
  return screen.step('backend', async note => {
    const ask = createApi(ports.request, watcher.url, await readSecretFile(place.at('secrets/api-token')))
    const [wallet, unfunded] = await Promise.all([askIdentity(setting, signer), askUnfunded(setting, ask, chains)])
    const book = await openBook(ports.disk, place.at('backend.jsonl'))
    note(`its books: ${count(book.deposits.size, 'deposit')}, ${count(book.withdrawals.size, 'withdrawal')}`)
    return { chains, daemons: { signer, watcher }, ask, book, wallet, unfunded }
  })
}
