/**
 * Whoever is killed cannot stop what he has started. So a shell waits beside us for the end of its input, which comes however
 * we end, and then ends the processes that it was told of last: gently first, as a terminal would.
 */
import { spawn } from 'node:child_process'

export interface Guardian {
  /** In the place of those named before. */
  watch(pids: readonly number[]): void
  /** Nothing is left to watch. */
  dismiss(): void
}

const GRACE_SECONDS = 5
const SCRIPT = `
pids=
while read -r line; do pids=$line; done
[ -n "$pids" ] || exit 0
kill -TERM $pids
kill -CONT $pids
sleep ${GRACE_SECONDS}
kill -KILL $pids`

/** Where there is no `sh`, what is left after a kill is named at the next start only. */
export function startGuardian(): Guardian {
  // Detached: what ends us, a closed terminal too, must not reach it.
  const child = spawn('sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  const say = (line: string) => child.stdin.write(`${line}\n`)
  return {
    watch: pids => void say(pids.join(' ')),
    dismiss: () => {
      say('')
      child.stdin.end()
    },
  }
}
