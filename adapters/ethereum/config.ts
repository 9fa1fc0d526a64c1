/** The family in both configuration files. */
import { z } from 'zod'
import {
  amount,
  common,
  confirmations,
  FAMILY,
  feeRate,
  finalizedConfirmations,
  limits,
  plainNode,
  replaceAfterMs,
  rules,
  symbol,
  tokenList,
  whole,
  type ConfigExample,
  type ConfigLocation,
} from '../config-fields.ts'

const network = z.strictObject({ chainId: whole(1, Number.MAX_SAFE_INTEGER).describe('EIP-155') })

/** A contract of an EVM chain; its checksum (EIP-55) is not looked at. */
const contractAddress = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'must be 0x and 40 hexadecimal digits')

/** A chain of watcher.yaml. */
export function watched(location: ConfigLocation) {
  const token = z.strictObject({
    asset: symbol.describe("The token's symbol"),
    contract: contractAddress.describe('Its contract'),
    decimals: whole(0, 77).default(18).describe('For people; the API speaks base units'),
    minimumDeposit: amount.default('0').describe('Smaller deposits are ignored; base units'),
  })
  return z
    .strictObject({
      family: z.literal('ethereum').describe(FAMILY),
      network: network.describe('`{ chainId: 1 }`'),
      ...common(),
      node: plainNode(location),
      confirmations: finalizedConfirmations(),
      tokens: tokenList(token).describe('ERC-20 tokens that are credited; any other is not'),
      sweep: z
        .strictObject({
          minimum: amount.default('10000000000000000').describe('Native balance from which an address is swept; wei'),
          tokens: z.record(symbol, amount).default({}).describe('The same for tokens, by symbol'),
        })
        .prefault({})
        .describe('When deposits are gathered in the treasury'),
      internalTransfers: z
        .enum(['auto', 'off'])
        .default('auto')
        .describe(
          '`auto`: ether that contracts send is found in logs (EIP-7708) or traces, else by balances, and held then; `off`: it is not looked for',
        ),
      fees: z
        .strictObject({ maximumFeePerGas: amount.default('500000000000').describe('Never more than this; wei') })
        .prefault({})
        .describe('Fee caps'),
      replaceAfterMs,
    })
    .superRefine(({ sweep, tokens }, context) => {
      const unknown = Object.keys(sweep.tokens).filter(asset => !tokens.some(listed => listed.asset === asset))
      for (const asset of unknown) {
        context.addIssue({ code: 'custom', path: ['sweep', 'tokens', asset], message: 'is not among tokens' })
      }
    })
}

/** A token's limits stand beside those of the native asset, under its symbol. A chain of signer.yaml. */
export function signed() {
  const token = z.strictObject({
    asset: symbol.describe("The token's symbol"),
    contract: contractAddress.describe('Its contract'),
  })
  const capped = z
    .strictObject({
      maximumFeeRate: feeRate.default(500_000_000_000).describe('Cap; wei per gas'),
      maximumFee: amount
        .default('50000000000000000')
        .describe('The most that the gas of one transaction may cost; wei'),
      gasFunding: amount
        .optional()
        .describe('The most that an address of ours may be given for the gas of its sweep; wei; absent: nothing'),
      ...rules,
      tokens: z.record(symbol, z.strictObject(limits)).default({}).describe('The limits of each token, by symbol'),
    })
    .prefault({})
    .describe('What is never signed, whoever asks')
  return z
    .strictObject({
      family: z.literal('ethereum').describe(FAMILY),
      network: network.describe('As in watcher.yaml'),
      asset: symbol.describe("The native asset's symbol"),
      tokens: tokenList(token).describe('ERC-20 tokens that may be paid out'),
      policy: capped,
    })
    .superRefine(({ tokens, policy }, context) => {
      const unknown = Object.keys(policy.tokens).filter(name => !tokens.some(listed => listed.asset === name))
      for (const name of unknown) {
        context.addIssue({ code: 'custom', path: ['policy', 'tokens', name], message: 'is not among tokens' })
      }
    })
}

/** The networks of developers' nodes: each node is a network of its own, though all have one id. */
const DEVELOPMENT_IDS = [1337, 31_337]

/** Whether two nodes of this name are two networks. */
export const isPrivate = ({ chainId }: { chainId: number }): boolean => DEVELOPMENT_IDS.includes(chainId)

/** As `lockkeeper init` shows it. */
export const EXAMPLE: ConfigExample = {
  watcher: `ethereum:
  family: ethereum
  network: { chainId: 31337 }
  asset: ETH
  node: { url: http://127.0.0.1:8545 }
  confirmations: { credit: finalized, final: 64 }
  tokens: [ { asset: USDT, contract: "0xdAC17F958D2ee523a2206206994597C13D831ec7", decimals: 6, minimumDeposit: "1000000" } ]
  sweep: { minimum: "10000000000000000", tokens: { USDT: "5000000" } }`,
  signer: `ethereum:
  family: ethereum
  network: { chainId: 31337 }
  asset: ETH
  tokens: [ { asset: USDT, contract: "0xdAC17F958D2ee523a2206206994597C13D831ec7" } ]
  policy: { maximumFee: "50000000000000000", gasFunding: "5000000000000000", perDay: "100000000000000000000", tokens: { USDT: { perDay: "1000000000000" } } }`,
}
