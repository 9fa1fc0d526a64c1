/** The family's Node against the simulated one: what moves us on and back, how often it is asked, and what it knows for a plan. */
import { describe, expect, test } from 'vitest'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import { callData, ETHER, GWEI, NETWORK, rigOf, THEM, TREASURY, US } from './rig.ts'

const question = (chain: { height(): number; tip(): string }, payments: object[] = [], index = 0) => ({
  source: { index, address: index === 0 ? TREASURY : US },
  treasury: TREASURY,
  tip: { height: chain.height(), hash: chain.tip() },
  payments: () =>
    payments.map((payment, n) => ({
      ...{ withdrawal: `w${n}`, to: THEM, dataField: null, asset: 'ETH', amount: '1', ...payment },
    })),
})

describe('who the node is', () => {
  test('A3: another chain id, and another first block of a chain that everybody knows, are mismatches', async () => {
    expect(await rigOf().node.identify()).toMatchObject({ mismatch: null, height: 0, syncing: false, version: /Geth/ })
    const other = rigOf({ chainId: 5n })
    expect((await other.node.identify()).mismatch).toContain('chain id is 5')
    const mainnet = { ...NETWORK, chainId: 1 }
    const forged = rigOf({ chainId: 1n, node: { network: mainnet } })
    expect((await forged.node.identify()).mismatch).toContain('first block')
  })

  test('A4: says whether it downloads blocks, and when its chain moved last', async () => {
    const { chain, node } = rigOf()
    chain.mine(3)
    chain.faults.isSyncing = true
    const { syncing, height, tipTime } = await node.identify()
    expect([syncing, height, tipTime]).toEqual([true, 3, chain.block(chain.tip()).header.timestamp])
  })

  test('begins below a height, or at the tip', async () => {
    const { chain, node } = rigOf()
    chain.mine(3)
    expect(await node.base('latest')).toMatchObject({ height: 3, hash: chain.tip() })
    expect(await node.base(2)).toMatchObject({ height: 1, hash: chain.hashAt(1) })
    await expect(node.base(9)).rejects.toMatchObject({ kind: 'node-behind' })
  })
})

describe('how the chain is followed', () => {
  test('two calls for a block, three with traces, one for an empty one, whether or not we are behind', async () => {
    const counted = async (traces: boolean, isEmpty: boolean) => {
      const { chain, node, calls, sign } = rigOf({ node: { seesInternal: traces } })
      const block = () => {
        if (!isEmpty) chain.submitTransaction(sign({ value: 3n }))
        chain.mine(1)
      }
      for (let n = 0; n < 10; n++) block()
      await node.identify()
      calls.length = 0
      let recent = [{ height: 0, hash: chain.hashAt(0) }]
      for (let n = 0; n < 15; n++) {
        if (n >= 10) block()
        const next = await node.next(recent)
        if (next.kind !== 'connected') throw new Error(next.kind)
        recent = [...recent, { height: next.block.height, hash: next.block.hash }]
      }
      return calls.length / 15
    }
    expect(await counted(false, true)).toBe(1)
    expect(await counted(false, false)).toBe(2)
    expect(await counted(true, false)).toBe(3)
  })

  test('A7: one block on at a time, with what it says of us; at the tip nothing', async () => {
    const { chain, node, recent } = rigOf()
    const before = recent()
    const hash = chain.pay(US, 5n)
    chain.mine(2)
    await node.identify()
    expect(await node.next(before)).toMatchObject({
      ...{ kind: 'connected', block: { height: 1, parent: chain.hashAt(0) }, nodeHeight: 2 },
      facts: [{ id: `eth:${hash}:value`, amount: '5' }],
    })
    expect(await node.next(recent())).toEqual({ kind: 'unchanged', nodeHeight: 2, syncing: false })
  })

  test('A6, E3: another block at our height takes one of ours back at a time, however the node came to it', async () => {
    const { chain, node, recent } = rigOf()
    chain.mine(3)
    const ours = recent()
    chain.setHead(chain.hashAt(1))
    chain.mine(4)
    const first = await node.next(ours)
    expect(first).toMatchObject({ kind: 'disconnected', block: ours[3]!, nodeHeight: 5 })
    expect(await node.next(ours.slice(0, 3))).toMatchObject({ kind: 'disconnected', block: ours[2]! })
    expect(await node.next(ours.slice(0, 2))).toMatchObject({ kind: 'connected', block: { height: 2 } })
  })

  test('A4: a node that is lower and has our blocks lags; one that is lower and has another block has left ours', async () => {
    const { chain, node, recent } = rigOf()
    chain.mine(4)
    const ours = recent()
    chain.faults.lagBlocks = 2
    expect(await node.next(ours)).toMatchObject({ kind: 'unchanged', nodeHeight: 2 })
    chain.faults.lagBlocks = 0
    chain.setHead(chain.hashAt(2))
    expect(await node.next(ours)).toMatchObject({ kind: 'unchanged', nodeHeight: 2 })
    chain.mine(1)
    expect(await node.next(ours)).toMatchObject({ kind: 'disconnected', block: ours[4]!, nodeHeight: 3 })
  })

  const GONE: [string, object][] = [
    ['nothing', { result: null }],
    ['that it is not found', { error: { code: -39001, message: 'Unknown block' } }],
    ['that history is pruned', { error: { code: 4444, message: 'pruned history unavailable' } }],
  ]
  test.each(GONE)('a node that says %s of a block below its own highest has pruned it', async (_, said) => {
    let isGone = true
    const { chain, node, recent } = rigOf({
      spoil: (method, [name]) => (isGone && method === 'eth_getBlockByNumber' && name === '0x2' ? said : null),
    })
    chain.mine(1)
    const ours = recent()
    chain.mine(3)
    await expect(node.next(ours)).rejects.toMatchObject({ type: 'operating', kind: 'node-pruned' })
    isGone = false
    expect(await node.next(ours)).toMatchObject({ kind: 'connected', block: { height: 2 } })
  })

  test('a block that was begun ahead and has been left meanwhile is taken back like any other', async () => {
    const { chain, node, recent } = rigOf()
    const base = recent()
    chain.mine(3)
    await node.identify()
    const first = await node.next(base)
    chain.setHead(chain.hashAt(1))
    chain.mine(4)
    const standing = [...base, first.kind === 'connected' ? first.block : base[0]!]
    const stale = await node.next(standing)
    const above = stale.kind === 'connected' ? [...standing, stale.block] : standing
    expect(await node.next(above)).toMatchObject({ kind: 'disconnected', block: { height: 2 } })
    expect(await node.next(standing)).toMatchObject({ kind: 'connected', block: { height: 2, hash: chain.hashAt(2) } })
  })

  test('E1: followed as far as it is final: no block above, and in no words is the absence of one an empty block', async () => {
    for (const flavour of ['geth', 'erigon', 'nethermind'] as const) {
      const { chain, node } = rigOf({ flavour, finality: { safe: 1, finalized: 3 }, node: { followsFinalized: true } })
      chain.mine(8)
      expect(await node.identify()).toMatchObject({ height: 5 })
      const places = Array.from({ length: 6 }, (_, height) => ({ height, hash: chain.hashAt(height) }))
      expect(await node.next(places.slice(0, 5))).toMatchObject({
        kind: 'connected',
        block: { height: 5 },
        nodeHeight: 5,
      })
      expect(await node.next(places)).toMatchObject({ kind: 'unchanged', nodeHeight: 5 })
      chain.faults.tags.set('finalized', null)
      await expect(node.next(places)).rejects.toMatchObject({ kind: 'node-behind' })
    }
  })

  test('E28: what was final and is another block now stops the chain', async () => {
    const { chain, node, recent } = rigOf({ finality: { safe: 0, finalized: 0 }, node: { followsFinalized: true } })
    chain.mine(3)
    await node.identify()
    const ours = recent()
    chain.setHead(chain.hashAt(1))
    chain.mine(3)
    await expect(node.next(ours)).rejects.toMatchObject({ type: 'invariant', kind: 'finalized-changed' })
  })

  test('E27: history that the node has pruned is an outage', async () => {
    const { chain, node, recent } = rigOf()
    const base = recent()
    chain.mine(3)
    chain.faults.prunedNumber = 2
    await expect(node.next(base)).rejects.toMatchObject({ type: 'operating', message: /pruned/ })
  })
})

describe('what a plan needs', () => {
  test('nonce and balances as of the block on which the ledger stands, whatever has come since', async () => {
    const { chain, node, sign, grant } = rigOf()
    grant(CONTRACTS.token, TREASURY, 700n)
    const asked = question(chain, [{ asset: 'TOKEN', amount: '5' }])
    chain.submitTransaction(sign())
    chain.mine(1)
    expect(await node.gather(asked)).toMatchObject({
      tip: asked.tip,
      source: { nonce: 0n, latestNonce: 1n, balances: { ETH: 100n * ETHER, TOKEN: 700n } },
      l1Fee: 0n,
    })
  })

  test('a node that does not have that block, or its state, is an outage', async () => {
    const { chain, node } = rigOf()
    chain.mine(3)
    const asked = question(chain)
    chain.faults.lagBlocks = 1
    await expect(node.gather(asked)).rejects.toMatchObject({ type: 'operating' })
    chain.faults.lagBlocks = 0
    chain.mine(3)
    chain.faults.stateBlocks = 2
    await expect(node.gather(asked)).rejects.toMatchObject({ type: 'operating' })
  })

  test('E13: gas is asked for everything, and what would revert says why', async () => {
    const { chain, node, grant } = rigOf()
    grant(CONTRACTS.token, TREASURY, 700n)
    chain.send({ to: CONTRACTS.token, data: callData('block(address)', THEM), gasLimit: 200_000n })
    chain.mine(1)
    const { estimates } = await node.gather(
      question(chain, [
        {},
        { to: CONTRACTS.reverter },
        { asset: 'TOKEN', amount: '5' },
        { asset: 'TOKEN', amount: '5', to: US },
        { amount: String(1000n * ETHER) },
      ]),
    )
    expect(estimates['w0']).toEqual({ gas: 21_000n })
    expect(estimates['w1']).toEqual({ refused: 'the network would refuse it now: execution reverted: no' })
    expect(estimates['w2']).toEqual({ refused: 'the network would refuse it now: execution reverted: ERC20: blocked' })
    expect(estimates['w3']).toHaveProperty('gas')
    expect(estimates['w4']).toBeUndefined()
  })

  test('as many are estimated as it takes to plan one', async () => {
    const { chain, node, calls } = rigOf()
    const many = Array.from({ length: 100 }, () => ({}))
    await node.gather(question(chain, many))
    expect(calls.filter(method => method === 'eth_estimateGas').length).toBeLessThanOrEqual(8)
  })

  test('prices: what the next blocks may take, under the cap; one price where the chain has no base fee', async () => {
    const { chain, node } = rigOf()
    chain.mine(1)
    const { baseFee } = chain.block(chain.tip()).header
    const { fees } = await node.gather(question(chain))
    expect(fees).toEqual({ maximumFeePerGas: 2n * baseFee + GWEI, priorityFeePerGas: GWEI })
    const capped = rigOf({ node: { fees: { maximumFeePerGas: 1000n } } })
    expect((await capped.node.gather(question(capped.chain))).fees).toBeNull()
    expect((await capped.node.quote()).reason).toMatch(/maximumFeePerGas/)
    const old = rigOf({
      spoil: (method, [name]) =>
        method === 'eth_gasPrice'
          ? { result: '0x77359400' }
          : method === 'eth_getBlockByNumber' && name === 'latest'
            ? { result: { hash: chain.tip(), parentHash: chain.tip(), number: '0x1', timestamp: '0x1' } }
            : null,
    })
    expect((await old.node.gather(question(old.chain))).fees).toEqual({
      ...{ maximumFeePerGas: 2n * GWEI, priorityFeePerGas: null },
    })
  })

  test('E29: a rollup says what a transaction costs on the chain below', async () => {
    const { chain, node } = rigOf({
      spoil: (method, [first]) => {
        const to = String((first as { to?: string } | undefined)?.to ?? first).toLowerCase()
        if (!to.startsWith('0x4200')) return null
        return { result: method === 'eth_getCode' ? '0x60' : `0x${(5000).toString(16).padStart(64, '0')}` }
      },
    })
    expect(await node.gather(question(chain))).toMatchObject({ l1Fee: 10_000n })
  })

  test('E23: an account of ours that has code spends nothing', async () => {
    const { chain, node } = rigOf({
      spoil: (method, [address]) =>
        method === 'eth_getCode' && address === TREASURY ? { result: `0xef0100${'11'.repeat(20)}` } : null,
    })
    await expect(node.gather(question(chain))).rejects.toMatchObject({ type: 'invariant', kind: 'account-has-code' })
  })

  test('counts what is at our addresses at one block', async () => {
    const { chain, node, grant } = rigOf()
    grant(CONTRACTS.token, US, 700n)
    const counted = await node.count([TREASURY, US])
    expect(counted).toEqual({
      at: { height: 1, hash: chain.tip() },
      holdings: [
        { key: `eth:${TREASURY}:ETH`, amount: String(100n * ETHER) },
        { key: `eth:${US}:TOKEN`, amount: '700' },
      ],
    })
  })

  test('a quote names each asset', async () => {
    const { withdrawal, rates, unit } = await rigOf().node.quote()
    expect(Object.keys(withdrawal)).toEqual(['ETH', 'TOKEN', 'PLAIN'])
    expect(unit).toBe('wei')
    expect(rates.low <= rates.normal && rates.normal <= rates.high).toBe(true)
  })
})
