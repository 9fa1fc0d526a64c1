import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { endProcess, runningOf, writeProcesses } from '../../src/shell/processes.ts'

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-processes-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'processes.json')
}

function sleeper(): { pid: number; ended: Promise<unknown> } {
  const child = spawn('sleep', ['300'], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { pid: child.pid!, ended: new Promise(resolve => child.once('exit', resolve)) }
}

test('what runs still is named, and what has ended is not', async () => {
  const path = place()
  const [staying, going] = [sleeper(), sleeper()]
  await writeProcesses(path, [
    { name: 'staying', pid: staying.pid },
    { name: 'going', pid: going.pid },
  ])
  await endProcess({ name: 'going', pid: going.pid })
  await going.ended
  expect(runningOf(path)).toEqual([{ name: 'staying', pid: staying.pid }])
})

test('a later process with the same number is another one: it is not named', async () => {
  const path = place()
  const { pid } = sleeper()
  await writeProcesses(path, [{ name: 'signer', pid }])
  const [record] = JSON.parse(readFileSync(path, 'utf8')) as { birth: string }[]
  writeFileSync(path, JSON.stringify([{ ...record, birth: `${record!.birth}1` }]))
  expect(runningOf(path)).toEqual([])
})

test('one that was stopped ends too', async () => {
  const { pid, ended } = sleeper()
  process.kill(pid, 'SIGSTOP')
  await endProcess({ name: 'signer', pid })
  await ended
})

test.each(['', '{', '[{"pid":1}]', '[{"name":"x","pid":-1,"birth":""}]'])('a file with %j names nobody', async text => {
  const path = place()
  writeFileSync(path, text)
  expect(runningOf(path)).toEqual([])
  expect(runningOf(`${path}.missing`)).toEqual([])
})
