/** N18: another currency of the family is its parameters, and nothing else. */
import { expect, test } from 'vitest'
import { networkOf } from '../../../adapters/nano/network.ts'
import type { HttpRequest } from '../../../src/http.ts'
import { nano, openNano } from '../../conformance/nano.ts'
import { CHAIN, openSystem } from '../../conformance/system.ts'

const BANANO = 10n ** 29n
const network = networkOf('banano')

const isForWork = ({ body }: HttpRequest): boolean => new TextDecoder().decode(body).includes('work_generate')

/** Work is dear on this network: nobody gives any. */
function withoutWork(now: () => number) {
  const opened = openNano(now, 0, network)
  const none = { status: 200, body: { error: 'Work generation is disabled' } }
  return { ...opened, handle: (request: HttpRequest) => (isForWork(request) ? none : opened.handle(request)) }
}

test('banano is followed and credited, and pays its own addresses only', async () => {
  const [asset] = nano.assets
  const ban = { ...asset, symbol: 'BAN', deposit: 5n * BANANO, withdrawal: BANANO, funding: 30n * BANANO }
  const system = await openSystem({
    ...nano,
    watcher: { network: network.name, asset: 'BAN', startHeight: 1, work: { local: false } },
    signer: { network: network.name, asset: 'BAN', policy: { perTransaction: String(1000n * BANANO) } },
    assets: [ban],
    open: withoutWork,
  })
  await system.run(async () => {
    await system.begin()
    const ours = await system.assign('alice')
    expect(ours.address).toMatch(/^ban_[13]/)
    system.network.pay('BAN', ours, ban.deposit)
    await system.advance(2)
    expect(await system.list('deposits')).toMatchObject([{ state: 'confirmed', amount: String(ban.deposit) }])
    const { body } = await system.insist('GET', `/v1/chains/${CHAIN}`)
    expect(body.balances).toMatchObject([{ asset: 'BAN', confirmed: String(35n * BANANO), decimals: 29 }])
    expect((await system.withdraw({ id: 'w-1', asset: ban, payee: nano.open(() => 0).stranger() })).status).toBe(422)
    expect((await system.withdraw({ id: 'w-2', asset: ban, payee: system.network.stranger() })).status).toBe(201)
  })
})
