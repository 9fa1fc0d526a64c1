/** Signature checks of the scripts that wallets of today spend: P2PKH, P2WPKH (BIP-143) and P2TR by key (BIP-341). */
import { script as scripts, Transaction } from 'bitcoinjs-lib'
import * as secp256k1 from 'tiny-secp256k1'
import { hash160 } from '../../../adapters/bitcoin/hash.ts'
import { scriptKindOf, payloadOf, scriptFor } from '../../../adapters/bitcoin/script.ts'

interface Spent {
  valueSat: bigint
  script: Uint8Array
}

const HASH_MISMATCH = 'Witness program hash mismatch'
/** What relaying nodes say of a wrong signature, and what the rules of blocks say of the same. */
export const BAD_SIGNATURE = 'Signature must be zero for failed CHECK(MULTI)SIG operation'
export const FALSE_RESULT = 'Script evaluated without error but finished with a false/empty top stack element'
const NOT_EQUAL = 'Script failed an OP_EQUALVERIFY operation'
const BAD_SCHNORR = 'Invalid Schnorr signature'
const NOT_SIMULATED = 'The simulated node cannot evaluate this script'

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Why Core would refuse the input, in its words, or null. `spent` are the coins of all inputs, in their order. */
export function verifyInput(transaction: Transaction, index: number, spent: readonly Spent[]): string | null {
  const { script, valueSat } = spent[index]!
  const kind = scriptKindOf(script, 0, script.length)
  const input = transaction.ins[index]!
  switch (kind) {
    case 'p2wpkh': {
      const [signature, key] = input.witness
      const hash = payloadOf(kind, script)
      if (input.witness.length !== 2 || !signature || !key || !same(hash160(key), hash)) return HASH_MISMATCH
      const code = scriptFor('p2pkh', hash)
      return checkEcdsa(signature, key, type => transaction.hashForWitnessV0(index, code, valueSat, type))
    }
    case 'p2pkh': {
      const [signature, key] = pushesOf(input.script)
      if (!signature || !key || !same(hash160(key), payloadOf(kind, script))) return NOT_EQUAL
      return checkEcdsa(signature, key, type => transaction.hashForSignature(index, script, type))
    }
    case 'p2tr': {
      const [signature] = input.witness
      if (input.witness.length !== 1 || signature?.length !== 64) return BAD_SCHNORR
      const digest = transaction.hashForWitnessV1(
        index,
        spent.map(coin => coin.script),
        spent.map(coin => coin.valueSat),
        Transaction.SIGHASH_DEFAULT,
      )
      return secp256k1.verifySchnorr(digest, payloadOf(kind, script), signature) ? null : BAD_SCHNORR
    }
    default:
      return NOT_SIMULATED
  }
}

const pushesOf = (script: Uint8Array): Uint8Array[] =>
  (scripts.decompile(script) ?? []).filter(chunk => chunk instanceof Uint8Array)

function checkEcdsa(signature: Uint8Array, key: Uint8Array, digest: (type: number) => Uint8Array): string | null {
  try {
    const decoded = scripts.signature.decode(signature)
    return secp256k1.verify(digest(decoded.hashType), key, decoded.signature, true) ? null : BAD_SIGNATURE
  } catch {
    return 'Non-canonical DER signature'
  }
}
