/**
 * Stories of accounts on the simulated chain, with a real signer and a real watcher in virtual time: what only this family has. What it
 * shares with the others is in test/conformance.
 */
import { HDKey } from '@scure/bip32'
import { entropyToMnemonic, mnemonicToSeedSync } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { describe, expect, test } from 'vitest'
import { NOTHING } from '../../../src/devnet/ethereum/bytes.ts'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import type { SimulatedEthereumOptions } from '../../../src/devnet/ethereum/node.ts'
import { addressOfSecret, signAuthorization, signTransaction, type UnsignedTransaction } from '../../../src/devnet/ethereum/transaction.ts' // prettier-ignore
import { callOf, ethereum, openEthereum, type EthereumNetwork } from '../../conformance/ethereum.ts'
import { loseLedger } from '../../conformance/system.ts'
import { CHAIN, openSystem, type Answer, type System } from '../../conformance/system.ts'
import type { Subject } from '../../conformance/subject.ts'

const CHAIN_PATH = `/v1/chains/${CHAIN}`
const [ETH, USDT] = ethereum.assets as [Subject['assets'][0], Subject['assets'][0]]

const CHAIN_ID = 31_337n
const GWEI = 10n ** 9n
const THEM = `0x${'ee'.repeat(20)}`
const STRANGER = new Uint8Array(32).fill(5)

/** Of the signer's accounts: somebody else has them, too. What the signer of the simulation was made of is in fixtures.ts. */
function secretOf(index: number): Uint8Array {
  const seed = mnemonicToSeedSync(entropyToMnemonic(new Uint8Array(32).fill(9), wordlist))
  return HDKey.fromMasterSeed(seed).derive(`m/44'/60'/0'/0/${index}`).privateKey!
}

/** Whoever has that key sends it; the faucet pays for a stranger's. */
function send({ node }: EthereumNetwork, part: Partial<UnsignedTransaction>, secret: Uint8Array): void {
  const from = addressOfSecret(secret)
  if (node.balance(from) === 0n) {
    node.pay(from, ETH.deposit)
    node.mine(1)
  }
  node.submitTransaction(
    signTransaction(
      {
        ...{ type: 2, chainId: CHAIN_ID, nonce: node.nonce(from), to: null, value: 0n, data: NOTHING },
        ...{ gasLimit: 200_000n, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI, accessList: [] },
        ...{ authorizations: [], maxFeePerBlobGas: 0n, blobHashes: [], ...part },
      },
      secret,
    ),
  )
}

interface Story {
  system: System
  network: EthereumNetwork
}

async function told(
  change: Partial<Subject>,
  story: (told: Story) => Promise<void>,
  node: Partial<SimulatedEthereumOptions> = {},
): Promise<void> {
  let network: EthereumNetwork | null = null
  const open = (now: () => number) => (network = openEthereum(now, Number(CHAIN_ID), node))
  const subject: Subject = { ...ethereum, open, ...change }
  const system = await openSystem(subject)
  await system.run(async () => {
    await system.begin()
    await story({ system, network: network! })
  })
}

async function expectBalances({ system, network }: Story): Promise<Answer['body']> {
  const addresses = await system.addresses()
  const { body } = await system.insist('GET', CHAIN_PATH)
  for (const { symbol } of ethereum.assets) {
    const { confirmed, pending } = body.balances!.find(({ asset }) => asset === symbol)!
    expect({ [symbol]: BigInt(confirmed) + BigInt(pending) }).toEqual({ [symbol]: network.holds(symbol, addresses) })
  }
  return body
}

const purposesOf = async (system: System): Promise<string[]> =>
  (await system.list('transfers')).map(body => `${String(body['purpose'])} ${body.state}`).sort()

async function finalise(system: System, rounds = 2): Promise<void> {
  for (let n = 0; n < rounds; n++) await system.finalise()
}

describe('sweeps', () => {
  test('ether is gathered in the treasury, and nobody is credited for it', () =>
    told({}, async story => {
      const { system, network } = story
      const payee = await system.assign('alice')
      network.pay('ETH', payee, ETH.deposit)
      await finalise(system)
      expect(await purposesOf(system)).toEqual(['sweep final'])
      expect(network.holds('ETH', [payee.address])).toBeLessThan(ETH.deposit / 100n)
      expect(await system.list('deposits')).toHaveLength(1)
      await expectBalances(story)
    }))

  test('E12: a token is gathered with gas that the treasury gives, in this order, one at a time', () =>
    told({}, async story => {
      const { system, network } = story
      const payee = await system.assign('alice')
      network.pay('USDT', payee, USDT.deposit)
      await system.advance(ethereum.confirmations.credit + 2)
      expect((await purposesOf(system)).map(words => words.split(' ')[0])).toEqual(['funding'])
      network.pay('USDT', payee, USDT.deposit)
      await finalise(system, 3)
      expect(await purposesOf(system)).toEqual(['funding final', 'sweep final'])
      expect(network.holds('USDT', [payee.address])).toBe(0n)
      expect((await system.list('deposits')).map(({ asset, state }) => [asset, state])).toEqual([
        ...[
          ['USDT', 'confirmed'],
          ['USDT', 'confirmed'],
        ],
      ])
      await expectBalances(story)
    }))

  test('E26: what the token would not move gets no gas', () =>
    told({}, async story => {
      const { system, network } = story
      const payee = await system.assign('alice')
      network.pay('USDT', payee, USDT.deposit)
      await system.advance(1)
      network.block(payee.address)
      await finalise(system)
      expect(await purposesOf(system)).toEqual([])
      await expectBalances(story)
    }))

  test('a reorganisation takes back the gas and the deposit, and both come again', () =>
    told({}, async story => {
      const { system, network } = story
      const payee = await system.assign('alice')
      network.pay('USDT', payee, USDT.deposit)
      await system.advance(ethereum.confirmations.credit + 1)
      network.reorganise!(4)
      await system.advance(2)
      await finalise(system, 3)
      expect(await purposesOf(system)).toEqual(['funding final', 'sweep final'])
      await expectBalances(story)
    }))

  test('a ledger that is lost between gas and sweep knows again what each was for', () =>
    told({}, async story => {
      const { system, network } = story
      const payee = await system.assign('alice')
      network.pay('USDT', payee, USDT.deposit)
      network.pay('ETH', await system.assign('bob'), ETH.deposit)
      await system.advance(ethereum.confirmations.credit + 1)
      const before = await purposesOf(system)
      expect(before.map(words => words.split(' ')[0])).toEqual(['funding', 'sweep'])
      loseLedger(system)
      await system.until(CHAIN_PATH, body => body.state === 'following')
      await finalise(system, 3)
      expect(await purposesOf(system)).toEqual(['funding final', 'sweep final', 'sweep final'])
      const deposits = await system.list('deposits')
      expect(deposits).toHaveLength(2)
      await expectBalances(story)
    }))
})

describe('withdrawals', () => {
  test('E4, E25: one that fails in its block is not paid, ends failed, and its gas is gone', () =>
    told({}, async story => {
      const { system, network } = story
      const payee = network.stranger()
      await system.withdraw({ id: 'w-1', asset: USDT, payee })
      await system.until('/v1/withdrawals/w-1', body => typeof body.transactionId === 'string')
      network.block(payee.address)
      await finalise(system)
      expect((await system.insist('GET', '/v1/withdrawals/w-1')).body).toMatchObject({ state: 'failed' })
      expect(network.received('USDT', payee)).toEqual([])
      await expectBalances(story)
    }))

  test('E13: one that the token refuses now waits with the reason, and others pass it', () =>
    told({}, async story => {
      const { system, network } = story
      const [blocked, other] = [network.stranger(), network.stranger()]
      network.block(blocked.address)
      await system.advance(1)
      await system.withdraw({ id: 'w-1', asset: USDT, payee: blocked })
      await system.withdraw({ id: 'w-2', asset: USDT, payee: other })
      await finalise(system)
      expect((await system.insist('GET', '/v1/withdrawals/w-1')).body).toMatchObject({
        ...{ state: 'queued', reason: expect.stringContaining('ERC20: blocked') as string },
      })
      expect(network.received('USDT', other)).toEqual([USDT.withdrawal])
    }))

  test('E24: of a burst at most 16 are on their way, no nonce is used twice and none is left out', () =>
    told({}, async story => {
      const { system, network } = story
      const payees = Array.from({ length: 40 }, () => network.stranger())
      for (const [n, payee] of payees.entries())
        await system.withdraw({ id: `w-${n}`, asset: ETH, payee, amount: 1000n })
      await system.world.sleep(20_000)
      expect(network.node.pending()).toHaveLength(16)
      for (let n = 0; n < 6; n++) await system.advance(1)
      await finalise(system)
      for (const payee of payees) expect(network.received('ETH', payee)).toEqual([1000n])
      const { treasury } = (await system.insist('GET', CHAIN_PATH)).body
      expect(network.node.nonce(treasury!.toLowerCase())).toBe(40n)
      await expectBalances(story)
    }))
})

describe('E1, E28: a chain that is followed as far as it calls itself final', () => {
  const FINALIZED = 4
  const subject: Partial<Subject> = {
    watcher: { ...ethereum.watcher, confirmations: { credit: 'finalized', final: 6 } },
  }
  const finality = { finality: { safe: 2, finalized: FINALIZED } }

  test('offers and pays what is final at once, and a burst is not held up by blocks that are not final yet', () =>
    told(
      subject,
      async story => {
        const { system, network } = story
        const payee = await system.assign('alice')
        network.pay('ETH', payee, ETH.deposit)
        await system.advance(FINALIZED)
        expect(await system.list('deposits')).toEqual([])
        await system.advance(1)
        expect(await system.list('deposits')).toMatchObject([{ state: 'confirmed' }])
        const payees = Array.from({ length: 40 }, () => network.stranger())
        for (const [n, to] of payees.entries())
          await system.withdraw({ id: `w-${n}`, asset: ETH, payee: to, amount: 7n })
        await system.advance(4)
        const paid = payees.flatMap(to => network.received('ETH', to))
        expect(paid.length).toBeGreaterThan(16)
        await finalise(system, 3)
        for (const to of payees) expect(network.received('ETH', to)).toEqual([7n])
        expect(new Set((await system.list('withdrawals')).map(({ state }) => state))).toEqual(new Set(['final']))
      },
      finality,
    ))

  test('halts where what was final is another block now', () =>
    expect(
      told(
        subject,
        async ({ system, network }) => {
          network.reorganise!(FINALIZED + 2)
          await system.advance(3)
        },
        finality,
      ),
    ).rejects.toThrow(/finalized-changed|which was final/))
})

describe('what is ours and not our doing', () => {
  /** The story's end: whatever halts a chain is an error of the watcher's, which ends it. */
  const halts = (words: RegExp, story: (told: Story) => Promise<void>) =>
    expect(
      told({}, async one => {
        await story(one)
        await one.system.advance(5)
      }),
    ).rejects.toThrow(words)

  test('E23: a delegation of one of our accounts halts the chain', () =>
    halts(/chain halted.*is ours and has code/s, async ({ network }) => {
      const authorization = signAuthorization(CHAIN_ID, CONTRACTS.splitter, 0n, secretOf(1))
      send(network, { type: 4, to: THEM, authorizations: [authorization] }, STRANGER)
    }))

  test('E16, A8: a transaction from one of our accounts that nobody here has made halts the chain', () =>
    halts(/chain halted.*spends our/s, async ({ network }) => {
      send(network, { to: THEM, value: 1n }, secretOf(0))
    }))

  test('E16: so does a listed token that another takes from one of our accounts; a transfer of nothing is nothing', () =>
    halts(/chain halted.*log-0, and neither/s, async ({ system, network }) => {
      const { address } = await system.assign('alice')
      network.pay('USDT', { address, dataField: null }, USDT.deposit)
      const take = (amount: bigint) =>
        network.call(CONTRACTS.token, callOf('transferFrom(address,address,uint256)', address, THEM, amount))
      take(0n)
      await system.advance(2)
      expect((await system.insist('GET', CHAIN_PATH)).body.state).toBe('following')
      network.allow(address)
      take(USDT.deposit)
    }))

  test('E7: where nothing shows ether that contracts send, balances do, and a person decides', () =>
    told({}, async story => {
      const { system, network } = story
      network.node.faults.missing.add('debug_traceBlockByHash')
      const payee = await system.assign('alice')
      network.split(payee.address, ETH.deposit)
      await system.advance(ethereum.confirmations.credit)
      const [deposit, ...more] = await system.list('deposits')
      expect(more).toEqual([])
      expect(deposit).toMatchObject({ state: 'quarantined', amount: String(ETH.deposit), address: payee.address })
      const decision = { accept: true, reference: 'alice', reason: 'the sender has shown the transaction' }
      await system.insist('PUT', `/v1/deposits/${encodeURIComponent(deposit!.id!)}/decision`, decision)
      await system.advance(1)
      expect(await system.list('deposits')).toMatchObject([{ state: 'confirmed' }])
      network.split(payee.address, ETH.deposit)
      network.pay('ETH', payee, ETH.deposit)
      await finalise(system)
      expect((await system.list('deposits')).map(({ state }) => state).sort()).toEqual([
        ...['confirmed', 'confirmed', 'quarantined'],
      ])
      await expectBalances(story)
    }))

  test('E7: ether that a contract sends is a deposit like any other', () =>
    told({}, async story => {
      const { system, network } = story
      const payee = await system.assign('alice')
      network.split(payee.address, ETH.deposit)
      await system.advance(ethereum.confirmations.credit)
      expect(await system.list('deposits')).toMatchObject([{ state: 'confirmed', amount: String(ETH.deposit) }])
      await finalise(system)
      await expectBalances(story)
    }))
})
