/** The commands that look at a running system, and copy it while it runs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runProgram } from '../../src/commands/program.ts'
import { run as runBinary } from './daemon.ts'
import { PATIENCE_MS } from '../patience.ts'
import { deposit } from './payer.ts'
import { ASSET, CHAIN, startSystem, type System } from './system.ts'

let system: System
let to: string
let config: string
beforeAll(async () => {
  system = await startSystem()
  await system.fund(100_000_000n)
  to = (await system.node.rpc('getnewaddress', '', 'bech32')) as string
  config = join(system.directory, 'watcher.yaml')
  await system.withdraw('looked-at', { to, amountSat: 150_000n })
  await system.until('/v1/withdrawals/looked-at', ({ transactionId }) => transactionId !== null)
})
afterAll(() => system.close())

async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const status = await runProgram(args, { out: line => out.push(line), err: line => err.push(line) })
  return { status, out: out.join('\n'), err: err.join('\n') }
}

test('status says where everything stands, also as JSON', async () => {
  const text = await run('status', '--config', config)
  expect([text.status, text.err]).toEqual([0, ''])
  expect(text.out).toMatch(new RegExp(`^${CHAIN} +following .* compared `, 'm'))
  expect(text.out).toMatch(/^ready$/m)
  const json = JSON.parse((await run('status', '--json', '--config', config)).out) as Record<string, unknown>
  expect(json).toMatchObject({ ready: true, problems: [], chains: [{ chain: CHAIN, signerCompared: true }] })
  expect(json['instances']).toContainEqual(expect.objectContaining({ chain: CHAIN, kind: 'withdrawal', live: 1 }))
})

describe('a list', () => {
  test('is a table, CSV or JSON, of whatever length', async () => {
    const table = await run('withdrawals', '--config', config)
    expect(table.out).toMatch(/^id +state +amount +asset +to/)
    expect(table.out).toMatch(new RegExp(`^looked-at +paying +0.0015 +${ASSET} +${to}`, 'm'))
    const csv = (await run('withdrawals', '--csv', '--config', config)).out.split('\r\n')
    expect(csv[0]).toMatch(/^id,chain,asset,decimals,to,/)
    expect(csv).toHaveLength(2)
    const events = JSON.parse((await run('events', '--json', '--config', config)).out) as { seq: number }[]
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 1))
    const few = JSON.parse((await run('events', '--json', '--limit', '3', '--after', '4', '--config', config)).out) as {
      seq: number
    }[]
    expect(few.map(({ seq }) => seq)).toEqual([5, 6, 7])
    expect((await run('deposits', '--json', '--state', 'lost', '--config', config)).out).toBe('[]')
  })

  test('takes the filters of the API, and ends with 2 for one that is none', async () => {
    const ids = async (...args: string[]) =>
      (JSON.parse((await run('withdrawals', '--json', ...args, '--config', config)).out) as { id: string }[]).map(
        ({ id }) => id,
      )
    expect(await ids('--address', to.toUpperCase(), '--chain', CHAIN)).toEqual(['looked-at'])
    expect(await ids('--to', '2020-01-01T00:00:00Z')).toEqual([])
    const wrong = await run('withdrawals', '--state', 'payed', '--config', config)
    expect([wrong.status, wrong.err]).toEqual([2, expect.stringMatching(/state must be one of requested, .*paid/)])
    expect((await run('withdrawals', '--csv', '--json', '--config', config)).status).toBe(2)
  })
})

/** As built: the pictures that it reads lie beside what is built. */
async function tell(id: string) {
  const { status, stdout: out, stderr: err } = await runBinary(['explain', id, '--config', config])
  return { status, out, err }
}

describe('a story', () => {
  test('says what happened, why, what is next and what to do', async () => {
    const { status, out } = await tell('looked-at')
    expect(status).toBe(0)
    expect(out).toContain(`withdrawal looked-at: 0.0015 ${ASSET} on ${CHAIN} to ${to} (transaction `)
    expect(out).toMatch(/withdrawal requested: it came to be, requested/)
    expect(out).toMatch(/^Why it stands where it stands: it is paying\. /m)
    expect(out).toMatch(/^What happens next by itself: Next it becomes paid/m)
    expect(out).toContain("-d '{}' 'http://127.0.0.1:")
    expect(out).toContain('/v1/withdrawals/looked-at/cancellation')
  })

  test('is found by an address, and a chain has one too', async () => {
    const address = await system.address('told-of')
    const { id } = await deposit(system, address)
    await expect.poll(async () => (await tell(address)).out, { timeout: PATIENCE_MS }).toContain(`deposit ${id}: `)
    expect((await tell(`chain/${CHAIN}`)).out).toMatch(/it is following\./)
    const unknown = await tell('nobody-knows-this')
    expect([unknown.status, unknown.err]).toEqual([1, expect.stringContaining('knows nothing of nobody-knows-this')])
  })
})

test('a running watcher and a running signer are copied, and the copies are sound', async () => {
  for (const [name, words] of [
    ['watcher', 'never pays twice'],
    ['signer', 'It holds no key'],
  ] as const) {
    const out = join(system.directory, `${name}-copy`)
    const {
      status,
      out: said,
      err,
    } = await run('backup', '--config', join(system.directory, `${name}.yaml`), '--out', out)
    expect([status, err]).toEqual([0, ''])
    expect(said).toMatch(/^sound$/m)
    expect(await readFile(join(out, 'RESTORE.txt'), 'utf8')).toContain(words)
    const again = await run('backup', '--config', join(system.directory, `${name}.yaml`), '--out', out)
    expect([again.status, again.err]).toEqual([2, expect.stringContaining('not empty')])
  }
})
