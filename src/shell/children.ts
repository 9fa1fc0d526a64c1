/** Processes of our own making: started apart from the terminal's signals, written to a log, stopped by their pid. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { operating } from '../kernel/fault.ts'

/** A program to be started. */
export interface ChildOptions {
  name: string
  command: string
  args: readonly string[]
  /** Standard output and error are added to this file. */
  logFile: string
}

/** Programs that live no longer than this one. */
export interface Children {
  /** Rejects from `failed` when it ends before it is told to. */
  start(options: ChildOptions): void
  /** Settles never, or rejects when a child ends by itself: operating `child-ended`. */
  failed: Promise<never>
  /** Last started, first stopped. Nothing can be started afterwards. */
  stop(): Promise<void>
}

interface Started {
  name: string
  child: ChildProcess
  ended: Promise<void>
}

/** litecoind writes its whole state when it stops. */
const MAXIMUM_STOP_MS = 20_000

/** None is started yet. */
export function createChildren(): Children {
  const started: Started[] = []
  let stopping = false
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => {})
  return {
    failed,
    start(options) {
      if (stopping) throw operating('stopping', 'stopped while starting')
      const child = launch(options)
      const ended = new Promise<void>(resolve => {
        const end = (how: string) => {
          resolve()
          if (!stopping) fail(operating('child-ended', `${options.name} ended (${how}): see ${options.logFile}`))
        }
        child.once('error', error => end(error.message))
        child.once('exit', (code, signal) => end(String(code ?? signal)))
      })
      started.push({ name: options.name, child, ended })
    },
    async stop() {
      stopping = true
      for (const one of started.reverse()) await end(one)
    },
  }
}

/** Detached: Ctrl-C must reach them one after the other, through us. */
function launch({ command, args, logFile }: ChildOptions): ChildProcess {
  mkdirSync(dirname(logFile), { recursive: true })
  const log = openSync(logFile, 'a', 0o600)
  try {
    return spawn(command, args, { detached: true, stdio: ['ignore', log, log] })
  } finally {
    closeSync(log)
  }
}

async function end({ child, ended }: Started): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), MAXIMUM_STOP_MS)
  await ended
  clearTimeout(timer)
}

/** Resolves at the first SIGINT or SIGTERM. */
export const signalled = (): Promise<void> =>
  new Promise(resolve => {
    process.on('SIGINT', () => resolve())
    process.on('SIGTERM', () => resolve())
  })

/** The preferred port of the loopback address, or a free one. */
export async function choosePort(preferred: number): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0))!
}

function tryPort(port: number): Promise<number | null> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null))
    })
  })
}

/** Whether a daemon can be started by this name. */
export const isOnPath = (command: string): boolean =>
  spawnSync(command, ['-version'], { stdio: 'ignore' }).error === undefined
