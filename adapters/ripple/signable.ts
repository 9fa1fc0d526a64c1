/**
 * What a template does, what has to be signed for it, and the signed transaction. Pure; used by the watcher and by the
 * signer, which believes nothing but its own reading (S2, S4).
 */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { encode } from 'ripple-binary-codec'
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { Inspection, Opened, Signable } from '../adapter.ts'
import { boundary } from '../../src/kernel/fault.ts'
import { upperHex } from '../hex.ts'
import { destinationOf } from './destination.ts'
import { sha512Half } from './hash.ts'
import type { Network } from './network.ts'
import { readTemplate, type TicketAllowance, type Draft } from './template.ts'

const SIGNATURE_BYTES = 64
/** Before the bytes of a signed transaction, for its id: `TXN\0`. */
const TRANSACTION_PREFIX = Buffer.from('54584E00', 'hex')

/** Boundary faults: `invalid-template`, and from `assemble` `invalid-signature`. `asset`: as the configuration names XRP. */
export function createSignable(chain: string, asset: string, network: Network, allowance: TicketAllowance): Signable {
  const read = (template: Parameters<Signable['open']>[0]) => readTemplate(template, network, allowance)
  return {
    open(template): Opened {
      const draft = read(template)
      const bytes = sha512Half(draft.signing)
      return {
        inspection: inspectionOf(draft, chain, asset, network),
        payloads: [{ index: 0, address: draft.transaction.Account, algorithm: 'secp256k1', bytes }],
        assemble: signatures => assembled(draft, signatures),
      }
    },
    inspect: template => inspectionOf(read(template), chain, asset, network),
    destination: (to, dataField) => destinationOf(to, dataField, network),
  }
}

/** What a transaction consumes: a ticket, or the account's sequence; both are of one series of numbers, so that no two are equal. */
export const placeKey = (chain: string, account: string, place: number): SpendKey => `${chain}:${account}:${place}`

/** The ticket or sequence of such a key. */
export const placeOf = (key: SpendKey): number => Number(key.slice(key.lastIndexOf(':') + 1))

/** Making tickets, or demanding tags, costs its fee and pays nobody. */
function inspectionOf({ transaction, place }: Draft, chain: string, asset: string, network: Network): Inspection {
  const { Account: account, Fee: fee } = transaction
  const outputs =
    transaction.TransactionType === 'Payment'
      ? [
          {
            to: transaction.Destination,
            dataField: transaction.DestinationTag === undefined ? null : String(transaction.DestinationTag),
            asset,
            amount: transaction.Amount,
          },
        ]
      : []
  const paid = outputs.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
  return {
    network: network.name,
    outputs,
    inputs: [{ address: account, amount: String(paid + BigInt(fee)) }],
    fee,
    feeRate: 0,
    spendKeys: [placeKey(chain, account, place)],
    // Given up by one transfer with proof that it can never be mined, a ticket serves another.
    bindsSpendKeys: false,
    isReplaceable: true,
    transactionId: null,
  }
}

/** DER, with a low S: what is fully canonical has one form only. */
function assembled({ transaction }: Draft, signatures: readonly Uint8Array[]): { transactionId: string; raw: string } {
  const [signature] = signatures
  if (signatures.length !== 1 || signature?.length !== SIGNATURE_BYTES)
    throw boundary('invalid-signature', `one signature of ${SIGNATURE_BYTES} bytes is needed`)
  const der = secp256k1.Signature.fromBytes(signature, 'compact').toBytes('der')
  const raw = encode({ ...transaction, TxnSignature: upperHex(der) })
  const transactionId = upperHex(sha512Half(TRANSACTION_PREFIX, Buffer.from(raw, 'hex')))
  return { transactionId, raw }
}
