/**
 * What a template does, what has to be signed for it, and the signed transaction. Pure; used by the watcher and by the
 * signer, which believes nothing but its own reading (S2, S4).
 */
import { script as scripts, type Transaction } from 'bitcoinjs-lib'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import type { Json } from '../../machines/vocabulary.ts'
import type { Inspection, Payload, Signable } from '../adapter.ts'
import { boundary } from '../../src/kernel/fault.ts'
import type { TemplateCoin } from './template.ts'
import { derOf } from './der.ts'
import { destinationOf } from './destination.ts'
import { displayOf, hash256 } from './hash.ts'
import type { Network } from './network.ts'
import { classicDigests, witnessDigests } from './sighash.ts'
import { transactionWeight, virtualBytes } from './size.ts'
import { spendKeyAt } from './outpoint.ts'
import type { Draft, DraftInput } from './template.ts'
import { createSpan, outpointsOf, skim, txidOf, WITNESS_FLAG } from './transaction.ts'
import { readTemplate } from './template.ts'

/** r and s. */
const SIGNATURE_BYTES = 64

/** Boundary faults: `invalid-template`, and from `assemble` `invalid-signature`. */
export function createSignable(chain: string, asset: string, network: Network): Signable {
  const inspect = (draft: Draft) => inspectionOf(draft, chain, asset, network)
  return {
    open(template) {
      const draft = readTemplate(template, network)
      const payloads = payloadsOf(draft, network)
      return { inspection: inspect(draft), payloads, assemble: signatures => assembled(draft, signatures, network) }
    },
    inspect: template => inspect(readTemplate(template, network)),
    destination: (to, dataField) => destinationOf(to, dataField, network),
  }
}

/** The coins that a template spends, as it proves them itself. Boundary fault `invalid-template`. */
export const coinsOf = (chain: string, network: Network, template: Json): TemplateCoin[] =>
  readTemplate(template, network).inputs.map(input => coinOf(chain, input))

function inspectionOf(draft: Draft, chain: string, asset: string, network: Network): Inspection {
  const { unsigned, inputs, outputs, feeSat } = draft
  const scriptsOfOutputs = outputs.map(output => output.script)
  const vbytes = virtualBytes(transactionWeight(inputs.length, scriptsOfOutputs, network))
  return {
    network: network.name,
    outputs: outputs.map(({ address, amountSat }) => ({
      to: address,
      dataField: null,
      asset,
      amount: amountSat.toString(),
    })),
    inputs: inputs.map(({ address, amountSat }) => ({ address, amount: amountSat.toString() })),
    fee: feeSat.toString(),
    feeRate: Number(feeSat) / vbytes,
    spendKeys: inputs.map(({ txid, vout }) => `${chain}:${txid}:${vout}`),
    bindsSpendKeys: false,
    isReplaceable: true,
    // Without segwit the signatures are part of what is hashed (B8).
    transactionId: network.segwit ? displayOf(hash256(unsigned)) : null,
  }
}

function coinOf(chain: string, { txid, vout, address, publicKey, amountSat, previous }: DraftInput): TemplateCoin {
  const span = createSpan()
  skim({ bytes: previous, subject: 'transaction', at: 0 }, span, null)
  return {
    key: `${chain}:${txid}:${vout}`,
    address,
    publicKey: bytesToHex(publicKey),
    amount: amountSat.toString(),
    transactionId: txid,
    output: vout,
    raw: bytesToHex(previous),
    inputs: outpointsOf(previous, span).map(offset => spendKeyAt(chain, previous, offset)),
  }
}

function payloadsOf({ transaction, inputs }: Draft, network: Network): Payload[] {
  const digests = network.segwit ? witnessDigests(transaction, inputs) : classicDigests(transaction, inputs)
  return digests.map((bytes, index) => ({ index, address: inputs[index]!.address, algorithm: 'secp256k1', bytes }))
}

/** Whether a signature verifies is the deriver's to know, who knows how it was made. */
function assembled(
  draft: Draft,
  signatures: readonly Uint8Array[],
  network: Network,
): { transactionId: string; raw: string } {
  const { inputs } = draft
  if (signatures.length !== inputs.length || signatures.some(signature => signature.length !== SIGNATURE_BYTES))
    throw boundary('invalid-signature', `${inputs.length} signatures of ${SIGNATURE_BYTES} bytes are needed`)
  const unlocking = signatures.map((signature, n) => [derOf(signature), inputs[n]!.publicKey] as const)
  const bytes = network.segwit ? withWitnesses(draft.unsigned, unlocking) : withScripts(draft.transaction, unlocking)
  const span = createSpan()
  skim({ bytes, subject: 'transaction', at: 0 }, span, null)
  return { transactionId: txidOf(bytes, span), raw: bytesToHex(bytes) }
}

/** Signature and public key of one input. */
type Unlocking = readonly [Uint8Array, Uint8Array]

/** BIP-144: marker and flag behind the version, a stack for each input before the lock time. */
function withWitnesses(unsigned: Uint8Array, unlocking: readonly Unlocking[]): Uint8Array {
  const stacks = unlocking.flatMap(([der, key]) => [Uint8Array.of(2, der.length), der, Uint8Array.of(key.length), key])
  const body = [unsigned.subarray(0, 4), Uint8Array.of(0, WITNESS_FLAG), unsigned.subarray(4, -4)]
  return concatBytes(...body, ...stacks, unsigned.subarray(-4))
}

function withScripts(unsigned: Transaction, unlocking: readonly Unlocking[]): Uint8Array {
  const transaction = unsigned.clone()
  for (const [n, [der, key]] of unlocking.entries()) transaction.setInputScript(n, scripts.compile([der, key]))
  return transaction.toBuffer()
}
