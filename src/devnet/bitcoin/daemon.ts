/** A real daemon in regtest as a network of the demonstration: the same things are done to it, through its RPC and its wallet. */
import { join } from 'node:path'
import { z } from 'zod'
import { addressOf, scriptOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf, type Network } from '../../../adapters/bitcoin/network.ts'
import { createRpc, fromSatoshi, toSatoshi, type Rpc } from '../../../adapters/bitcoin/rpc.ts'
import { scriptFor } from '../../../adapters/bitcoin/script.ts'
import { boundary, operating, reasonOf } from '../../kernel/fault.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { AttachedChain, Devnet, DevnetChain, DevnetTools, DaemonAccess, OnChainPayment } from '../devnet.ts'
import { pause } from '../pause.ts'
import { BLOCK_MS, keepPace } from '../pace.ts'
import { PRETENCE } from './simulated.ts'

const WALLET = 'demo'
/** Coinbase outputs may be spent after 100 blocks. */
const FIRST_BLOCKS = 110
const READY_TRIES = 300
const READY_TRY_MS = 200
const HASH_BYTES = 20
/** What may still be unconfirmed is published again with each block. */
const RECENT = 50
const CONFIRMED_SAFELY = 10
const CONFLICT_FEE_SAT = 100_000n
/** The block that activates MWEB on a litecoin regtest is valid only with a peg-in, which makes coins of this many. */
const HEIGHT_BEFORE_MWEB = 431
const PEG_IN_COINS = '1'

const anything = z.unknown()
const text = z.string()
const transactionSchema = z.object({ hex: text, confirmations: z.number() })
const signedSchema = z.object({ hex: text, complete: z.literal(true) })
const inputsSchema = z.object({ vin: z.array(z.object({ txid: text, vout: z.number() })) })
const amountSchema = z.union([text, z.number()])
const outputsSchema = z.object({ vout: z.array(z.object({ value: amountSchema })) })
const chainSchema = z.object({ chain: text, blocks: z.number(), softforks: z.record(text, anything).optional() })
const blockSchema = z.object({
  height: z.number(),
  previousblockhash: text.optional(),
  tx: z.array(
    z.object({
      txid: text,
      vout: z.array(
        z.object({
          value: amountSchema,
          scriptPubKey: z.object({ address: text.optional(), addresses: z.array(text).optional() }),
        }),
      ),
    }),
  ),
})

async function writeSecret(disk: Disk, path: string, secret: string): Promise<void> {
  if (await disk.exists(path)) await disk.remove(path)
  const file = await disk.open(path, { create: true })
  await file.append(new TextEncoder().encode(`${secret}\n`))
  await file.close()
}

interface Open {
  rpc: Rpc
  chain: DevnetChain
  network: Network
  tools: DevnetTools
  node: DaemonAccess
  /** Of the wallet, the youngest last. */
  sent: string[]
}

const heightOf = ({ rpc }: Open): Promise<number> => rpc.call(z.number(), 'getblockcount')
const ownAddress = ({ rpc }: Open): Promise<string> => rpc.call(text, 'getnewaddress')

async function untilReady(rpc: Rpc, { ports }: DevnetTools): Promise<void> {
  let last = 'no answer'
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const isReady = await rpc.call(anything, 'getblockchaininfo').then(
      () => true,
      (error: unknown) => {
        last = reasonOf(error)
        return false
      },
    )
    if (isReady) return
    await pause(ports.clock, READY_TRY_MS)
  }
  throw operating('not-ready', `the node is not ready: ${last}`)
}

/** A wallet with coins to pay with, and a tip that is not old: a node with an old one counts as syncing. */
async function prepareWallet(open: Open): Promise<void> {
  const { rpc } = open
  await rpc
    .call(anything, 'createwallet', WALLET)
    .catch(() => rpc.call(anything, 'loadwallet', WALLET).catch(() => null))
  const height = await heightOf(open)
  await rpc.call(anything, 'generatetoaddress', Math.max(1, FIRST_BLOCKS - height), await ownAddress(open))
}

async function payPegIn({ rpc }: Open): Promise<void> {
  const { blocks, softforks } = await rpc.call(chainSchema, 'getblockchaininfo')
  if (blocks !== HEIGHT_BEFORE_MWEB || softforks?.['mweb'] === undefined) return
  await rpc.call(text, 'sendtoaddress', await rpc.call(text, 'getnewaddress', '', 'mweb'), PEG_IN_COINS)
}

async function mine(open: Open): Promise<void> {
  await payPegIn(open)
  await open.rpc.call(anything, 'generatetoaddress', 1, await ownAddress(open))
  await publishAgain(open)
}

/**
 * A wallet locks a payment to the height at which it was made, so a reorganisation makes the node forget young payments. Each
 * may spend the change of the one before: in their order.
 */
async function publishAgain(open: Open): Promise<void> {
  const { rpc } = open
  for (const txid of open.sent.slice(-RECENT)) {
    const { hex, confirmations } = await rpc.call(transactionSchema, 'gettransaction', txid)
    // There already, or not final before the next block: then the next time.
    if (confirmations < 1) await rpc.call(anything, 'sendrawtransaction', hex).catch(() => null)
    else if (confirmations > CONFIRMED_SAFELY) open.sent = open.sent.filter(other => other !== txid)
  }
}

async function pay(open: Open, address: string, amount: bigint): Promise<string> {
  const txid = await open.rpc.call(text, 'sendtoaddress', address, fromSatoshi(amount))
  open.sent.push(txid)
  return txid
}

async function reorganise(open: Open, depth: number): Promise<void> {
  const { rpc } = open
  const fork = (await heightOf(open)) - depth + 1
  await rpc.call(anything, 'invalidateblock', await rpc.call(text, 'getblockhash', fork))
  for (let n = 0; n <= depth; n++) await rpc.call(anything, 'generateblock', await ownAddress(open), [])
}

/** All inputs of a payment of ours, spent to ourselves instead, in a block at once: no node relays it before that. */
async function mineConflict(open: Open, txid: string): Promise<void> {
  const { rpc } = open
  const { hex } = await rpc.call(transactionSchema, 'gettransaction', txid)
  const { vin } = await rpc.call(inputsSchema, 'decoderawtransaction', hex)
  let inSat = 0n
  for (const input of vin) {
    const spent = await rpc.call(transactionSchema, 'gettransaction', input.txid)
    const { vout } = await rpc.call(outputsSchema, 'decoderawtransaction', spent.hex)
    inSat += toSatoshi(vout[input.vout]!.value)
  }
  const outputs = { [await ownAddress(open)]: fromSatoshi(inSat - CONFLICT_FEE_SAT) }
  const signed = await sign(open, await rpc.call(text, 'createrawtransaction', vin, outputs))
  await rpc.call(anything, 'generateblock', await ownAddress(open), [signed])
}

const sign = async ({ rpc }: Open, raw: string): Promise<string> =>
  (await rpc.call(signedSchema, 'signrawtransactionwithwallet', raw)).hex

async function pretend(open: Open, address: string): Promise<string> {
  const { rpc, network } = open
  const data = Buffer.from(scriptOf(address, network)).toString('hex')
  const raw = await rpc.call(text, 'createrawtransaction', [], [{ data }])
  const funded = await rpc.call(z.object({ hex: text }), 'fundrawtransaction', raw)
  const txid = await rpc.call(text, 'sendrawtransaction', await sign(open, funded.hex))
  open.sent.push(txid)
  return txid
}

interface Scanned {
  parent: string | undefined
  outputs: { address: string; payment: OnChainPayment }[]
}

/** Blocks do not change, so each is read once. */
function createScan({ rpc }: Open): (addresses: readonly string[]) => Promise<Map<string, OnChainPayment[]>> {
  const blocks = new Map<string, Scanned>()

  async function scan(hash: string): Promise<Scanned> {
    const { tx, previousblockhash } = await rpc.call(blockSchema, 'getblock', hash, 2)
    const outputs = tx.flatMap(({ txid, vout }) =>
      vout.flatMap(({ value, scriptPubKey: { address, addresses } }) => {
        const to = address ?? addresses?.[0]
        return to === undefined ? [] : [{ address: to, payment: { transactionId: txid, amount: toSatoshi(value) } }]
      }),
    )
    return { parent: previousblockhash, outputs }
  }

  return async addresses => {
    const found = new Map(addresses.map(address => [address, [] as OnChainPayment[]]))
    for (let hash: string | undefined = await rpc.call(text, 'getbestblockhash'); hash !== undefined;) {
      const block: Scanned = blocks.get(hash) ?? (await scan(hash))
      blocks.set(hash, block)
      for (const { address, payment } of block.outputs) found.get(address)?.push(payment)
      hash = block.parent
    }
    return found
  }
}

async function run(open: Open, title: string): Promise<Devnet> {
  const { chain, network, tools, node } = open
  await prepareWallet(open)
  const pace = keepPace(tools.ports.clock, async () => {
    await mine(open)
    return true
  })
  return {
    node,
    title: `${title} at ${node.url}, a block every ${BLOCK_MS / 1000} s`,
    height: () => heightOf(open),
    mine: () => pace.held(() => mine(open)),
    pay: (address, amount) => pay(open, address, amount),
    strangerAddress: async () => addressOf(scriptFor('p2wpkh', tools.ports.random.bytes(HASH_BYTES)), network)!,
    received: createScan(open),
    accidents: {
      reorganise: depth =>
        pace.held(async () => {
          await reorganise(open, depth)
          await publishAgain(open)
        }),
      doubleSpend: (address, amount, isSeen) =>
        pace.held(async () => {
          const txid = await open.rpc.call(text, 'sendtoaddress', address, fromSatoshi(amount))
          await isSeen(txid)
          await mineConflict(open, txid)
        }),
      pretend: { words: PRETENCE, send: address => pretend(open, address) },
    },
    failed: pace.failed.catch((error: unknown) => {
      throw operating('node-failed', `${chain.name}: ${reasonOf(error)}`)
    }),
    stop: async () => pace.stop(),
  }
}

const openNode = (chain: DevnetChain, tools: DevnetTools, node: DaemonAccess, password?: string): Open => {
  const { request, disk } = tools.ports
  const access = password === undefined ? node : { ...node, password }
  return {
    rpc: createRpc(access, request, disk),
    chain,
    network: networkOf(z.string().parse(chain.network)),
    tools,
    node,
    sent: [],
  }
}

/** litecoind, in a directory of its own. Rejects with operating `not-ready`. */
export async function startDaemon(command: string, chain: DevnetChain, tools: DevnetTools): Promise<Devnet> {
  const { directory } = tools
  const port = await tools.freePort()
  const args = [
    '-regtest',
    `-datadir=${directory}`,
    `-rpcport=${port}`,
    '-rest=1',
    '-listen=0',
    '-connect=0',
    '-dnsseed=0',
  ]
  // Without MWEB, whose coins the wallet would pay with under ids that it does not tell.
  tools.launch(command, [...args, '-fallbackfee=0.0002', '-vbparams=mweb:-2:0', '-printtoconsole=0'])
  const cookieFile = join(directory, 'regtest', '.cookie')
  const open = openNode(chain, tools, { url: `http://127.0.0.1:${port}`, cookieFile })
  await untilReady(open.rpc, tools)
  return run(open, `${command} in regtest`)
}

/**
 * A regtest node that runs already; its URL may name user and password.
 * @throws boundary `not-regtest` for any other network; operating faults when it does not answer
 */
export async function attachDaemon(
  url: string,
  chains: readonly DevnetChain[],
  toolsOf: (chain: string) => Promise<DevnetTools>,
): Promise<AttachedChain | null> {
  const { origin, username, password } = new URL(url)
  for (const chain of chains) {
    const tools = await toolsOf(chain.name)
    const { directory, ports } = tools
    const passwordFile = join(directory, 'password')
    const secret = decodeURIComponent(password)
    await writeSecret(ports.disk, passwordFile, secret)
    const node =
      username === '' ? { url: origin } : { url: origin, username: decodeURIComponent(username), passwordFile }
    const open = openNode(chain, tools, node, secret)
    const info = await open.rpc.call(chainSchema, 'getblockchaininfo')
    if (info.chain !== 'regtest') throw boundary('not-regtest', `${origin} is no regtest node, but on ${info.chain}`)
    const genesis = await open.rpc.call(text, 'getblockhash', 0)
    if (genesis === open.network.genesis) return { chain, devnet: await run(open, 'regtest node') }
  }
  return null
}
