/** Nano, as the suite sees it. */
import { addressOf, accountKeyOf } from '../../adapters/nano/address.ts'
import { networkOf } from '../../adapters/nano/network.ts'
import { upperHex } from '../../adapters/hex.ts'
import { createSimulatedNano, type SimulatedNano } from '../../src/devnet/nano/node.ts'
import { DEV_GENESIS, genesisAccount } from '../../src/devnet/nano/genesis.ts'
import type { Subject, SubjectNetwork } from './subject.ts'

const DEV = networkOf('nano-dev')
const NANO = 10n ** 30n
const KEY_BYTES = 32
const CONFIRMATION_MS = 400
const GOLDEN = 0.618_033_988_749_895

/** Confirmed sends to the account. */
function sentTo({ lattice }: SimulatedNano, address: string): bigint[] {
  const link = upperHex(accountKeyOf(address, lattice.network))
  return [...lattice.blocks.values()]
    .filter(({ subtype, block, confirmed }) => confirmed && subtype === 'send' && block.link === link)
    .map(({ amount }) => amount)
}

/** Received and not. */
function heldBy({ lattice }: SimulatedNano, address: string): bigint {
  const waiting = [...lattice.receivable(address)].filter(([hash]) => lattice.blocks.get(hash)!.confirmed)
  return waiting.reduce((sum, [, { amount }]) => sum + amount, lattice.confirmedHead(address)?.balance ?? 0n)
}

/** @param rollBackRate how often a block of ours that the node has taken is gone again */
export function openNano(now: () => number, rollBackRate = 0, network = DEV): SubjectNetwork {
  let rolled = 0
  const node = createSimulatedNano({
    ...{ network: network.name, now, confirmationMs: CONFIRMATION_MS, username: 'user', password: 'password' },
    // A sequence without a pattern that the story could have, the same each time.
    roll: () => (++rolled * GOLDEN) % 1,
  })
  node.faults.rollBackRate = rollBackRate
  let strangers = 0
  let forks = 0
  return {
    handle(request) {
      const answer = node.handle(request)
      if ((Object(answer.body) as { error?: unknown }).error === 'Fork') forks++
      return answer
    },
    flaws: () => (forks === 0 ? [] : [`${forks} blocks of ours were forks`]),
    advance: () => node.confirmAll(),
    pay: (_, { address }, amount) => node.pay(address, amount),
    fund: (_, treasury, amount) => void node.pay(treasury, amount),
    stranger() {
      const key = new Uint8Array(KEY_BYTES).fill(7)
      new DataView(key.buffer).setUint32(0, ++strangers)
      return { address: addressOf(key, network), dataField: null }
    },
    received: (_, { address }) => sentTo(node, address),
    holds: (_, addresses) => addresses.reduce((sum, address) => sum + heldBy(node, address), 0n),
    pretences: [
      {
        words: 'a send that is rolled back before it is confirmed',
        send: ({ address }, raw) => node.rollBack(node.pay(address, raw)),
      },
      {
        words: 'a block that names the account as its representative and pays nobody',
        send({ address }) {
          const { hash: previous, block, balance } = node.lattice.head(genesisAccount(network))!
          const { type, account } = block
          const link = '0'.repeat(2 * KEY_BYTES)
          const change = { type, account, previous, representative: address, balance: String(balance), link }
          node.submit(node.complete(change, DEV_GENESIS.secret))
        },
      },
    ],
    foreign() {
      const other = openNano(now)
      const live = networkOf('nano').genesis
      const handle: SubjectNetwork['handle'] = request => {
        const answer = other.handle(request)
        const body = Object(answer.body) as Record<string, unknown>
        return 'network_identifier' in body ? { ...answer, body: { ...body, network_identifier: live } } : answer
      }
      return { ...other, handle }
    },
  }
}

export const nano: Subject = {
  family: 'nano',
  watcher: { network: DEV.name, asset: 'XNO', minimumDeposit: '1000', startHeight: 1 },
  signer: { network: DEV.name, asset: 'XNO', policy: { perTransaction: String(1000n * NANO) } },
  confirmations: { credit: 1, final: 1 },
  assets: [
    {
      ...{ symbol: 'XNO', deposit: 5n * NANO, tooSmall: 10n, withdrawal: NANO / 10n },
      ...{ funding: 30n * NANO, approvedAbove: 10n * NANO },
    },
  ],
  invalidDestinations: ['', 'nowhere', addressOf(new Uint8Array(KEY_BYTES), DEV)],
  open: now => openNano(now),
}
