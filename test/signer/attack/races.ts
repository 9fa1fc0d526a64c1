/**
 * Two or three watchers that ask one signer for the same thing otherwise, at the same time: over connections of their
 * own, with the pieces of their requests in any order, and a disk that answers when it likes. Each race has a rule for
 * what may come of it, whoever is first.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Intent, Json } from '../../../machines/vocabulary.ts'
import { serve } from '../../../src/shell/koa.ts'
import { targetOf } from '../../http/socket.ts'
import { simulatedDisk } from '../../simulation/disk.ts'
import { randomFrom } from '../../simulation/random.ts'
import * as rigs from '../rig.ts'
import { authorised, coin, intent, ours, pay, theirs, type Coin } from '../rig.ts'

interface Asked {
  path: string
  body: unknown
}

interface Told {
  status: number
  body: Record<string, unknown>
}

/** What the watchers ask for, and whether the answers, in the same order, are among those that may be. */
interface Race {
  asked: Asked[]
  isLawful: (told: readonly Told[]) => boolean
}

export interface RaceFigures {
  races: number
  /** How often which answers came, by kind of race. */
  outcomes: Record<string, number>
}

const AMOUNT = 1_000_000n
const PAYEE = theirs(0)
const TREASURY = ours(0).address
const OWNER = ours(1)
const COINS: readonly Coin[] = Array.from({ length: 3 }, (_, n) => coin(1, n, rigs.FUNDS, OWNER))

const payment = (salt: number, fee = 1_000n): Json =>
  pay(
    [COINS[salt]!],
    [
      [PAYEE, AMOUNT],
      [TREASURY, rigs.FUNDS - AMOUNT - fee],
    ],
  )
const merge = (salt: number): Json => pay([COINS[salt]!], [[TREASURY, rigs.FUNDS - 500n]])
// Their making costs more than a race.
const PAYMENTS = [payment(0), payment(1), payment(2)]
const DEARER = payment(0, 2_000n)
const MERGES = [merge(0), merge(1)]

const asking = (name: string, n: number, template: Json, intents: unknown[]): Asked => ({
  path: rigs.attemptPath(name, n),
  body: { template, intents },
})
const voiding = (id: string): Asked => ({ path: `/v1/withdrawals/${id}/void`, body: { chain: 'litecoin', round: 1 } })
const statuses = (told: readonly Told[]): string => told.map(({ status }) => status).join()
const isOneOf =
  (...lawful: string[]) =>
  (told: readonly Told[]): boolean =>
    lawful.includes(statuses(told))

/** `name` is new, and so is everything that is called after it. */
const KINDS: Record<string, (name: string) => Race> = {
  'one withdrawal, coins of their own': name => {
    const intents = [approved(name)]
    return {
      asked: [0, 1].map(who => asking(`${name}-${who}`, 1, PAYMENTS[who]!, intents)),
      isLawful: isOneOf('200,403', '403,200'),
    }
  },
  'one withdrawal, three watchers': name => {
    const intents = [approved(name)]
    return {
      asked: [0, 1, 2].map(who => asking(`${name}-${who}`, 1, PAYMENTS[who]!, intents)),
      isLawful: isOneOf('200,403,403', '403,200,403', '403,403,200'),
    }
  },
  'one attempt, two templates': name => {
    const intents = [approved(name)]
    return {
      asked: [asking(name, 1, PAYMENTS[0]!, intents), asking(name, 1, DEARER, intents)],
      isLawful: isOneOf('200,409', '409,200'),
    }
  },
  'one template, two names': name => {
    const intents = [approved(name)]
    const asked = ['a', 'b'].map(who => asking(`${name}-${who}`, 1, PAYMENTS[0]!, intents))
    const isLawful = (told: readonly Told[]) =>
      statuses(told) === '200,200' && told[0]!.body.signedTransaction === told[1]!.body.signedTransaction
    return { asked, isLawful }
  },
  'two attempts of one transfer that could both confirm': name => ({
    asked: [asking(name, 1, MERGES[0]!, []), asking(name, 2, MERGES[1]!, [])],
    isLawful: isOneOf('200,403', '403,200'),
  }),
  'a void and a signature': name => ({
    asked: [voiding(name), asking(name, 1, PAYMENTS[0]!, [approved(name)])],
    isLawful: ([receipt, answer]) => {
      const listed = JSON.stringify(receipt!.body.signed)
      return answer!.status === 200 ? listed === JSON.stringify([answer!.body.transactionId]) : listed === '[]'
    },
  }),
  'a refusal and a signature for one attempt': name => {
    const intents = [approved(name)]
    return {
      asked: [
        asking(name, 1, PAYMENTS[0]!, [{ ...intents[0]!, to: TREASURY }]),
        asking(name, 1, PAYMENTS[0]!, intents),
      ],
      isLawful: isOneOf('403,200', '409,200'),
    }
  },
}

const PLAIN: Intent = intent('', AMOUNT)
const approved = (id: string) => authorised({ ...PLAIN, id })

/** One connection that stays open, and one request on it at a time. */
interface Watcher {
  socket: Socket
  told(): Promise<Told>
}

async function connectWatcher(address: string): Promise<Watcher> {
  const socket = connect(targetOf(address))
  await once(socket, 'connect')
  socket.setNoDelay(true)
  let text = ''
  let heard: () => void = () => undefined
  socket.on('data', piece => {
    text += piece.toString()
    heard()
  })
  const complete = (): Told | null => {
    const [head, body] = text.split('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(head ?? '')?.[1] ?? -1)
    if (length < 0 || body?.length !== length) return null
    text = ''
    return { status: Number(head!.split(' ')[1]), body: JSON.parse(body) as Record<string, unknown> }
  }
  const told = async () => {
    for (;;) {
      const answer = complete()
      if (answer !== null) return answer
      await new Promise<void>(resolve => (heard = resolve))
    }
  }
  return { socket, told }
}

function bytesOf({ path, body }: Asked): Buffer {
  const text = JSON.stringify(body)
  const head = `PUT ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${rigs.TOKEN}\r\nContent-Length: ${text.length}`
  return Buffer.from(`${head}\r\n\r\n${text}`)
}

/** Each request in up to four pieces, the pieces of all in any order, some of them in the same turn. */
async function send(watchers: readonly Watcher[], asked: readonly Asked[], random: () => number): Promise<void> {
  const waiting = asked.map((each, who) => {
    const bytes = bytesOf(each)
    const cuts = Array.from({ length: 3 }, () => Math.floor(random() * bytes.length)).sort((a, b) => a - b)
    return { who, pieces: [0, ...cuts].map((cut, n) => bytes.subarray(cut, cuts[n] ?? bytes.length)) }
  })
  for (let left = waiting; left.length > 0; left = left.filter(({ pieces }) => pieces.length > 0)) {
    const next = left[Math.floor(random() * left.length)]!
    watchers[next.who]!.socket.write(next.pieces.shift()!)
    if (random() < 0.5) await new Promise(resolve => setImmediate(resolve))
  }
}

/** Rejects at the first race whose outcome may not be. */
export async function race(count: number, seed: number): Promise<RaceFigures> {
  const random = randomFrom(seed)
  // A sync takes a few turns, so that requests come in while others are being written.
  const settle = async (call: string) => {
    for (let turns = call === 'sync' ? Math.floor(random() * 4) : 0; turns > 0; turns--)
      await new Promise(resolve => setImmediate(resolve))
  }
  const figures: RaceFigures = { races: 0, outcomes: {} }
  while (figures.races < count) await raceOn(Math.min(RACES_PER_SIGNER, count - figures.races), figures, random, settle)
  return figures
}

/** The simulated disk copies its files: short ones are cheap. */
const RACES_PER_SIGNER = 100

type Settle = (call: string) => Promise<void>

async function raceOn(count: number, figures: RaceFigures, random: () => number, settle: Settle): Promise<void> {
  const disk = simulatedDisk({ seed: Math.floor(random() * 2 ** 31), settle })
  const signer = await rigs.start(await rigs.createRigOn(disk))
  await rigs.grow(signer)
  const server = await serve(signer.handle, { listen: '127.0.0.1:0' })
  const watchers = await Promise.all([1, 2, 3].map(() => connectWatcher(server.address)))
  const kinds = Object.keys(KINDS)
  try {
    for (let n = 0; n < count; n++) {
      const kind = kinds[figures.races % kinds.length]!
      const { asked, isLawful } = KINDS[kind]!(`race-${figures.races}`)
      await send(watchers, asked, random)
      const told = await Promise.all(asked.map((_, who) => watchers[who]!.told()))
      const outcome = `${kind}: ${statuses(told)}`
      if (!isLawful(told)) throw new Error(`${outcome} ${JSON.stringify(told)}`)
      figures.outcomes[outcome] = (figures.outcomes[outcome] ?? 0) + 1
      figures.races++
    }
  } finally {
    for (const { socket } of watchers) socket.destroy()
    await server.stop()
    await signer.stop()
  }
}
