/**
 * Shows that the keys are there: every address that the signer claims signs a challenge, in its family's form of signed messages
 * (BIP-322, EIP-191), and the identity key signs the challenge with all of that, so that nothing can be left out. Each line can be checked by anybody who has it, the
 * challenge and an address; the signer has no part in that.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { boundary } from '../../kernel/fault.ts'
import type { Ports } from '../../kernel/ports.ts'
import { proofsOf, signingFamilyOf } from '../../../adapters/signing.ts'
import { canonicalJson } from '../../canonical.ts'
import { isSigned } from '../../signatures.ts'
import type { SignerConfig } from '../../config.ts'
import type { MemoryBinding } from '../keys/binding.ts'
import { identityOf, type IdentityKey } from '../keys/identity.ts'
import { openKeystore } from '../keys/keystore.ts'
import { openMemory, type SignerMemory } from '../memory/memory.ts'
import { holding, recorded } from './recorded.ts'
import { openPool } from '../keys/pool.ts'
import { createAllowance } from '../signing/allowance.ts'

const MAXIMUM_CHALLENGE = 1024
const SLICE = 200

const identityProof = z.strictObject({
  key: z.string(),
  signature: z.string(),
  addresses: z.int().min(0),
  digest: z.string(),
})
const addressProof = z.strictObject({
  chain: z.string(),
  family: z.string(),
  network: z.string(),
  index: z.int().min(0),
  address: z.string(),
  format: z.string(),
  signature: z.string(),
})
type AddressProof = z.infer<typeof addressProof>

function checkChallenge(challenge: string): void {
  if (challenge !== '' && challenge.length <= MAXIMUM_CHALLENGE) return
  throw boundary('invalid-challenge', `a challenge has 1 to ${MAXIMUM_CHALLENGE} characters`)
}

/** What went before the last line: without it nobody would miss a line. */
interface Seen {
  addresses: number
  /** SHA-256 over the lines, each with its newline. */
  digest: string
}

function countLines(): { add(line: string): number; sum(): Seen } {
  const hash = createHash('sha256')
  let addresses = 0
  return {
    add: line => {
      hash.update(`${line}\n`)
      addresses += 1
      return addresses
    },
    sum: () => ({ addresses, digest: hash.digest('hex') }),
  }
}

/** What the identity key signs: it names its purpose, so that no challenge can be an attestation or a receipt. */
const identityBytes = (challenge: string, { addresses, digest }: Seen): Uint8Array =>
  new TextEncoder().encode(canonicalJson({ addresses, challenge, digest, purpose: 'lockkeeper-proof-v1' }))

/** `challenge`: 1 to 1,024 characters, chosen by whoever wants the proof. */
export interface ProofOptions {
  passphrase: string
  challenge: string
  /** Who asked, for the audit log. */
  by: string
}

/**
 * Each address of each chain, a line each, and at last the identity key over the challenge and all lines before. The signer must
 * not run meanwhile. Rejects as the signer's start does, and with boundary `invalid-challenge`.
 */
export async function proveKeys(
  ports: Ports,
  config: SignerConfig,
  { passphrase, challenge, by }: ProofOptions,
  out: (line: string) => void,
): Promise<void> {
  checkChallenge(challenge)
  const { dataDirectory: directory, keystore } = config
  await holding(ports, directory, async held => {
    const { seed, binding } = await openKeystore(held, keystore.file, passphrase)
    const identity = identityOf(seed)
    const about = `challenge ${createHash('sha256').update(challenge).digest('hex')}`
    try {
      await recorded(held, { directory, identity, binding, command: 'prove', by, about }, () =>
        prove({ ports: held, config, seed, binding }, identity, challenge, out),
      )
    } finally {
      seed.fill(0)
    }
  })
}

async function prove(
  proving: Omit<Proving, 'memory'>,
  identity: IdentityKey,
  challenge: string,
  out: (line: string) => void,
): Promise<void> {
  const { ports, config, binding, seed } = proving
  const memory = await openMemory(ports, config.dataDirectory, binding.ledgerId, { seed })
  const lines = countLines()
  try {
    for (const name of Object.keys(proving.config.chains)) {
      for await (const proof of proveChain({ ...proving, memory }, name, challenge)) {
        const line = JSON.stringify(proof)
        lines.add(line)
        out(line)
      }
    }
    const seen = lines.sum()
    const { key, signature } = identity.sign(identityBytes(challenge, seen))
    const end: z.infer<typeof identityProof> = { key, signature, ...seen }
    out(JSON.stringify(end))
  } finally {
    await memory.close()
  }
}

interface Proving {
  ports: Ports
  config: SignerConfig
  memory: SignerMemory
  seed: Uint8Array
  binding: MemoryBinding
}

async function* proveChain(
  { ports, config, memory, seed }: Proving,
  chain: string,
  challenge: string,
): AsyncGenerator<AddressProof> {
  const { family } = config.chains[chain]!
  const { deriver, network } = signingFamilyOf(chain, config.chains[chain]!)
  const proofs = proofsOf(family, network)
  const { clock } = ports
  const growth = createAllowance('limits.addresses', 'more addresses', config.limits.addresses, clock)
  const pool = await openPool({ chain, deriver, seed, memory, clock, growth })
  for (let from = 0; from < pool.size(); from += SLICE) {
    for (const { index, address, publicKey } of pool.list(from, SLICE)) {
      const payload = { ...proofs.payload(address, challenge), index }
      const [signature] = deriver.sign(seed, [{ index, payload }])
      const signed = { signature: signature!, publicKey: new Uint8Array(Buffer.from(publicKey, 'hex')) }
      yield { chain, family, network, index, address, ...proofs.write(address, challenge, signed) }
    }
  }
}

/** What a proof shows for the challenge it was checked with. */
export interface Shown {
  /** The identity key that has signed the whole. */
  identity: string
  /** How many addresses of each chain. */
  chains: Map<string, number>
}

/** Checks a proof, its lines without their newlines. Throws boundary `invalid-proof` naming the line. */
export async function checkProof(rows: AsyncIterable<string>, challenge: string): Promise<Shown> {
  checkChallenge(challenge)
  const lines = countLines()
  const chains = new Map<string, number>()
  let last: string | null = null
  // Which line is the last is known when no other comes.
  for await (const row of rows) {
    if (last !== null) checkAddress(last, challenge, lines.add(last), chains)
    last = row
  }
  return { identity: checkEnd(last ?? '', challenge, lines.sum()), chains }
}

/** Each chain's addresses stand in the order of their indices, from 0, so that none counts twice. */
function checkAddress(row: string, challenge: string, at: number, chains: Map<string, number>): void {
  const given = read(addressProof, row)
  const index = given === null ? 0 : (chains.get(given.chain) ?? 0)
  if (given === null || given.index !== index || !holds(given, challenge)) {
    throw boundary('invalid-proof', `line ${at} proves nothing for this challenge and this place`)
  }
  chains.set(given.chain, index + 1)
}

const holds = (given: AddressProof, challenge: string): boolean =>
  proofsOf(given.family, given.network).holds(given, challenge)

/** The last line vouches for those before it. */
function checkEnd(row: string, challenge: string, seen: Seen): string {
  const given = read(identityProof, row)
  const at = seen.addresses + 1
  if (given === null) throw boundary('invalid-proof', `line ${at} is not the identity key's: the end is missing`)
  const { addresses, digest } = given
  if (!isSigned(given, identityBytes(challenge, { addresses, digest }))) {
    throw boundary('invalid-proof', `line ${at} proves nothing for this challenge`)
  }
  if (addresses !== seen.addresses || digest !== seen.digest) {
    const counts = `the identity key has signed for ${addresses} lines, here are ${seen.addresses}`
    throw boundary('invalid-proof', `${counts}: some were removed, added, changed or moved`)
  }
  return given.key
}

function read<Shape>(schema: z.ZodType<Shape>, row: string): Shape | null {
  try {
    return schema.safeParse(JSON.parse(row)).data ?? null
  } catch {
    return null
  }
}
