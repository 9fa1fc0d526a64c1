/** `lockkeeper verify`: every record of a ledger, or of a signer's memory, checked offline. */
import { basename, dirname, resolve } from 'node:path'
import { boundary, reasonOf } from '../kernel/fault.ts'
import type { Disk } from '../kernel/ports.ts'
import type { Machines } from '../kernel/step.ts'
import { loadSignerConfig, loadWatcherConfig } from '../config.ts'
import { upgradeOf } from '../kernel/migration.ts'
import { verifyLedger } from '../ledger/lowdb/verify.ts'
import { verifyAudit } from '../signer/audit/verify.ts'
import { signerMachines as signersMachines } from '../signer/memory/machines.ts'
import type { Terminal } from './terminal.ts'

/**
 * @param text the configuration's content: a watcher's or a signer's
 * @param watchersMachines null in the bundled signer, which knows no watcher and reads no configuration of one
 * @returns whether the store is sound; what a start repairs by itself is reported and is no damage
 */
export async function verifyStore(
  disk: Disk,
  { path, text }: { path: string; text: string },
  watchersMachines: Machines | null,
  terminal: Terminal,
): Promise<boolean> {
  const { directory, machines } = storeOf(path, text, watchersMachines)
  const isSigner = machines === signersMachines
  const { findings, summary } = await verifyLedger(disk, directory, upgradeOf(machines))
  const memory = { sequence: summary.seq, hash: summary.lastHash }
  const audit = isSigner ? await verifyAudit(disk, directory, memory) : null
  if (audit !== null) findings.push(...audit.findings)
  for (const { file, offset, problem, damage } of findings) {
    terminal.out(`${damage ? 'damage' : 'note'}: ${file} at byte ${offset}: ${problem}`)
  }
  const { segments, commits, entries, instances, ended, reservations, seq, lastHash } = summary
  terminal.out(`${directory}: ${segments} segments, ${commits} commits, ${entries} entries up to seq ${seq}`)
  terminal.out(
    `${instances} instances, ${ended} of them ended; ${reservations} spend keys reserved; last hash ${lastHash}`,
  )
  if (audit !== null) {
    const opened = [...audit.opened].map(([command, times]) => `${command} ${times}`)
    terminal.out(`audit: ${audit.lines} lines in ${audit.files} files, sealed by ${audit.key ?? 'nobody'}`)
    terminal.out(`opened by: ${opened.join(', ')}`)
  }
  const damaged = findings.filter(finding => finding.damage).length
  terminal.out(damaged === 0 ? 'sound' : `damaged: ${damaged} findings`)
  return damaged === 0
}

interface Store {
  directory: string
  machines: Machines
}

/** The two files have different keys. One that would do as either is what its name says. */
function storeOf(path: string, text: string, watchersMachines: Machines | null): Store {
  const signers = { load: loadSignerConfig, machines: signersMachines }
  const watchers = watchersMachines === null ? [] : [{ load: loadWatcherConfig, machines: watchersMachines }]
  const isSignerFirst = basename(path).includes('signer')
  const reasons: string[] = []
  for (const { load, machines } of isSignerFirst ? [signers, ...watchers] : [...watchers, signers]) {
    try {
      return { directory: load(text, dirname(resolve(path))).dataDirectory, machines }
    } catch (error) {
      reasons.push(reasonOf(error))
    }
  }
  throw boundary('configuration', `${basename(path)}: ${reasons[0]}`)
}
