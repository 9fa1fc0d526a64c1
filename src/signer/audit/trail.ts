/**
 * One line of the audit log: `{"hash":"<64 hex>","entry":<body>}`. The hash is SHA-256 over the hash of the line before
 * (its 64 hex characters) and the body's bytes as they stand in the file. The log is a row of files, each named after the
 * number of its first line; the first line of a file repeats the hash before it, so that a file can be read by itself.
 * A seal, signed by the signer's identity key, says how far the log went: a chain alone does not show that its end was
 * taken away, and whoever can write the files could make a whole new chain.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import type { Authorisation, MemoryPosition } from '../../../machines/vocabulary.ts'
import { canonicalJson } from '../../canonical.ts'
import { asBuffer } from '../../lines.ts'
import { memoryPosition } from '../../signer-api/shapes.ts'

/** The log's folder, within the signer's data directory. */
export const AUDIT = 'audit'
/** Its seal, replaced as a whole. */
export const SEAL = join(AUDIT, 'seal.json')
/** The file that begins with this line. */
export const auditFile = (first: number): string => join(AUDIT, `${first}.jsonl`)
const FILE = /^([1-9]\d{0,14})\.jsonl$/

/** The number of the first line of a file of this name, or null. */
export const firstOf = (name: string): number | null => {
  const digits = FILE.exec(name)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** What opens the log: the service, or one of the commands that need it stopped. */
const commands = ['init', 'signer', 'prove', 'passphrase', 'export', 'import', 'begin'] as const

const policyChange = z.strictObject({
  rule: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  isLooser: z.boolean(),
})
/** A rule that is another one than at the start before; null where there was or is none. */
export type PolicyChange = z.output<typeof policyChange>

/** What a signer was configured to sign; `rules` by their path in signer.yaml. */
export interface PolicyRules {
  /** SHA-256 of the rules, hex. */
  digest: string
  rules: Readonly<Record<string, string>>
}

const common = {
  /** From 1, gap-free through all files. */
  n: z.int().min(1),
  /** Milliseconds since 1970 UTC. */
  at: z.number(),
  /** The durable memory as of this line. */
  memory: memoryPosition,
}
const entrySchema = z.discriminatedUnion('what', [
  z.strictObject({
    ...common,
    what: z.literal('started'),
    sealed: z.boolean(),
    tornBytes: z.int().min(0),
    command: z.enum(commands).default('signer'),
    /** Who ran the command: `uid 998`, and whose login it was where the kernel knows. */
    by: z.string().nullable().default(null),
    /** What the command was about: the challenge's digest, the keys. */
    about: z.string().nullable().default(null),
  }),
  /** `reason`: the kind of the fault that ended it, null for an orderly end. */
  z.strictObject({ ...common, what: z.literal('stopped'), reason: z.string().nullable().default(null) }),
  /** The first line of every file but the first. `previous` is the hash of the line before. */
  z.strictObject({ ...common, what: z.literal('continued'), previous: z.string() }),
  /** What the signer was configured to sign, at each start of the service and again at the head of each file. */
  z.strictObject({
    ...common,
    what: z.literal('policy'),
    /** SHA-256 of the rules, hex. */
    digest: z.string().regex(/^[0-9a-f]{64}$/),
    /** By their path in signer.yaml. */
    rules: z.record(z.string(), z.string()),
    /** Since the last start; `isLooser`: more is signed than before. */
    changes: z.array(policyChange),
  }),
  z.strictObject({
    ...common,
    what: z.literal('answered'),
    /** Which token: `write#1` is the first line of the token file, `none` no good one. */
    who: z.string(),
    /** Through which socket: `unix`, `tcp 127.0.0.1`, or `tls` and the SHA-256 of the client's certificate. */
    from: z.string().nullable().default(null),
    method: z.string(),
    path: z.string(),
    /** SHA-256 of the body, hex; null where there was none. */
    body: z.string().nullable(),
    status: z.int(),
    /** The kind of a refusal; for a template what was decided. */
    decision: z.string().nullable(),
    /** Where the memory has what the answer stands on, as long as that is not durable: the answer left when it was. */
    decided: z.int().nullable().default(null),
    /** Requests without a good token that came since the line before and are only counted. */
    omitted: z.int().min(0),
  }),
])
/** One line, as it is read: what has a default is filled in. */
export type TrailEntry = z.output<typeof entrySchema>
/** As it is written: what has a default may be left out. */
type WrittenEntry = z.input<typeof entrySchema>
/** Which command has opened the log, for whom, and what it was about. */
export type OpenedBy = Pick<WrittenEntry & { what: 'started' }, 'command' | 'by' | 'about'>
type Without<Entry, Key extends PropertyKey> = Entry extends unknown ? Omit<Entry, Key> : never
/** As it is handed in: number, time and memory are added when its turn comes. */
export type Recordable = Without<WrittenEntry, keyof typeof common>

const OPENING = Buffer.from('{"hash":"')
const BODY_AT = OPENING.length + 64 + '","entry":'.length

/** Whose log it is: the identity key (base64), and which of its memories, in which of its beginnings. */
export interface LogOwner {
  key: string
  ledgerId: string
  generation: number
}

/** The hash before the first line binds the log to its signer and to the memory beside it. */
export const firstAuditHash = ({ key, ledgerId, generation }: LogOwner): string =>
  createHash('sha256').update(`lockkeeper-audit-v2:${key}:${ledgerId}:${generation}`).digest('hex')

const chained = (previous: string, body: Uint8Array): string =>
  createHash('sha256').update(previous).update(body).digest('hex')

/** With the newline. */
export function encodeEntry(previous: string, entry: WrittenEntry): { hash: string; bytes: Buffer } {
  const body = Buffer.from(JSON.stringify(entry))
  const hash = chained(previous, body)
  return { hash, bytes: Buffer.concat([Buffer.from(`{"hash":"${hash}","entry":`), body, Buffer.from('}\n')]) }
}

/**
 * A line without its newline. `previous` null: the line says itself what it follows (the first of a file).
 * What is wrong comes with the hash that the line claims, so that a reader can go on behind it.
 */
export function decodeEntry(
  line: Uint8Array,
  previous: string | null,
  n: number,
): { hash: string; entry: TrailEntry } | { problem: string; claimed: string | null } {
  const bytes = asBuffer(line)
  const claimed = /^\{"hash":"([0-9a-f]{64})","entry":$/.exec(bytes.toString('latin1', 0, BODY_AT))?.[1] ?? null
  if (claimed === null || bytes.at(-1) !== 0x7d) return { problem: 'this is not a line of the log', claimed }
  const body = bytes.subarray(BODY_AT, -1)
  const entry = parse(body)
  if (entry === null) return { problem: 'this is not a line of the log', claimed }
  const before = previous ?? (entry.what === 'continued' ? entry.previous : null)
  if (before === null) return { problem: 'this line cannot begin a file', claimed }
  if (chained(before, body) !== claimed) {
    return {
      problem: 'the hash does not match: this line, or the one before it, was changed, moved or removed',
      claimed,
    }
  }
  if (entry.n !== n) return { problem: `line ${n} expected, ${entry.n} found`, claimed }
  return { hash: claimed, entry }
}

/** Whether this is a whole line of some log, in its place or not: no torn write looks like that. */
export function isEntry(line: Uint8Array): boolean {
  const bytes = asBuffer(line)
  return OPENING.equals(bytes.subarray(0, OPENING.length)) && parse(bytes.subarray(BODY_AT, -1)) !== null
}

function parse(body: Buffer): TrailEntry | null {
  try {
    return entrySchema.safeParse(JSON.parse(body.toString())).data ?? null
  } catch {
    return null
  }
}

const sealSchema = z.strictObject({
  /** Of the last line, and its hash. */
  n: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  ledgerId: z.string(),
  generation: z.int(),
  /** The durable memory as of the seal, later than the last line's where decisions followed it; null in an older version's. */
  memory: memoryPosition.nullable().default(null),
  key: z.string(),
  signature: z.string(),
})
/** How far the log went, by the word of the identity key (base64). */
export type Seal = z.infer<typeof sealSchema>

/** What the identity key signs: canonical JSON (RFC 8785). */
export function sealBytes({ n, hash, ledgerId, generation, memory }: Omit<Seal, 'key' | 'signature'>): Uint8Array {
  const common = { generation, hash, ledgerId, n }
  const named =
    memory === null
      ? { ...common, purpose: 'lockkeeper-audit-seal-v2' }
      : { ...common, memory: memory.sequence, memoryHash: memory.hash, purpose: 'lockkeeper-audit-seal-v3' }
  return new TextEncoder().encode(canonicalJson(named))
}

/** As it stands in the file, with its newline. */
export const encodeSeal = (seal: Omit<Seal, 'key' | 'signature'>, { key, signature }: Authorisation): Buffer =>
  Buffer.from(`${JSON.stringify({ ...seal, key, signature })}\n`)

/** Null for what is not a seal. Its signature is not looked at. */
export function decodeSeal(bytes: Uint8Array): Seal | null {
  try {
    return sealSchema.safeParse(JSON.parse(asBuffer(bytes).toString())).data ?? null
  } catch {
    return null
  }
}

/** How far the memory was at the end of a log: by its last line, or by its seal, which may be later. */
export const laterOf = (line: MemoryPosition, seal: Seal | null): MemoryPosition =>
  seal?.memory && seal.memory.sequence > line.sequence ? seal.memory : line
