/** Keys and addresses of the family from one seed: BIP-44 over SLIP-0010, an account an index, index 0 being the treasury. */
import type { Derived, Deriver, Payload } from '../adapter.ts'
import { invariant } from '../../src/kernel/fault.ts'
import { createKnown, FIRST_HARDENED } from '../known.ts'
import { addressOf } from './address.ts'
import { branchOf, publicKeyFor, secretKeyAt, sign as signWith, signKnown, verify } from './ed25519.ts'
import type { Network } from './network.ts'

const HASH_BYTES = 32

type Branch = ReturnType<typeof branchOf>

interface Opened {
  branch: Branch
  derive: (index: number) => Derived
}

/**
 * Knows the keys of one network. Throws an invariant fault `crypto-backend` where the backend cannot be trusted (S6);
 * deriving throws `bad-index`, signing `bad-payload` for another's payload and `bad-signature` for what does not verify.
 */
export function createDeriver(network: Network): Deriver {
  checkEd25519()
  const path = `m/44'/${network.coinType}'`
  const seeds = new WeakMap<Uint8Array, Opened>()

  const make = (branch: Branch, index: number): Derived => {
    const publicKey = withSecret(branch, index, publicKeyFor)
    return {
      index,
      address: addressOf(publicKey, network),
      dataField: null,
      publicKey: Buffer.from(publicKey).toString('hex'),
      path: `${path}/${index}'`,
    }
  }

  const open = (seed: Uint8Array): Opened => {
    const before = seeds.get(seed)
    if (before !== undefined) return before
    const branch = branchOf(seed, network.coinType)
    const opened = { branch, derive: createKnown(index => make(branch, index)) }
    seeds.set(seed, opened)
    return opened
  }

  const derive: Deriver['derive'] = (seed, index) => open(seed).derive(index)

  const sign: Deriver['sign'] = (seed, payloads) =>
    payloads.map(({ index, payload }) => {
      const own = derive(seed, index)
      checkPayload(payload, own.address)
      const publicKey = Uint8Array.from(Buffer.from(own.publicKey, 'hex'))
      const { branch } = open(seed)
      const signature = withSecret(branch, index, secret => signWith(payload.bytes, secret))
      // Made twice, in two ways and from the seed on: a fault while it was made can give the key away, so it never leaves.
      const again = withSecret(branch, index, secret => signKnown(payload.bytes, secret, publicKey))
      if (!Buffer.from(signature).equals(again))
        throw invariant('bad-signature', `the signature for ${own.address} was not made right: it stays here`)
      return signature
    })

  return { derive, sign }
}

function withSecret<Result>(branch: Branch, index: number, use: (secret: Uint8Array) => Result): Result {
  if (!Number.isInteger(index) || index < 0 || index >= FIRST_HARDENED)
    throw invariant('bad-index', `no index ${index}`)
  const secret = secretKeyAt(branch, index)
  try {
    return use(secret)
  } finally {
    secret.fill(0)
  }
}

/** The key of one account never signs for another. */
function checkPayload({ algorithm, bytes, address }: Payload, own: string): void {
  if (algorithm !== 'ed25519-blake2b' || bytes.length !== HASH_BYTES)
    throw invariant('bad-payload', `${algorithm} over ${bytes.length} bytes is not for this family`)
  if (address !== own) throw invariant('bad-payload', `a payload for ${address} was given to the key of ${own}`)
}

/** A key pair of Nano's documentation ("Signing, hashing and key derivation"). */
const KNOWN_SECRET = '3be4fc2ef3f3b7374e6fc4fb6e7bb153f8a2998b3b3dab50853eabe128024143'
const KNOWN_PUBLIC = '5b65b0e8173ee0802c2c3e6c9080d1a16b06de1176c938a924f58670904e82c4'

interface Backend {
  publicKeyFor: typeof publicKeyFor
  sign: typeof signWith
  verify: typeof verify
}

/** Derives a known key, signs and verifies; throws an invariant fault `crypto-backend` when the backend gives another answer (S6). */
export function checkEd25519(backend: Backend = { publicKeyFor, sign: signWith, verify }): void {
  const secret = Uint8Array.from(Buffer.from(KNOWN_SECRET, 'hex'))
  const publicKey = backend.publicKeyFor(secret)
  const message = new Uint8Array(HASH_BYTES)
  const signature = backend.sign(message, secret)
  const isSame = Buffer.from(signKnown(message, secret, publicKey)).equals(signature)
  const isVerified = backend.verify(signature, message, publicKey)
  const isForgeable = backend.verify(
    signature,
    message.map(byte => byte ^ 1),
    publicKey,
  )
  if (Buffer.from(publicKey).toString('hex') !== KNOWN_PUBLIC || !isSame || !isVerified || isForgeable)
    throw invariant(
      'crypto-backend',
      'the ed25519 backend does not give the known answer; nothing may be signed with it',
    )
}
