/**
 * Addresses and output scripts of one network. Payable are P2PKH, P2SH and, where the chain has segwit, P2WPKH, P2WSH
 * (BIP-173) and P2TR (BIP-350). Witness versions above 1 are refused: coins sent there can be taken by anybody until a
 * later soft fork gives them a meaning.
 */
import { address as codec } from 'bitcoinjs-lib'
import { boundary, reasonOf } from '../../src/kernel/fault.ts'
import type { Network } from './network.ts'
import { NETWORKS } from './network.ts'
import type { ScriptKind } from './script.ts'
import { scriptKindOf, payloadOf, scriptFor } from './script.ts'

/** The longest is a bech32 string (90); MWEB addresses are longer and refused by their prefix. */
const MAXIMUM_ADDRESS_LENGTH = 150

const invalid = (address: string, reason: string) =>
  boundary('invalid-address', `${address.slice(0, MAXIMUM_ADDRESS_LENGTH)} is no address to pay to: ${reason}`)

/** The output script that pays to `address`. Boundary fault `invalid-address` with the reason (B12, B16). */
export function scriptOf(address: string, network: Network): Uint8Array {
  if (address.length > MAXIMUM_ADDRESS_LENGTH) throw invalid(address, 'it is too long')
  const prefix = address.slice(0, Math.max(address.lastIndexOf('1'), 0)).toLowerCase()
  if (isMwebPrefix(prefix)) throw invalid(address, 'MWEB destinations are not supported')
  return isWitnessPrefix(prefix) ? witnessScript(address, prefix, network) : base58Script(address, network)
}

/** The canonical address of a script, or null when it has none on this network. */
export function addressOf(script: Uint8Array, network: Network): string | null {
  const kind = scriptKindOf(script, 0, script.length)
  if (kind === null || !isPayable(kind, network)) return null
  const payload = payloadOf(kind, script)
  switch (kind) {
    case 'p2pkh':
      return codec.toBase58Check(payload, network.pubKeyHash)
    case 'p2sh':
      return codec.toBase58Check(payload, network.scriptHash[0])
    case 'p2wpkh':
    case 'p2wsh':
      return codec.toBech32(payload, 0, network.bech32)
    case 'p2tr':
      return codec.toBech32(payload, 1, network.bech32)
  }
}

/** The one form in which equal destinations are equal strings: lower-case bech32, the current P2SH version. */
export function canonical(address: string, network: Network): string {
  const form = addressOf(scriptOf(address, network), network)
  if (form === null) throw invalid(address, 'it has no canonical form')
  return form
}

/**
 * The least amount that relays accept in an output of this script, in satoshi. Core (`GetDustThreshold`): what it costs
 * to spend the output, at the dust relay fee, with 148 bytes for a classic and 67 for a witness input.
 */
export function dustOf(script: Uint8Array, network: Network): bigint {
  if (network.dust.kind === 'fixed') return network.dust.sat
  const kind = scriptKindOf(script, 0, script.length)
  const outputBytes = 8 + 1 + script.length
  const spendBytes = kind === 'p2pkh' || kind === 'p2sh' || kind === null ? 148 : 67
  return (BigInt(outputBytes + spendBytes) * network.dust.satPerKvB) / 1000n
}

function isPayable(kind: ScriptKind, network: Network): boolean {
  if (kind === 'p2pkh' || kind === 'p2sh') return true
  return kind === 'p2tr' ? network.taproot : network.segwit
}

const isMwebPrefix = (prefix: string): boolean => Object.values(NETWORKS).some(other => other.mwebPrefix === prefix)
const isWitnessPrefix = (prefix: string): boolean => Object.values(NETWORKS).some(other => other.bech32 === prefix)

function witnessScript(address: string, prefix: string, network: Network): Uint8Array {
  if (!network.segwit) throw invalid(address, `${network.name} has no segwit`)
  if (prefix !== network.bech32) throw invalid(address, `it belongs to another network than ${network.name}`)
  if (address !== address.toLowerCase() && address !== address.toUpperCase())
    throw invalid(address, 'it mixes upper and lower case')
  const { version, data } = decoded(address, () => codec.fromBech32(address))
  if (version === 0 && data.length === 20) return scriptFor('p2wpkh', data)
  if (version === 0 && data.length === 32) return scriptFor('p2wsh', data)
  if (version === 1 && data.length === 32 && network.taproot) return scriptFor('p2tr', data)
  throw invalid(address, `witness version ${version} with ${data.length} bytes is not known`)
}

function base58Script(address: string, network: Network): Uint8Array {
  const { version, hash } = decoded(address, () => codec.fromBase58Check(address))
  if (version === network.pubKeyHash) return scriptFor('p2pkh', hash)
  if (network.scriptHash.includes(version)) return scriptFor('p2sh', hash)
  throw invalid(address, `it belongs to another network than ${network.name}`)
}

function decoded<Result>(address: string, decode: () => Result): Result {
  try {
    return decode()
  } catch (error) {
    throw invalid(address, `bad checksum or form (${reasonOf(error)})`)
  }
}
