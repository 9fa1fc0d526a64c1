/** What a block lattice costs: signing its blocks against the bare signatures, and how often a node is asked where nothing is new. */
import { addressOf } from '../../adapters/nano/address.ts'
import { hashOf, ZERO_HASH, type StateBlock } from '../../adapters/nano/block.ts'
import { createDeriver } from '../../adapters/nano/deriver.ts'
import { sign } from '../../adapters/nano/ed25519.ts'
import { networkOf } from '../../adapters/nano/network.ts'
import { createRpc } from '../../adapters/nano/rpc.ts'
import { scanLattice } from '../../adapters/nano/scan.ts'
import { createSignable } from '../../adapters/nano/signable.ts'
import { createWatch } from '../../adapters/nano/watch.ts'
import { createSimulatedNano } from '../../src/devnet/nano/node.ts'
import { alternating, benchRow, perSecond, type BenchRow, type Progress } from './measure.ts'

export interface LatticeSizes {
  /** Blocks that are signed in a round. */
  blocks: number
  rounds: number
  /** Accounts that are watched. */
  accounts: number
}

const network = networkOf('nano-dev')
const KEY_BYTES = 32

/** Sends of one account, each with all that the signer is shown. */
function templatesOf(deriver: ReturnType<typeof createDeriver>, seed: Uint8Array, count: number) {
  const { address: account } = deriver.derive(seed, 0)
  const { publicKey } = deriver.derive(seed, 1)
  const state = { type: 'state' as const, account, representative: account }
  const previous: StateBlock = { ...state, previous: ZERO_HASH, balance: '1000000', link: publicKey.toUpperCase() }
  return Array.from({ length: count }, (_, n) => ({
    ...{ network: network.name, previous: { ...previous }, source: null },
    block: { ...previous, previous: hashOf(previous, network), balance: String(n) },
  }))
}

function benchSigning({ blocks, rounds }: LatticeSizes, progress: Progress): BenchRow {
  progress(`signing ${blocks} blocks of a lattice`)
  const seed = new Uint8Array(64).fill(7)
  const deriver = createDeriver(network)
  const signable = createSignable('lattice', 'XNO', network, { representative: null })
  const secret = new Uint8Array(KEY_BYTES).fill(3)
  const templates = templatesOf(deriver, seed, blocks)
  const messages = templates.map(({ block }) => Buffer.from(hashOf(block, network), 'hex'))
  const whole = () =>
    templates.map(template => {
      const { payloads, assemble } = signable.open(template)
      return assemble(
        deriver.sign(
          seed,
          payloads.map(payload => ({ index: 0, payload })),
        ),
      )
    })
  const bare = () => messages.map(message => sign(message, secret))
  alternating(1, whole, bare)
  const [wholeMs, bareMs] = alternating(rounds, whole, bare)
  const [ours, theirs] = [wholeMs, bareMs].map(ms => perSecond((1000 * blocks) / ms))
  return benchRow('blocks signed / bare ed25519-blake2b', bareMs / wholeMs, { least: 0.5 }, `${ours} and ${theirs}`)
}

/** As many as there are thousands of accounts, twice. */
async function benchIdlePoll({ accounts }: LatticeSizes, progress: Progress): Promise<BenchRow> {
  const all = accounts.toLocaleString('en')
  progress(`an idle poll of ${all} accounts`)
  const node = createSimulatedNano({ now: () => 0 })
  const watch = createWatch('lattice')
  for (let index = 0; index < accounts; index++) {
    const key = new Uint8Array(KEY_BYTES).fill(1)
    new DataView(key.buffer).setUint32(0, index)
    watch.addAddress(index, addressOf(key, network))
  }
  const rpc = createRpc({ url: 'http://node' }, call => node.request(call))
  await scanLattice({ rpc, network, watch, worthwhile: 1n })
  const calls = [...node.calls.values()].reduce((sum, count) => sum + count, 0)
  const most = 2 * Math.ceil(accounts / 1000)
  return benchRow(`questions of an idle poll of ${all} accounts`, calls, { most }, `${calls} calls`)
}

export const benchLattice = async (sizes: LatticeSizes, progress: Progress): Promise<BenchRow[]> => [
  benchSigning(sizes, progress),
  await benchIdlePoll(sizes, progress),
]
