/** Reads an audit log offline and says everything that is wrong with it, where a start would stop at the first thing. */
import { join } from 'node:path'
import type { Disk } from '../../kernel/ports.ts'
import type { MemoryPosition } from '../../../machines/vocabulary.ts'
import { isSigned } from '../../signatures.ts'
import { readLines, type Line } from '../../lines.ts'
import { readWhole, type Finding } from '../../file.ts'
import {
  AUDIT,
  SEAL,
  auditFile,
  decodeEntry,
  decodeSeal,
  firstAuditHash,
  firstOf,
  isEntry,
  laterOf,
  sealBytes,
  type PolicyChange,
  type Seal,
  type TrailEntry,
} from './trail.ts'

/** One removed line may make many findings; the first ones tell what happened. */
const MAXIMUM_FINDINGS = 1000
const MAXIMUM_SEAL_BYTES = 4096
const MAXIMUM_POLICIES = 10_000

/** What is wrong with a log, and what it tells. */
export interface AuditVerified {
  findings: Finding[]
  lines: number
  files: number
  /** Which identity key has sealed it; null without a seal. */
  key: string | null
  /** Each start at which another policy was configured than at the one before. */
  policies: { at: number; digest: string; changes: PolicyChange[] }[]
  /** How often the service, and each command that needs it stopped, has opened the log. */
  opened: Map<string, number>
}

interface Walk {
  directory: string
  findings: Finding[]
  seal: Seal | null
  /** Null: unknown, as at the start of a log whose first file is gone. */
  hash: string | null
  n: number
  lines: number
  memory: MemoryPosition
  /** Lines that stand on what was not durable when they were written. */
  awaited: { file: string; offset: number; n: number; decided: number }[]
  opened: Map<string, number>
  policies: AuditVerified['policies']
}

/**
 * @param directory the signer's data directory; nobody else may write there meanwhile
 * @param memory where the memory ends, as its own check found it, and which it is
 */
export async function verifyAudit(
  disk: Disk,
  directory: string,
  memory: MemoryPosition & { ledgerId: string },
): Promise<AuditVerified> {
  const names = await disk.list(join(directory, AUDIT))
  const firsts = names.map(firstOf).filter(first => first !== null)
  firsts.sort((a, b) => a - b)
  const walk: Walk = {
    directory,
    findings: [],
    seal: null,
    hash: null,
    n: 0,
    lines: 0,
    memory: { sequence: 0, hash: '' },
    awaited: [],
    opened: new Map(),
    policies: [],
  }
  walk.seal = await readSeal(disk, walk)
  if (walk.seal !== null) walk.hash = firstAuditHash(walk.seal)
  if (walk.seal !== null && walk.seal.ledgerId !== memory.ledgerId)
    report(walk, SEAL, 0, `the log belongs to the memory ${walk.seal.ledgerId}, here is ${memory.ledgerId}`)
  for (const first of firsts) await verifyFile(disk, walk, first, first === firsts.at(-1))
  checkEnd(walk, firsts.length)
  reportLost(walk, memory.sequence)
  walk.memory = laterOf(walk.memory, walk.seal)
  checkMemory(walk, memory)
  const { findings, lines, opened, policies } = walk
  return { findings, lines, files: firsts.length, key: walk.seal?.key ?? null, opened, policies }
}

function report(walk: Walk, file: string, offset: number, problem: string, damage = true): void {
  if (walk.findings.length >= MAXIMUM_FINDINGS) return
  walk.findings.push({ file: join(walk.directory, file), offset, problem, damage })
}

async function readSeal(disk: Disk, walk: Walk): Promise<Seal | null> {
  const path = join(walk.directory, SEAL)
  if (!(await disk.exists(path))) {
    report(walk, SEAL, 0, 'missing: lines may have been removed from the end')
    return null
  }
  const seal = decodeSeal(await readWhole(disk, path, MAXIMUM_SEAL_BYTES))
  if (seal === null || !isSigned(seal, sealBytes(seal))) {
    report(walk, SEAL, 0, 'damaged, changed, or signed by another key than it names')
    return null
  }
  return seal
}

async function verifyFile(disk: Disk, walk: Walk, first: number, isLast: boolean): Promise<void> {
  const name = auditFile(first)
  if (first !== walk.n + 1) report(walk, name, 0, `lines ${walk.n + 1} to ${first - 1} are missing`)
  if (first !== walk.n + 1) walk.hash = null
  walk.n = first - 1
  const file = await disk.open(join(walk.directory, name), { create: false })
  try {
    const size = await file.size()
    if (size === 0 && !isLast) report(walk, name, 0, 'empty')
    for await (const lines of readLines(file, 0, size)) {
      for (const line of lines) verifyLine(walk, name, line, isLast)
    }
  } finally {
    await file.close()
  }
}

function verifyLine(walk: Walk, name: string, { bytes, complete, offset }: Line, isLast: boolean): void {
  if (isLast && (!complete || !isEntry(bytes)) && isBeyondSeal(walk)) {
    return report(walk, name, offset, 'a torn tail, which the next start cuts off', false)
  }
  walk.n += 1
  walk.lines += 1
  const decoded = decodeEntry(bytes, walk.hash, walk.n)
  if ('problem' in decoded) {
    report(walk, name, offset, decoded.problem)
    walk.hash = decoded.claimed
    walk.n = numberOf(bytes) ?? walk.n
    return
  }
  walk.hash = decoded.hash
  const { entry } = decoded
  if (entry.what === 'started') walk.opened.set(entry.command, (walk.opened.get(entry.command) ?? 0) + 1)
  if (entry.what === 'started' && !entry.sealed && entry.n > 1) {
    report(walk, name, offset, 'the signer was started with an end that was not sealed: a crash or a power cut', false)
  }
  if (entry.what === 'policy' && entry.changes.length > 0 && walk.policies.length < MAXIMUM_POLICIES)
    walk.policies.push({ at: entry.at, digest: entry.digest, changes: entry.changes })
  takeMemory(walk, name, offset, entry)
  checkSealed(walk, name, offset)
}

const isBeyondSeal = ({ seal, n }: Walk): boolean => seal !== null && n >= seal.n

/** Behind a removed line the numbers go on where the next line says. */
function numberOf(bytes: Buffer): number | null {
  const n = /"entry":\{"n":(\d{1,15}),/.exec(bytes.toString('latin1', 0, 128))?.[1]
  return n === undefined ? null : Number(n)
}

function takeMemory(walk: Walk, name: string, offset: number, entry: TrailEntry): void {
  const { memory } = entry
  if (memory.sequence < walk.memory.sequence) {
    report(walk, name, offset, `the memory went back from ${walk.memory.sequence} to ${memory.sequence}`)
  }
  walk.memory = memory
  takeAwaited(walk, name, offset, entry)
}

/** Of requests under way there are no more than this. */
const MAXIMUM_AWAITED = 10_000

function takeAwaited(walk: Walk, file: string, offset: number, entry: TrailEntry): void {
  // A start shows what the crash before it has left.
  if (entry.what === 'started') reportLost(walk, entry.memory.sequence)
  walk.awaited = walk.awaited.filter(({ decided }) => decided > entry.memory.sequence)
  if (entry.what !== 'answered' || entry.decided === null || walk.awaited.length >= MAXIMUM_AWAITED) return
  walk.awaited.push({ file, offset, n: entry.n, decided: entry.decided })
}

function reportLost(walk: Walk, sequence: number): void {
  for (const { file, offset, n, decided } of walk.awaited.filter(each => each.decided > sequence)) {
    const problem = `line ${n} stands on memory ${decided}, and a crash has left ${sequence}: it was never answered`
    report(walk, file, offset, problem, false)
  }
  walk.awaited = []
}

function checkSealed({ seal, n, hash, ...walk }: Walk, name: string, offset: number): void {
  if (seal?.n === n && seal.hash !== hash) {
    report({ seal, n, hash, ...walk }, name, offset, 'this is not the line that was sealed')
  }
}

function checkEnd(walk: Walk, files: number): void {
  const { seal, n } = walk
  if (files === 0) report(walk, AUDIT, 0, 'there is no audit log')
  else if (seal !== null && n < seal.n) {
    report(walk, AUDIT, 0, `line ${seal.n} was sealed, the log ends at ${n}: lines were removed from its end`)
  } else if (seal !== null && n > seal.n) {
    report(walk, AUDIT, 0, `lines ${seal.n + 1} to ${n} are not sealed: the signer was killed`, false)
  }
}

function checkMemory(walk: Walk, { sequence, hash }: MemoryPosition): void {
  const { memory } = walk
  if (memory.sequence > sequence || (memory.sequence === sequence && sequence > 0 && memory.hash !== hash)) {
    report(walk, AUDIT, 0, `the log has seen memory ${memory.sequence}, which the memory (${sequence}) does not hold`)
  } else if (memory.sequence < sequence) {
    report(walk, AUDIT, 0, `the memory holds ${sequence - memory.sequence} more than the log has seen`, false)
  }
}
