/** Signer and watcher in one process beside a simulated ledger, in virtual time: what the family alone can do, and what can be done to it. */
import { decode } from 'ripple-binary-codec'
import { describe, expect, test } from 'vitest'
import { readAddress, xAddressOf } from '../../../adapters/ripple/address.ts'
import { networkOf, TREASURY_TAG } from '../../../adapters/ripple/network.ts'
import { ripple, type RippleNetwork } from '../../conformance/ripple.ts'
import type { Payee, Subject } from '../../conformance/subject.ts'
import { CHAIN, openSystem, type System } from '../../conformance/system.ts'
import type { HttpRequest } from '../../../src/http.ts'
import type { SimulatedRipple } from '../../../src/devnet/ripple/node.ts'

const XRP = 1_000_000n
const [asset] = ripple.assets
const CHAIN_PATH = `/v1/chains/${CHAIN}`

interface Story {
  system: System
  node: SimulatedRipple
  treasury: string
}

/** Runs one story in a system of its own, which has begun. */
async function told(story: (story: Story) => Promise<void>, also: Partial<Subject> = {}): Promise<void> {
  let network: RippleNetwork | null = null
  const open = (now: () => number) => {
    network ??= ripple.open(now)
    return network
  }
  const system = await openSystem({ ...ripple, ...also, open })
  await system.run(async () => {
    await system.begin()
    await system.advance(1)
    const [treasury] = await system.addresses()
    await story({ system, node: network!.node, treasury: treasury! })
  })
}

const methodOf = ({ body }: HttpRequest): { method: string; params: Record<string, unknown>[] } =>
  JSON.parse(new TextDecoder().decode(body)) as { method: string; params: Record<string, unknown>[] }

/** Every submission, as it comes. */
function listen(node: SimulatedRipple, heard: (blob: string) => void): void {
  node.intercept(request => {
    const { method, params } = methodOf(request)
    if (method === 'submit') heard(String(params[0]!['tx_blob']))
    return null
  })
}

/** What the ledger of the watcher has durably. */
function journalOf({ watcher }: System): string {
  const disk = watcher.disk()
  const journals = disk.paths().filter(path => path.startsWith('/home/ledger/journal/') && path.endsWith('.jsonl'))
  return journals.map(path => disk.peek(path)!.toString('utf8')).join('')
}

const stateOf = async (system: System, id: string) => (await system.insist('GET', `/v1/withdrawals/${id}`)).body

/** What ours holds and what the API says of it are the same, and every drop is where it should be. */
async function expectAccounted({ system, node, treasury }: Story, paidIn: bigint): Promise<void> {
  const { body } = await system.insist('GET', CHAIN_PATH)
  const held = node.account(treasury)!.balance
  const { tickets } = node.account(treasury)!
  // The base reserve, and that of each ticket.
  const reserved = String(XRP + (BigInt(tickets.size) * XRP) / 5n)
  expect(body.balances).toMatchObject([{ asset: 'XRP', confirmed: String(held), pending: '0', reserved }])
  const outgoing = node.entriesOf(treasury).filter(({ transaction }) => transaction.body.Account === treasury)
  const fees = outgoing.reduce((sum, { transaction }) => sum + BigInt(transaction.body.Fee), 0n)
  const paidOut = outgoing.reduce((sum, { meta }) => sum + BigInt(meta.delivered_amount ?? 0), 0n)
  expect(held).toBe(paidIn - fees - paidOut)
}

const BURST = 100
const MORE = 400n * XRP

describe('tickets', () => {
  test('a burst of withdrawals is in one ledger, each on a ticket of its own; one that waits holds up nobody', () =>
    told(
      async story => {
        const { system, node, treasury } = story
        const submitted = new Map<string, Set<string>>()
        const late: string[] = []
        listen(node, blob => {
          const { TicketSequence, Sequence } = decode(blob)
          const place = JSON.stringify([TicketSequence, Sequence])
          submitted.set(place, (submitted.get(place) ?? new Set()).add(blob))
          // X6: the signed bytes are durable before they are submitted.
          if (!journalOf(system).includes(blob)) late.push(blob)
        })
        const users = await Promise.all(Array.from({ length: 10 }, (_, n) => system.assign(`user-${n}`)))
        for (const user of [...users, ...users, ...users]) system.network.pay('XRP', user, asset.deposit)
        node.pay(treasury, 3n * XRP, 4_000_000)
        node.pay(treasury, MORE, TREASURY_TAG)
        node.pay(treasury, 4n * XRP, 0)
        await system.advance(1)

        const waiting = { ...system.network.stranger(), amount: asset.approvedAbove + 1n }
        await system.withdraw({ id: 'w-waiting', asset, payee: waiting, amount: waiting.amount })
        const payees: Payee[] = Array.from({ length: BURST }, () => system.network.stranger())
        await Promise.all(payees.map((payee, n) => system.withdraw({ id: `w-${n}`, asset, payee })))
        await system.world.sleep(20_000)
        await system.advance(1)
        const heights = payees.flatMap(({ address }) => node.entriesOf(address).map(({ height }) => height))
        expect(heights).toHaveLength(BURST)
        expect(new Set(heights).size).toBe(1)
        expect(system.network.received('XRP', waiting)).toEqual([])
        await system.withdraw({ id: 'w-waiting', asset, payee: waiting, amount: waiting.amount, approvals: 2 })
        await system.advance(2)
        expect(system.network.received('XRP', waiting)).toEqual([waiting.amount])

        const deposits = await system.list('deposits')
        expect(deposits.filter(({ state }) => state === 'confirmed')).toHaveLength(30)
        const held = deposits.filter(({ state }) => state === 'quarantined')
        // What the operator has paid in names the treasury's tag, and is nobody's deposit.
        expect(held.map(({ dataField, amount }) => [dataField, amount]).sort()).toEqual([
          ['0', '4000000'],
          ['4000000', '3000000'],
        ])
        const [lost, refused] = ['4000000', '0'].map(tag => held.find(one => one.dataField === tag)!)
        const decide = (deposit: { id?: string }, decision: object) =>
          system.insist('PUT', `/v1/deposits/${encodeURIComponent(deposit.id!)}/decision`, decision)
        await decide(lost!, { accept: true, reference: 'user-1', reason: 'they have shown whose it is' })
        await decide(refused!, { accept: false, reason: 'nobody has shown whose it is' })
        await system.advance(2)
        const after = await system.list('deposits')
        expect(after.find(({ id }) => id === lost!.id)).toMatchObject({ state: 'confirmed', reference: 'user-1' })
        expect(after.find(({ id }) => id === refused!.id)!.state).toBe('ignored')

        expect(late).toEqual([])
        expect(Math.max(...[...submitted.values()].map(blobs => blobs.size))).toBe(1)
        await expectAccounted(story, asset.funding + MORE + 30n * asset.deposit + 7n * XRP)
        const { tickets, flags } = node.account(treasury)!
        expect(tickets.size).toBeGreaterThanOrEqual(BURST + 5)
        expect(tickets.size).toBeLessThanOrEqual(BURST + 20)
        expect(flags).toBe(0x0002_0000)
      },
      {
        watcher: { ...ripple.watcher, tickets: { low: BURST + 5, high: BURST + 20 } },
        signer: { ...ripple.signer, policy: { ...ripple.signer.policy, maximumTickets: BURST + 20 } },
      },
    ))
})

test('X3: an address is offered with its tag, and as one X-address, which pays it all the same', () =>
  told(async ({ system, node, treasury }) => {
    const { body } = await system.insist('PUT', `${CHAIN_PATH}/addresses/alice`, {})
    const { combinedAddress } = body
    expect(readAddress(String(combinedAddress), networkOf({ networkId: 0 }))).toEqual({
      account: body.address,
      tag: Number(body.dataField),
    })
    expect((await system.insist('GET', `${CHAIN_PATH}/addresses/alice`)).body['combinedAddress']).toBe(combinedAddress)
    const { body: chain } = await system.insist('GET', CHAIN_PATH)
    node.pay(treasury, 5n * XRP, Number(chain['treasuryDataField']))
    await system.advance(2)
    expect(await system.list('deposits')).toEqual([])
    const to = xAddressOf({ account: system.network.stranger().address, tag: 7 }, networkOf({ networkId: 0 }))
    await system.withdraw({ id: 'w-1', asset, payee: { address: to, dataField: null } })
    await system.advance(2)
    const { account } = readAddress(to, networkOf({ networkId: 0 }))!
    expect(system.network.received('XRP', { address: account, dataField: '7' })).toEqual([asset.withdrawal])
    expect((await system.withdraw({ id: 'w-2', asset, payee: { address: to, dataField: '8' } })).status).toBe(422)
  }))

const LIFETIME = 20

describe('X7: what has expired', () => {
  test('is made again on the same ticket, with proof, and paid once', () =>
    told(async story => {
      const { system, node } = story
      const payee = system.network.stranger()
      const blobs = new Set<string>()
      listen(node, blob => void blobs.add(blob))
      node.faults.losesTransactions = true
      await system.withdraw({ id: 'w-1', asset, payee })
      await system.until('/v1/withdrawals/w-1', body => typeof body.transactionId === 'string')
      const { transactionId: first, transferId } = await stateOf(system, 'w-1')
      await system.advance(LIFETIME - 2)
      expect(blobs.size).toBe(1)
      node.faults.losesTransactions = false
      // The last submission before it expires is lost, too.
      node.mine(4)
      for (let n = 0; n < 30 && system.network.received('XRP', payee).length === 0; n++) await system.advance(1)
      await system.advance(2)
      expect(system.network.received('XRP', payee)).toEqual([asset.withdrawal])
      const { body: transfer } = await system.insist('GET', `/v1/transfers/${transferId!}`)
      const attempts = transfer['attempts'] as {
        n: number
        state: string
        spendKeys: string[]
        transactionId: string
      }[]
      expect(attempts.map(({ n, state }) => [n, state])).toEqual([
        [1, 'dead'],
        [2, 'final'],
      ])
      expect(attempts[1]!.spendKeys).toEqual(attempts[0]!.spendKeys)
      expect(attempts[0]!.transactionId).toBe(first)
      expect((await stateOf(system, 'w-1')).state).toBe('final')
      await expectAccounted(story, asset.funding)
    }))

  test('X20: one that was signed too late is made again', () =>
    told(async story => {
      const { system, node } = story
      const payee = system.network.stranger()
      let isLate = false
      node.intercept(request => {
        // Between its plan and its signature more ledgers have gone by than it may wait.
        if (methodOf(request).method === 'submit' && !isLate) node.mine(LIFETIME + 5)
        isLate ||= methodOf(request).method === 'submit'
        return null
      })
      await system.withdraw({ id: 'w-1', asset, payee })
      for (let n = 0; n < 20 && system.network.received('XRP', payee).length === 0; n++) await system.advance(1)
      await system.advance(2)
      expect(system.network.received('XRP', payee)).toEqual([asset.withdrawal])
      const { state, transferId } = await stateOf(system, 'w-1')
      expect(state).toBe('final')
      const { body: transfer } = await system.insist('GET', `/v1/transfers/${transferId!}`)
      expect((transfer['attempts'] as { state: string }[]).map(attempt => attempt.state)).toEqual(['dead', 'final'])
      await expectAccounted(story, asset.funding)
    }))

  test('X20: one that waited for the signer until it was too old is signed for later ledgers, and its first signature is its last', () =>
    told(async story => {
      const { system, node } = story
      const payee = system.network.stranger()
      let isAway = true
      const keepAway = () => {
        system.signer.fall('kill')
        if (isAway) system.world.after(100, keepAway)
      }
      keepAway()
      await system.withdraw({ id: 'w-1', asset, payee })
      await system.advance(2)
      expect((await stateOf(system, 'w-1')).transferId).not.toBeNull()
      node.mine(LIFETIME + 5)
      await system.world.sleep(4000)
      isAway = false
      for (let n = 0; n < 30 && system.network.received('XRP', payee).length === 0; n++) await system.advance(1)
      await system.advance(2)
      expect(system.network.received('XRP', payee)).toEqual([asset.withdrawal])
      const { state, transferId } = await stateOf(system, 'w-1')
      expect(state).toBe('final')
      const { body: transfer } = await system.insist('GET', `/v1/transfers/${transferId!}`)
      const attempts = transfer['attempts'] as { state: string; template: { transaction: Record<string, number> } }[]
      expect(attempts.map(attempt => attempt.state)).toEqual(['final'])
      // The ledger has what was signed, not what was planned.
      const [sent] = node.entriesOf(payee.address)
      expect(attempts[0]!.template.transaction['LastLedgerSequence']).toBe(sent!.transaction.body.LastLedgerSequence)
      await expectAccounted(story, asset.funding)
    }))

  test('is given up where it was cancelled meanwhile, and its ticket serves another', () =>
    told(async story => {
      const { system, node, treasury } = story
      const [payee, other] = [system.network.stranger(), system.network.stranger()]
      node.faults.losesTransactions = true
      await system.withdraw({ id: 'w-1', asset, payee })
      await system.until('/v1/withdrawals/w-1', body => typeof body.transactionId === 'string')
      const { transferId } = await stateOf(system, 'w-1')
      const cancelled = await system.insist('PUT', '/v1/withdrawals/w-1/cancellation', {})
      expect([cancelled.status, cancelled.body.kind]).toEqual([409, 'already-signed'])
      await system.advance(LIFETIME + 2)
      for (let n = 0; n < 30 && (await stateOf(system, 'w-1')).state !== 'failed'; n++) await system.advance(1)
      expect(await stateOf(system, 'w-1')).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('expired') as string,
      })
      node.faults.losesTransactions = false
      await system.withdraw({ id: 'w-2', asset, payee: other })
      await system.advance(3)
      expect(system.network.received('XRP', other)).toEqual([asset.withdrawal])
      expect(system.network.received('XRP', payee)).toEqual([])
      const keysOf = async (id: string | null | undefined) => {
        const { body } = await system.insist('GET', `/v1/transfers/${id!}`)
        return (body['attempts'] as { spendKeys: string[] }[])[0]!.spendKeys
      }
      expect(await keysOf((await stateOf(system, 'w-2')).transferId)).toEqual(await keysOf(transferId))
      expect(node.account(treasury)!.tickets.size).toBeGreaterThan(0)
      await expectAccounted(story, asset.funding)
    }))
})

test('X12: a server that is blocked says so where readiness is asked for, and nothing moves until it is updated', () =>
  told(async ({ system, node }) => {
    const payee = await system.assign('alice')
    node.faults.isAmendmentBlocked = true
    await system.until(CHAIN_PATH, body => body.state === 'unreachable')
    const { status, body } = await system.ask('GET', '/readyz')
    expect([status, JSON.stringify(body)]).toEqual([503, expect.stringContaining('amendment') as string])
    system.network.pay('XRP', payee, asset.deposit)
    await system.advance(2)
    expect((await system.list('deposits')).filter(({ dataField }) => dataField === payee.dataField)).toEqual([])
    node.faults.isAmendmentBlocked = false
    await system.until(CHAIN_PATH, body => body.state === 'following')
    await system.advance(1)
    const found = (await system.list('deposits')).filter(({ dataField }) => dataField === payee.dataField)
    expect(found.map(({ state }) => state)).toEqual(['confirmed'])
  }))
