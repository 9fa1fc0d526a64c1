/** The attack on an EVM chain. What was signed is read by ethers, which the signer does not use. */
import { Interface, Transaction, type TransactionLike } from 'ethers'
import { createDeriver } from '../../../adapters/ethereum/deriver.ts'
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import { claim } from '../../../src/kernel/untyped.ts'
import * as rigs from '../rig.ts'
import { createBackend, KEYS, NOWHERE } from './backend.ts'
import type { Bounds, Reading } from './books.ts'
import type { Sign, Twist } from './moves.ts'
import type { Side } from './side.ts'

const CHAIN_ID = 31337
const OTHER_ID = 1337
const USDT = '0xdAC17F958D2ee523a2206206994597C13D831ec7'
/** A contract that looks like a token and is not listed. */
const UNLISTED = '0x6B175474E89094C44Da98b954EedeAC495271d0F'
const deriver = createDeriver()
const FOREIGN_SEED = new Uint8Array(64).fill(1)
const ours = (index: number): string => deriver.derive(rigs.SEED, index).address
const theirs = (index: number): string => deriver.derive(FOREIGN_SEED, index).address

const BOUNDS: Bounds = {
  maximumFee: 400_000n,
  maximumFeeRate: 12,
  limits: {
    ETH: { perTransaction: 1_150_000n, perDay: 3_000_000n },
    USDT: { perTransaction: 850_000n, perDay: 1_700_000n },
  },
  blocked: theirs(2),
}
const GAS_FUNDING = 5_000n
const { ETH: native, USDT: token } = BOUNDS.limits
const POLICY = [
  `maximumFeeRate: ${BOUNDS.maximumFeeRate}, maximumFee: "${BOUNDS.maximumFee}", gasFunding: "${GAS_FUNDING}"`,
  `perTransaction: "${native!.perTransaction}", perDay: "${native!.perDay}"`,
  `tokens: { USDT: { perTransaction: "${token!.perTransaction}", perDay: "${token!.perDay}" } }`,
  `destinations: { blocked: ["${BOUNDS.blocked}"] }`,
]
const chainOf = (name: string, chainId: number, policy: string): string =>
  `  ${name}: { family: ethereum, network: { chainId: ${chainId} }, asset: ETH, tokens: [ { asset: USDT, contract: "${USDT}" } ]${policy} }`
const WHERE = { thief: theirs(9), payee: theirs(0), treasury: ours(0), own: ours(2) }
const backend = createBackend({
  chain: 'eth',
  other: 'other',
  assetOf: w => (w % 3 === 2 ? 'USDT' : 'ETH'),
  payees: [theirs(0), theirs(1)],
  blocked: BOUNDS.blocked,
  thief: WHERE.thief,
})

const ERC20 = new Interface([
  'function transfer(address,uint256)',
  'function approve(address,uint256)',
  'function transferFrom(address,address,uint256)',
])
const call = (name: string, ...values: unknown[]): string => ERC20.encodeFunctionData(name, values)

/** Everything it does, or an error: nothing is overlooked. */
function outputsOf({ id, transaction }: { id: string; transaction: Transaction }): Reading['outputs'] {
  const { to, value, data, type, accessList, chainId } = transaction
  if (chainId !== BigInt(CHAIN_ID)) throw new Error(`${id} was signed for the chain ${chainId}`)
  if ((type !== 0 && type !== 2) || (accessList?.length ?? 0) > 0) throw new Error(`${id} is of type ${type}`)
  if (to === null) throw new Error(`${id} creates a contract`)
  if (data === '0x') return [{ to, asset: 'ETH', amount: value }]
  if (to !== USDT) throw new Error(`${id} calls ${to}`)
  if (value !== 0n) throw new Error(`${id} sends ${value} to a contract`)
  const parsed = ERC20.parseTransaction({ data })
  if (parsed?.name !== 'transfer') throw new Error(`${id} calls ${parsed?.name ?? data.slice(0, 10)}`)
  const [payee, amount] = claim<[string, bigint]>(parsed.args)
  if (call('transfer', payee, amount) !== data) throw new Error(`${id} says more than its call`)
  return [{ to: payee, asset: 'USDT', amount }]
}

const OUR_ACCOUNTS = [0, 1, 2, 3, 4].map(ours)

function read(raw: string): Reading {
  const transaction = Transaction.from(raw)
  const { from, nonce, gasLimit } = transaction
  const id = transaction.hash!
  if (from === null || !OUR_ACCOUNTS.includes(from)) throw new Error(`${id} is from ${String(from)}, not from us`)
  const price = transaction.maxFeePerGas ?? transaction.gasPrice ?? 0n
  const outputs = outputsOf({ id, transaction })
  return { id, spends: [`${from}:${nonce}`], outputs, fee: gasLimit * price, rate: Number(price) }
}

const OTHER_ASSET: Record<string, string> = { ETH: 'USDT', USDT: 'ETH' }

interface Payment {
  to: string
  asset: string
  amount: bigint
}

/** One transaction makes one payment: that of the first intent. Without any it gathers, funds, or gives up a nonce. */
function paymentFor({ twist, fee }: Sign, intents: readonly AuthorisedIntent[]): Payment {
  if (twist.kind === 'output') return { to: WHERE[twist.place], asset: 'ETH', amount: BigInt(twist.amount) }
  if (twist.kind === 'funding') return { to: WHERE.own, asset: 'ETH', amount: GAS_FUNDING + BigInt(twist.by) }
  const [intent] = intents.filter(({ to }) => to !== NOWHERE)
  if (twist.kind === 'change') return { to: WHERE[twist.place], asset: fee % 2 === 0 ? 'ETH' : 'USDT', amount: 1_000n }
  if (intent === undefined || twist.kind === 'omitted output')
    return fee % 2 === 0
      ? { to: WHERE.treasury, asset: 'ETH', amount: 0n }
      : { to: WHERE.treasury, asset: 'USDT', amount: 9_000_000n }
  const by = twist.kind === 'amount' ? BigInt(twist.by) : 0n
  const asset = twist.kind === 'asset' ? OTHER_ASSET[intent.asset]! : intent.asset
  return { to: intent.to, asset, amount: BigInt(intent.amount) + by }
}

function callFor(twist: Twist, { to, amount }: Payment, from: string): { to: string; data: string; value: bigint } {
  const plain = { to: USDT, data: call('transfer', to, amount), value: 0n }
  if (twist.kind !== 'call') return plain
  switch (twist.call) {
    case 'approve':
      return { ...plain, data: call('approve', to, amount) }
    case 'transferFrom':
      return { ...plain, data: call('transferFrom', from, to, amount) }
    case 'longer':
      return { ...plain, data: `${plain.data}${'00'.repeat(32)}` }
    case 'unlisted':
      return { ...plain, to: UNLISTED }
    case 'with value':
      return { ...plain, value: 1_000n }
  }
}

function templateFor(move: Sign, intents: readonly AuthorisedIntent[]): Json | null {
  const { twist, coins, fee } = move
  const nonce = coins[0]!
  const from = twist.kind === 'foreign coin' ? theirs(8) : ours(nonce % 2)
  const payment = paymentFor(move, intents)
  const zero = payment.asset === 'ETH' && payment.amount === 0n
  const isCall = payment.asset === 'USDT' || twist.kind === 'call'
  const effect = isCall
    ? callFor(twist, payment, from)
    : { to: zero ? from : payment.to, data: '0x', value: payment.amount }
  const price = BigInt(Math.max(1, Math.floor(fee / 1_000)))
  const gasLimit = isCall ? 25_000n + BigInt(fee % 5) * 10_000n : 21_000n + BigInt(fee % 7) * 5_000n
  const chainId = twist.kind === 'network' ? [1, OTHER_ID, 0][twist.which]! : CHAIN_ID
  const fees: TransactionLike =
    fee % 4 === 0 ? { type: 0, gasPrice: price } : { type: 2, maxFeePerGas: price, maxPriorityFeePerGas: 1n }
  const transaction = Transaction.from({ ...effect, ...fees, chainId, nonce, gasLimit }).unsignedSerialized
  return { from, transaction: altered(transaction, twist) }
}

function altered(hex: string, twist: Twist): string {
  if (twist.kind !== 'byte') return hex
  const bytes = Buffer.from(hex.slice(2), 'hex')
  bytes[twist.at % bytes.length]! ^= 1 << twist.bit
  return `0x${bytes.toString('hex')}`
}

/** Nothing more than gas for an address of ours; nothing at all to the sender itself. */
const staysOurs = ({ to, asset, amount }: Payment): boolean =>
  to === WHERE.treasury || (asset === 'ETH' && OUR_ACCOUNTS.includes(to) && amount <= GAS_FUNDING)

export const ethereumSide: Side = {
  chain: 'eth',
  other: 'other',
  maximumPaid: 1,
  yaml: [
    `authorisation: { required: true, keys: ${JSON.stringify(KEYS)}, approvals: 2 }`,
    'chains:',
    chainOf('eth', CHAIN_ID, `, policy: { ${POLICY.join(', ')} }`),
    chainOf('other', OTHER_ID, ''),
    '',
  ].join('\n'),
  backend,
  bounds: BOUNDS,
  truth: {
    chain: 'eth',
    native: 'ETH',
    authorised: backend.authorised,
    placeOf: address => address,
    staysOurs,
    binds: 'transfer',
  },
  kinds: [
    ...['amount', 'output', 'change', 'destination', 'forged round', 'forged expiry', 'unsigned', 'one key'],
    ...['strangers', 'omitted intent', 'omitted output', 'doubled', 'foreign coin', 'network', 'chain', 'byte'],
    ...['asset', 'funding', 'call'],
  ] as Side['kinds'],
  templateFor,
  read,
  // The chain id is a part of what is read.
  isFor: () => true,
}
