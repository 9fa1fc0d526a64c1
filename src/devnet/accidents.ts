/**
 * What goes wrong in the demonstration, now and then: each accident is announced before it happens, and afterwards is said what
 * became of it. Nothing here knows how Lockkeeper bears them.
 */
import { reasonOf } from '../kernel/fault.ts'
import type { Clock } from '../kernel/ports.ts'
import { isFatal, type Backend, type FeedEvent } from './backend.ts'
import type { DemoBook } from './book.ts'
import type { Dice } from './dice.ts'
import type { FeedWatch } from './feed-watch.ts'
import { pause } from './pause.ts'
import { count } from './story.ts'
import type { RunningChain, Traffic } from './traffic.ts'

export interface Stage {
  chains: readonly RunningChain[]
  traffic: Traffic
  backend: Backend
  book: DemoBook
  feed: FeedWatch
  dice: Dice
  clock: Clock
  processes: Processes
  /** Between the end of one accident and the next. */
  restMs: number
  tell: Teller
}

/** Where an accident is told of. `isWell`: it was borne as it should be. */
export interface Teller {
  begun(name: string, chain: string, words: string): void
  ended(name: string, chain: string, words: string, isWell: boolean): void
}

export interface Processes {
  /** SIGKILL, and a new start after so long; resolves when it serves again. */
  crashWatcher(afterMs: number): Promise<void>
  /** It stands still for so long: nothing is answered, nothing is refused. */
  silenceSigner(ms: number): Promise<void>
}

interface Outcome {
  words: string
  isWell: boolean
}

interface Accident {
  name: string
  /** False where the chain's family knows no such thing. */
  isPossible: (running: RunningChain) => boolean
  /** What has to be so when it happens. */
  prepare?: (stage: Stage, running: RunningChain) => Promise<unknown>
  announce: (running: RunningChain) => string
  happen: (stage: Stage, running: RunningChain) => Promise<Outcome>
}

/** Deep enough to reach what is credited. */
const REORGANISED_BLOCKS = 4
const SEEN_MS = 10_000
const CREDITED_MS = 30_000
/** Longer than until `final`. */
const SETTLED_MS = 120_000
const SILENCE_MS = 8000
const DOWN_MS = 2000
const STEP_MS = 250

async function until({ clock }: Stage, isSo: () => boolean, maximumMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < maximumMs && !isSo(); waitedMs += STEP_MS) await pause(clock, STEP_MS)
  return isSo()
}

const isPaid = (stage: Stage, id: string) => ['paid', 'final'].includes(stage.book.withdrawals.get(id)!.state)
const creditedOn = ({ book }: Stage, chain: string): string[] =>
  [...book.deposits.values()].filter(one => one.chain === chain && one.isCredited).map(({ id }) => id)

const reorganisation: Accident = {
  name: 'reorg',
  isPossible: ({ devnet }) => devnet.accidents.reorganise !== undefined,
  /** What was credited a moment ago stands in the blocks that go. */
  async prepare({ traffic, feed }, running) {
    const { name } = running.chain
    await traffic.deposit(running)
    await feed.until(({ kind, chain, to }) => kind === 'deposit' && chain === name && to === 'credited', CREDITED_MS)
  },
  announce: () =>
    `the last ${REORGANISED_BLOCKS} blocks are replaced by ${REORGANISED_BLOCKS + 1} others without our transactions. ` +
    'What was credited in them is taken back, and credited again when it is mined again',
  async happen(stage, { chain, devnet }) {
    const before = new Set(creditedOn(stage, chain.name))
    const taken = new Set<string>()
    const missing = new Set<string>()
    let isBack = false
    const listening = stage.feed.until(({ kind, id, chain: of, to }) => {
      if (kind === 'deposit' && to === 'reversed' && before.has(id)) [taken, missing].forEach(ids => ids.add(id))
      if (kind === 'deposit' && to === 'credited') missing.delete(id)
      if (kind === 'chain' && of === chain.name && to === 'following') isBack = true
      return isBack && missing.size === 0
    }, SETTLED_MS)
    await devnet.accidents.reorganise!(REORGANISED_BLOCKS)
    const isWell = (await listening) !== null
    if (taken.size === 0)
      return { words: isWell ? 'no credit stood in those blocks' : 'the watcher is not at the new tip yet', isWell }
    const words = isWell ? 'taken back and given again, once each' : 'taken back, and not all of them given again yet'
    return { words: `${count(taken.size, 'credit')} ${words}`, isWell }
  },
}

const doubleSpend: Accident = {
  name: 'double-spend',
  isPossible: ({ devnet }) => devnet.accidents.doubleSpend !== undefined,
  announce: () =>
    'somebody pays to a user, and then spends the same coins again, to himself. The payment is seen, and never credited',
  async happen(stage, { chain, devnet }) {
    const { feed, traffic, backend, dice } = stage
    let deposit: FeedEvent | null = null
    const { address } = await backend.address(traffic.user(), chain.name)
    await devnet.accidents.doubleSpend!(address, dice.amount(chain.deposits), async transactionId => {
      const isIt = (event: FeedEvent) => event.kind === 'deposit' && event.data['transactionId'] === transactionId
      deposit = await feed.until(isIt, SEEN_MS)
    })
    const seen = deposit as FeedEvent | null
    if (seen === null) return { words: 'the payment was never seen', isWell: true }
    const end = await feed.until(
      ({ kind, id, to }) => kind === 'deposit' && id === seen.id && to === 'dropped',
      SETTLED_MS,
    )
    if (stage.book.deposits.has(seen.id)) return { words: 'IT WAS CREDITED', isWell: false }
    const words = 'the other payment is final, so this one is dropped: it was never credited'
    return end === null ? { words: 'not decided yet', isWell: true } : { words, isWell: true }
  },
}

const fakeDeposit: Accident = {
  name: 'fake deposit',
  isPossible: ({ devnet }) => devnet.accidents.pretend !== undefined,
  announce: ({ devnet }) => `${devnet.accidents.pretend!.words}. The user shows its id and wants to be credited`,
  async happen(stage, { chain, devnet }) {
    const { backend, traffic, dice, book } = stage
    const { address, dataField } = await backend.address(traffic.user(), chain.name)
    const { send } = devnet.accidents.pretend!
    const transactionId = await send(address, dice.amount(chain.deposits), dataField)
    const height = await devnet.height()
    const { credit } = chain.confirmations
    for (let passed = 0; passed <= credit; passed = (await devnet.height()) - height) await pause(stage.clock, STEP_MS)
    const isCredited = [...book.deposits.values()].some(deposit => deposit.transactionId === transactionId)
    const words = `${transactionId.slice(0, 10)}… is deep in the chain, and no deposit comes of it: nothing is credited`
    return isCredited ? { words: 'IT WAS CREDITED', isWell: false } : { words, isWell: true }
  },
}

const slowSigner: Accident = {
  name: 'slow signer',
  isPossible: () => true,
  announce: () =>
    `the signer stands still for ${SILENCE_MS / 1000} seconds. Deposits go on; withdrawals wait, and nothing is asked for twice`,
  async happen(stage, running) {
    const silence = stage.processes.silenceSigner(SILENCE_MS)
    const id = await stage.traffic.withdraw(running)
    await silence
    if (id === null) return { words: 'it answers again', isWell: true }
    const isWell = await until(stage, () => isPaid(stage, id), SETTLED_MS)
    return { words: isWell ? `it answers again, and ${id} is paid` : `${id} is not paid yet`, isWell }
  },
}

const watcherCrash: Accident = {
  name: 'watcher crash',
  isPossible: () => true,
  announce: () =>
    `the watcher is killed (SIGKILL) in the middle of a withdrawal, and started again after ${DOWN_MS / 1000} seconds`,
  async happen(stage, running) {
    const id = await stage.traffic.withdraw(running)
    if (id !== null) await stage.feed.until(event => event.id === id && event.to === 'paying', SEEN_MS)
    await stage.processes.crashWatcher(DOWN_MS)
    if (id === null) return { words: 'it goes on from its journal', isWell: true }
    const isWell = await until(stage, () => isPaid(stage, id), SETTLED_MS)
    return { words: isWell ? `it goes on from its journal, and ${id} is paid, once` : `${id} is not paid yet`, isWell }
  },
}

const ACCIDENTS = [reorganisation, doubleSpend, fakeDeposit, slowSigner, watcherCrash]

async function perform(stage: Stage, accident: Accident, running: RunningChain): Promise<void> {
  const { name } = accident
  const chain = running.chain.name
  try {
    await accident.prepare?.(stage, running)
    stage.tell.begun(name, chain, accident.announce(running))
    const { words, isWell } = await accident.happen(stage, running)
    stage.tell.ended(name, chain, words, isWell)
  } catch (error) {
    if (isFatal(error)) throw error
    stage.tell.ended(name, chain, reasonOf(error), false)
  }
}

/** One after the other, each on a chain of its own choice, for ever. */
export async function runAccidents(stage: Stage): Promise<never> {
  for (;;) {
    for (const accident of ACCIDENTS) {
      await pause(stage.clock, stage.restMs)
      const possible = stage.chains.filter(running => accident.isPossible(running))
      if (possible.length > 0) await perform(stage, accident, stage.dice.pick(possible))
    }
  }
}
