import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createRpc } from '../../../adapters/nano/rpc.ts'
import * as shapes from '../../../adapters/nano/shapes.ts'
import type { HttpResult } from '../../../src/kernel/ports.ts'
import { recorded } from './recorded.ts'

const NODE = { url: 'http://user:secret@127.0.0.1:17076', username: 'user', password: 'secret' }
const answering = (body: string, status = 200) => {
  const result: HttpResult = { status, headers: {}, body: new TextEncoder().encode(body) }
  return createRpc(NODE, async () => result)
}

/** The shape in which each action is read here; of the others only that they are no error. */
const SHAPES: Readonly<Record<string, z.ZodType>> = {
  account_history: z.looseObject({}),
  accounts_balances: shapes.balancesShape,
  accounts_frontiers: shapes.frontiersShape,
  block_count: shapes.blockCountShape,
  block_info: shapes.blockInfoShape,
  blocks_info: shapes.blocksInfoShape,
  process: shapes.processedShape,
  telemetry: shapes.telemetryShape,
  version: shapes.versionShape,
  work_generate: shapes.workShape,
}
const SPECIAL: Readonly<Record<string, z.ZodType>> = {
  account_history_raw: shapes.historyShape,
  account_history_unopened: shapes.historyShape,
  account_info_genesis_unconfirmed_frontier: shapes.accountInfoShape,
  account_info_opened_include_confirmed: shapes.accountInfoShape,
  accounts_receivable_source: shapes.accountsReceivableShape,
  pending_source_only_confirmed: shapes.receivableShape,
  receivable_empty_simple: shapes.receivableShape,
  receivable_empty_source: shapes.receivableShape,
  receivable_source_only_confirmed: shapes.receivableShape,
  receivable_unconfirmed_only_confirmed_false: shapes.receivableShape,
  // Asked for without `json_block`, without `include_cemented`, or asynchronously: never so by us.
  block_info_string_contents: z.looseObject({ contents: z.string() }),
  block_count_fresh: z.looseObject({ count: z.string() }),
  process_async: z.strictObject({ started: z.literal('1') }),
  process_error_old_async: z.strictObject({ started: z.literal('1') }),
}

describe('N9: every answer that a real node has given', () => {
  test('there are 139', () => expect(recorded).toHaveLength(139))

  test.each(recorded)('%s', async (name, { request, response }) => {
    const action = request?.action ?? name
    const rpc = answering(JSON.stringify(response))
    const error = response?.error
    if (error !== undefined) {
      expect(await rpc.ask(z.unknown(), [error], action)).toEqual({ ok: false, error })
      await expect(rpc.call(z.unknown(), action)).rejects.toMatchObject({ type: 'operating', kind: 'node-refused' })
      return
    }
    const shape = SPECIAL[name] ?? SHAPES[action] ?? z.looseObject({})
    expect(await rpc.ask(shape, [], action)).toMatchObject({ ok: true })
  })

  test('text is read as what it says', async () => {
    const [, { response }] = recorded.find(([name]) => name === 'block_info_send_confirmed')!
    const info = await answering(JSON.stringify(response)).call(shapes.blockInfoShape, 'block_info')
    expect(info).toMatchObject({ confirmed: true, subtype: 'send', contents: { type: 'state' } })
    expect(typeof info.amount).toBe('bigint')
    const [, { response: none }] = recorded.find(([name]) => name === 'receivable_empty_source')!
    expect(await answering(JSON.stringify(none)).call(shapes.receivableShape, 'receivable')).toEqual({ blocks: {} })
    const [, { response: unopened }] = recorded.find(([name]) => name === 'accounts_frontiers_all_unopened')!
    const frontiers = await answering(JSON.stringify(unopened)).call(shapes.frontiersShape, 'accounts_frontiers')
    expect(frontiers.frontiers).toEqual({})
    expect(Object.values(frontiers.errors)).toEqual(['Account not found'])
  })
})

describe('A5: what is no answer is an outage', () => {
  const cases: [string, string, number, string][] = [
    ['a page of HTML', '<html>502</html>', 502, 'no answer of a node'],
    ['a page of HTML that says that all is well', '<html></html>', 200, 'no answer of a node'],
    ['nothing', '', 200, 'nothing else'],
    ['half an answer', '{"blocks":', 200, 'no answer of a node'],
    ['a list', '[]', 200, 'no answer of a node'],
    ['another shape', '{"blocks":5}', 200, 'something else than it should (blocks'],
    ['wrong credentials', '', 401, 'check the url, username and password'],
    ['too many requests', '', 429, 'has no room for receivable'],
    ['an error that nobody expects', '{"error":"Unable to parse JSON"}', 200, 'with an error: Unable to parse JSON'],
  ]
  test.each(cases)('%s', async (_, body, status, message) => {
    const asked = answering(body, status).ask(shapes.receivableShape, ['Account not found'], 'receivable')
    await expect(asked).rejects.toMatchObject({
      type: 'operating',
      message: expect.stringContaining(message) as string,
    })
    await expect(asked).rejects.not.toThrow('secret')
  })
})
