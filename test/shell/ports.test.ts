import { describe, expect, test, vi } from 'vitest'
import { createLog } from '../../src/shell/log.ts'
import { createClock, createPorts, derive } from '../../src/shell/ports.ts'

const CANARY = 'canary-7f3a'

describe('the log', () => {
  const logged = (fields: Record<string, unknown>, level: 'debug' | 'info' = 'info') => {
    const lines: string[] = []
    createLog('info', line => lines.push(line))(level, 'it happened', fields)
    return lines
  }
  test('is one JSON line with level, time and message', () => {
    const [line] = logged({ chain: 'litecoin', amount: 5n })
    expect(JSON.parse(line!)).toMatchObject({ level: 'info', msg: 'it happened', chain: 'litecoin', amount: '5' })
  })
  test.each([
    'token',
    'passphrase',
    'phrase',
    'mnemonic',
    'seed',
    'password',
    'authorization',
    'Authorization',
    'privateKey',
  ])('S5: shows no %s, however deep', name => {
    const lines = logged({ [name]: CANARY, call: { headers: [{ [name]: CANARY }] } })
    expect(lines[0]).toContain('[redacted]')
    expect(lines.join()).not.toContain(CANARY)
  })
  test('S5: shows no bytes and nothing beyond its depth', () => {
    const deep = { a: { b: { c: { d: { e: { f: { g: CANARY } } } } } } }
    expect(logged({ key: new TextEncoder().encode(CANARY), deep }).join()).not.toMatch(/canary|99,97,110/)
  })
  test('shows the reason of an error', () => {
    expect(logged({ cause: new Error('why') })[0]).toContain('why')
  })
  test('leaves out what is below its level', () => expect(logged({}, 'debug')).toEqual([]))
})

describe('the clock', () => {
  test('wakes once, and not when told otherwise', async () => {
    const clock = createClock()
    const woken: string[] = []
    const isOver = new Promise<void>(resolve => clock.wake(50, resolve))
    clock.wake(30, () => woken.push('kept'))
    clock.wake(10, () => woken.push('cancelled'))()
    await isOver
    expect(woken).toEqual(['kept'])
  })
  test('goes only forward where time is measured, whatever becomes of the date', () => {
    const clock = createClock()
    const earlier = clock.monotonic()
    const date = vi.spyOn(Date, 'now').mockReturnValue(0)
    try {
      expect(clock.now()).toBe(0)
      expect(clock.monotonic()).toBeGreaterThan(earlier)
    } finally {
      date.mockRestore()
    }
  })
  test('counts the processor time of this process, and none while it waits', async () => {
    const clock = createClock()
    const before = clock.processor()
    const until = clock.monotonic() + 50
    while (clock.monotonic() < until) clock.now()
    const busy = clock.processor() - before
    expect(busy).toBeGreaterThan(0)
    const started = clock.processor()
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(clock.processor() - started).toBeLessThan(50)
  })
  test('does not fire at once for a time beyond what timers can hold', async () => {
    let isWoken = false
    const cancel = createClock().wake(2 ** 40, () => (isWoken = true))
    await new Promise(resolve => setTimeout(resolve, 50))
    cancel()
    expect(isWoken).toBe(false)
  })
})

test('derive is scrypt: RFC 7914, second vector', async () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const key = await derive(bytes('password'), bytes('NaCl'), { N: 1024, r: 8, p: 16 }, 64)
  expect(Buffer.from(key).toString('hex')).toMatch(/^fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162/)
})
test("derive has room for the keystore's cost", async () => {
  expect(await derive(new Uint8Array(1), new Uint8Array(32), { N: 2 ** 17, r: 8, p: 1 }, 32)).toHaveLength(32)
})
test('ports without a requester open no connection', async () => {
  const call = {
    method: 'GET',
    url: 'http://127.0.0.1:1',
    headers: {},
    body: null,
    timeoutMs: 1,
    maximumBytes: 1,
  } as const
  await expect(createPorts('error').request(call)).rejects.toMatchObject({ type: 'invariant', kind: 'no-network' })
})
