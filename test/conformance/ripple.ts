/** The XRP Ledger, as the suite sees it. */
import { TREASURY_TAG } from '../../adapters/ripple/network.ts'
import { createSimulatedRipple, type SimulatedRipple } from '../../src/devnet/ripple/node.ts'
import { worldKey } from '../../src/devnet/ripple/transaction.ts'
import type { Payee, Subject, SubjectNetwork } from './subject.ts'

const XRP = 1_000_000n
const PARTIAL_PAYMENT = 0x0002_0000

const tagOf = ({ dataField }: Payee): number | undefined => (dataField === null ? undefined : Number(dataField))

const TICKETS = { low: 15, high: 30 }

/** Each payment that was executed, to the account with this tag. */
function paidTo(node: SimulatedRipple, payee: Payee): bigint[] {
  return node.entriesOf(payee.address).flatMap(({ transaction: { body }, meta }) => {
    if (body.TransactionType !== 'Payment' || meta.TransactionResult !== 'tesSUCCESS') return []
    const isIts = body.Destination === payee.address && body.DestinationTag === tagOf(payee)
    return isIts ? [BigInt(meta.delivered_amount!)] : []
  })
}

/** With the server itself, for who does more to it than every family's network knows. */
export interface RippleNetwork extends SubjectNetwork {
  node: SimulatedRipple
}

function networkOf(now: () => number, networkId: number): RippleNetwork {
  const node = createSimulatedRipple({ networkId, now, username: 'user', password: 'password' })
  node.mine(1)
  const token = { currency: 'USD', issuer: node.faucetAddress, value: '1' }
  let strangers = 0
  return {
    node,
    handle: request => node.handle(request),
    flaws([treasury]) {
      const held = node.account(treasury!)?.tickets.size ?? 0
      return held > TICKETS.high ? [`${held} tickets are there, and at most ${TICKETS.high} were wanted`] : []
    },
    advance: () => void node.mine(1),
    pay: (_, payee, amount) => node.pay(payee.address, amount, tagOf(payee)),
    fund: (_, treasury, amount) => void node.pay(treasury, amount, TREASURY_TAG),
    stranger: () => ({ address: worldKey(`stranger ${++strangers}`).account, dataField: String(strangers) }),
    received: (_, payee) => paidTo(node, payee),
    holds: (_, addresses) =>
      [...new Set(addresses)].reduce((sum, address) => sum + (node.account(address)?.balance ?? 0n), 0n),
    pretences: [
      {
        words: 'a partial payment, which delivers less than it names',
        send: (payee, amount) =>
          void node.send({
            ...{ TransactionType: 'Payment', Destination: payee.address, DestinationTag: tagOf(payee) },
            ...{ Amount: String(1000n * amount), SendMax: token, Flags: PARTIAL_PAYMENT },
          }),
      },
      {
        words: 'a payment that fails in its ledger',
        send: (payee, amount) =>
          void node.send({
            ...{ TransactionType: 'Payment', Destination: payee.address, DestinationTag: tagOf(payee) },
            ...{ Amount: String(1000n * amount), SendMax: token },
          }),
      },
      {
        words: 'an issued token',
        send: payee =>
          void node.send({
            ...{ TransactionType: 'Payment', Destination: payee.address, DestinationTag: tagOf(payee) },
            Amount: { ...token, currency: 'XAU' },
          }),
      },
      {
        words: 'a payment with a tag of nobody',
        send: (payee, amount) => void node.pay(payee.address, amount, 4_000_000),
      },
    ],
    foreign: () => networkOf(now, 1),
  }
}

export const ripple = {
  family: 'ripple',
  watcher: { network: { networkId: 0 }, asset: 'XRP', minimumDeposit: '100000', tickets: TICKETS },
  signer: {
    ...{ network: { networkId: 0 }, asset: 'XRP' },
    policy: { maximumFee: '10000', maximumTickets: 50, perTransaction: String(1000n * XRP) },
  },
  confirmations: { credit: 1, final: 1 },
  assets: [
    {
      ...{ symbol: 'XRP', deposit: 5n * XRP, tooSmall: 1000n, withdrawal: 2n * XRP },
      ...{ funding: 200n * XRP, approvedAbove: 20n * XRP },
    },
  ],
  invalidDestinations: [
    '',
    'nowhere',
    'rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYf',
    '0x52908400098527886E0F7030069857D2E4169EE7',
  ],
  open: (now: () => number): RippleNetwork => networkOf(now, 0),
} satisfies Subject
