/**
 * The attack on a ledger with tickets and destination tags. What was signed is read field by field from its bytes, and its
 * signature by ripple-keypairs; the signer uses neither.
 * https://xrpl.org/docs/references/protocol/binary-format
 */
import { createHash } from 'node:crypto'
import { verify } from 'ripple-keypairs'
import { decodeAccountID } from 'ripple-address-codec'
import { createDeriver } from '../../../adapters/ripple/deriver.ts'
import { networkOf } from '../../../adapters/ripple/network.ts'
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import * as rigs from '../rig.ts'
import { createBackend, KEYS, NOWHERE } from './backend.ts'
import type { Bounds, Reading } from './books.ts'
import { changedText, type Sign, type Twist } from './moves.ts'
import type { Side } from './side.ts'

const NETWORK = networkOf({ networkId: 0 })
const deriver = createDeriver(NETWORK)
const FOREIGN_SEED = new Uint8Array(64).fill(1)
const ACCOUNT = deriver.derive(rigs.SEED, 0)
/** An account of somebody else: each seed has one. */
const foreign = (n: number) => deriver.derive(new Uint8Array(64).fill(n), 0)
const STRANGER = deriver.derive(FOREIGN_SEED, 0)

const BOUNDS: Bounds = {
  maximumFee: 1_000n,
  maximumFeeRate: 0,
  limits: { XRP: { perTransaction: 1_000_600n, perDay: 2_600_000n } },
  blocked: foreign(12).address,
}
const MAXIMUM_TICKETS = 20
const POLICY = [
  `maximumFee: "${BOUNDS.maximumFee}", maximumTickets: ${MAXIMUM_TICKETS}`,
  `perTransaction: "${BOUNDS.limits.XRP!.perTransaction}", perDay: "${BOUNDS.limits.XRP!.perDay}"`,
  `destinations: { blocked: ["${BOUNDS.blocked}"] }`,
]
const WHERE = {
  thief: foreign(19).address,
  payee: foreign(10).address,
  treasury: ACCOUNT.address,
  own: ACCOUNT.address,
}
const backend = createBackend({
  chain: 'xrp',
  other: 'other',
  assetOf: () => 'XRP',
  dataFieldOf: w => (w % 3 === 0 ? null : String(w)),
  payees: [WHERE.payee, foreign(11).address],
  blocked: BOUNDS.blocked,
  thief: WHERE.thief,
})

const place = (account: string, tag: string | null): string => JSON.stringify([account, tag])
const accountHex = (address: string): string =>
  address === NOWHERE ? NOWHERE : Buffer.from(decodeAccountID(address)).toString('hex')

/** Fields by their type and code, with the bytes of those whose type has one length. */
const FIELDS: Record<string, string> = {
  '1.2': 'TransactionType',
  '2.2': 'Flags',
  '2.4': 'Sequence',
  '2.14': 'DestinationTag',
  '2.27': 'LastLedgerSequence',
  '2.33': 'SetFlag',
  '2.40': 'TicketCount',
  '2.41': 'TicketSequence',
  '6.1': 'Amount',
  '6.8': 'Fee',
  '7.3': 'SigningPubKey',
  '7.4': 'TxnSignature',
  '8.1': 'Account',
  '8.3': 'Destination',
}
const LENGTHS: Record<number, number> = { 1: 2, 2: 4, 6: 8 }
const SIGNATURE = 'TxnSignature'
const XRP_MARK = 0x4000_0000_0000_0000n

interface Field {
  name: string
  value: Buffer
  /** With its header, as it stands in the transaction. */
  bytes: Buffer
}

/** Null at the end. Throws for a field that no template of ours has. */
function fieldAt(bytes: Buffer, start: number): Field | null {
  if (start >= bytes.length) return null
  let at = start
  const head = bytes[at++]!
  const type = head >> 4 || bytes[at++]!
  const code = head & 15 || bytes[at++]!
  const name = FIELDS[`${type}.${code}`]
  if (name === undefined) throw new Error(`it has a field ${type}.${code}`)
  const length = LENGTHS[type] ?? bytes[at++]!
  return { name, value: bytes.subarray(at, at + length), bytes: bytes.subarray(start, at + length) }
}

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  for (let field = fieldAt(bytes, at); field !== null; field = fieldAt(bytes, at)) {
    fields.push(field)
    at += field.bytes.length
  }
  return fields
}

const sha512Half = (...parts: Buffer[]): Buffer =>
  createHash('sha512').update(Buffer.concat(parts)).digest().subarray(0, 32)

const TYPES: Record<number, string> = { 0: 'Payment', 3: 'AccountSet', 10: 'TicketCreate' }

/** Drops; anything but XRP has other marks in front. */
function drops(value: Buffer): bigint {
  const read = value.readBigUInt64BE()
  if ((read & XRP_MARK) === 0n || read >> 63n === 1n) throw new Error('it moves something else than XRP')
  return read & ~XRP_MARK
}

function read(raw: string): Reading {
  const bytes = Buffer.from(raw, 'hex')
  const fields = fieldsOf(bytes)
  const found = new Map(fields.map(({ name, value }) => [name, value]))
  const id = sha512Half(Buffer.from('TXN\0'), bytes).toString('hex').toUpperCase()
  const signed = Buffer.concat([
    Buffer.from('STX\0'),
    ...fields.filter(({ name }) => name !== SIGNATURE).map(field => field.bytes),
  ])
  const key = found.get('SigningPubKey')!.toString('hex').toUpperCase()
  if (!verify(signed.toString('hex').toUpperCase(), found.get(SIGNATURE)!.toString('hex').toUpperCase(), key))
    throw new Error(`${id} is not signed for what it says`)
  if (found.get('Account')!.toString('hex') !== accountHex(ACCOUNT.address)) throw new Error(`${id} is not from us`)
  if (found.get('Flags')!.readUInt32BE() !== 0) throw new Error(`${id} has flags`)
  const type = TYPES[found.get('TransactionType')!.readUInt16BE()]
  if (type === undefined) throw new Error(`${id} is of another kind`)
  if (type === 'TicketCreate' && found.get('TicketCount')!.readUInt32BE() > MAXIMUM_TICKETS)
    throw new Error(`${id} makes too many tickets`)
  if (type === 'AccountSet' && found.get('SetFlag')!.readUInt32BE() !== 1) throw new Error(`${id} sets another flag`)
  const tag = found.get('DestinationTag')
  const outputs =
    type === 'Payment'
      ? [
          {
            to: place(found.get('Destination')!.toString('hex'), tag === undefined ? null : String(tag.readUInt32BE())),
            asset: 'XRP',
            amount: drops(found.get('Amount')!),
          },
        ]
      : []
  const used = (found.get('TicketSequence') ?? found.get('Sequence')!).readUInt32BE()
  return { id, spends: [String(used)], outputs, fee: drops(found.get('Fee')!), rate: 0 }
}

type Fields = Record<string, Json>

/** What is done: a payment, or what the account needs. */
function effectFor({ twist, coins, fee }: Sign, intents: readonly AuthorisedIntent[]): Fields {
  const number = 3 + coins[0]!
  const byTicket = { Sequence: 0, TicketSequence: number }
  if (twist.kind === 'output' || twist.kind === 'change') {
    const amount = twist.kind === 'output' ? String(twist.amount) : '1000'
    return { TransactionType: 'Payment', ...byTicket, Destination: WHERE[twist.place], Amount: amount }
  }
  const [intent] = intents.filter(({ to }) => to !== NOWHERE)
  if (intent === undefined || twist.kind === 'omitted output')
    return fee % 2 === 0
      ? { TransactionType: 'TicketCreate', Sequence: number, TicketCount: 1 + (fee % (MAXIMUM_TICKETS + 3)) }
      : { TransactionType: 'AccountSet', ...byTicket, SetFlag: 1 }
  const by = twist.kind === 'amount' ? BigInt(twist.by) : 0n
  const tag = tagFor(twist, intent.dataField)
  return {
    TransactionType: 'Payment',
    ...byTicket,
    Destination: intent.to,
    Amount: String(BigInt(intent.amount) + by),
    ...(tag === null ? {} : { DestinationTag: tag }),
  }
}

function tagFor(twist: Twist, dataField: string | null): number | null {
  if (twist.kind !== 'tag') return dataField === null ? null : Number(dataField)
  return twist.tag === null || dataField === null ? twist.tag : Number(dataField) + 1
}

/** What no template of ours says, and an honest node would obey. */
const FIELDS_TO_ADD: readonly Fields[] = [
  { Flags: 0x0002_0000 },
  { SendMax: '9000000' },
  { DeliverMax: '9000000' },
  { Memos: [{ Memo: { MemoData: '00' } }] },
  { Paths: [[{ account: WHERE.thief }]] },
  { NetworkID: 1 },
  { RegularKey: WHERE.thief, TransactionType: 'SetRegularKey' },
  { TransactionType: 'AccountDelete' },
  { Amount: { currency: 'USD', issuer: WHERE.thief, value: '1' } },
  { Delegate: WHERE.thief },
  { Sequence: 9 },
]

function templateFor(move: Sign, intents: readonly AuthorisedIntent[]): Json | null {
  const { twist, fee } = move
  const from = twist.kind === 'foreign coin' ? STRANGER : ACCOUNT
  const transaction: Fields = {
    ...effectFor(move, intents),
    Account: from.address,
    Fee: String(Math.max(1, Math.floor(fee / 8))),
    Flags: 0,
    LastLedgerSequence: 500 + (fee % 100),
    SigningPubKey: ACCOUNT.publicKey.toUpperCase(),
    ...(twist.kind === 'foreign coin' && fee % 2 === 0 && { SigningPubKey: from.publicKey.toUpperCase() }),
    ...(twist.kind === 'field' && FIELDS_TO_ADD[twist.which % FIELDS_TO_ADD.length]),
  }
  const network = twist.kind === 'network' ? ['xrpl-1', 'xrpl-2000', 'xrpl'][twist.which]! : NETWORK.name
  const template: Json = { network, transaction }
  return twist.kind === 'byte' ? changedText(template, twist) : template
}

const chainOf = (name: string, id: number, policy: string): string =>
  `  ${name}: { family: ripple, network: { networkId: ${id} }, asset: XRP${policy} }`

export const rippleSide: Side = {
  chain: 'xrp',
  other: 'other',
  maximumPaid: 1,
  yaml: [
    `authorisation: { required: true, keys: ${JSON.stringify(KEYS)}, approvals: 2 }`,
    'chains:',
    chainOf('xrp', 0, `, policy: { ${POLICY.join(', ')} }`),
    chainOf('other', 1, ''),
    '',
  ].join('\n'),
  backend,
  bounds: BOUNDS,
  truth: {
    chain: 'xrp',
    native: 'XRP',
    authorised: backend.authorised,
    placeOf: (address, dataField) => place(accountHex(address), dataField),
    // Whatever is paid leaves the account.
    staysOurs: () => false,
    binds: 'nothing',
  },
  kinds: [
    ...['amount', 'output', 'change', 'destination', 'forged round', 'forged expiry', 'unsigned', 'one key'],
    ...['strangers', 'omitted intent', 'omitted output', 'doubled', 'foreign coin', 'network', 'chain', 'byte'],
    ...['tag', 'field'],
  ] as Side['kinds'],
  templateFor,
  read,
  isFor: template => (template as { network: string }).network === NETWORK.name,
}
