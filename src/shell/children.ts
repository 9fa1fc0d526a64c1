/** Processes of our own making: started apart from the terminal's signals, written to a log, ended by their pid. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { operating } from '../kernel/fault.ts'
import { startGuardian } from './guardian.ts'
import { writeProcesses, type Named } from './processes.ts'

/** A program to be started. */
export interface ChildOptions {
  name: string
  command: string
  args: readonly string[]
  /** Standard output and error are added to this file. */
  logFile: string
}

/** A program that runs. */
export interface Child {
  readonly pid: number
  /** The first line of its output that matches. Rejects with operating `child-ended` when it ends before. */
  says(line: RegExp): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, on purpose; resolves when it is gone. */
  kill(): Promise<void>
}

/** Programs that live no longer than this one. */
export interface Children {
  start(options: ChildOptions): Child
  /** Settles never, or rejects when one ends by itself that nobody awaits to say something: operating `child-ended`. */
  failed: Promise<never>
  /** All at once. Nothing can be started afterwards. */
  stop(): Promise<void>
}

interface Started extends Named {
  child: ChildProcess
  ended: Promise<void>
}

/** Below the promised five seconds. */
const MAXIMUM_STOP_MS = 4300
const LAST_LINE_BYTES = 2000

/** @param processFile where those that run are written down: see processes.ts */
export function createChildren(processFile: string): Children {
  const guardian = startGuardian()
  const running = new Set<Started>()
  let stopping = false
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => {})
  let written = Promise.resolve()

  function noteRunning(): void {
    const now = [...running].map(({ name, pid }) => ({ name, pid }))
    guardian.watch(now.map(({ pid }) => pid))
    written = written.then(() => writeProcesses(processFile, [{ name: 'lockkeeper up', pid: process.pid }, ...now]))
    written.catch(fail)
  }

  function start(options: ChildOptions): Child {
    if (stopping) throw operating('stopping', 'stopped while starting')
    const child = launch(options)
    let isExpected = false
    let isAwaited = false
    const one: Started = { name: options.name, pid: child.pid ?? 0, child, ended: endOf(child) }
    const dead = one.ended.then(() => {
      running.delete(one)
      if (!stopping) noteRunning()
      return operating('child-ended', `${options.name} ended: ${lastLine(options.logFile)} (${options.logFile})`)
    })
    void dead.then(error => {
      if (!stopping && !isExpected && !isAwaited) fail(error)
    })
    if (child.pid !== undefined) running.add(one)
    noteRunning()
    return {
      pid: one.pid,
      says: async line => {
        isAwaited = true
        const error = await Promise.race([firstMatch(child, line), dead])
        if (error) throw error
        isAwaited = false
      },
      signal: signal => void child.kill(signal),
      kill: async () => {
        isExpected = true
        child.kill('SIGKILL')
        await one.ended
      },
    }
  }

  async function stop(): Promise<void> {
    stopping = true
    await Promise.all([...running].map(end))
    guardian.dismiss()
    await written
    await writeProcesses(processFile, [])
  }

  return { start, failed, stop }
}

/** Detached: Ctrl-C and a closed terminal must reach them through us. */
function launch({ command, args, logFile }: ChildOptions): ChildProcess {
  mkdirSync(dirname(logFile), { recursive: true })
  const log = openSync(logFile, 'a', 0o600)
  try {
    const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', log] })
    child.stdout!.on('data', (chunk: Buffer) => appendFileSync(logFile, chunk))
    return child
  } finally {
    closeSync(log)
  }
}

const endOf = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })

function firstMatch(child: ChildProcess, line: RegExp): Promise<void> {
  let text = ''
  return new Promise(resolve =>
    child.stdout!.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-LAST_LINE_BYTES)
      if (line.test(text)) resolve()
    }),
  )
}

/** What it said before it ended: mostly why. */
function lastLine(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').slice(-LAST_LINE_BYTES).trimEnd().split('\n')
  return lines.at(-1)!
}

async function end({ child, ended }: Started): Promise<void> {
  child.kill('SIGTERM')
  // One that was stopped hears nothing.
  child.kill('SIGCONT')
  const timer = setTimeout(() => child.kill('SIGKILL'), MAXIMUM_STOP_MS)
  await ended
  clearTimeout(timer)
}

/** Resolves with the first signal that asks us to end: Ctrl-C, a kill, a closed terminal. A second one ends at once. */
export const signalled = (): Promise<NodeJS.Signals> =>
  new Promise(resolve => {
    let isAsked = false
    const hear = (signal: NodeJS.Signals) => {
      if (isAsked) process.exit(1)
      isAsked = true
      resolve(signal)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hear)
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
