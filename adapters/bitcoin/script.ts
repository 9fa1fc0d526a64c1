/**
 * The output scripts that have an address: a fixed prefix, a hash or key of fixed length, a fixed suffix. Everything
 * else (bare multisig, P2PK, OP_RETURN, unknown witness versions) has no address and is never ours (B14).
 */
export type ScriptKind = 'p2pkh' | 'p2sh' | 'p2wpkh' | 'p2wsh' | 'p2tr'

/** An output script that is a hash or a key between fixed bytes. */
export interface ScriptShape {
  kind: ScriptKind
  prefix: readonly number[]
  payloadBytes: number
  suffix: readonly number[]
}

/** BIP-16, BIP-141, BIP-341. */
export const SCRIPT_SHAPES: Readonly<Record<ScriptKind, ScriptShape>> = {
  p2pkh: { kind: 'p2pkh', prefix: [0x76, 0xa9, 0x14], payloadBytes: 20, suffix: [0x88, 0xac] },
  p2sh: { kind: 'p2sh', prefix: [0xa9, 0x14], payloadBytes: 20, suffix: [0x87] },
  p2wpkh: { kind: 'p2wpkh', prefix: [0x00, 0x14], payloadBytes: 20, suffix: [] },
  p2wsh: { kind: 'p2wsh', prefix: [0x00, 0x20], payloadBytes: 32, suffix: [] },
  p2tr: { kind: 'p2tr', prefix: [0x51, 0x20], payloadBytes: 32, suffix: [] },
}

/** The order in which `kindAt` numbers them. */
export const SCRIPT_KINDS: readonly ScriptKind[] = ['p2pkh', 'p2sh', 'p2wpkh', 'p2wsh', 'p2tr']

/**
 * The kind of the `length` bytes at `start` as a position in SCRIPT_KINDS, or -1. Numbers, and no allocation: it runs
 * for every output of a block.
 */
export function kindAt(bytes: Uint8Array, start: number, length: number): number {
  if (length === 25) return isPublicKeyHash(bytes, start) ? 0 : -1
  if (length < 22 || length > 34) return -1
  const first = bytes[start]
  const second = bytes[start + 1]
  if (length === 23) return first === 0xa9 && second === 0x14 && bytes[start + 22] === 0x87 ? 1 : -1
  if (length === 22) return first === 0x00 && second === 0x14 ? 2 : -1
  if (length !== 34 || second !== 0x20) return -1
  return first === 0x00 ? 3 : first === 0x51 ? 4 : -1
}

const isPublicKeyHash = (bytes: Uint8Array, start: number): boolean =>
  bytes[start] === 0x76 &&
  bytes[start + 1] === 0xa9 &&
  bytes[start + 2] === 0x14 &&
  bytes[start + 23] === 0x88 &&
  bytes[start + 24] === 0xac

/** As `kindAt`, by name; null for any other script. */
export const scriptKindOf = (bytes: Uint8Array, start: number, length: number): ScriptKind | null =>
  SCRIPT_KINDS[kindAt(bytes, start, length)] ?? null

/** The inverse of `payloadOf`. */
export function scriptFor(kind: ScriptKind, payload: Uint8Array): Uint8Array {
  const { prefix, suffix } = SCRIPT_SHAPES[kind]
  const script = new Uint8Array(prefix.length + payload.length + suffix.length)
  script.set(prefix)
  script.set(payload, prefix.length)
  script.set(suffix, prefix.length + payload.length)
  return script
}

/** The hash or key within a script of this kind. */
export function payloadOf(kind: ScriptKind, script: Uint8Array): Uint8Array {
  const { prefix, payloadBytes } = SCRIPT_SHAPES[kind]
  return script.subarray(prefix.length, prefix.length + payloadBytes)
}
