/**
 * `lockkeeper up`: the coin side of a whole exchange on one machine, to look at. Networks that mine by themselves, a signer and
 * a watcher as processes of their own, and a backend whose users pay in and withdraw while things go wrong. A
 * demonstration: the passphrase lies beside the keystore.
 */
import { resolve } from 'node:path'
import type { Audited } from '../../devnet/audit.ts'
import { pause } from '../../devnet/pause.ts'
import { invariant, reasonOf } from '../../kernel/fault.ts'
import { createChildren, signalled, type Children } from '../../shell/children.ts'
import { openConsole } from '../../shell/console.ts'
import { npmIsGone } from '../../shell/parent.ts'
import type { RealPorts } from '../../shell/ports.ts'
import { startDemonstration, type Demonstration, type Setting, type Starting } from './demonstration.ts'
import { chooseNetworks, type Networks } from './networks.ts'
import { createPlace, endLeftovers, lock, prepare, PROCESSES, type UpPlace } from './place.ts'
import { runShow, summarise, type Show } from './run.ts'
import { createScreen, type Screen } from './screen.ts'

export interface UpOptions {
  directory: string
  /** Between accidents; 0: none happen. */
  restMs: number
  /** A command such as litecoind, or a URL; absent: all networks are simulated. */
  node?: string | undefined
}

/** The books are compared before anything is stopped, and all is stopped within five seconds. */
const AUDIT_MS = 1000

/**
 * Runs until Ctrl-C, SIGTERM or a closed terminal, then stops what it has started.
 * @throws boundary `other-mode`, `configuration`; operating `missing-daemon`, operating `locked` where it runs already, `child-ended`, `not-ready`; invariant `books`
 */
export async function up(ports: RealPorts, options: UpOptions): Promise<void> {
  const networks = chooseNetworks(options.node)
  const ended = Promise.race([signalled(), npmIsGone()])
  const screen = createScreen(openConsole(), () => ports.clock.now())
  screen.heading('Lockkeeper: deposits and withdrawals, with coins that are worth nothing')
  screen.text()
  const place = createPlace(resolve(options.directory))
  await screen.step('keys and secrets', async note => {
    note(`${await prepare(ports, place, networks.mode)} in ${place.shown('secrets')}`)
  })
  const unlock = await lock(ports, place)
  try {
    await endLeftovers(place, ({ name, pid }) => screen.text(`  ! ${name} (pid ${pid}) still ran from before: stopped`))
    await runWith({ ports, place, screen, networks, restMs: options.restMs }, ended)
  } finally {
    await unlock()
  }
}

/** As far as it has come when it ends. */
interface Begun {
  starting?: readonly Starting[]
  demonstration?: Demonstration
  show?: Show
}

interface Run extends Pick<Setting, 'place' | 'screen'> {
  ports: RealPorts
  networks: Networks
  restMs: number
}

async function runWith({ ports, place, screen, networks, restMs }: Run, ended: Promise<unknown>): Promise<void> {
  const startedAt = ports.clock.now()
  const children = createChildren(place.at(PROCESSES))
  const setting: Setting = { ports, place, children, screen, say: line => screen.text(`  ! ${line}`) }
  const begun: Begun = {}
  const begin = async (): Promise<never> => {
    begun.starting = await networks.start(setting)
    begun.demonstration = await startDemonstration(setting, begun.starting, networks.mode)
    greet(screen, place, begun.demonstration)
    begun.show = await runShow(setting, begun.demonstration, restMs)
    return begun.show.running
  }
  let audited: Audited | null = null
  try {
    await Promise.race([ended, children.failed, begin()])
  } finally {
    screen.text()
    screen.text('  stopping')
    begun.show?.stop()
    audited = await auditInTime(ports, begun)
    await stopAll(ports, children, begun)
    if (begun.demonstration) farewell(screen, place, begun.demonstration, audited, ports.clock.now() - startedAt)
  }
  if (audited !== null && audited.problems.length > 0) throw invariant('books', audited.problems.join('; '))
}

/** Null where there is no time for it, or nothing to compare. */
async function auditInTime({ clock, log }: RealPorts, { show }: Begun): Promise<Audited | null> {
  if (!show) return null
  const audited = show.audit().catch((error: unknown) => {
    log('error', reasonOf(error))
    return null
  })
  return Promise.race([audited, pause(clock, AUDIT_MS).then(() => null)])
}

async function stopAll(ports: RealPorts, children: Children, { starting = [], demonstration }: Begun): Promise<void> {
  ports.close()
  await children.stop()
  for (const { running } of starting)
    await running.then(one => one.devnet.stop()).catch((error: unknown) => ports.log('error', reasonOf(error)))
  await demonstration?.book.close()
}

function greet(screen: Screen, place: UpPlace, { chains, daemons }: Demonstration): void {
  const { watcher, signer } = daemons
  const token = place.shown('secrets/api-token')
  screen.text()
  screen.row('inspector', `${watcher.url}/`)
  screen.row('watcher', `${watcher.url}    ${place.shown('logs/watcher.log')}`)
  screen.row('signer', `${signer.url}    ${place.shown('logs/signer.log')}`)
  for (const { chain, devnet } of chains) screen.row(chain.name, devnet.title)
  screen.row('backend', `in this process, its books in ${place.shown('backend.jsonl')}`)
  screen.text()
  screen.text('  Try in a second terminal:')
  screen.text(`    cat ${place.shown('secrets/read-token')}    # what the inspector asks for`)
  screen.text(`    npx lockkeeper status --config ${place.shown('watcher.yaml')}`)
  screen.text(`    curl -s -H "Authorization: Bearer $(cat ${token})" "${watcher.url}/v1/withdrawals?limit=3"`)
  screen.text()
  screen.text('  Ctrl-C stops everything; the next start goes on from there.')
  screen.text()
}

function farewell(
  screen: Screen,
  place: UpPlace,
  demonstration: Demonstration,
  audited: Audited | null,
  ranMs: number,
): void {
  screen.text()
  screen.row(
    'ran',
    `${Math.floor(ranMs / 60_000)} min ${Math.floor((ranMs % 60_000) / 1000)} s; since the first start:`,
  )
  summarise(screen, demonstration, audited)
  screen.row('data', `stay in ${place.shown('.')}: the next start goes on from there`)
}
