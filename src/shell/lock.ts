/**
 * A kernel lock on a directory, gone with the process however it ends: flock(2) on a file in it, held by a child `flock … cat`
 * (util-linux, BusyBox) whose input is a pipe from us. It holds between all processes of one kernel, containers that share a
 * volume too; the pipe's end frees it. Nobody who may not write the directory can take it. Where there is no such
 * command nothing starts: two writers would be worse.
 */
import { claim } from '../kernel/untyped.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { boundary, operating } from '../kernel/fault.ts'

/** The child of a process that was just killed takes a moment to see the end of its pipe. */
const TRIES = 20
const PAUSE_MS = 100
const BUSY_STATUS = 1

/**
 * `path`: the file in the directory that the lock is taken on. Whoever holds it has made it: where it is missing and not
 * to be made, nobody does. Rejects with operating `locked`, naming the directory, and with boundary `no-flock` where the
 * command is missing or the file system has no locks.
 */
export async function lockDirectory(path: string, { create } = { create: true }): Promise<() => Promise<void>> {
  if (!create && !existsSync(path)) return () => Promise.resolve()
  for (let n = 0; n < TRIES; n++) {
    const child = await tryFlock(resolve(path))
    if (child !== 'busy') return () => endChild(child)
    await sleep(PAUSE_MS)
  }
  throw operating(
    'locked',
    `${dirname(path)} is in use by another process: stop it first, or configure another directory`,
  )
}

/** The child echoes what we send once it runs under the lock. `detached` keeps a terminal's Ctrl-C from it. */
function tryFlock(path: string): Promise<ChildProcess | 'busy'> {
  const child = spawn('flock', ['-n', path, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'], detached: true })
  return new Promise((done, failed) => {
    const fail = (problem: string) =>
      failed(boundary('no-flock', `${path} cannot be locked: ${problem}. Lockkeeper needs flock(1) of util-linux`))
    child.once('error', error => fail(error.message))
    child.once('exit', status => (status === BUSY_STATUS ? done('busy') : fail(`flock ended with ${status}`)))
    child.stdin.on('error', () => undefined)
    child.stdout.once('data', () => {
      child.unref()
      for (const pipe of [child.stdin, child.stdout]) claim<{ unref(): void }>(pipe).unref() // sockets, which the types do not say
      done(child)
    })
    child.stdin.write('held')
  })
}

function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  // It was let go of so as not to keep the process alive; now its end is waited for.
  child.ref()
  return new Promise(done => {
    child.once('exit', () => done())
    child.stdin?.end()
  })
}
