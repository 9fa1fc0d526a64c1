/** Thousands of outputs to one address of ours in a single transaction: seen, mined, left in a reorganisation, and read again at a start. */
import { join } from 'node:path'
import { scriptOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { benchRow, timedAsync, type BenchRow, type Progress } from '../../bench/measure.ts'
import { everything } from '../audit.ts'
import { bytesIn } from '../folder.ts'
import { CHAIN, NETWORK, startSystem, type System } from '../system.ts'
import { openPurse, type Purse } from './purse.ts'

export interface ManyOutputsSizes {
  outputs: number
  /** Such transactions in one block, at last. */
  transactions: number
}

const AMOUNT_SAT = 200_000n
/** Less than the system's minimum deposit. */
const IGNORED_SAT = 20_000n
const FUNDS_SAT = 20_000_000_000n
const PAUSE_MS = 50
const GENEROUS_MS = 10 * 60_000
const BYTES_MAXIMUM = 2048
const SECONDS_MAXIMUM = 10
const MILLISECONDS_PER_SECOND = 1000

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

const count = async (system: System, state: string): Promise<number> =>
  (await everything(system, `/v1/deposits?state=${state}`)).length

async function untilCount(system: System, state: string, wanted: number): Promise<void> {
  const deadline = performance.now() + GENEROUS_MS
  for (let found = 0; found !== wanted; found = await count(system, state)) {
    if (performance.now() > deadline)
      throw new Error(`${found} of ${wanted} deposits are ${state}\n${system.watcher.log().slice(-2000)}`)
    await pause(PAUSE_MS)
  }
}

interface Phase {
  ms: number
  bytes: number
}

/** How long it takes, and what the ledger grows by. */
async function phase(system: System, run: () => Promise<void>): Promise<Phase> {
  const directory = join(system.directory, 'data', 'watcher')
  const before = bytesIn(directory)
  const ms = await timedAsync(run)
  return { ms, bytes: bytesIn(directory) - before }
}

const rowOf = (what: string, { ms, bytes }: Phase, deposits: number, seconds: number | null): BenchRow[] => [
  benchRow(
    `seconds until ${what}`,
    ms / MILLISECONDS_PER_SECOND,
    seconds === null ? null : { most: seconds },
    `${deposits} deposits`,
  ),
  benchRow(
    `bytes of ledger a deposit, ${what}`,
    bytes / deposits,
    { most: BYTES_MAXIMUM },
    `${(bytes / 2 ** 20).toFixed(1)} MiB`,
  ),
]

/** Seen in the mempool, mined, left, mined again, and all of it once more at a start. */
async function oneTransaction(system: System, purse: Purse, script: Uint8Array, outputs: number): Promise<BenchRow[]> {
  const { node } = system
  const raw = purse.spend(Array.from({ length: outputs }, () => ({ script, amountSat: AMOUNT_SAT })))
  const detected = await phase(system, async () => {
    await node.rpc('sendrawtransaction', raw)
    await untilCount(system, 'detected', outputs)
  })
  const confirmed = await phase(system, async () => {
    await system.mine(2)
    await untilCount(system, 'confirmed', outputs)
  })
  const reversed = await phase(system, async () => {
    await system.reorganise(2)
    await system.synced()
    await untilCount(system, 'reversed', outputs)
  })
  const again = await phase(system, async () => {
    await system.mine(2)
    await untilCount(system, 'confirmed', outputs)
  })
  const restarted = await phase(system, async () => {
    await system.watcher.kill9()
    await system.watcher.start()
    await system.synced()
    await untilCount(system, 'confirmed', outputs)
  })
  return [
    ...rowOf('all are detected', detected, outputs, SECONDS_MAXIMUM),
    ...rowOf('they are confirmed', confirmed, outputs, null),
    ...rowOf('a reorganisation has reversed them', reversed, outputs, null),
    ...rowOf('they are mined again', again, outputs, null),
    ...rowOf('they are there after a kill and a start', restarted, outputs, null),
  ]
}

/** Too small to be deposits; then what is mined at once, which was never in the mempool. */
async function more(system: System, purse: Purse, script: Uint8Array, sizes: ManyOutputsSizes): Promise<BenchRow[]> {
  const { outputs, transactions } = sizes
  const { node } = system
  const spend = (amountSat: bigint) => purse.spend(Array.from({ length: outputs }, () => ({ script, amountSat })))
  const ignored = await phase(system, async () => {
    await node.rpc('sendrawtransaction', spend(IGNORED_SAT))
    await system.mine(2)
    await system.reorganise(2)
    await system.mine(2)
    await untilCount(system, 'ignored', outputs)
  })
  const all = outputs * (transactions + 1)
  const mined = await phase(system, async () => {
    await node.rpc(
      'generateblock',
      await node.rpc('getnewaddress'),
      Array.from({ length: transactions }, () => spend(AMOUNT_SAT)),
    )
    await system.mine(1)
    await untilCount(system, 'confirmed', all)
  })
  return [
    ...rowOf('as many too small ones are ignored, left and ignored again', ignored, outputs, null),
    ...rowOf(`${transactions} such transactions of one block are confirmed`, mined, outputs * transactions, null),
  ]
}

export async function measureManyOutputs(sizes: ManyOutputsSizes, progress: Progress): Promise<BenchRow[]> {
  progress(`${sizes.outputs} outputs of one transaction`)
  const system = await startSystem({ chain: { confirmations: { credit: 2, final: 20 } } })
  try {
    const script = scriptOf(await system.address('one'), networkOf(NETWORK))
    const purse = await openPurse(system, FUNDS_SAT)
    const one = await oneTransaction(system, purse, script, sizes.outputs)
    progress(`${sizes.transactions} such transactions in one block`)
    const rest = await more(system, purse, script, sizes)
    const { state, blockHash } = (await system.get(`/v1/chains/${CHAIN}`)).body
    if (state !== 'following' || blockHash === null) throw new Error(`the chain is ${state}`)
    return [...one, ...rest]
  } finally {
    await system.abandon()
  }
}
