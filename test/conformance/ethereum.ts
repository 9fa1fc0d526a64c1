/** EVM chains, as the suite sees them. */
import { canonical } from '../../adapters/ethereum/address.ts'
import { bytesOfHex, hashOfBytes, hexOf, hexWord, wordOf } from '../../src/devnet/ethereum/bytes.ts'
import { selectorOf } from '../../src/devnet/ethereum/contracts.ts'
import type { CallTrace } from '../../src/devnet/ethereum/machine.ts'
import { CONTRACTS } from '../../src/devnet/ethereum/network.ts'
import {
  createSimulatedEthereum,
  type SimulatedEthereum,
  type SimulatedEthereumOptions,
} from '../../src/devnet/ethereum/node.ts'
import type { Subject, SubjectNetwork } from './subject.ts'

const CHAIN_ID = 31_337
const ETHER = 10n ** 18n
const GWEI = 10n ** 9n
const TOKEN = 1_000_000n
const ADDRESS_BYTES = 20
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
const CALL_GAS = 200_000n

const words = (...values: (string | bigint)[]) => values.map(value => hexWord(BigInt(value)).slice(2)).join('')
/** The data of a call of a function by its signature. */
export const callOf = (signature: string, ...values: (string | bigint)[]) =>
  bytesOfHex(selectorOf(signature) + words(...values))

/** Ether that a call moved to this address, and the calls below it; nothing where it failed. */
function movedTo(address: string, { error, type, to, value, calls }: CallTrace): bigint[] {
  if (error !== null) return []
  const isMove = (type === 'CALL' || type === 'SELFDESTRUCT') && to === address && (value ?? 0n) > 0n
  return [...(isMove ? [value!] : []), ...calls.flatMap(call => movedTo(address, call))]
}

/** Payment by payment, on the canonical chain. */
function received({ chain }: SimulatedEthereum, asset: string, address: string): bigint[] {
  const receipts = chain.canonical.flatMap(block => block.receipts)
  if (asset === 'ETH') return receipts.flatMap(({ trace }) => movedTo(address.toLowerCase(), trace))
  const isPaid = (topics: readonly bigint[]) => topics[0] === BigInt(TRANSFER) && topics[2] === BigInt(address)
  return receipts
    .flatMap(({ logs }) => logs)
    .filter(log => log.address === CONTRACTS.token && isPaid(log.topics))
    .map(({ data }) => wordOf(data))
}

const held = ({ chain }: SimulatedEthereum, asset: string, address: string): bigint =>
  asset === 'ETH' ? chain.state.balanceOf(address.toLowerCase()) : chain.state.slotOf(CONTRACTS.token, BigInt(address))

/** What only this family's stories do to the network. */
export interface EthereumNetwork extends SubjectNetwork {
  node: SimulatedEthereum
  /** A call by a stranger, in the next block. */
  call(to: string, data: Uint8Array, value?: bigint): string
  /** The token moves nothing from or to this address any more; in a block of its own. */
  block(address: string): void
  /** The faucet may take the token from this address, as if its owner had approved that. */
  allow(owner: string): void
  /** Ether by a contract. */
  split(address: string, amount: bigint): void
}

/** `change`: of the simulated node. */
export function openEthereum(
  now: () => number,
  chainId = CHAIN_ID,
  change: Partial<SimulatedEthereumOptions> = {},
): EthereumNetwork {
  const node = createSimulatedEthereum({
    ...{ chainId: BigInt(chainId), seed: `conformance ${chainId}`, now, username: 'user', password: 'password' },
    ...change,
  })
  node.mine(1)
  let strangers = 0
  const call = (to: string, data: Uint8Array, value = 0n) => node.send({ to, data, value, gasLimit: CALL_GAS }).hash
  const pay = (asset: string, address: string, amount: bigint) =>
    asset === 'ETH'
      ? node.pay(address.toLowerCase(), amount)
      : call(CONTRACTS.token, callOf('transfer(address,uint256)', address, amount))
  return {
    node,
    call,
    block(address) {
      const { hash } = node.send({ to: CONTRACTS.token, data: callOf('block(address)', address), gasLimit: CALL_GAS })
      node.mine(1, { transactions: [node.transaction(hash)!] })
    },
    allow(owner) {
      const slot = BigInt(hashOfBytes(bytesOfHex(`0x${words(owner, node.faucetAddress)}`)))
      node.chain.state.setSlot(CONTRACTS.token, slot, 2n ** 200n)
    },
    split: (address, amount) => void call(CONTRACTS.splitter, bytesOfHex(`0x${words(address)}`), amount),
    handle: request => node.handle(request),
    advance: () => void node.mine(1),
    pay: (asset, { address }, amount) => pay(asset, address, amount),
    fund: (asset, treasury, amount) => void pay(asset, treasury, amount),
    stranger() {
      const bytes = new Uint8Array(ADDRESS_BYTES).fill(7)
      new DataView(bytes.buffer).setUint32(0, ++strangers)
      return { address: canonical(hexOf(bytes)), dataField: null }
    },
    received: (asset, { address }) => received(node, asset, address),
    holds: (asset, addresses) => addresses.reduce((sum, address) => sum + held(node, asset, address), 0n),
    pretences: [
      {
        words: 'a token of the same kind at another address (E5)',
        send: ({ address }, amount) =>
          void call(CONTRACTS.lookAlike, callOf('transfer(address,uint256)', address, amount)),
      },
      {
        words: 'a log of another contract (E5)',
        send: ({ address }, amount) =>
          void call(CONTRACTS.forger, bytesOfHex(`0x${words(node.faucetAddress, address, amount)}`)),
      },
      {
        words: 'a token of one piece (E5)',
        send: ({ address }) =>
          void call(CONTRACTS.collectible, bytesOfHex(`0x${words(node.faucetAddress, address, 1n)}`)),
      },
      {
        words: 'ether that a contract sends and takes back (E17)',
        send: ({ address }, amount) => void call(CONTRACTS.betrayer, bytesOfHex(`0x${words(address)}`), amount),
      },
      {
        words: 'a transfer that fails (E4)',
        send: ({ address }) => void call(CONTRACTS.token, callOf('transfer(address,uint256)', address, 10n ** 30n)),
      },
      {
        words: 'a transfer of nothing from the address itself (E16)',
        send: ({ address }) =>
          void call(CONTRACTS.token, callOf('transferFrom(address,address,uint256)', address, node.faucetAddress, 0n)),
      },
      {
        words: 'a payment that is replaced before it is in a block',
        send: ({ address }, amount) => void node.doubleSpend(node.pay(address.toLowerCase(), amount)),
      },
    ],
    reorganise(depth) {
      node.setHead(node.hashAt(node.height() - depth))
      node.mine(depth + 1, { transactions: [] })
    },
    foreign: () => openEthereum(now, CHAIN_ID + 1),
  }
}

export const ethereum: Subject = {
  family: 'ethereum',
  watcher: {
    network: { chainId: CHAIN_ID },
    asset: 'ETH',
    minimumDeposit: String(ETHER / 1000n),
    tokens: [{ asset: 'USDT', contract: CONTRACTS.token, decimals: 6, minimumDeposit: String(TOKEN) }],
    sweep: { minimum: String(ETHER / 100n), tokens: { USDT: String(5n * TOKEN) } },
  },
  signer: {
    network: { chainId: CHAIN_ID },
    asset: 'ETH',
    tokens: [{ asset: 'USDT', contract: CONTRACTS.token }],
    policy: {
      ...{ maximumFeeRate: Number(500n * GWEI), maximumFee: String(ETHER / 20n), gasFunding: String(ETHER / 200n) },
      ...{ perTransaction: String(100n * ETHER), tokens: { USDT: { perTransaction: String(1_000_000n * TOKEN) } } },
    },
  },
  confirmations: { credit: 3, final: 6 },
  assets: [
    {
      ...{ symbol: 'ETH', deposit: ETHER / 10n, tooSmall: ETHER / 10_000n, withdrawal: ETHER / 100n },
      ...{ funding: 3n * ETHER, approvedAbove: ETHER },
    },
    {
      ...{ symbol: 'USDT', deposit: 50n * TOKEN, tooSmall: TOKEN / 2n, withdrawal: 7n * TOKEN },
      ...{ funding: 2000n * TOKEN, approvedAbove: 1000n * TOKEN },
    },
  ],
  invalidDestinations: [
    '',
    'nowhere',
    `0x${'0'.repeat(40)}`,
    CONTRACTS.token,
    '0x52908400098527886E0F7030069857D2E4169Ee7',
  ],
  open: now => openEthereum(now),
}
