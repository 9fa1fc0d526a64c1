/** Promise one, against real processes: whatever dies at whatever boundary of a task, a withdrawal is paid once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deposit } from './payer.ts'
import { startProxy, type Moment, type Passing, type Proxy } from './proxy.ts'
import { CHAIN, CREDIT, FINAL, startSystem, type Resource, type System } from './system.ts'

const COIN = 100_000_000n

let system: System
beforeAll(async () => {
  system = await startSystem()
  await system.fund(3n * COIN, 3n * COIN, 3n * COIN)
})
afterAll(() => system.close())

const moments: Moment[] = ['before', 'answerless', 'after']
const words: Record<Moment, string> = {
  before: 'before',
  answerless: 'after the effect and before the answer of',
  after: 'after',
}
const everyMoment = moments.map(moment => [words[moment], moment] as const)

const isSigning = ({ line }: Passing) => line.startsWith('PUT ') && line.includes('/attempts/')
const isRpc =
  (method: string) =>
  ({ rpc }: Passing) =>
    rpc === method
const isBlock = ({ line }: Passing) => line.startsWith('GET /rest/block/')

interface Asked {
  id: string
  path: string
  to: string
}

let count = 0
const amountSat = 2_000_000n
/** Everything that was asked for: at the very end each is final and was paid once. */
const all: Asked[] = []

/** As a backend does that has not heard an answer: it asks again. */
const insist = ({ id, to }: Asked) => system.insist(() => system.withdraw(id, { to, amountSat }))

async function ask(): Promise<Asked> {
  const id = `withdrawal-${++count}`
  const asked = { id, path: `/v1/withdrawals/${id}`, to: (await system.node.rpc('getnewaddress')) as string }
  all.push(asked)
  void system.withdraw(id, { to: asked.to, amountSat }).catch(() => undefined)
  return asked
}

const published = async ({ path }: Asked): Promise<Resource> => {
  const { transferId } = await system.until(path, ({ transactionId }) => transactionId !== null)
  return system.until(`/v1/transfers/${transferId!}`, ({ attempts }) =>
    ['published', 'mined'].includes(attempts[0]!.state),
  )
}

async function paidOnce(asked: Asked): Promise<void> {
  await insist(asked)
  const { attempts } = await published(asked)
  expect(attempts).toHaveLength(1)
  await system.mine(CREDIT)
  const { transactionId } = await system.reaches(asked.path, 'paid')
  expect(await system.book.paidTo(asked.to)).toMatchObject([{ txid: transactionId, amountSat }])
}

/** Kills at this moment of this request, and starts again. */
async function crash(
  proxy: Proxy,
  moment: Moment,
  matches: (passing: Passing) => boolean,
  victim: 'watcher' | 'signer',
) {
  const killed = proxy.once(moment, matches, () => system[victim].kill9())
  const asked = await ask()
  await killed
  await system[victim].start()
  return asked
}

describe('A1: the watcher is killed', () => {
  test.each(everyMoment)('%s the fee rate is read, and a withdrawal is paid once', async (_, moment) => {
    await paidOnce(await crash(system.toNode, moment, isRpc('estimatesmartfee'), 'watcher'))
  })
  test.each(everyMoment)('%s the signing, and a withdrawal is paid once', async (_, moment) => {
    await paidOnce(await crash(system.toSigner, moment, isSigning, 'watcher'))
  })
  test.each(everyMoment)('%s the broadcast, and a withdrawal is paid once', async (_, moment) => {
    await paidOnce(await crash(system.toNode, moment, isRpc('sendrawtransaction'), 'watcher'))
  })
  test('before the broadcast is even tried, and a withdrawal is paid once', async () => {
    await paidOnce(await crash(system.toNode, 'before', isRpc('testmempoolaccept'), 'watcher'))
  })

  test.each(['signed', 'published'])(
    'when the attempt is recorded as %s, and a withdrawal is paid once',
    async state => {
      const { body } = await system.get<{ next: number }>('/v1/events?after=0&limit=1000&kind=chain')
      let cursor = body.next
      const asked = await ask()
      for (let isThere = false; !isThere;) {
        const page = await system.get<{ events: { to: string }[]; next: number }>(
          `/v1/events?after=${cursor}&kind=attempt&wait=5`,
        )
        cursor = page.body.next
        isThere = page.body.events.some(({ to }) => to === state)
      }
      await system.watcher.kill9()
      await system.watcher.start()
      await paidOnce(asked)
    },
  )

  test.each(everyMoment)('%s the block with a payment is read, and nothing is missed or doubled', async (_, moment) => {
    const asked = await ask()
    await insist(asked)
    await published(asked)
    const { path } = await deposit(system, await system.address(`customer-${moment}`))
    const killed = system.toNode.once(moment, isBlock, () => system.watcher.kill9())
    await system.node.mine(1)
    await killed
    await system.watcher.start()
    await system.mine(CREDIT - 1)
    await system.reaches(path, 'confirmed')
    await paidOnce(asked)
    const { history } = (await system.get(path)).body
    expect(history.filter(({ to }) => to === 'confirmed')).toHaveLength(1)
  })

  test('after it has stored a request and before it answers, and the same request again is the same withdrawal', async () => {
    const toWatcher = await startProxy(system.url)
    const killed = toWatcher.once(
      'answerless',
      ({ line }) => line.startsWith('PUT /v1/withdrawals/'),
      () => system.watcher.kill9(),
    )
    const asked = {
      id: 'lost-answer',
      path: '/v1/withdrawals/lost-answer',
      to: (await system.node.rpc('getnewaddress')) as string,
    }
    all.push(asked)
    await expect(system.withdraw(asked.id, { to: asked.to, amountSat }, toWatcher.url)).rejects.toThrow()
    await killed
    toWatcher.close()
    await system.watcher.start()
    expect((await system.withdraw(asked.id, { to: asked.to, amountSat })).status).toBe(200)
    await paidOnce(asked)
  })
})

describe('A1: the signer is killed', () => {
  test.each(everyMoment)('%s the signing, and a withdrawal is paid once', async (_, moment) => {
    await paidOnce(await crash(system.toSigner, moment, isSigning, 'signer'))
  })

  test.each(everyMoment)('%s the pool grows, and every reference has an address of its own', async (_, moment) => {
    const killed = system.toSigner.once(
      moment,
      ({ line }) => line.endsWith('/address-pool'),
      () => system.signer.kill9(),
    )
    const references = Array.from({ length: 12 }, (_unused, n) => `${moment}-${n}`)
    const assigned = references.map(reference => system.address(reference))
    await killed
    await system.signer.start()
    const addresses = await Promise.all(assigned)
    expect(new Set(addresses).size).toBe(references.length)
    expect(await Promise.all(references.map(reference => system.address(reference)))).toEqual(addresses)
    await system.until(`/v1/chains/${CHAIN}`, ({ addressPool }) => addressPool.free >= 10)
  })
})

describe('A1: an answer is lost', () => {
  test.each([
    ['signing', 'toSigner', isSigning],
    ['broadcast', 'toNode', isRpc('sendrawtransaction')],
  ] as const)('of the %s: it is asked again, and nothing happens twice', async (_, proxy, matches) => {
    const lost = system[proxy].once('answerless', matches, () => Promise.resolve())
    const asked = await ask()
    await lost
    await paidOnce(asked)
  })

  test('of the credit: the backend repeats it, and the deposit is credited once', async () => {
    const { path } = await deposit(system, await system.address('credited-twice'))
    await system.mine(CREDIT)
    await system.reaches(path, 'confirmed')
    const toWatcher = await startProxy(system.url)
    const killed = toWatcher.once(
      'answerless',
      ({ line }) => line.endsWith('/credit'),
      () => system.watcher.kill9(),
    )
    await expect(system.put(`${path}/credit`, {}, toWatcher.url)).rejects.toThrow()
    await killed
    toWatcher.close()
    await system.watcher.start()
    expect((await system.put(`${path}/credit`)).status).toBe(200)
    const { history } = (await system.get(path)).body
    expect(history.filter(({ to }) => to === 'credited')).toHaveLength(1)
  })
})

describe('after all these crashes', () => {
  test('every withdrawal is final and was paid once', async () => {
    await system.mine(FINAL)
    for (const { path, to } of all) {
      const { transactionId } = await system.reaches(path, 'final')
      expect(await system.book.paidTo(to)).toMatchObject([{ txid: transactionId, amountSat }])
    }
  })
})
