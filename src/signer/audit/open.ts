/**
 * The audit log: who asked the signer for what, and what it answered, in lines chained by hash (trail.ts). Beside it the
 * memory holds the decisions themselves with templates and intents. Whoever showed a good token waits for the answer until
 * its line is durable, many lines sharing one sync; no line holds a secret, a template or a token. A log begins with its
 * memory, and one that is missing is never taken for a new one.
 */
import { join } from 'node:path'
import { corruptStore } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { isSigned } from '../../signatures.ts'
import { readLines, type Line } from '../../lines.ts'
import { runAudit, writeSeal, type AuditLog, type AuditOptions, type AuditPorts, type End } from './writer.ts'
import { readWhole, rewriteStart } from '../../file.ts'
import {
  AUDIT,
  SEAL,
  auditFile,
  decodeEntry,
  decodeSeal,
  firstAuditHash,
  firstOf,
  laterOf,
  isEntry,
  sealBytes,
  type LogOwner,
  type Seal,
} from './trail.ts'

/** A file is closed at this size; a start reads the last one. */
const FILE_BYTES = 64 * 1024 * 1024
const MAXIMUM_SEAL_BYTES = 4096

const LIMITS = { fileBytes: FILE_BYTES }

/** Makes the log of a memory that begins, with its seal and its first line durable. Throws corruptStore where one is. */
export async function beginAudit(ports: AuditPorts, options: AuditOptions, limits = LIMITS): Promise<AuditLog> {
  const { disk } = ports
  const folder = join(options.directory, AUDIT)
  await disk.makeDirectory(folder)
  if ((await disk.list(folder)).length > 0)
    throw corruptStore(`${folder}: there is an audit log, and none was expected`)
  const end = emptyEnd(options.owner, 1)
  // From here on there is a seal: without its lines it shows that they were removed.
  await writeSeal({ ports, options, end }, true)
  const file = await disk.open(join(options.directory, auditFile(1)), { create: true })
  await disk.syncDirectory(folder)
  const audit = runAudit({ ports, options, fileBytes: limits.fileBytes, file, end })
  const opening = options.opening ?? { command: 'signer' }
  await audit.record({ what: 'started', sealed: true, tornBytes: 0, ...opening })
  return audit
}

/**
 * Goes on behind the last whole line; cuts a torn tail that holds no whole line and that no seal covers. Throws corruptStore when the log or its seal is
 * missing, when lines are missing or changed, when the log is another memory's, and when the memory lacks what the log has seen of it.
 */
export async function openAudit(ports: AuditPorts, options: AuditOptions, limits = LIMITS): Promise<AuditLog> {
  const { disk } = ports
  const { directory, owner } = options
  const { seal, end, unfinished } = await readTrail(disk, directory, owner)
  checkMemory(options, end)
  for (const path of unfinished) await disk.remove(path)
  const path = join(directory, auditFile(end.first))
  // As in the journal: lines that a failed sync left in the page cache only must not carry a chain. Also cuts a torn tail.
  if (end.bytes + end.tornBytes > 0) await rewriteStart(disk, path, end.bytes)
  const file = await disk.open(path, { create: true })
  await disk.syncDirectory(join(directory, AUDIT))
  const audit = runAudit({ ports, options, fileBytes: limits.fileBytes, file, end })
  const opening = options.opening ?? { command: 'signer' }
  await audit.record({ what: 'started', sealed: seal.n === end.n, tornBytes: end.tornBytes, ...opening })
  return audit
}

/**
 * How far the memory was when the log's last line was written. Changes nothing. Throws corruptStore as `openAudit` does for
 * the log itself.
 */
export async function lastSeen(disk: Disk, directory: string, owner: LogOwner): Promise<MemoryPosition> {
  const { end } = await readTrail(disk, directory, owner)
  return end.memory
}

interface Trail {
  seal: Seal
  end: End
  /** What a crash has left of copies, and of a file before its first line. */
  unfinished: string[]
}

async function readTrail(disk: Disk, directory: string, owner: LogOwner): Promise<Trail> {
  const seal = await readSeal(disk, directory, owner)
  const folder = join(directory, AUDIT)
  const names = await disk.list(folder)
  const unfinished = names.filter(isUnfinishedCopy).map(name => join(folder, name))
  const firsts = names.map(firstOf).filter(first => first !== null)
  firsts.sort((a, b) => b - a)
  for (const first of firsts) {
    const end = await readEnd(disk, directory, owner, first, seal)
    if (end.n >= first) return { seal, end: { ...end, memory: laterOf(end.memory, seal) }, unfinished }
    // A crash came between making this file and its first line.
    unfinished.push(join(directory, auditFile(first)))
  }
  throw corruptStore(`${folder}: all files are missing`)
}

async function readSeal(disk: Disk, directory: string, owner: LogOwner): Promise<Seal> {
  const path = join(directory, SEAL)
  if (!(await disk.exists(path))) {
    throw corruptStore(`${path}: byte 0: missing: the audit log was removed, or its end was: ${WAYS_OUT}`)
  }
  const seal = decodeSeal(await readWhole(disk, path, MAXIMUM_SEAL_BYTES))
  const { key, ledgerId, generation } = owner
  if (seal === null || seal.key !== key || !isSigned(seal, sealBytes(seal))) {
    throw corruptStore(`${path}: byte 0: not sealed by this signer: ${WAYS_OUT}`)
  }
  if (seal.ledgerId !== ledgerId || seal.generation !== generation) {
    throw corruptStore(`${path}: byte 0: this is the log of another memory, or of another beginning: ${WAYS_OUT}`)
  }
  return seal
}

const WAYS_OUT =
  'put the log back that belongs to this memory; if it is lost, import an export of the memory ' +
  '(lockkeeper signer-memory import), or begin with backend keys never used before (signer-memory begin)'

/** Left by a crash in an earlier start. */
const isUnfinishedCopy = (name: string): boolean => name.endsWith('.jsonl.tmp')

const emptyEnd = (owner: LogOwner, first: number): End => ({
  first,
  n: first - 1,
  hash: firstAuditHash(owner),
  bytes: 0,
  tornBytes: 0,
  memory: { sequence: 0, hash: '' },
  decided: 0,
  policy: null,
})

async function readEnd(disk: Disk, directory: string, owner: LogOwner, first: number, seal: Seal): Promise<End> {
  const path = join(directory, auditFile(first))
  const end = emptyEnd(owner, first)
  const damaged = (problem: string) => corruptStore(`${path}: byte ${end.bytes}: ${problem}`)
  const before = first === 1 ? end.hash : null
  const file = await disk.open(path, { create: false })
  try {
    const size = await file.size()
    for await (const lines of readLines(file, 0, size)) {
      for (const line of lines) {
        const problem = readLine(end, line, before, seal)
        if (problem !== null) throw damaged(problem)
      }
    }
    end.tornBytes = size - end.bytes
  } finally {
    await file.close()
  }
  if (seal.n > end.n) throw damaged(`${seal.n} lines were sealed, ${end.n} are there`)
  return end
}

/** What is wrong with it, or null; what may be torn is passed over, and then nothing whole may follow. */
function readLine(end: End, { bytes, complete, offset }: Line, before: string | null, seal: Seal): string | null {
  const isFirst = end.n < end.first
  const decoded = decodeEntry(bytes, isFirst ? before : end.hash, end.n + 1)
  if ('problem' in decoded || !complete) {
    const isWhole = complete && isEntry(bytes)
    return isWhole ? 'this line, or the one before it, was changed, moved or removed' : null
  }
  if (offset !== end.bytes) return 'a line was changed'
  const { entry } = decoded
  end.n = entry.n
  end.hash = decoded.hash
  end.bytes += bytes.length + 1
  end.memory = entry.memory
  if (entry.what === 'policy') end.policy = { digest: entry.digest, rules: entry.rules }
  return seal.n === end.n && seal.hash !== end.hash ? 'this is not the line that was sealed' : null
}

/** S3: a memory that was put back from a backup beside a newer log has forgotten what the log has seen. */
function checkMemory({ directory, memory }: AuditOptions, { memory: seen }: End): void {
  if (seen.sequence === 0 || memory.had(seen)) return
  const { sequence } = memory.position()
  throw corruptStore(
    `${directory}: the audit log has seen memory ${seen.sequence}, here is ${sequence}: import the newer memory ` +
      '(lockkeeper signer-memory import)',
  )
}
