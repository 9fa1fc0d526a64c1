/** The command as processes of their own: daemons that are started, killed and stopped by their pid, and single runs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inTime } from '../patience.ts'

export interface Daemon {
  /** Milliseconds from the start to the line that says it serves; rejects with its log when it ends before. */
  start(): Promise<number>
  /** SIGKILL; resolves when the process is gone. */
  kill9(): Promise<void>
  /** SIGTERM; the exit status. */
  stop: () => Promise<number | null>
  isRunning: () => boolean
  pid(): number
  /** Milliseconds of processor time since the start: what a busy machine does not lengthen. */
  usedMs(): number
  log: () => string
}

export interface Ran {
  status: number | null
  stdout: string
  stderr: string
}

export interface Begun {
  ended: Promise<Ran>
  /** What it has written so far. */
  stdout: () => string
  kill9(): void
}

const root = fileURLToPath(new URL('../..', import.meta.url))
/** The compiled command: beside this file where that is compiled too, else in dist. */
export const CLI = join(root, import.meta.url.endsWith('.ts') ? 'dist' : '', 'src', 'cli.js')
export const PASSPHRASE = 'a passphrase for tests only'
const TICK_MS = 10
const LOG_CHARACTERS = 200_000

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

function launch(args: readonly string[]) {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, LOCKKEEPER_PASSPHRASE: PASSPHRASE },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const gone = (child: ChildProcess): Promise<number | null> =>
  isOver(child) ? Promise.resolve(child.exitCode) : new Promise(resolve => child.once('exit', resolve))

function readyMs(child: ReturnType<typeof launch>, name: string): Promise<number> {
  const startedAt = performance.now()
  const ready = new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('ready on')) resolve(performance.now() - startedAt)
    })
    child.once('exit', code => reject(new Error(`${name} ended with ${code} before it was ready`)))
  })
  return inTime(ready, () => `${name} starts`)
}

/** Fields 14 and 15 of proc(5)'s stat, in ticks of 10 ms; the second field is a name that may hold spaces. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** A daemon of the command line, not started yet. */
export function daemon(args: readonly string[]): Daemon {
  let child: ReturnType<typeof launch> | undefined
  let text = ''
  const keep = (chunk: Buffer) => (text = (text + chunk.toString()).slice(-LOG_CHARACTERS))
  return {
    async start() {
      child = launch(args)
      child.stderr.on('data', keep)
      try {
        return await readyMs(child, args[0]!)
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${text.slice(-2000)}`, { cause: error })
      }
    },
    async kill9() {
      child?.kill('SIGKILL')
      if (child) await gone(child)
    },
    async stop() {
      child?.kill('SIGTERM')
      return child ? inTime(gone(child), () => `${args[0]} was told to stop\n${text.slice(-2000)}`) : null
    },
    isRunning: () => child !== undefined && !isOver(child),
    pid: () => child!.pid!,
    usedMs: () => processorMs(child!.pid!),
    log: () => text,
  }
}

/** One command, under way. */
export function begin(args: readonly string[]): Begun {
  const child = launch(args)
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const closed = new Promise(resolve => child.once('close', resolve))
  return {
    ended: closed.then(() => ({ status: child.exitCode, stdout, stderr })),
    stdout: () => stdout,
    kill9: () => void child.kill('SIGKILL'),
  }
}

/** One command, to its end. */
export const run = (args: readonly string[]): Promise<Ran> => begin(args).ended
