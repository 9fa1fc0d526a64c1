/**
 * What a template does, what has to be signed for it, and the signed transaction. Pure; used by the watcher and by the
 * signer, which believes nothing but its own reading (S2, S4).
 */
import { script as scripts, type Transaction } from 'bitcoinjs-lib'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Inspection, Payload, Signable, TemplateCoin } from '../adapter.ts'
import { boundary } from '../fault.ts'
import { destinationOf } from './destination.ts'
import type { Network } from './network.ts'
import { classicDigests, SIGHASH_ALL, witnessDigests } from './sighash.ts'
import { transactionWeight, virtualBytes } from './size.ts'
import { spendKeyAt } from './outpoint.ts'
import type { Draft, DraftInput } from './template.ts'
import { createSpan, outpointsOf, skim } from './transaction.ts'
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
    coins: template => readTemplate(template, network).inputs.map(input => coinOf(chain, input)),
    destination: (to, dataField) => destinationOf(to, dataField, network),
  }
}

function inspectionOf(draft: Draft, chain: string, asset: string, network: Network): Inspection {
  const { transaction, inputs, outputs, feeSat } = draft
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
    // Without segwit the signatures are part of what is hashed (B8).
    transactionId: network.segwit ? transaction.getId() : null,
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
  { transaction: unsigned, inputs }: Draft,
  signatures: readonly Uint8Array[],
  network: Network,
): { transactionId: string; raw: string } {
  if (signatures.length !== inputs.length || signatures.some(signature => signature.length !== SIGNATURE_BYTES))
    throw boundary('invalid-signature', `${inputs.length} signatures of ${SIGNATURE_BYTES} bytes are needed`)
  const transaction = unsigned.clone()
  for (const [n, signature] of signatures.entries()) unlock(transaction, n, signature, inputs[n]!.publicKey, network)
  return { transactionId: transaction.getId(), raw: bytesToHex(transaction.toBuffer()) }
}

function unlock(transaction: Transaction, n: number, signature: Uint8Array, key: Uint8Array, network: Network): void {
  const der = scripts.signature.encode(signature, SIGHASH_ALL)
  if (network.segwit) transaction.setWitness(n, [der, key])
  else transaction.setInputScript(n, scripts.compile([der, key]))
}
