/** Answers of real servers, as xrpl.js keeps them, and those of the simulated one beside them. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { createRpc } from '../../../adapters/ripple/rpc.ts'
import { readServer } from '../../../adapters/ripple/server.ts'
import {
  accountShape,
  foundShape,
  headerShape,
  submittedShape,
  transactionShape,
} from '../../../adapters/ripple/shapes.ts'
import type { HttpCall } from '../../../src/kernel/ports.ts'
import { createWorld, treasury } from './world.ts'

interface Recorded {
  result: Record<string, unknown>
}

const read = (name: string): Recorded =>
  JSON.parse(readFileSync(`test/vectors/ripple/${name}.json`, 'utf8')) as Recorded

/** The recorded answer, as a server would give it. */
const answering = (answer: object) =>
  createRpc({ url: 'http://server' }, async () => ({
    status: 200,
    headers: {},
    body: new TextEncoder().encode(JSON.stringify(answer)),
  }))

const ask = <T>(shape: z.ZodType<T>, name: string): Promise<T> => answering(read(name)).call(shape, 'any')

describe('X13: what was recorded is read', () => {
  test('account_info, of a server that did not say whether its ledger is validated', async () => {
    expect(await ask(accountShape, 'accountInfo')).toEqual({
      validated: false,
      account_data: {
        Account: 'r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59',
        Balance: '922913243',
        Flags: 655360,
        OwnerCount: 1,
        Sequence: 23,
      },
    })
  })

  test('ledger: its index in digits', async () => {
    const { validated, ledger } = await ask(headerShape, 'ledger')
    expect(validated).toBe(true)
    expect(ledger).toMatchObject({ ledger_index: 9038214, close_time: 464908910 })
  })

  test('server_info without a network id is of the main network (X10)', async () => {
    const standing = await readServer(answering(read('serverInfo')))
    expect(standing).toMatchObject({
      tip: { height: 6595042 },
      networkId: 0,
      version: 'rippled 0.24.0-rc1',
      baseReserve: 20_000_000n,
      ownerReserve: 5_000_000n,
      warning: null,
    })
    expect([32569, 32570, 6595042, 6595043].map(standing.has)).toEqual([false, true, true, false])
  })

  test('server_info with one', async () => {
    expect(await readServer(answering(read('serverInfoNetworkID')))).toMatchObject({ networkId: 1 })
  })

  test('submit, taken and refused', async () => {
    expect(await ask(submittedShape, 'submit')).toMatchObject({ engine_result: 'tesSUCCESS' })
    expect(await ask(submittedShape, 'submitTemError')).toMatchObject({ engine_result: 'temMALFORMED' })
  })

  test('tx: its place', async () => {
    expect(await ask(foundShape, 'transactionEntry')).toMatchObject({ validated: true, ledger_index: 66499739 })
  })

  test('account_tx: transactions with what they have changed', () => {
    const { transactions } = read('accountTx').result as { transactions: unknown[] }
    const types = transactions.map(one => transactionShape.parse(one).fields.TransactionType)
    expect(types).toEqual(['CheckCreate', 'DepositPreauth'])
  })

  test('a payment of a token: its amount is an object', () => {
    const { meta, fields } = transactionShape.parse(read('payment').result)
    expect(fields.TransactionType).toBe('Payment')
    expect(meta.delivered_amount ?? null).toBeTypeOf('object')
  })

  test('a partial payment: what it delivered is not what it names', () => {
    const { hash, meta, fields } = transactionShape.parse(read('partialPaymentXRP'))
    expect(hash).toBe('A0A074D10355223CBE2520A42F93A52E3CC8B4D692570EB4841084F9BBB39F7A')
    expect(meta.delivered_amount).toBe('1000000')
    expect(fields.Flags).toBe(131072)
  })

  test('a time or an error is not an answer', async () => {
    const error = { result: { error: 'noNetwork', error_message: 'Not synced.', status: 'error' } }
    await expect(answering(error).call(headerShape, 'ledger')).rejects.toMatchObject({
      type: 'operating',
      kind: 'node-refused',
      message: expect.stringContaining('not in sync') as string,
    })
    for (const body of [{}, [], { result: 'x' }, 'text'])
      await expect(answering(Object(body) as object).call(headerShape, 'ledger')).rejects.toMatchObject({
        type: 'operating',
      })
  })
})

/** Names of the fields of an object, as far as its recorded sibling has them. */
const missing = (recorded: object, simulated: object, optional: readonly string[]): string[] =>
  Object.keys(recorded).filter(name => !(name in simulated) && !optional.includes(name))

describe('the simulated server answers in the recorded shapes', () => {
  const world = createWorld()
  const hash = world.simulated.pay(treasury, 100_000_000n)
  world.simulated.mine(1)
  const simulate = async (method: string, params: object): Promise<Record<string, unknown>> => {
    const call: HttpCall = {
      ...{ method: 'POST', url: 'http://server', headers: {}, timeoutMs: 1, maximumBytes: 1e6 },
      body: new TextEncoder().encode(JSON.stringify({ method, params: [params] })),
    }
    const { body } = await world.simulated.request(call)
    return (JSON.parse(new TextDecoder().decode(body)) as Recorded).result
  }
  const inside = (result: Record<string, unknown>, name: string) => result[name] as Record<string, unknown>

  test('server_info', async () => {
    const info = inside(await simulate('server_info', {}), 'info')
    const recorded = inside(read('serverInfoNetworkID').result, 'info')
    expect(missing(recorded, info, [])).toEqual([])
    expect(missing(inside(recorded, 'validated_ledger'), inside(info, 'validated_ledger'), [])).toEqual([])
  })

  test('account_info: what every account has', async () => {
    const data = inside(
      await simulate('account_info', { account: treasury, ledger_index: 'validated' }),
      'account_data',
    )
    const optional = ['Domain', 'EmailHash', 'PreviousTxnID', 'PreviousTxnLgrSeq', 'TransferRate', 'TickSize']
    const more = ['WalletLocator', 'urlgravatar', 'signer_lists']
    const recorded = inside(read('accountInfo').result, 'account_data')
    expect(missing(recorded, data, [...optional, ...more])).toEqual([])
  })

  test('ledger', async () => {
    const recorded = read('ledger').result
    const result = await simulate('ledger', { ledger_index: 'validated', transactions: true })
    expect(missing(recorded, result, [])).toEqual([])
    expect(missing(inside(recorded, 'ledger'), inside(result, 'ledger'), [])).toEqual([])
    expect(inside(result, 'ledger')['ledger_index']).toBeTypeOf('string')
  })

  test('account_tx', async () => {
    const result = await simulate('account_tx', { account: treasury, api_version: 2 })
    const recorded = read('accountTx').result
    expect(missing(recorded, result, ['marker'])).toEqual([])
    const [ours, theirs] = [result, recorded].map(one => (one['transactions'] as Record<string, unknown>[])[0]!)
    expect(missing(theirs!, ours!, [])).toEqual([])
    expect(missing(inside(theirs!, 'meta'), inside(ours!, 'meta'), [])).toEqual([])
  })

  test('submit', async () => {
    const raw = world.simulated.chain.entries.get(hash)!.transaction.raw
    const result = await simulate('submit', { tx_blob: raw })
    expect(missing(read('submit').result, result, ['success'])).toEqual([])
    expect(result['engine_result']).toBe('tefALREADY')
  })

  test('tx, in both versions', async () => {
    const [first, second] = [
      await simulate('tx', { transaction: hash }),
      await simulate('tx', { transaction: hash, api_version: 2 }),
    ]
    expect(first).toMatchObject({ hash, TransactionType: 'Payment', Amount: '100000000', validated: true })
    expect(second).toMatchObject({ hash, tx_json: { DeliverMax: '100000000' }, validated: true })
    expect(inside(second, 'tx_json')).not.toHaveProperty('Amount')
  })
})
