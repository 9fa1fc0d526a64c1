/** Opens templates: what they do, what is to be signed, and how signatures make a transaction of them. */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Inspection, Opened, Signable } from '../adapter.ts'
import { boundary } from '../../src/kernel/fault.ts'
import { destinationOf } from './destination.ts'
import type { Network } from './network.ts'
import { readTemplate, type Draft } from './template.ts'
import { writeTransaction } from './transaction.ts'

/** r, s and the parity of R's y. */
const SIGNATURE_BYTES = 65

/** Boundary faults: `invalid-template`, and from `assemble` `invalid-signature`. `chain`: its name in the configuration. */
export function createSignable(chain: string, network: Network): Signable {
  return {
    open: template => opened(readTemplate(template, network), chain, network),
    inspect: template => inspectionOf(readTemplate(template, network), chain, network),
    destination: (to, dataField) => destinationOf(to, dataField, network),
  }
}

function opened(draft: Draft, chain: string, network: Network): Opened {
  const bytes = keccak_256(draft.unsigned)
  return {
    inspection: inspectionOf(draft, chain, network),
    payloads: [{ index: 0, address: draft.from, algorithm: 'secp256k1', bytes }],
    assemble: signatures => assembled(draft, signatures),
  }
}

/** The fee is the most that it can be: how much gas is used shows when it is mined. The id follows from the signature. */
function inspectionOf({ from, transfer, payment }: Draft, chain: string, network: Network): Inspection {
  const { to, asset, amount } = payment
  const fee = transfer.gasLimit * transfer.maximumFeePerGas
  return {
    network: network.name,
    outputs: [{ to, dataField: null, asset, amount: amount.toString() }],
    inputs: [{ address: from, amount: (transfer.value + fee).toString() }],
    fee: fee.toString(),
    feeRate: Number(transfer.maximumFeePerGas),
    spendKeys: [nonceKey(chain, from, transfer.nonce)],
    bindsSpendKeys: true,
    isReplaceable: true,
    transactionId: null,
  }
}

/** The family's spend key: of an account each nonce is consumed once. `account` canonical. */
export const nonceKey = (chain: string, account: string, nonce: bigint | number): string =>
  `${chain}:${account}:${nonce}`

function assembled({ transfer }: Draft, signatures: readonly Uint8Array[]): { transactionId: string; raw: string } {
  const [signature] = signatures
  if (signature?.length !== SIGNATURE_BYTES || signatures.length !== 1 || signature[64]! > 1)
    throw boundary('invalid-signature', `one signature of ${SIGNATURE_BYTES} bytes is needed`)
  const scalar = (from: number): bigint => BigInt(`0x${bytesToHex(signature.subarray(from, from + 32))}`)
  const parity = signature[64] === 1 ? 1 : 0
  const bytes = writeTransaction(transfer, { r: scalar(0), s: scalar(32), parity })
  return { transactionId: `0x${bytesToHex(keccak_256(bytes))}`, raw: `0x${bytesToHex(bytes)}` }
}
