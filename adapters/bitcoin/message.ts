/**
 * Signed messages that prove control of an address (BIP-322): a virtual transaction that spends a virtual output of the
 * address, which commits to the message by a tagged hash. Neither can exist on a chain, so what is signed here never
 * moves a coin. `simple` (the witness) for P2WPKH; `full` (the whole transaction) for P2PKH, for which BIP-322 has no
 * simple form.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { script as scripts, Transaction } from 'bitcoinjs-lib'
import * as secp256k1 from 'tiny-secp256k1'
import type { Payload, Proofs } from '../adapter.ts'
import { addressOf, scriptOf } from './address.ts'
import { derOf } from './der.ts'
import { displayOf, fromDisplay, hash160 } from './hash.ts'
import { networkOf, type Network } from './network.ts'
import { scriptKindOf, payloadOf, scriptFor } from './script.ts'
import { classicDigests, SIGHASH_ALL, witnessDigests } from './sighash.ts'

const TAG = sha256(new TextEncoder().encode('BIP0322-signed-message'))
const OP_RETURN = Uint8Array.of(0x6a)
const PUSH_32 = Uint8Array.of(0x00, 0x20)
const NOWHERE = new Uint8Array(32)
const NO_OUTPUT = 0xffff_ffff
/** A signature, a key and their lengths; more is no proof for these addresses. */
const MAXIMUM_PROOF_CHARACTERS = 1024

/** BIP-322's two forms: `simple` holds a witness, `full` a whole transaction (P2PKH has no witness). */
export type ProofFormat = 'bip322-simple' | 'bip322-full'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The script that is proved, or null for kinds other than P2WPKH and P2PKH. */
function provable(address: string, network: Network): { script: Uint8Array; isWitness: boolean } | null {
  const script = scriptOf(address, network)
  const kind = scriptKindOf(script, 0, script.length)
  return kind === 'p2wpkh' || kind === 'p2pkh' ? { script, isWitness: kind === 'p2wpkh' } : null
}

/** BIP-322 `to_sign`, which spends `to_spend`. */
function virtual(script: Uint8Array, message: string): Transaction {
  const toSpend = new Transaction()
  toSpend.version = 0
  const commitment = sha256(concatBytes(TAG, TAG, utf8(message)))
  toSpend.addInput(NOWHERE, NO_OUTPUT, 0, concatBytes(PUSH_32, commitment))
  toSpend.addOutput(script, 0n)
  const toSign = new Transaction()
  toSign.version = 0
  toSign.addInput(fromDisplay(toSpend.getId()), 0, 0)
  toSign.addOutput(OP_RETURN, 0n)
  return toSign
}

function digestOf(toSign: Transaction, script: Uint8Array, isWitness: boolean): Uint8Array {
  const program = payloadOf(isWitness ? 'p2wpkh' : 'p2pkh', script)
  const spent = [{ txid: displayOf(toSign.ins[0]!.hash), vout: 0, amountSat: 0n, program }]
  return (isWitness ? witnessDigests : classicDigests)(toSign, spent)[0]!
}

/** What the key of `address` signs. Boundary fault `invalid-address`. */
export function messagePayload(address: string, message: string, network: Network): Payload {
  const target = provable(address, network)!
  const bytes = digestOf(virtual(target.script, message), target.script, target.isWitness)
  return { index: 0, address, algorithm: 'secp256k1', bytes }
}

/** The 64-byte signature of that payload as BIP-322 writes it, base64. `publicKey`: 33 bytes. */
export function messageProof(
  address: string,
  message: string,
  network: Network,
  signed: { signature: Uint8Array; publicKey: Uint8Array },
): { format: ProofFormat; signature: string } {
  const { script, isWitness } = provable(address, network)!
  const der = derOf(signed.signature)
  if (isWitness) {
    const stack = concatBytes(
      Uint8Array.of(2, der.length),
      der,
      Uint8Array.of(signed.publicKey.length),
      signed.publicKey,
    )
    return { format: 'bip322-simple', signature: Buffer.from(stack).toString('base64') }
  }
  const toSign = virtual(script, message)
  toSign.setInputScript(0, scripts.compile([der, signed.publicKey]))
  return { format: 'bip322-full', signature: Buffer.from(toSign.toBuffer()).toString('base64') }
}

/** Whether whoever made the proof holds the key of the address. Needs nothing but the three strings. */
export function isMessageProof(address: string, message: string, proof: string, network: Network): boolean {
  if (proof.length > MAXIMUM_PROOF_CHARACTERS) return false
  try {
    const target = provable(address, network)
    const bytes = new Uint8Array(Buffer.from(proof, 'base64'))
    if (target === null || Buffer.from(bytes).toString('base64') !== proof) return false
    const { script, isWitness } = target
    const toSign = virtual(script, message)
    const parts = isWitness ? witnessOf(bytes) : inputOf(bytes, toSign)
    return parts !== null && verifies(parts, script, isWitness, network, digestOf(toSign, script, isWitness))
  } catch {
    return false // not an address, or bytes that are no signature
  }
}

interface Parts {
  der: Uint8Array
  publicKey: Uint8Array
}

/** Two items, lengths below 253, and nothing behind them. */
function witnessOf(bytes: Uint8Array): Parts | null {
  const derLength = bytes[1] ?? 0
  const der = bytes.subarray(2, 2 + derLength)
  const publicKey = bytes.subarray(3 + derLength)
  return bytes[0] === 2 && bytes[2 + derLength] === 33 && publicKey.length === 33 ? { der, publicKey } : null
}

/** The script of the one input, if the transaction is the one that the message asks for. */
function inputOf(bytes: Uint8Array, expected: Transaction): Parts | null {
  const given = Transaction.fromBuffer(bytes)
  const [input] = given.ins
  const chunks = input === undefined ? null : scripts.decompile(input.script)
  if (input === undefined || chunks?.length !== 2) return null
  input.script = new Uint8Array()
  const isSame = Buffer.compare(given.toBuffer(), expected.toBuffer()) === 0
  const [der, publicKey] = chunks as [unknown, unknown]
  return isSame && der instanceof Uint8Array && publicKey instanceof Uint8Array ? { der, publicKey } : null
}

function verifies(
  { der, publicKey }: Parts,
  script: Uint8Array,
  isWitness: boolean,
  network: Network,
  digest: Uint8Array,
): boolean {
  const { signature, hashType } = scripts.signature.decode(der)
  const own = scriptFor(isWitness ? 'p2wpkh' : 'p2pkh', hash160(publicKey))
  const isOwn = addressOf(own, network) !== null && Buffer.compare(own, script) === 0
  return isOwn && hashType === SIGHASH_ALL && secp256k1.verify(digest, publicKey, signature, true)
}

/** For the addresses of one network. Boundary fault `unknown-network`. */
export function proveBitcoin(name: string): Proofs {
  const network = networkOf(name)
  return {
    payload: (address, challenge) => messagePayload(address, challenge, network),
    write: (address, challenge, signed) => messageProof(address, challenge, network, signed),
    holds: ({ address, signature }, challenge) => isMessageProof(address, challenge, signature, network),
  }
}
