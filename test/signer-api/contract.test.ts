/** What watcher and signer agree on, against the signer as it runs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSignerConfig, loadWatcherConfig } from '../../src/config.ts'
import { fillPath } from '../../src/http/path.ts'
import { serveContract } from '../../src/http/route.ts'
import { signerApi } from '../../src/signer-api/routes.ts'
import * as rigs from '../signer/rig.ts'
import { ask, attemptPath, authorised, grow, intent, sign, simple, transferOf } from '../signer/rig.ts'

const AMOUNT = 1_000_000n
let rig: rigs.Rig
let signer: rigs.Signer
beforeAll(async () => {
  rig = await rigs.createRig()
  signer = await rigs.start(rig)
  await grow(signer, 3)
})
afterAll(async () => {
  await signer.stop()
  await rigs.discard(rig)
})

type Name = keyof typeof signerApi
/** The answer as its reader takes it; an unknown member, as one that is missing, throws. */
function read(name: Name, { status, body }: rigs.Answer): unknown {
  const shape = (signerApi[name].answers as Record<number, { parse(value: unknown): unknown }>)[status]
  expect(shape, `${name} answers ${status}`).toBeDefined()
  const taken = shape!.parse(body)
  expect(taken).toEqual(body)
  return taken
}

test('the signer serves every route of the contract and no other', () => {
  const routes = signer.handle.routes.map(({ method, path }) => `${method} ${path}`)
  expect([...routes].sort()).toEqual(
    Object.values(signerApi)
      .map(({ method, path }) => `${method} ${path}`)
      .sort(),
  )
})

describe('what the signer answers is what its reader takes, to the last member:', () => {
  const CHAIN = '/v1/chains/litecoin'
  const signed = [authorised(intent('w-1', AMOUNT))]

  test('identity, pool, addresses, rules, health', async () => {
    read('identity', await ask(signer, 'GET', '/v1/identity'))
    read('growPool', await grow(signer, 4))
    read('addresses', await ask(signer, 'GET', `${CHAIN}/addresses`))
    read('rules', await ask(signer, 'GET', `${CHAIN}/policy`))
    read('health', await ask(signer, 'GET', '/healthz'))
  })

  test('attempts that are signed, wait, or were refused', async () => {
    read('sign', await sign(signer, 'one', 1, simple(AMOUNT, 1), signed))
    read('attempt', await ask(signer, 'GET', attemptPath('one')))
    const bare = { ...intent('w-2', AMOUNT), authorisations: [] }
    read('sign', await sign(signer, 'two', 1, simple(AMOUNT, 2), [bare]))
    read('attempt', await ask(signer, 'GET', attemptPath('two')))
    expect((await sign(signer, 'three', 1, simple(AMOUNT, 3), [])).status).toBe(403)
    read('attempt', await ask(signer, 'GET', attemptPath('three')))
  })

  test('voids, the list of everything, and one withdrawal', async () => {
    await sign(signer, 'one', 1, simple(AMOUNT, 1), signed)
    read('void', await ask(signer, 'PUT', '/v1/withdrawals/w-1/void', { chain: 'litecoin', round: 1 }))
    read('void', await ask(signer, 'PUT', '/v1/withdrawals/w-1/void', { chain: 'litecoin', round: 1 }))
    read('signed', await ask(signer, 'GET', `${CHAIN}/transfers`))
    read('withdrawal', await ask(signer, 'GET', '/v1/withdrawals/w-1'))
  })
})

test('an answer of another shape does not compile, nor one with a status that is not agreed', () => {
  // @ts-expect-error the key is missing
  serveContract(signerApi.identity, () => ({ status: 200, body: {} }))
  // @ts-expect-error 204 is not agreed
  serveContract(signerApi.identity, () => ({ status: 204, body: { key: '' } }))
  // @ts-expect-error size is a number
  serveContract(signerApi.growPool, ({ params, body }) => ({
    status: 200,
    body: { chain: params.chain!, size: `${body.size}` },
  }))
  expect(signerApi.identity.answers[200].safeParse({}).success).toBe(false)
})

test('a path takes only what the server takes: nothing that would be another path', () => {
  const params = { chain: 'litecoin', transferId: transferOf('one'), n: 1 }
  expect(fillPath(signerApi.attempt.path, params)).toBe(attemptPath('one'))
  expect(fillPath('/v1/chains/{chain}/addresses', { chain: 'litecoin' }, { from: 0, limit: 5 })).toBe(
    '/v1/chains/litecoin/addresses?from=0&limit=5',
  )
  for (const chain of ['', 'a/b', '../x', 'a?b', 'é', 'x'.repeat(129)])
    expect(() => fillPath('/v1/chains/{chain}/addresses', { chain }), chain).toThrow(/must match/)
})

test("both configurations take the same names for chains, and the signer's thresholds too", () => {
  const watcher = (name: string) =>
    loadWatcherConfig(
      `chains: { ${name}: { family: bitcoin, network: litecoin-regtest, asset: LTC, node: { url: "http://127.0.0.1:1" } } }`,
      '/',
    )
  const signs = (name: string) =>
    loadSignerConfig(`chains: { ${name}: { family: bitcoin, network: litecoin-regtest, asset: LTC } }`, '/')
  for (const load of [watcher, signs]) {
    expect(Object.keys(load('x'.repeat(32)).chains)).toEqual(['x'.repeat(32)])
    for (const name of ['x'.repeat(33), 'a:b', '.a', 'a b']) expect(() => load(`"${name}"`), name).toThrow(/chain/)
  }
})
