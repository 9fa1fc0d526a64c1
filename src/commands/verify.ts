/** `lockkeeper verify`: every record of a ledger, or of a signer's memory, checked offline. */
import { basename, dirname, resolve } from 'node:path'
import { boundary, Fault, reasonOf } from '../kernel/fault.ts'
import type { Disk } from '../kernel/ports.ts'
import type { Machines } from '../kernel/step.ts'
import { loadSignerConfig, loadWatcherConfig } from '../config.ts'
import type { ConfigurationFile } from '../config/environment.ts'
import { upgradeOf } from '../kernel/migration.ts'
import type { Finding } from '../file.ts'
import { verifyLedger } from '../ledger/lowdb/verify.ts'
import { verifyAudit, type AuditVerified } from '../signer/audit/verify.ts'
import { namedMemory } from '../signer/keys/keystore.ts'
import { signerMachines as signersMachines } from '../signer/memory/machines.ts'
import { memoryIn } from '../signer/memory/memory.ts'
import type { Terminal } from './terminal.ts'

/**
 * @param watchersMachines null in the bundled signer, which knows no watcher and reads no configuration of one
 * @returns whether the store is sound; what a start repairs by itself is reported and is no damage
 */
export async function verifyStore(
  disk: Disk,
  file: ConfigurationFile,
  watchersMachines: Machines | null,
  terminal: Terminal,
): Promise<boolean> {
  const store = storeOf(file, watchersMachines)
  return verifyCopy(disk, store, store.keystore !== null, terminal)
}

/** As `verifyStore`, wherever it lies. `isSigner`: it has an audit log, whether or not its keystore lies beside it. */
export async function verifyCopy(
  disk: Disk,
  { directory, machines, keystore }: VerifiedStore,
  isSigner: boolean,
  terminal: Terminal,
): Promise<boolean> {
  const { findings, summary } = await verifyLedger(disk, directory, upgradeOf(machines))
  const memory = { sequence: summary.seq, hash: summary.lastHash }
  const ledgerId = (await memoryIn(disk, directory).catch(() => null)) ?? 'none'
  const audit = isSigner ? await verifyAudit(disk, directory, { ...memory, ledgerId }) : null
  if (audit !== null) findings.push(...audit.findings)
  if (keystore !== null) findings.push(...(await verifyBinding(disk, keystore, ledgerId)))
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
    for (const line of audit.policies.flatMap(tellPolicy)) terminal.out(line)
  }
  const damaged = findings.filter(finding => finding.damage).length
  terminal.out(damaged === 0 ? 'sound' : `damaged: ${damaged} findings`)
  return damaged === 0
}

/** What a configuration says of a store. */
export interface VerifiedStore {
  directory: string
  machines: Machines
  /** A signer's keystore file; null for a watcher's ledger. */
  keystore: string | null
}

/** The keystore says which memory is its own, though only its passphrase shows that nobody has changed that. */
async function verifyBinding(disk: Disk, keystore: string, ledgerId: string): Promise<Finding[]> {
  try {
    const named = await namedMemory(disk, keystore)
    if (named === ledgerId) return []
    const problem = `belongs to the memory ${named}, here is ${ledgerId}`
    return [{ file: keystore, offset: 0, problem, damage: true }]
  } catch (error) {
    // A copy of the data directory is looked at without its keystore, too.
    const damage = !(error instanceof Fault && error.kind === 'no-keystore')
    return [{ file: keystore, offset: 0, problem: reasonOf(error), damage }]
  }
}

type Changed = AuditVerified['policies'][number]

/** Who reads it looks for what became looser. */
const tellPolicy = ({ at, digest, changes }: Changed): string[] => [
  `policy changed at ${new Date(at).toISOString()}, now ${digest}:`,
  ...changes.map(({ rule, before, after, isLooser }) => {
    return `  ${isLooser ? 'looser' : 'changed'}: ${rule}: ${before ?? 'none'} -> ${after ?? 'none'}`
  }),
]

/** The two files have different keys. One that would do as either is what its name says. */
export function storeOf(
  { path, text, environment }: ConfigurationFile,
  watchersMachines: Machines | null,
): VerifiedStore {
  const signers = { load: loadSignerConfig, machines: signersMachines }
  const watchers = watchersMachines === null ? [] : [{ load: loadWatcherConfig, machines: watchersMachines }]
  const isSignerFirst = basename(path).includes('signer')
  const reasons: string[] = []
  for (const { load, machines } of isSignerFirst ? [signers, ...watchers] : [...watchers, signers]) {
    try {
      const config = load(text, dirname(resolve(path)), undefined, environment)
      const keystore = 'keystore' in config ? config.keystore.file : null
      return { directory: config.dataDirectory, machines, keystore }
    } catch (error) {
      reasons.push(reasonOf(error))
    }
  }
  throw boundary('configuration', `${basename(path)}: ${reasons[0]}`)
}
