/** The family in both configuration files. */
import { z } from 'zod'
import {
  amount,
  common,
  confirmations,
  FAMILY,
  plainNode,
  rules,
  symbol,
  whole,
  type ConfigExample,
  type ConfigLocation,
} from '../config-fields.ts'
import { LEDGER_TICKETS } from './network.ts'

const network = z.strictObject({ networkId: whole(0, 2 ** 31 - 1).describe('0 is the main network') })

/** A chain of watcher.yaml. */
export function watched(location: ConfigLocation) {
  return z.strictObject({
    family: z.literal('ripple').describe(FAMILY),
    network: network.describe('`{ networkId: 0 }`'),
    ...common(),
    node: plainNode(location),
    confirmations: confirmations(1, 1, 1),
    tickets: z
      .strictObject({
        low: whole(1, LEDGER_TICKETS).default(5).describe('Fewer free ones are filled up'),
        high: whole(1, LEDGER_TICKETS)
          .default(20)
          .describe("To so many; no more than one transaction may make by the signer's maximumTickets"),
      })
      .refine(({ low, high }) => low <= high, { path: ['low'], error: 'must not be above high' })
      .prefault({})
      .describe('Made in advance: each withdrawal spends one, and each takes its reserve meanwhile'),
    fees: z
      .strictObject({ maximumFee: amount.default('10000').describe('Never more than this; drops') })
      .prefault({})
      .describe('Fee caps'),
  })
}
/** Fees are so many drops a transaction, whatever its size. A chain of signer.yaml. */
export function signed() {
  return z.strictObject({
    family: z.literal('ripple').describe(FAMILY),
    network: network.describe('As in watcher.yaml'),
    asset: symbol.describe("The native asset's symbol"),
    policy: z
      .strictObject({
        maximumFee: amount.default('100000').describe('The most one transaction may cost; drops'),
        maximumTickets: whole(0, 250).default(50).describe('The most tickets that one transaction may make'),
        ...rules,
      })
      .prefault({})
      .describe('What is never signed, whoever asks')
      .transform(given => ({ maximumFeeRate: 0, ...given })),
  })
}

/** No two nodes of one id are two networks. */
export const isPrivate = (): boolean => false

/** As `lockkeeper init` shows it. */
export const EXAMPLE: ConfigExample = {
  watcher: `ripple:
  family: ripple
  network: { networkId: 0 }
  asset: XRP
  node: { url: http://127.0.0.1:5005 }
  confirmations: { credit: 1, final: 1 }`,
  signer: `ripple:
  family: ripple
  network: { networkId: 0 }
  asset: XRP
  policy: { maximumFee: "100000", maximumTickets: 50, perDay: "1000000000" }`,
}
