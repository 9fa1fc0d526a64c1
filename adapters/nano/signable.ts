/**
 * What a template does, what has to be signed for it, and the signed block. Pure; used by the watcher and by the
 * signer, which believes nothing but its own reading (S2, S4).
 */
import type { Inspection, Signable } from '../adapter.ts'
import { boundary } from '../../src/kernel/fault.ts'
import { upperHex } from '../hex.ts'
import { canonical } from './address.ts'
import { destinationOf } from './destination.ts'
import type { Network } from './network.ts'
import { readTemplate, type Draft, type AccountOpening } from './template.ts'

const SIGNATURE_BYTES = 64

/** Boundary faults: `invalid-template`, and from `assemble` `invalid-signature`. */
export function createSignable(chain: string, asset: string, network: Network, opening: AccountOpening): Signable {
  const read = (template: Parameters<Signable['open']>[0]) => readTemplate(template, network, opening)
  const inspect = (draft: Draft) => inspectionOf(draft, chain, asset, network)
  return {
    open(template) {
      const draft = read(template)
      const address = canonical(draft.block.account, network)
      const bytes = Uint8Array.from(Buffer.from(draft.hash, 'hex'))
      return {
        inspection: inspect(draft),
        payloads: [{ index: 0, address, algorithm: 'ed25519-blake2b', bytes }],
        assemble: signatures => assembled(draft, signatures),
      }
    },
    inspect: template => inspect(read(template)),
    destination: (to, dataField) => destinationOf(to, dataField, network),
  }
}

/** A block costs nothing but work. A receive spends nothing of ours and pays nobody: it uses up its place in the account's chain, and its source. */
function inspectionOf(draft: Draft, chain: string, asset: string, network: Network): Inspection {
  const account = canonical(draft.block.account, network)
  const amount = draft.amount.toString()
  const place = `${chain}:${account}:${draft.block.previous}`
  const { destination, source } = draft
  return {
    network: network.name,
    outputs: destination === null ? [] : [{ to: destination, dataField: null, asset, amount }],
    inputs: [{ address: account, amount: destination === null ? '0' : amount }],
    fee: '0',
    feeRate: 0,
    spendKeys: source === null ? [place] : [place, `${chain}:${source}`],
    bindsSpendKeys: true,
    isReplaceable: false,
    transactionId: draft.hash,
  }
}

/** The raw form is the block with its signature as JSON; work, which is not signed, is added when it is published (N5). */
function assembled({ block, hash }: Draft, signatures: readonly Uint8Array[]): { transactionId: string; raw: string } {
  const [signature] = signatures
  if (signatures.length !== 1 || signature?.length !== SIGNATURE_BYTES)
    throw boundary('invalid-signature', `one signature of ${SIGNATURE_BYTES} bytes is needed`)
  const signed = { ...block, signature: upperHex(signature) }
  return { transactionId: hash, raw: JSON.stringify(signed) }
}
