/** A demonstration under way: what happens to money, shown as it happens, and at the end what became of it. */
import { keyFrom, signerOf } from '../../canonical.ts'
import { runAccidents, type Teller } from '../../devnet/accidents.ts'
import { auditBooks, type Audited } from '../../devnet/audit.ts'
import { openBackend, type Backend, type News } from '../../devnet/backend.ts'
import type { DemoBook } from '../../devnet/book.ts'
import { createDice } from '../../devnet/dice.ts'
import type { Devnet } from '../../devnet/devnet.ts'
import { createFeedWatch } from '../../devnet/feed-watch.ts'
import { pause } from '../../devnet/pause.ts'
import { sayAmount, count, sayEvent, type Known } from '../../devnet/story.ts'
import { createTraffic } from '../../devnet/traffic.ts'
import { invariant } from '../../kernel/fault.ts'
import { readSecretFile } from '../../shell/terminal.ts'
import { endangered } from './daemons.ts'
import type { Demonstration, Setting } from './demonstration.ts'
import type { Screen } from './screen.ts'

export interface Show {
  /** Settles never, or rejects with what must end it. */
  running: Promise<never>
  /** Nothing is told and nothing is written any more. */
  stop(): void
  /** The books beside the chains, as long as the networks run. */
  audit(): Promise<Audited>
  /** How many accidents were borne, by name. */
  accidents: ReadonlyMap<string, number>
}

const AUDIT_MS = 60_000
/** The same alarm is worth a line so often. */
const ALARM_REST_MS = 60_000

const knownOf = ({ chains, book }: Demonstration): Known => {
  const decimals = new Map(chains.map(({ chain }) => [chain.asset, chain.decimals]))
  return {
    decimals: asset => decimals.get(asset) ?? 0,
    userOf: id => book.withdrawals.get(id)?.user ?? '',
    isRefunded: id => (book.withdrawals.get(id)?.receipt ?? null) !== null,
  }
}

const devnetsOf = ({ chains }: Demonstration): Map<string, Devnet> =>
  new Map(chains.map(({ chain, devnet }) => [chain.name, devnet]))

interface Reporter extends News {
  teller: Teller
  /** From now on nothing is told. */
  mute(): void
  accidents: Map<string, number>
}

function createReporter(
  { ports, screen: shown }: Setting,
  demonstration: Demonstration,
  hear: News['event'],
): Reporter {
  const known = knownOf(demonstration)
  const now = () => new Date(ports.clock.now()).toISOString()
  const alarms = new Map<string, number>()
  const accidents = new Map<string, number>()
  let screen: Pick<Screen, 'line' | 'announce'> = shown
  return {
    mute: () => void (screen = { line: () => {}, announce: () => {} }),
    event(event) {
      const line = sayEvent(event, known)
      if (line !== null) screen.line(event.at, line)
      hear(event)
    },
    alarm(text) {
      if (ports.clock.now() - (alarms.get(text) ?? 0) < ALARM_REST_MS) return
      alarms.clear()
      alarms.set(text, ports.clock.now())
      screen.announce(now(), '', 'attention', text, 'bad')
    },
    accidents,
    teller: {
      begun: (name, chain, words) => screen.announce(now(), chain, name, words, 'begun'),
      ended(name, chain, words, isWell) {
        accidents.set(name, (accidents.get(name) ?? 0) + 1)
        screen.announce(now(), chain, name, words, isWell ? 'good' : 'bad')
      },
    },
  }
}

async function openBackendOf(
  { ports, place }: Setting,
  { ask, book, wallet }: Demonstration,
  news: News,
): Promise<Backend> {
  const key = signerOf(keyFrom(await readSecretFile(place.at('secrets/backend.key'))))
  return openBackend({ ask, book, key, wallet, clock: ports.clock, news })
}

/** Every minute the books are laid beside the chains; what must not be ends the show. */
async function auditOften({ ports, screen }: Setting, look: () => Promise<Audited>): Promise<never> {
  for (;;) {
    await pause(ports.clock, AUDIT_MS)
    const audited = await look()
    if (audited.problems.length > 0) throw invariant('books', audited.problems.join('; '))
    screen.announce(new Date(ports.clock.now()).toISOString(), '', 'books', foundOf(audited), 'good')
  }
}

/** @param restMs between accidents; 0: none happen */
export async function runShow(setting: Setting, demonstration: Demonstration, restMs: number): Promise<Show> {
  const { ports, place, children } = setting
  const { chains, book, daemons, unfunded } = demonstration
  const { clock } = ports
  const feed = createFeedWatch(clock)
  const reporter = createReporter(setting, demonstration, event => feed.hear(event))
  const backend = await openBackendOf(setting, demonstration, reporter)
  const dice = createDice(ports.random)
  const traffic = createTraffic({ backend, book, chains, dice, clock, news: reporter })
  const processes = endangered(ports, place, children, daemons)
  const stage = { chains, traffic, backend, book, feed, dice, clock, processes, restMs, tell: reporter.teller }
  const look = () => auditBooks(book, devnetsOf(demonstration))
  const perform = async (): Promise<never> => {
    await traffic.open(unfunded)
    return Promise.race([traffic.run(), ...(restMs > 0 ? [runAccidents(stage)] : [])])
  }
  const failures = chains.map(({ devnet }) => devnet.failed)
  const running = Promise.race([backend.run(), perform(), auditOften(setting, look), ...failures])
  const stop = () => {
    reporter.mute()
    backend.stop()
  }
  return { running, stop, audit: look, accidents: reporter.accidents }
}

/** What the books have since the first start. */
export function summarise(screen: Screen, demonstration: Demonstration, audited: Audited | null): void {
  const { chains, book } = demonstration
  for (const { chain } of chains) screen.row(chain.name, countsOf(book, chain))
  if (audited === null) return screen.row('books', 'not compared with the chains')
  const { problems, unsettled } = audited
  if (problems.length > 0) return screen.row('books', problems.join('; '))
  const open = unsettled === 0 ? '' : `; ${unsettled} under way`
  screen.row('books', foundOf(audited) + open)
}

const foundOf = ({ credits, payments }: Audited): string =>
  `${count(credits, 'credit')} and ${count(payments, 'payment')} found on the chains, none of them twice`

interface Named {
  name: string
  asset: string
  decimals: number
}

function countsOf({ deposits, withdrawals }: DemoBook, { name, asset, decimals }: Named): string {
  const sum = (amounts: readonly string[]) =>
    `${sayAmount(String(amounts.reduce((total, amount) => total + BigInt(amount), 0n)), decimals)} ${asset}`
  const credited = [...deposits.values()]
    .filter(one => one.chain === name && one.isCredited)
    .map(({ amount }) => amount)
  const asked = [...withdrawals.values()].filter(({ chain }) => chain === name)
  const paid = asked.filter(({ state }) => state === 'paid' || state === 'final').map(({ amount }) => amount)
  const refunded = asked.filter(({ receipt }) => receipt !== null).length
  const open = asked.length - paid.length - refunded
  return `${count(credited.length, 'deposit')} credited (${sum(credited)}), ${count(paid.length, 'withdrawal')} paid (${sum(paid)}), ${refunded} refunded, ${open} under way`
}
