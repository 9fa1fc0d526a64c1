import { expect, test } from 'vitest'
import { operating } from '../../src/kernel/fault.ts'
import type { HttpCall, Request } from '../../src/kernel/ports.ts'
import { overheard } from '../../src/watcher/overheard.ts'
import { createRig } from '../orchestrator/rig.ts'

const call = (url: string, body: string | null): HttpCall => ({
  ...{ method: body === null ? 'GET' : 'POST', url, headers: { authorization: 'Basic c2VjcmV0' } },
  ...{ body: body === null ? null : new TextEncoder().encode(body), timeoutMs: 1, maximumBytes: 1 },
})

async function linesOf(request: Request, ...calls: HttpCall[]): Promise<string> {
  const lines: unknown[] = []
  const listening = overheard(request, createRig().clock, (...line) => void lines.push(line))
  for (const each of calls) await listening(each).catch(() => {})
  return JSON.stringify(lines)
}

test('a call is named by whom and what it asks, at debug, without what is said', async () => {
  const answering: Request = async () => ({
    status: 200,
    headers: {},
    body: new TextEncoder().encode('{"result":"private"}'),
  })
  const body = '{"jsonrpc":"1.0","id":1,"method":"getblockcount","params":["private"]}'
  const lines = await linesOf(
    answering,
    call('http://user:secret@node:1/', body),
    call('http://node:1/rest/x?key=secret', null),
  )
  expect(lines).toContain('"debug","asked"')
  expect(lines).toContain('"url":"http://node:1/","rpc":"getblockcount"')
  expect(lines).toContain('"url":"http://node:1/rest/x"')
  expect(lines).not.toMatch(/secret|private|c2VjcmV0/)
})

test('one that fails says why', async () => {
  const failing: Request = () => Promise.reject(operating('refused', 'nobody listens'))
  expect(await linesOf(failing, call('http://node:1/', null))).toMatch(/"asked in vain".*nobody listens/)
})
