/**
 * The audit log: who asked the signer for what, and what it answered, in lines chained by hash (trail.ts). Beside it the
 * memory holds the decisions themselves with templates and intents. Whoever showed a good token waits for the answer until
 * its line is durable, many lines sharing one sync; no line holds a secret, a template or a token.
 */
import { join } from 'node:path'
import { corruptStore } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import { isSigned } from '../../canonical.ts'
import { readLines, type Line } from '../../lines.ts'
import { runAudit, type AuditLog, type AuditOptions, type AuditPorts, type End } from './writer.ts'
import { readWhole, rewriteStart } from '../../file.ts'
import {
  AUDIT,
  SEAL,
  auditFile,
  decodeEntry,
  decodeSeal,
  firstAuditHash,
  firstOf,
  isEntry,
  sealBytes,
  type Seal,
} from './trail.ts'

/** A file is closed at this size; a start reads the last one. */
const FILE_BYTES = 64 * 1024 * 1024
const MAXIMUM_SEAL_BYTES = 4096

/**
 * Goes on behind the last whole line; cuts a torn tail that holds no whole line and that no seal covers. Throws corruptStore when lines are missing or
 * changed, when the log is another signer's, and when the memory lacks what the log has seen of it.
 */
export async function openAudit(
  ports: AuditPorts,
  options: AuditOptions,
  limits = { fileBytes: FILE_BYTES },
): Promise<AuditLog> {
  const { disk } = ports
  await disk.makeDirectory(join(options.directory, AUDIT))
  const seal = await readSeal(disk, options)
  const end = await findEnd(disk, options, seal)
  checkMemory(options, end)
  const path = join(options.directory, auditFile(end.first))
  // As in the journal: lines that a failed sync left in the page cache only must not carry a chain. Also cuts a torn tail.
  if (end.bytes + end.tornBytes > 0) await rewriteStart(disk, path, end.bytes)
  const file = await disk.open(path, { create: true })
  await disk.syncDirectory(join(options.directory, AUDIT))
  const audit = runAudit({ ports, options, fileBytes: limits.fileBytes, file, end })
  const opening = options.opening ?? { command: 'signer' }
  await audit.record({ what: 'started', sealed: seal?.n === end.n, tornBytes: end.tornBytes, ...opening })
  return audit
}

async function readSeal(disk: Disk, { directory, identity }: AuditOptions): Promise<Seal | null> {
  const path = join(directory, SEAL)
  if (!(await disk.exists(path))) return null
  const seal = decodeSeal(await readWhole(disk, path, MAXIMUM_SEAL_BYTES))
  // Empty after a power cut: the line of the start says that the log was not sealed.
  if (seal === null) return null
  if (seal.key !== identity.key || !isSigned(seal, sealBytes(seal))) {
    throw corruptStore(`${path}: byte 0: not sealed by this signer`)
  }
  return seal
}

async function findEnd(disk: Disk, options: AuditOptions, seal: Seal | null): Promise<End> {
  const names = await disk.list(join(options.directory, AUDIT))
  for (const name of names.filter(isUnfinishedCopy)) await disk.remove(join(options.directory, AUDIT, name))
  const firsts = names.map(firstOf).filter(first => first !== null)
  firsts.sort((a, b) => a - b)
  for (const first of firsts.reverse()) {
    const end = await readEnd(disk, options, first, seal)
    if (end.n >= first || first === 1) return end
    // A crash came between making this file and its first line.
    await disk.remove(join(options.directory, auditFile(first)))
  }
  if (seal !== null && seal.n > 0) throw corruptStore(`${join(options.directory, AUDIT)}: all files are missing`)
  return emptyEnd(options, 1)
}

/** Left by a crash in an earlier start. */
const isUnfinishedCopy = (name: string): boolean => name.endsWith('.jsonl.tmp')

const emptyEnd = ({ identity }: AuditOptions, first: number): End => ({
  first,
  n: first - 1,
  hash: firstAuditHash(identity.key),
  bytes: 0,
  tornBytes: 0,
  memory: { sequence: 0, hash: '' },
})

async function readEnd(disk: Disk, options: AuditOptions, first: number, seal: Seal | null): Promise<End> {
  const path = join(options.directory, auditFile(first))
  const end = emptyEnd(options, first)
  const damaged = (problem: string) => corruptStore(`${path}: byte ${end.bytes}: ${problem}`)
  const identityHash = first === 1 ? end.hash : null
  const file = await disk.open(path, { create: false })
  try {
    const size = await file.size()
    for await (const lines of readLines(file, 0, size)) {
      for (const line of lines) {
        const problem = readLine(end, line, identityHash, seal)
        if (problem !== null) throw damaged(problem)
      }
    }
    end.tornBytes = size - end.bytes
  } finally {
    await file.close()
  }
  if (seal !== null && seal.n > end.n) throw damaged(`${seal.n} lines were sealed, ${end.n} are there`)
  return end
}

/** What is wrong with it, or null; what may be torn is passed over, and then nothing whole may follow. */
function readLine(
  end: End,
  { bytes, complete, offset }: Line,
  before: string | null,
  seal: Seal | null,
): string | null {
  const isFirst = end.n < end.first
  const decoded = decodeEntry(bytes, isFirst ? before : end.hash, end.n + 1)
  if ('problem' in decoded || !complete) {
    const isWhole = complete && isEntry(bytes)
    return isWhole ? 'this line, or the one before it, was changed, moved or removed' : null
  }
  if (offset !== end.bytes) return 'a line was changed'
  end.n = decoded.entry.n
  end.hash = decoded.hash
  end.bytes += bytes.length + 1
  end.memory = decoded.entry.memory
  return seal?.n === end.n && seal.hash !== end.hash ? 'this is not the line that was sealed' : null
}

/** S3: a memory that was put back from a backup beside a newer log has forgotten what the log has seen. */
function checkMemory({ directory, position }: AuditOptions, { memory }: End): void {
  const { sequence, hash } = position()
  const isOther = memory.sequence === sequence && memory.sequence > 0 && memory.hash !== hash
  if (memory.sequence > sequence || isOther) {
    throw corruptStore(
      `${directory}: the audit log has seen memory ${memory.sequence}, here is ${sequence}: import the newer memory`,
    )
  }
}
