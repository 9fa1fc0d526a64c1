/**
 * Shows that the keys are there: every address that the signer claims signs a challenge, and so does its identity key. Each
 * line can be checked by anybody who has it, the challenge and an address (BIP-322); the signer has no part in that.
 */
import { z } from 'zod'
import { isMessageProof, messagePayload, messageProof } from '../../adapters/bitcoin/message.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { boundary } from '../../adapters/fault.ts'
import type { Ports } from '../../adapters/ports.ts'
import { signingFamilyOf } from '../../adapters/signing.ts'
import { canonicalJson, isSigned } from '../canonical.ts'
import type { SignerConfig } from '../config.ts'
import { identityOf } from './identity.ts'
import { openKeystore } from './keystore.ts'
import { openMemory, type Memory } from './memory.ts'
import { openPool } from './pool.ts'

const MAXIMUM_CHALLENGE = 1024
const SLICE = 200

const identityProof = z.strictObject({ key: z.string(), signature: z.string() })
const addressProof = z.strictObject({
  chain: z.string(),
  family: z.literal('bitcoin'),
  network: z.string(),
  index: z.int().min(0),
  address: z.string(),
  format: z.enum(['bip322-simple', 'bip322-full']),
  signature: z.string(),
})
const proof = z.union([identityProof, addressProof])
export type Proof = z.infer<typeof proof>

function checkChallenge(challenge: string): void {
  if (challenge !== '' && challenge.length <= MAXIMUM_CHALLENGE) return
  throw boundary('invalid-challenge', `a challenge has 1 to ${MAXIMUM_CHALLENGE} characters`)
}

/** What the identity key signs: it names its purpose, so that no challenge can be an attestation or a receipt. */
const identityBytes = (challenge: string): Uint8Array =>
  new TextEncoder().encode(canonicalJson({ challenge, purpose: 'lockkeeper-proof-v1' }))

/**
 * First the identity key, then each address of each chain. The signer must not run meanwhile.
 * Rejects as the signer's start does, and with boundary `invalid-challenge`.
 */
export async function* proveKeys(
  ports: Ports,
  config: SignerConfig,
  passphrase: string,
  challenge: string,
): AsyncGenerator<Proof> {
  checkChallenge(challenge)
  const seed = await openKeystore(ports, config.keystore.file, passphrase)
  const memory = await openMemory(ports, config.dataDirectory)
  try {
    yield identityOf(seed).sign(identityBytes(challenge))
    for (const name of Object.keys(config.chains)) yield* proveChain({ ports, config, memory, seed }, name, challenge)
  } finally {
    seed.fill(0)
    await memory.close()
  }
}

interface Proving {
  ports: Ports
  config: SignerConfig
  memory: Memory
  seed: Uint8Array
}

async function* proveChain(
  { ports, config, memory, seed }: Proving,
  chain: string,
  challenge: string,
): AsyncGenerator<Proof> {
  const { family, network: named } = config.chains[chain]!
  const { deriver } = signingFamilyOf(chain, config.chains[chain]!)
  if (family !== 'bitcoin') throw boundary('configuration', `chains.${chain}.family: no proof for ${family} yet`)
  const network = networkOf(named)
  const pool = await openPool({ chain, deriver, seed, memory, clock: ports.clock })
  for (let from = 0; from < pool.size(); from += SLICE) {
    for (const { index, address, publicKey } of pool.list(from, SLICE)) {
      const payload = { ...messagePayload(address, challenge, network), index }
      const [signature] = deriver.sign(seed, [{ index, payload }])
      const signed = { signature: signature!, publicKey: new Uint8Array(Buffer.from(publicKey, 'hex')) }
      yield { chain, family, network: named, index, address, ...messageProof(address, challenge, network, signed) }
    }
  }
}

/** What a proof, one JSON object a line, shows for this challenge. Throws boundary `invalid-proof` naming the line. */
export function checkProof(text: string, challenge: string): { identity: string; addresses: number } {
  checkChallenge(challenge)
  let identity: string | null = null
  let addresses = 0
  for (const [n, line] of text.trimEnd().split('\n').entries()) {
    const given = parse(line)
    if (given === null || !holds(given, challenge)) throw boundary('invalid-proof', `line ${n + 1} proves nothing`)
    if ('key' in given) identity = given.key
    else addresses += 1
  }
  if (identity === null) throw boundary('invalid-proof', 'the identity key has signed nothing')
  return { identity, addresses }
}

function parse(line: string): Proof | null {
  try {
    return proof.safeParse(JSON.parse(line)).data ?? null
  } catch {
    return null
  }
}

const holds = (given: Proof, challenge: string): boolean =>
  'key' in given
    ? isSigned(given, identityBytes(challenge))
    : isMessageProof(given.address, challenge, given.signature, networkOf(given.network))
