/** Signer and watcher of `lockkeeper up`: the real ones, each a process of its own. */
import { fileURLToPath } from 'node:url'
import { operating, reasonOf } from '../../kernel/fault.ts'
import type { Ports } from '../../kernel/ports.ts'
import { pause } from '../../devnet/pause.ts'
import type { Processes } from '../../devnet/accidents.ts'
import type { ConfiguredChain, RunningChain } from '../../devnet/traffic.ts'
import { choosePort, type Child, type Children } from '../../shell/children.ts'
import { writeSignerConfig, writeWatcherConfig, type UpPlace } from './place.ts'

const CLI = fileURLToPath(new URL('../../cli.js', import.meta.url))
const PORTS = { watcher: 4100, signer: 4200 }
/** Somebody may take a port between our look and the daemon's. */
const PORT_TRIES = 3
const READY = /ready on \S+/
const READY_TRIES = 600
const READY_TRY_MS = 100
const HTTP_TIMEOUT_MS = 2000
const HTTP_MAXIMUM_BYTES = 65_536

type Name = keyof typeof PORTS

export interface Daemon {
  url: string
  child: Child
}

function launch(place: UpPlace, children: Children, name: Name): Child {
  const args = [CLI, name, '--config', place.at(`${name}.yaml`)]
  return children.start({ name, command: process.execPath, args, logFile: place.at(`logs/${name}.log`) })
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}`

async function startOnPort(
  place: UpPlace,
  children: Children,
  name: Name,
  writeConfig: (port: number) => Promise<void>,
): Promise<Daemon> {
  for (let tries = 1; ; tries++) {
    const port = await choosePort(PORTS[name])
    await writeConfig(port)
    const child = launch(place, children, name)
    try {
      await child.says(READY)
      return { url: urlOf(port), child }
    } catch (error) {
      if (tries === PORT_TRIES || !/cannot listen/.test(reasonOf(error))) throw error
    }
  }
}

/** A signer on its way. */
export interface Signing {
  /** Where it will be, unless somebody else takes the port in the meantime. */
  expected: Promise<string>
  ready: Promise<Daemon>
}

export function launchSigner(place: UpPlace, children: Children, chains: readonly ConfiguredChain[]): Signing {
  let expect: (url: string) => void = () => undefined
  const expected = new Promise<string>(resolve => (expect = resolve))
  const ready = startOnPort(place, children, 'signer', port => {
    expect(urlOf(port))
    return writeSignerConfig(place, port, chains)
  })
  return { expected: Promise.race([expected, ready.then(({ url }) => url)]), ready }
}

/**
 * Beside the signer: a watcher follows its chains without one, and asks for it again and again. One that was told a place where
 * the signer is not after all is started anew.
 */
export async function launchWatcher(
  ports: Ports,
  place: UpPlace,
  children: Children,
  signing: Signing,
  chains: readonly RunningChain[],
): Promise<Daemon> {
  const start = (signerUrl: string) =>
    startOnPort(place, children, 'watcher', port => writeWatcherConfig(ports, place, port, signerUrl, chains))
  const expected = await signing.expected
  const [first, signer] = await Promise.all([start(expected), signing.ready])
  if (signer.url !== expected) await first.child.kill()
  const watcher = signer.url === expected ? first : await start(signer.url)
  await untilReady(ports, watcher.url)
  return watcher
}

/** Following every chain, and the signer compared. @throws operating `not-ready` with what is missing */
async function untilReady({ request, clock }: Ports, url: string): Promise<void> {
  let last = 'no answer'
  const limits = { timeoutMs: HTTP_TIMEOUT_MS, maximumBytes: HTTP_MAXIMUM_BYTES }
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const answer = await request({ method: 'GET', url: `${url}/readyz`, headers: {}, body: null, ...limits }).catch(
      (error: unknown) => void (last = reasonOf(error)),
    )
    if (answer?.status === 200) return
    if (answer) last = new TextDecoder().decode(answer.body)
    await pause(clock, READY_TRY_MS)
  }
  throw operating('not-ready', `the watcher is not ready: ${last}`)
}

/** What accidents may do to them. */
export function endangered(ports: Ports, place: UpPlace, children: Children, daemons: Record<Name, Daemon>): Processes {
  const { clock } = ports
  return {
    async crashWatcher(afterMs) {
      await daemons.watcher.child.kill()
      await pause(clock, afterMs)
      const child = launch(place, children, 'watcher')
      daemons.watcher = { ...daemons.watcher, child }
      await child.says(READY)
      await untilReady(ports, daemons.watcher.url)
    },
    async silenceSigner(ms) {
      daemons.signer.child.signal('SIGSTOP')
      await pause(clock, ms)
      daemons.signer.child.signal('SIGCONT')
    },
  }
}
