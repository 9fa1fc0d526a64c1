/** The family's node, book and planner against the simulated node: what is a deposit, what is paid, and what nothing is made of. */
import { describe, expect, test } from 'vitest'
import { addressOf } from '../../../adapters/nano/address.ts'
import { ZERO_HASH } from '../../../adapters/nano/block.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import { createRpc } from '../../../adapters/nano/rpc.ts'
import { ACCOUNTS_PAGE, DUST_KEPT, scanLattice } from '../../../adapters/nano/scan.ts'
import { createWatch } from '../../../adapters/nano/watch.ts'
import { createSimulatedNano } from '../../../src/devnet/nano/node.ts'
import { createNanoWallet } from '../../devnet/nano/wallet.ts'
import { createNanoRig, NANO } from './rig.ts'

const network = networkOf('nano-dev')

describe('which node it is', () => {
  test('N16: a node with another genesis is of another network', async () => {
    const { node, family } = await createNanoRig({})
    expect((await family.node.identify()).mismatch).toBeNull()
    const live = networkOf('nano').genesis
    node.intercept(action => (action === 'version' ? { node_vendor: 'Nano V28.0', network_identifier: live } : null))
    expect(await family.node.identify()).toMatchObject({
      mismatch: expect.stringContaining(live) as string,
      version: 'Nano V28.0',
    })
  })

  test('A4: one whose peers have confirmed far more is still catching up', async () => {
    const { node, family } = await createNanoRig({})
    expect((await family.node.identify()).syncing).toBe(false)
    node.faults.behindBlocks = 5000
    expect((await family.node.identify()).syncing).toBe(true)
  })

  test('A4: one that has not confirmed what the ledger has says nothing', async () => {
    const nano = await createNanoRig({})
    nano.node.pay(nano.addressOf(1), 5n * NANO)
    await nano.settle()
    const { height } = nano.tip()
    const other = createSimulatedNano({ now: () => nano.time.ms })
    nano.node.intercept((_, body) => {
      const bytes = new TextEncoder().encode(JSON.stringify(body))
      return other.handle({ method: 'POST', path: '/', query: {}, headers: {}, body: bytes }).body as object
    })
    expect(await nano.family.node.next([nano.tip()])).toEqual({
      kind: 'unchanged',
      nodeHeight: height - 1,
      syncing: false,
    })
    // The same blocks, not confirmed yet.
    for (const { block } of [...nano.node.lattice.blocks.values()].slice(3)) other.submit(block)
    other.faults.isStalled = true
    expect((await nano.family.node.next([nano.tip()])).kind).toBe('unchanged')
    other.confirmAll()
    expect(await nano.family.node.next([nano.tip()])).toMatchObject({ kind: 'unchanged', nodeHeight: height })
  })
})

describe('deposits', () => {
  test('N1, N2: a send is one when it is confirmed, however often it was asked for before; its id is its hash', async () => {
    const nano = await createNanoRig({ isUnsigned: true, node: { confirmationMs: 1000 } })
    const hash = nano.node.pay(nano.addressOf(1), 5n * NANO)
    const gone = nano.node.pay(nano.addressOf(2), 5n * NANO)
    nano.node.rollBack(gone)
    expect([await nano.follow(), nano.deposits()]).toEqual([0, []])
    nano.time.ms += 1000
    expect(await nano.follow()).toBeGreaterThan(0)
    expect(nano.deposits()).toMatchObject([
      { value: 'confirmed', transactionId: hash, amount: String(5n * NANO), place: { hash }, reference: 'user-1' },
    ])
    expect(nano.memory.get(`deposit/n:${hash}`)).toBeDefined()
    expect(await nano.follow()).toBe(0)
  })

  test('N3: an account that was never opened is opened by its first receive, and swept; the treasury receives', async () => {
    const nano = await createNanoRig({})
    const sent = nano.node.pay(nano.addressOf(1), 5n * NANO)
    await nano.settle()
    const { lattice } = nano.node
    const [opened, swept] = lattice.accounts.get(nano.addressOf(1))!.chain.map(hash => lattice.blocks.get(hash)!)
    expect(opened).toMatchObject({ subtype: 'receive', block: { previous: ZERO_HASH, link: sent }, confirmed: true })
    expect(swept).toMatchObject({ subtype: 'send', amount: 5n * NANO, balance: 0n })
    expect(lattice.confirmedHead(nano.addressOf(0))).toMatchObject({ subtype: 'receive', balance: 5n * NANO })
    expect(nano.balances()).toEqual({ asset: 'XNO', confirmed: String(5n * NANO), pending: '0', reserved: '0' })
    expect(nano.deposits()).toHaveLength(1)
  })

  test('what is credited is received, however small, once its account has enough to be swept', async () => {
    const nano = await createNanoRig({})
    nano.node.pay(nano.addressOf(1), NANO / 100n)
    await nano.settle()
    expect(nano.node.lattice.head(nano.addressOf(1))).toBeUndefined()
    nano.node.pay(nano.addressOf(1), NANO)
    await nano.settle()
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))!.balance).toBe(NANO + NANO / 100n)
    expect(nano.memory.list('coin', 'n').filter(({ context }) => context.spent === null)).toHaveLength(2)
  })

  test('what is not worth its work is ours, is not received, and is no deposit unless the configuration says so', async () => {
    const nano = await createNanoRig({ minimumDeposit: '0' })
    for (let n = 0; n < 3; n++) nano.node.pay(nano.addressOf(1), NANO / 100n)
    await nano.settle()
    expect(nano.node.lattice.head(nano.addressOf(1))).toBeUndefined()
    expect(nano.deposits()).toEqual([])
    expect(nano.balances().confirmed).toBe(String((3n * NANO) / 100n))
    nano.node.pay(nano.addressOf(1), NANO)
    await nano.settle()
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))!.balance).toBe(NANO)
    expect(nano.balances().confirmed).toBe(String(NANO + (3n * NANO) / 100n))
  })

  test('N12: ten thousand sends of dust hide nothing: the real one is found first, in a few questions', async () => {
    const nano = await createNanoRig({ isUnsigned: true })
    for (let n = 0; n < 10_000; n++) {
      nano.node.pay(nano.addressOf(1), 1n)
      if (n === 7000) nano.node.pay(nano.addressOf(1), 5n * NANO)
    }
    nano.node.confirmAll()
    const before = [...nano.node.calls.values()].reduce((sum, calls) => sum + calls, 0)
    expect(await nano.step()).toBe('connected')
    expect(nano.deposits()).toMatchObject([{ amount: String(5n * NANO) }])
    expect([...nano.node.calls.values()].reduce((sum, calls) => sum + calls, 0) - before).toBeLessThan(20)
  })

  test('N12: of dust the ledger keeps a few sends of each account, whatever comes, and what has not changed is not read again', async () => {
    const nano = await createNanoRig({ isUnsigned: true })
    const callsOf = (action: string) => nano.node.calls.get(action) ?? 0
    const dust = async (sends: number) => {
      for (let n = 0; n < sends; n++) nano.node.pay(nano.addressOf(1), 1n + BigInt(n))
      nano.node.confirmAll()
      await nano.follow()
    }
    await dust(DUST_KEPT + 200)
    const live = nano.memory.list('coin', 'n')
    expect(live.map(({ context }) => Number(context.amount)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: DUST_KEPT }, (_, n) => 201 + n),
    )
    const read = callsOf('receivable')
    await nano.follow()
    expect(callsOf('receivable')).toBe(read)
    await dust(300)
    expect(nano.memory.list('coin', 'n')).toHaveLength(DUST_KEPT)
    // A look at the largest thousand each time that something has come.
    expect(callsOf('receivable') - read).toBe(1)
    nano.node.pay(nano.addressOf(1), 5n * NANO)
    await dust(10)
    expect(nano.deposits()).toMatchObject([{ amount: String(5n * NANO) }])
    const addresses = [0, 1, 2].map(nano.addressOf)
    const counted = (await nano.family.node.count(addresses))!
    expect(new Map(counted.holdings.map(({ key, amount }) => [key, amount]))).toEqual(
      nano.family.book.counted(nano.memory, 'n', counted.at),
    )
  })

  test('what a ledger that was lost had received is a deposit again, under the same id', async () => {
    const first = await createNanoRig({})
    const sent = first.node.pay(first.addressOf(1), 5n * NANO)
    await first.settle()
    const second = await createNanoRig({ isUnsigned: true })
    for (const { block } of [...first.node.lattice.blocks.values()].slice(3)) second.node.submit(block)
    second.node.confirmAll()
    // Its own spends are known to the signer's list, which is not read here: the chain would halt at the first.
    await second.step()
    expect(second.deposits()).toMatchObject([{ transactionId: sent, amount: String(5n * NANO) }])
  })
})

describe('withdrawals', () => {
  const stranger = addressOf(new Uint8Array(32).fill(9), network)

  async function funded(options: Parameters<typeof createNanoRig>[0] = {}) {
    const nano = await createNanoRig(options)
    nano.node.pay(nano.addressOf(0), 100n * NANO)
    await nano.settle(4)
    return nano
  }

  test('one behind the other, without waiting for one to be confirmed; at most 16 (N11: delay rebuilds nothing)', async () => {
    const nano = await funded()
    nano.node.faults.isStalled = true
    for (let n = 0; n < 20; n++) await nano.withdraw(`w${n}`, stranger, NANO)
    await nano.settle(40)
    const waiting = nano.node.lattice.unconfirmed
    expect([waiting.size, nano.attempts().length, nano.transfers().length]).toEqual([16, 16, 16])
    await nano.settle(10)
    expect(nano.attempts()).toHaveLength(16)
    nano.node.faults.isStalled = false
    await nano.settle(40)
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))!.balance).toBe(80n * NANO)
    expect(nano.node.lattice.receivable(stranger).size).toBe(20)
    expect(
      nano.memory
        .list('withdrawal', 'n')
        .map(({ value }) => value)
        .filter(value => value !== 'final'),
    ).toEqual([])
  })

  test('a burst of a hundred from one account: each on the one before, none a fork', async () => {
    const nano = await funded({ node: { confirmationMs: 1500 } })
    const places: string[] = []
    nano.node.intercept((action, body) => {
      if (action === 'process') places.push((body['block'] as { previous: string }).previous)
      return null
    })
    for (let n = 0; n < 100; n++) await nano.withdraw(`w${n}`, stranger, NANO / 2n)
    await nano.settle(60)
    const { lattice } = nano.node
    const sends = lattice.accounts.get(nano.addressOf(0))!.chain.slice(1)
    expect(sends).toHaveLength(100)
    // Each block was sent on a place of its own, whatever was sent twice.
    expect(new Set(places).size).toBe(100)
    expect(lattice.confirmedHead(nano.addressOf(0))!.balance).toBe(50n * NANO)
    expect([...lattice.receivable(stranger).values()].map(({ amount }) => amount)).toEqual(
      Array.from({ length: 100 }, () => NANO / 2n),
    )
  })

  test('N10: what the node has rolled back is sent again with what is before it, the same blocks', async () => {
    const nano = await funded()
    nano.node.faults.isStalled = true
    for (let n = 0; n < 5; n++) await nano.withdraw(`w${n}`, stranger, NANO)
    await nano.settle()
    const sent = [...nano.node.lattice.unconfirmed]
    expect(sent).toHaveLength(5)
    nano.node.restart()
    const last = nano.attempts().find(({ context }) => context.transactionId === sent[4])!
    const signed = nano.signedOf(last.context)
    expect(await nano.family.node.locate(signed)).toEqual({ kind: 'absent' })
    expect(await nano.family.node.publish(signed)).toEqual({ kind: 'accepted' })
    expect([...nano.node.lattice.unconfirmed]).toEqual(sent)
  })

  test('N13: a block of the network on our account is no spend of a stranger, and the next of ours stands on it', async () => {
    const nano = await funded()
    const hash = nano.node.upgrade(nano.addressOf(0))
    nano.node.confirmAll()
    await nano.settle(2)
    expect(nano.memory.get('chain/n')!.value).toBe('following')
    await nano.withdraw('w', stranger, NANO)
    await nano.settle()
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))).toMatchObject({
      block: { previous: hash },
      balance: 99n * NANO,
    })
  })

  test('N13: a block of ours whose place the network has taken is dead, with that as the proof', async () => {
    const nano = await funded({ isUnsigned: true })
    // Received by hand, because nothing is signed here.
    expect(nano.memory.get('chain/n')!.value).toBe('following')
    const signing = await funded()
    signing.node.intercept(action => (action === 'process' ? { error: 'Gap previous block' } : null))
    await signing.withdraw('w', stranger, NANO)
    await signing.settle(3)
    signing.node.intercept(null)
    const [transfer] = signing.transfers()
    signing.node.upgrade(signing.addressOf(0))
    signing.node.confirmAll()
    await signing.settle()
    expect(signing.memory.get(transfer!.id)).toBeUndefined()
    expect(signing.node.lattice.receivable(stranger).size).toBe(0)
    expect(signing.memory.list('withdrawal', 'n')).toMatchObject([
      { value: 'failed', context: { reason: expect.stringContaining('lost to a final conflict') as string } },
    ])
  })

  test('N13: one that is planned and not signed is planned anew on what the network has put in its place', async () => {
    let isAway = false
    const nano = await funded({ isSignerAway: () => isAway })
    isAway = true
    await nano.withdraw('w', stranger, NANO)
    await nano.settle(2)
    const [planned] = nano.attempts()
    const hash = nano.node.upgrade(nano.addressOf(0))
    nano.node.confirmAll()
    await nano.settle(2)
    expect(nano.attempts()).toMatchObject([{ context: { template: { block: { previous: hash } } } }])
    expect(nano.attempts()[0]!.id).not.toBe(planned!.id)
    isAway = false
    await nano.settle()
    expect(nano.memory.get('chain/n')!.value).toBe('following')
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))).toMatchObject({
      ...{ block: { previous: hash }, balance: 99n * NANO },
    })
    expect(nano.node.lattice.receivable(stranger).size).toBe(1)
    expect(nano.memory.list('withdrawal', 'n')).toEqual([])
  })

  test("one that lacks approvals is in nobody's way: it is held, with the reason, and paid when they are there", async () => {
    const unapproved = new Set(['waiting'])
    const nano = await funded({ unapproved })
    await nano.withdraw('waiting', stranger, 7n * NANO)
    await nano.settle(2)
    const held = { value: 'held', context: { transfer: null, reason: 'one approval is missing' } }
    expect(nano.memory.get('withdrawal/waiting')!).toMatchObject(held)
    for (let n = 0; n < 50; n++) await nano.withdraw(`w${n}`, stranger, NANO)
    await nano.settle(40)
    expect(nano.node.lattice.receivable(stranger).size).toBe(50)
    expect(nano.memory.get('withdrawal/waiting')!).toMatchObject(held)
    unapproved.clear()
    await nano.rig.send({
      ...{ type: 'authorisation.added', at: nano.time.ms },
      data: { id: 'withdrawal/waiting', isEnough: true, key: 'k', signature: 's' },
    })
    await nano.settle(3)
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))!.balance).toBe(43n * NANO)
    expect(nano.memory.list('withdrawal', 'n').filter(({ value }) => value !== 'final')).toEqual([])
  })

  test('one that lacks approvals and gets them before anything else is planned is paid once', async () => {
    const unapproved = new Set(['waiting'])
    const nano = await funded({ unapproved })
    await nano.withdraw('waiting', stranger, 7n * NANO)
    await nano.settle(1)
    unapproved.clear()
    await nano.rig.send({
      ...{ type: 'authorisation.added', at: nano.time.ms },
      data: { id: 'withdrawal/waiting', isEnough: true, key: 'k', signature: 's' },
    })
    await nano.settle(3)
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))!.balance).toBe(93n * NANO)
  })

  test('A8: a block of ours that nobody here has signed halts the chain', async () => {
    const nano = await createNanoRig({ own: { representative: undefined } })
    const wallet = createNanoWallet(nano.node, 3)
    const sent = nano.node.pay(wallet.address, NANO)
    nano.node.confirmAll()
    nano.node.submit(wallet.receive(sent))
    nano.node.confirmAll()
    // As if the account were ours, and somebody else had its key.
    nano.family.watch.addAddress(77, wallet.address)
    await nano.follow()
    expect(nano.memory.get('chain/n')!.value).toBe('halted')
  })

  test('what cannot be paid says why, and lets others pass', async () => {
    const nano = await funded()
    await nano.withdraw('big', stranger, 1000n * NANO)
    await nano.withdraw('small', stranger, NANO)
    nano.node.pay(nano.addressOf(1), 950n * NANO)
    await nano.settle(1)
    await nano.settle(30)
    expect(nano.node.lattice.receivable(stranger).size).toBe(2)
    expect(nano.node.lattice.confirmedHead(nano.addressOf(0))!.balance).toBe(49n * NANO)
  })
})

describe('N6: what a node says of a block', () => {
  const cases: [string, string, string][] = [
    ['Old block', 'unknown', 'Old block'],
    ['Gap previous block', 'unknown', 'Gap previous block'],
    ['Gap source block', 'unknown', 'Gap source block'],
    ['Stopped', 'unknown', 'Stopped'],
    ['Block work is less than threshold', 'unknown', 'work'],
    ['Block work is insufficient', 'unknown', 'work'],
    ['Fork', 'refused', 'Fork'],
    ['Unreceivable', 'refused', 'Unreceivable'],
    ['Bad signature', 'refused', 'Bad signature'],
    ['Balance and amount delta do not match', 'refused', 'Balance'],
    ['Negative spend', 'refused', 'Negative spend'],
    ['This block cannot follow the previous block', 'refused', 'cannot follow'],
    ['Gap pending for open epoch block', 'refused', 'epoch'],
    ['Block attempts to open the burn account', 'refused', 'burn'],
    ['Error processing block', 'refused', 'Error'],
    ['Block is invalid', 'refused', 'invalid'],
    ['RPC control is disabled', 'unknown', 'RPC control'],
  ]

  async function withSigned() {
    const nano = await createNanoRig({})
    nano.node.intercept(action => (action === 'process' ? { error: 'Gap previous block' } : null))
    nano.node.pay(nano.addressOf(0), NANO)
    await nano.settle(3)
    const [attempt] = nano.attempts()
    return { nano, signed: nano.signedOf(attempt!.context) }
  }

  test.each(cases)('%s, and it does not have it: %s', async (error, kind, words) => {
    const { nano, signed } = await withSigned()
    nano.node.intercept(action => (action === 'process' ? { error } : null))
    expect(await nano.family.node.publish(signed)).toEqual({ kind, reason: expect.stringContaining(words) as string })
  })

  test.each(cases)('%s, and it has it all the same', async error => {
    const { nano, signed } = await withSigned()
    nano.node.intercept(null)
    expect(await nano.family.node.publish(signed)).toEqual({ kind: 'accepted' })
    let asked = 0
    // Whoever asks first is told that it is not there yet.
    nano.node.intercept(action => {
      if (action === 'process') return { error }
      return action === 'block_info' && asked++ === 0 ? { error: 'Block not found' } : null
    })
    const isAnswer = error !== 'RPC control is disabled'
    expect((await nano.family.node.publish(signed)).kind).toBe(isAnswer ? 'known' : 'unknown')
  })

  test('never with force or a subtype, and as JSON', async () => {
    const { nano, signed } = await withSigned()
    const bodies: object[] = []
    nano.node.intercept((action, body) => {
      if (action === 'process') bodies.push(body)
      return null
    })
    await nano.family.node.publish(signed)
    expect(Object.keys(bodies[0]!).sort()).toEqual(['action', 'block', 'json_block'])
  })

  test('an answer that is lost is no refusal, and neither is one of another block', async () => {
    const { nano, signed } = await withSigned()
    nano.node.intercept(action => (action === 'process' ? { hash: 'A'.repeat(64) } : null))
    expect(await nano.family.node.publish(signed)).toMatchObject({ kind: 'unknown' })
    nano.node.intercept(null)
    let calls = 0
    nano.node.setFates(() => ({ arrivals: 1, answer: ++calls === 2 ? 'lost' : 'whole', delayMs: 0 }))
    expect((await nano.family.node.publish(signed)).kind).toBe('unknown')
    nano.node.setFates(null)
    expect(await nano.family.node.publish(signed)).toEqual({ kind: 'known' })
  })
})

describe('what is counted', () => {
  test('N17: confirmed blocks alone, as of the round on which the ledger stands', async () => {
    const nano = await createNanoRig({})
    nano.node.pay(nano.addressOf(0), 7n * NANO)
    nano.node.pay(nano.addressOf(1), NANO / 100n)
    await nano.settle()
    nano.node.faults.isStalled = true
    nano.node.pay(nano.addressOf(0), 50n * NANO)
    const addresses = [0, 1, 2].map(nano.addressOf)
    const counted = (await nano.family.node.count(addresses))!
    expect(counted.at).toEqual(nano.tip())
    expect(new Map(counted.holdings.map(({ key, amount }) => [key, amount]))).toEqual(
      nano.family.book.counted(nano.memory, 'n', counted.at),
    )
    expect(counted.holdings.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(7n * NANO + NANO / 100n)
  })

  test('N17: a node that has pruned what an account had is refused', async () => {
    const nano = await createNanoRig({})
    nano.node.pay(nano.addressOf(0), 7n * NANO)
    await nano.settle()
    const again = await createNanoRig({ isUnsigned: true })
    for (const { block } of [...nano.node.lattice.blocks.values()].slice(3)) again.node.submit(block)
    again.node.submit(
      createNanoWallet(again.node, 1).receive(again.node.pay(createNanoWallet(again.node, 1).address, 1n)),
    )
    again.node.upgrade(again.addressOf(0))
    again.node.confirmAll()
    again.node.faults.prunedHeight = 1
    await expect(again.step()).rejects.toMatchObject({ type: 'operating', kind: 'node-pruned' })
  })

  test('two questions for each thousand accounts where nothing is new', async () => {
    const node = createSimulatedNano({ now: () => 0 })
    const watch = createWatch('n')
    for (let index = 0; index < 10 * ACCOUNTS_PAGE; index++) {
      const key = new Uint8Array(32).fill(1)
      new DataView(key.buffer).setUint32(0, index)
      watch.addAddress(index, addressOf(key, network))
    }
    const rpc = createRpc({ url: 'http://node' }, call => node.request(call))
    expect(await scanLattice({ rpc, network, watch, worthwhile: 1n })).toEqual({ found: [], lags: false })
    expect(Object.fromEntries(node.calls)).toEqual({ accounts_frontiers: 10, accounts_balances: 10 })
  })
})
