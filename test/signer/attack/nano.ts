/**
 * The attack on a block lattice, where a transaction is what the balance becomes. What was signed is judged by what the account
 * really had before; its hash is made here.
 * https://docs.nano.org/integration-guides/the-basics/#self-signed-blocks
 */
import { blake2b } from '@noble/hashes/blake2.js'
import { createDeriver } from '../../../adapters/nano/deriver.ts'
import { verify } from '../../../adapters/nano/ed25519.ts'
import type { StateBlock } from '../../../adapters/nano/block.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import { createLattice, type NanoTemplate } from '../../adapters/nano/lattice.ts'
import * as rigs from '../rig.ts'
import { createBackend, KEYS, NOWHERE } from './backend.ts'
import type { Bounds, Reading } from './books.ts'
import { changedText, COINS, type Sign } from './moves.ts'
import type { Side } from './side.ts'

const NETWORK = networkOf('nano-dev')
const deriver = createDeriver(NETWORK)
const FOREIGN_SEED = new Uint8Array(64).fill(1)
const ours = (index: number) => deriver.derive(rigs.SEED, index)
const theirs = (index: number) => deriver.derive(FOREIGN_SEED, index)

const BOUNDS: Bounds = {
  maximumFee: 0n,
  maximumFeeRate: 0,
  limits: { XNO: { perTransaction: 1_000_000n, perDay: 2_600_000n } },
  blocked: theirs(2).address,
}
const REPRESENTATIVE = theirs(5).address
const POLICY = [
  `perTransaction: "${BOUNDS.limits.XNO!.perTransaction}", perDay: "${BOUNDS.limits.XNO!.perDay}"`,
  `destinations: { blocked: ["${BOUNDS.blocked}"] }`,
]
const WHERE = {
  thief: theirs(9).address,
  payee: theirs(0).address,
  treasury: ours(0).address,
  own: ours(2).address,
}
const backend = createBackend({
  chain: 'nano',
  other: 'other',
  assetOf: () => 'XNO',
  payees: [WHERE.payee, theirs(1).address],
  blocked: BOUNDS.blocked,
  thief: WHERE.thief,
})

const { block, template: templateOf, keyOf, hash: hashOf } = createLattice(NETWORK, REPRESENTATIVE)

/** Frontiers of the treasury and of another account of ours, as the network has them. */
const FRONTIERS: readonly StateBlock[] = Array.from({ length: COINS }, (_, n) =>
  block(ours(n % 2).address, null, rigs.FUNDS + BigInt(n), String(n).padStart(64, 'A')),
)
const TRUE_BALANCES: ReadonlyMap<string, bigint> = new Map(FRONTIERS.map(each => [hashOf(each), BigInt(each.balance)]))
const OUR_ACCOUNTS = [0, 1, 2, 3, 4].map(n => ours(n).address)

/** What a stranger has sent to each of our accounts. */
const FAUCET = block(WHERE.payee, null, 10n ** 20n, 'B'.repeat(64))
const SOURCE_AMOUNT = 500_000n
const sourceFor = (account: string): StateBlock =>
  block(WHERE.payee, FAUCET, BigInt(FAUCET.balance) - SOURCE_AMOUNT, keyOf(account))

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const PREAMBLE = bytesOf('6'.padStart(64, '0'))

function hash({ account, previous, representative, balance, link }: StateBlock): Uint8Array {
  const amount = bytesOf(BigInt(balance).toString(16).padStart(32, '0'))
  const parts = [bytesOf(keyOf(account)), bytesOf(previous), bytesOf(keyOf(representative)), amount, bytesOf(link)]
  return blake2b(Buffer.concat([PREAMBLE, ...parts]), { dkLen: 32 })
}

function read(raw: string): Reading {
  const { signature, ...signed } = JSON.parse(raw) as StateBlock & { signature: string }
  const digest = hash(signed)
  const id = Buffer.from(digest).toString('hex').toUpperCase()
  const { account, previous, representative, balance, link } = signed
  const index = OUR_ACCOUNTS.indexOf(account)
  if (index < 0) throw new Error(`${id} is of ${account}, not ours`)
  if (!verify(bytesOf(signature), digest, bytesOf(ours(index).publicKey))) throw new Error(`${id} is not signed by us`)
  if (representative !== REPRESENTATIVE) throw new Error(`${id} votes for ${representative}`)
  const before = TRUE_BALANCES.get(previous)
  if (before === undefined) throw new Error(`${id} stands on ${previous}, which there is not`)
  const left = before - BigInt(balance)
  const spends = left > 0n ? [`${account}:${previous}`] : [`${account}:${previous}`, link]
  return { id, spends, outputs: left > 0n ? [{ to: link, asset: 'XNO', amount: left }] : [], fee: 0n, rate: 0 }
}

interface Effect {
  /** What leaves; negative for what is received. */
  amount: bigint
  link: string
  source: NanoTemplate['source']
}

const sending = (to: string, amount: bigint): Effect => ({ amount, link: keyOf(to), source: null })

function receiving(account: string): Effect {
  const source = sourceFor(account)
  return { amount: -SOURCE_AMOUNT, link: hashOf(source), source: { block: source, previous: FAUCET } }
}

/** One block makes one payment, or receives, or gathers. */
function effectFor({ twist, fee }: Sign, intents: readonly AuthorisedIntent[], frontier: StateBlock): Effect {
  if (twist.kind === 'output') return sending(WHERE[twist.place], BigInt(twist.amount))
  if (twist.kind === 'change') return sending(WHERE[twist.place], 1_000n)
  const [intent] = intents.filter(({ to }) => to !== NOWHERE)
  if (intent === undefined || twist.kind === 'omitted output')
    return fee % 3 === 0 && frontier.account !== WHERE.treasury
      ? sending(WHERE.treasury, BigInt(frontier.balance))
      : receiving(frontier.account)
  return sending(intent.to, BigInt(intent.amount) + (twist.kind === 'amount' ? BigInt(twist.by) : 0n))
}

function templateFor(move: Sign, intents: readonly AuthorisedIntent[]): Json | null {
  const { twist, coins, fee } = move
  const frontier = FRONTIERS[coins[0]!]!
  const { amount, link, source } = effectFor(move, intents, frontier)
  const made = block(frontier.account, frontier, BigInt(frontier.balance) - amount, link)
  const template = templateOf(made, frontier, source)
  switch (twist.kind) {
    case 'foreign coin':
      made.account = theirs(8).address
      if (fee % 2 === 0) template.previous = { ...frontier, account: made.account }
      break
    // The block stands on the real frontier and says what would be left of another.
    case 'previous amount':
      made.balance = String(BigInt(made.balance) + BigInt(twist.by))
      template.previous = { ...frontier, balance: String(BigInt(frontier.balance) + BigInt(twist.by)) }
      break
    case 'representative':
      made.representative = WHERE.thief
      if (twist.isShown) template.previous = { ...frontier, representative: WHERE.thief }
      break
    case 'network':
      template.network = ['nano', 'banano', 'nano-beta'][twist.which]!
      break
    case 'byte':
      return changedText(template, twist)
    default:
  }
  return BigInt(made.balance) < 0n ? null : template
}

const chainOf = (name: string, network: string, asset: string, policy: string): string =>
  `  ${name}: { family: nano, network: ${network}, asset: ${asset}, representative: "${REPRESENTATIVE}"${policy} }`

export const nanoSide: Side = {
  chain: 'nano',
  other: 'other',
  maximumPaid: 1,
  yaml: [
    `authorisation: { required: true, keys: ${JSON.stringify(KEYS)}, approvals: 2 }`,
    'chains:',
    chainOf('nano', 'nano-dev', 'XNO', `, policy: { ${POLICY.join(', ')} }`),
    chainOf('other', 'nano', 'XNO', ''),
    '',
  ].join('\n'),
  backend,
  bounds: BOUNDS,
  truth: {
    chain: 'nano',
    native: 'XNO',
    authorised: backend.authorised,
    placeOf: address => (address === NOWHERE ? NOWHERE : keyOf(address)),
    staysOurs: ({ to }) => to === keyOf(WHERE.treasury),
    binds: 'once',
  },
  kinds: [
    ...['amount', 'output', 'change', 'destination', 'forged round', 'forged expiry', 'unsigned', 'one key'],
    ...['strangers', 'omitted intent', 'omitted output', 'doubled', 'previous amount', 'foreign coin', 'network'],
    ...['chain', 'byte', 'representative'],
  ] as Side['kinds'],
  templateFor,
  read,
  isFor: template => (template as { network: string }).network === NETWORK.name,
}
