/** Signer and watcher as processes of their own beside a real anvil, with a token on it, as an operator runs them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hexOf, quantity } from '../../src/devnet/ethereum/bytes.ts'
import { deployingToken } from '../../src/devnet/ethereum/contracts.ts'
import { addressOfSecret, createdAddress, type UnsignedTransaction } from '../../src/devnet/ethereum/transaction.ts'
import { askAt, callData, ETHER, SECRETS, signed } from '../devnet/ethereum/calls.ts'
import { startAnvil, type Anvil } from './anvil.ts'
import { daemon, run, type Daemon } from './daemon.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { openApi, prepare, type Api, type Place } from './system.ts'

export const CHAIN = 'ethereum'
export const TOKEN = 'USDT'
export const CREDIT = 2
export const FINAL = 5
const [RICH] = SECRETS
const FEES = { maxFeePerGas: 100_000_000_000n, gasLimit: 1_000_000n }

export interface EvmSystem extends Api {
  anvil: Anvil
  toNode: Proxy
  signer: Daemon
  watcher: Daemon
  place: Place
  token: string
  contract: string
  rpc(method: string, ...params: unknown[]): Promise<unknown>
  /** From a stranger who has everything, into the pool. The hash. */
  send(part: Partial<UnsignedTransaction>): Promise<string>
  /** Whatever the stranger has sent and is in no block, again. */
  sendAgain(): Promise<void>
  pay(asset: string, to: string, amount: bigint): Promise<string>
  /** Mines, and waits until the watcher stands on the node's tip. */
  mine(count: number): Promise<void>
  balance(asset: string, address: string): Promise<bigint>
  /** Every address that the signer has made, the treasury first. */
  ours(): Promise<string[]>
  close(): Promise<void>
  abandon(): Promise<void>
}

/** What differs from what most tests want. */
export interface EvmOptions {
  /** Of watcher.yaml's chain. */
  chain?: object
  /** Beside those of every node. */
  anvil?: readonly string[]
}

function writeConfigs({ directory, url, signerUrl }: Place, nodeUrl: string, contract: string, chain: object): void {
  const backend = readFileSync(join(directory, 'secrets', 'backend.pub'), 'utf8').trim()
  const common = { family: 'ethereum', network: { chainId: 31_337 }, asset: 'ETH' }
  const followed = {
    ...{
      ...common,
      node: { url: nodeUrl },
      pollMs: 50,
      confirmations: { credit: CREDIT, final: FINAL },
      startHeight: 1,
    },
    ...{ tokens: [{ asset: TOKEN, contract, decimals: 6, minimumDeposit: '1000' }], minimumDeposit: '1000' },
    sweep: { minimum: String(ETHER / 100n), tokens: { [TOKEN]: '1000000' } },
    ...chain,
  }
  const policy = {
    ...{ maximumFeeRate: 500_000_000_000, maximumFee: String(ETHER / 10n), gasFunding: String(ETHER / 10n) },
    perTransaction: String(1000n * ETHER),
  }
  const tokens = [{ asset: TOKEN, contract }]
  const listen = (at: string) => at.replace('http://', '')
  const keystore = { file: './data/signer/keystore.json', passphraseEnv: 'LOCKKEEPER_PASSPHRASE' }
  const authorisation = { required: true, keys: [backend], approvals: 1 }
  const write = (name: string, config: object) => writeFileSync(join(directory, name), JSON.stringify(config))
  write('watcher.yaml', { listen: listen(url), signer: { url: signerUrl }, chains: { [CHAIN]: followed } })
  write('signer.yaml', {
    ...{ listen: listen(signerUrl), keystore, authorisation },
    chains: { [CHAIN]: { ...common, tokens, policy } },
  })
}

/** Ready, with a treasury that is empty. */
export async function startEvm({ chain = {}, anvil: extra = [] }: EvmOptions = {}): Promise<EvmSystem> {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-evm-'))
  const [place, anvil] = await Promise.all([prepare(directory), startAnvil(extra)])
  const toNode = await startProxy(anvil.url)
  const ask = askAt(anvil.url)
  const rpc: EvmSystem['rpc'] = async (method, ...params) => {
    const { result, error } = await ask(method, ...params)
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }
  let nonce = 0
  const sent: string[] = []
  const send: EvmSystem['send'] = async part => {
    const transaction = signed(RICH, nonce++, { ...FEES, ...part })
    sent.push(hexOf(transaction.raw))
    await ask('eth_sendRawTransaction', sent.at(-1)!)
    return transaction.hash
  }
  const sendAgain = async () => {
    const next = Number(await rpc('eth_getTransactionCount', addressOfSecret(RICH), 'latest'))
    for (const raw of sent.slice(next)) await ask('eth_sendRawTransaction', raw)
  }
  const contract = createdAddress(addressOfSecret(RICH), 0n)
  await send({ to: null, data: deployingToken({ decimals: 6, returns: 'nothing' }, 10n ** 18n) })
  await rpc('anvil_mine', '0x3')
  writeConfigs(place, toNode.url, contract, chain)
  const files = { signer: join(directory, 'signer.yaml'), watcher: join(directory, 'watcher.yaml') }
  const signer = daemon(['signer', '--config', files.signer])
  const watcher = daemon(['watcher', '--config', files.watcher])
  const api = openApi(place, watcher.log, { chain: CHAIN, asset: 'ETH' })

  const abandon = async () => {
    await Promise.all([watcher.kill9(), signer.kill9(), anvil.stop()])
    toNode.close()
    rmSync(directory, { recursive: true, force: true })
  }
  const balance: EvmSystem['balance'] = async (asset, address) => {
    if (asset === 'ETH') return BigInt((await rpc('eth_getBalance', address, 'latest')) as string)
    const data = hexOf(callData('balanceOf(address)', address))
    return BigInt((await rpc('eth_call', { to: contract, data }, 'latest')) as string)
  }
  const system: EvmSystem = {
    ...{ ...api, anvil, toNode, signer, watcher, place, contract, rpc, send, sendAgain, balance, abandon },
    pay: (asset, to, amount) =>
      asset === 'ETH'
        ? send({ to: to.toLowerCase(), value: amount })
        : send({ to: contract, data: callData('transfer(address,uint256)', to, amount) }),
    async mine(count) {
      await rpc('anvil_mine', quantity(count))
      const { hash } = (await rpc('eth_getBlockByNumber', 'latest', false)) as { hash: string }
      await api.until(`/v1/chains/${CHAIN}`, body => body.blockHash === hash && body.state === 'following')
    },
    async ours() {
      const token = readFileSync(join(directory, 'secrets', 'signer-token'), 'utf8').trim()
      const path = `/v1/chains/${CHAIN}/addresses?from=0&limit=1000`
      const answer = await fetch(`${place.signerUrl}${path}`, { headers: { authorization: `Bearer ${token}` } })
      return ((await answer.json()) as { address: string }[]).map(({ address }) => address)
    },
    async close() {
      try {
        for (const one of [watcher, signer]) if ((await one.stop()) !== 0) throw new Error(one.log())
        for (const file of Object.values(files)) {
          const { status, stdout, stderr } = await run(['verify', '--config', file])
          if (status !== 0) throw new Error(`verify ${file}: ${stdout}${stderr}`)
        }
      } finally {
        await abandon()
      }
    },
  }
  try {
    await signer.start()
    await watcher.start()
  } catch (error) {
    await abandon()
    throw error
  }
  return system
}
