/** What the process says of itself; costs nothing until somebody asks. */
import { readdirSync } from 'node:fs'
import { exposition } from '../metrics/exposition.ts'
import { VERSION } from '../version.ts'

const MICROSECONDS_PER_SECOND = 1_000_000
const MILLISECONDS_PER_SECOND = 1000
const OPEN_FILES = '/proc/self/fd'

const startedAt = performance.timeOrigin / MILLISECONDS_PER_SECOND

function openFiles(): { value: number }[] {
  try {
    return [{ value: readdirSync(OPEN_FILES).length }]
  } catch {
    // Not Linux, or not to be seen: nothing is said rather than 0.
    return []
  }
}

/** Prometheus' standard process metrics as far as they are read without a timer, and which build this is. */
export function processMetrics(daemon: 'watcher' | 'signer'): string {
  const { user, system } = process.cpuUsage()
  return exposition({
    lockkeeper_build_info: [{ labels: { daemon, version: VERSION, node: process.version }, value: 1 }],
    process_cpu_seconds_total: [{ value: (user + system) / MICROSECONDS_PER_SECOND }],
    process_start_time_seconds: [{ value: startedAt }],
    process_resident_memory_bytes: [{ value: process.memoryUsage.rss() }],
    process_open_fds: openFiles(),
  })
}
