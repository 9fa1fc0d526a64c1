/** A ledger in files, opened as a process opens it, whose memory is the test's world. */
import type { Id } from '../../../machines/ids.ts'
import type { SpendKey } from '../../../machines/vocabulary.ts'
import type { Instance } from '../../../src/kernel/entry.ts'
import type { Disk } from '../../../src/kernel/ports.ts'
import { lowdbEngine, type LowdbLedger } from '../../../src/ledger/lowdb/engine.ts'
import { verifyLedger, type Verified } from '../../../src/ledger/lowdb/verify.ts'
import { newWorld } from '../made.ts'

export const DIRECTORY = '/data/ledger'

/** What a checkpoint walks: a world is one. */
export interface Walked {
  live: { values(): Iterable<Instance> }
  reservations: Iterable<[SpendKey, Id]>
}

export interface Opening extends LowdbLedger {
  /** Why the process would have ended, or null. */
  aborted: () => string | null
  /** The levels and messages logged so far. */
  logged: string[]
  /** Whose memory the ledger is from now on. */
  walk(walked: Walked): void
}

export async function open(disk: Disk, directory = DIRECTORY): Promise<Opening> {
  let reason: string | null = null
  let walked: Walked = newWorld()
  const logged: string[] = []
  const ports = {
    random: { bytes: (length: number) => new Uint8Array(length).fill(7) },
    log: (level: string, message: string) => logged.push(`${level}: ${message}`),
    abort(why: string) {
      reason ??= why
    },
  }
  const memory = { live: () => walked.live.values(), reservations: () => walked.reservations }
  const ledger = await lowdbEngine(disk, directory).open({ ports, memory, upgrade: image => image, versions: '1' })
  return {
    ...ledger,
    aborted: () => reason,
    logged,
    walk(next) {
      walked = next
    },
  }
}

export function checkpointOf(ledger: Opening, walked: Walked): Promise<void> {
  ledger.walk(walked)
  return ledger.checkpoint()
}

export const verify = (disk: Disk, directory = DIRECTORY): Promise<Verified> =>
  verifyLedger(disk, directory, image => image)
