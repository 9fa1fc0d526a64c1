/** Users who pay in and withdraw, all the time. */
import { reasonOf } from '../kernel/fault.ts'
import type { Clock } from '../kernel/ports.ts'
import { isFatal, type Backend, type News } from './backend.ts'
import type { DemoBook } from './book.ts'
import type { Devnet, DevnetChain } from './devnet.ts'
import type { Dice } from './dice.ts'
import { pause } from './pause.ts'

export interface ConfiguredChain {
  family: string
  chain: DevnetChain
}

export interface RunningChain extends ConfiguredChain {
  devnet: Devnet
}

export interface TrafficOptions {
  backend: Backend
  book: DemoBook
  chains: readonly RunningChain[]
  dice: Dice
  clock: Clock
  news: Pick<News, 'alarm'>
}

export interface Traffic {
  /** The first payments, with blocks that come faster than they will: so that there is something to see at once. */
  open(treasuries: ReadonlyMap<string, string>): Promise<void>
  /** For ever. Rejects with what must not be. */
  run(): Promise<never>
  /** A user pays in; to whom. */
  deposit(running: RunningChain): Promise<string>
  /** A user who can withdraws; the id, or null where nobody has enough. */
  withdraw(running: RunningChain): Promise<string | null>
  user(): string
}

const USERS = 12
const TURN_MS = [900, 2400] as const
/** Of a hundred turns; the rest withdraw. */
const DEPOSITS = 55
const REGRETS = 8
const FIRST_BLOCKS = 3
const FIRST_BLOCK_MS = 700
const FIRST_TRIES = 40
const FIRST_TRY_MS = 250

export function createTraffic({ backend, book, chains, dice, clock, news }: TrafficOptions): Traffic {
  const user = () => `user-${dice.between(1, USERS)}`

  async function deposit({ chain, devnet }: RunningChain): Promise<string> {
    const payer = user()
    const { address, dataField } = await backend.address(payer, chain.name)
    await devnet.pay(address, dice.amount(chain.deposits), dataField)
    return payer
  }

  async function withdraw({ chain, devnet }: RunningChain): Promise<string | null> {
    const { name, asset } = chain
    const amount = dice.amount(chain.withdrawals)
    const users = Array.from({ length: USERS }, (_, n) => `user-${n + 1}`)
    const able = users.filter(one => book.balance(one, asset) >= amount)
    if (able.length === 0) return null
    const to = await devnet.strangerAddress()
    return backend.withdraw({ user: dice.pick(able), chain: name, asset, to, amount: String(amount) })
  }

  /** As soon as the first deposit is credited. */
  async function withdrawSoon(running: RunningChain): Promise<void> {
    for (let tries = 0; tries < FIRST_TRIES && (await withdraw(running)) === null; tries++)
      await pause(clock, FIRST_TRY_MS)
  }

  async function turn(): Promise<void> {
    const running = dice.pick(chains)
    const roll = dice.between(1, 100)
    const id = roll <= DEPOSITS ? null : await withdraw(running)
    if (id === null) await deposit(running)
    else if (roll > 100 - REGRETS) await backend.cancel(id)
  }

  return {
    user,
    deposit,
    withdraw,
    async open(treasuries) {
      for (const running of chains) {
        const treasury = treasuries.get(running.chain.name)
        if (treasury !== undefined) await running.devnet.pay(treasury, running.chain.funding)
        await deposit(running)
      }
      for (let n = 0; n < FIRST_BLOCKS; n++) {
        await pause(clock, FIRST_BLOCK_MS)
        for (const { devnet } of chains) await devnet.mine()
      }
      for (const running of chains) await withdrawSoon(running)
    },
    async run() {
      for (;;) {
        await turn().catch((error: unknown) => {
          if (isFatal(error)) throw error
          news.alarm(`the users' traffic stands still: ${reasonOf(error)}`)
        })
        await pause(clock, dice.between(...TURN_MS))
      }
    },
  }
}
