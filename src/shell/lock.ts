/**
 * A kernel lock on a directory, gone with the process however it ends. Two locks, because each has a gap:
 *
 * - An abstract Unix socket, named after the directory's device and inode: always there on Linux, taken and freed by the kernel
 *   at once, but only within one network namespace, so not between containers that share a volume.
 * - flock(2) on the file, held by a child `flock … cat` (util-linux, BusyBox) whose input is a pipe from us: it holds across
 *   namespaces and on file systems that support it, and the pipe's end frees it. Where there is no such command the first
 *   lock stands alone.
 */
import { claim } from '../kernel/untyped.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { operating } from '../kernel/fault.ts'

/** The child of a process that was just killed takes a moment to see the end of its pipe. */
const FLOCK_TRIES = 20
const FLOCK_PAUSE_MS = 100
const FLOCK_BUSY_STATUS = 1

/** Rejects with operating `locked`, naming the directory of `path`. `path` is the file that flock(2) is taken on. */
export async function lockDirectory(
  path: string,
  { create }: { create: boolean } = { create: true },
): Promise<() => Promise<void>> {
  const directory = dirname(path)
  const socket = await holdSocket(directory)
  try {
    // Whoever holds the file has made it: where it is missing nobody does.
    const child = create || existsSync(path) ? await holdFile(path, directory) : null
    return async () => {
      if (child) await endChild(child)
      await new Promise(done => socket.close(done))
    }
  } catch (error) {
    socket.close()
    throw error
  }
}

const locked = (directory: string) =>
  operating('locked', `${directory} is in use by another process: stop it first, or configure another directory`)

async function holdSocket(directory: string): Promise<Server> {
  const { dev, ino } = await stat(directory, { bigint: true })
  const name = createHash('sha256').update(`${dev}:${ino}`).digest('hex')
  const server = createServer(connection => connection.destroy())
  await new Promise<void>((done, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      failed(error.code === 'EADDRINUSE' ? locked(directory) : error),
    )
    server.listen(`\0lockkeeper:${name}`, done)
  })
  server.unref()
  return server
}

async function holdFile(path: string, directory: string): Promise<ChildProcess | null> {
  for (let n = 0; n < FLOCK_TRIES; n++) {
    const answer = await tryFlock(path)
    if (answer !== 'busy') return answer
    await sleep(FLOCK_PAUSE_MS)
  }
  throw locked(directory)
}

/** The child echoes what we send once it runs under the lock. `detached` keeps a terminal's Ctrl-C from it. */
function tryFlock(path: string): Promise<ChildProcess | 'busy' | null> {
  const child = spawn('flock', ['-n', path, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'], detached: true })
  return new Promise(done => {
    child.once('error', () => done(null))
    child.once('exit', status => done(status === FLOCK_BUSY_STATUS ? 'busy' : null))
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
