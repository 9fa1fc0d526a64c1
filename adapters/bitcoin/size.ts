/**
 * How large a signed transaction can be, before it is signed: BIP-141 weights, with the longest signature that is valid
 * (71 bytes of DER with a low S, and the sighash byte). Fees are paid for virtual bytes, a quarter of the weight.
 */
import type { Network } from './network.ts'

const SIGNATURE_BYTES = 72
const PUBLIC_KEY_BYTES = 33
const OUTPOINT_AND_SEQUENCE_BYTES = 40
/** Signature and key, each behind its length. */
const UNLOCKING_BYTES = 1 + SIGNATURE_BYTES + 1 + PUBLIC_KEY_BYTES

/** Core's MAX_STANDARD_TX_WEIGHT: what nodes relay. */
export const MAXIMUM_WEIGHT = 400_000
/** Core's default limit for ancestors in the memory pool is 25, the transaction itself included (B17). */
export const MAXIMUM_ANCESTORS = 24

const compactSizeBytes = (value: number): number => (value < 0xfd ? 1 : value <= 0xffff ? 3 : 5)

/** Of an input that spends one of our own coins: P2WPKH, or P2PKH on chains without segwit. */
export function inputWeight(network: Network): number {
  if (!network.segwit) return 4 * (OUTPOINT_AND_SEQUENCE_BYTES + 1 + UNLOCKING_BYTES)
  return 4 * (OUTPOINT_AND_SEQUENCE_BYTES + 1) + 1 + UNLOCKING_BYTES
}

/** Weight units (BIP-141) of an output with this script. */
const outputWeight = (script: Uint8Array): number => 4 * (8 + compactSizeBytes(script.length) + script.length)

/** Outputs of one transaction: how many, and what they weigh together. */
export interface Outputs {
  count: number
  weight: number
}

export const NO_OUTPUTS: Outputs = { count: 0, weight: 0 }

export const withOutput = ({ count, weight }: Outputs, script: Uint8Array): Outputs => ({
  count: count + 1,
  weight: weight + outputWeight(script),
})

/** Of the largest transaction with so many of our inputs and these outputs. */
export function weightOf(inputs: number, outputs: Outputs, network: Network): number {
  const frame = 4 * (4 + compactSizeBytes(inputs) + compactSizeBytes(outputs.count) + 4)
  const marker = network.segwit ? 2 : 0
  return frame + marker + inputs * inputWeight(network) + outputs.weight
}

/** Of the largest transaction with so many of our inputs and outputs with these scripts. */
export const transactionWeight = (inputs: number, scripts: readonly Uint8Array[], network: Network): number =>
  weightOf(inputs, scripts.reduce(withOutput, NO_OUTPUTS), network)

/** BIP-141: a quarter of the weight, rounded up. */
export const virtualBytes = (weight: number): number => Math.ceil(weight / 4)
