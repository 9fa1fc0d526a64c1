/** Which processes run, on disk: so that the next start can name what an earlier one has left. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { writeText } from './files.ts'

export interface Named {
  name: string
  pid: number
}

const recordSchema = z.array(z.object({ name: z.string(), pid: z.int().positive(), birth: z.string() }))

const STOP_MS = 5000
const STEP_MS = 100

/** Tells a process from a later one with the same number: when it began. Null when there is none. */
function birthOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    // proc(5): the second field is a name, which may hold anything; the 22nd is when it began.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return fields[0] === 'Z' ? null : `${boot} ${fields[19]!}`
  } catch {
    return birthFromPs(pid)
  }
}

/** Where there is no /proc. */
function birthFromPs(pid: number): string | null {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim() || null
  } catch {
    return null
  }
}

export async function writeProcesses(path: string, processes: readonly Named[]): Promise<void> {
  const known = processes.flatMap(({ name, pid }) => {
    const birth = birthOf(pid)
    return birth === null ? [] : [{ name, pid, birth }]
  })
  await writeText(path, `${JSON.stringify(known)}\n`)
}

/** Those of the file that still run. A file that is missing or not whole names none. */
export function runningOf(path: string): Named[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  const record = recordSchema.safeParse(tryParse(text)).data ?? []
  return record.filter(({ pid, birth }) => birthOf(pid) === birth).map(({ name, pid }) => ({ name, pid }))
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Gently first; resolves when it is gone. */
export async function endProcess({ pid }: Named): Promise<void> {
  const birth = birthOf(pid)
  const isThere = () => birth !== null && birthOf(pid) === birth
  send(pid, 'SIGTERM')
  send(pid, 'SIGCONT')
  for (let waitedMs = 0; waitedMs < STOP_MS && isThere(); waitedMs += STEP_MS) await sleep(STEP_MS)
  if (isThere()) send(pid, 'SIGKILL')
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
