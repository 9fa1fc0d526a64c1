/** The first blocks of the regtest networks that can be simulated, and their subsidies: Core's `chainparams.cpp`. */
import { Block } from 'bitcoinjs-lib'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { boundary } from '../../kernel/fault.ts'

export interface Regtest {
  genesis: Block
  subsidySat: bigint
  /** Blocks until the subsidy halves; null where it does not. */
  halvingBlocks: number | null
}

interface Entry {
  header: string
  coinbase: string
  subsidySat: bigint
  halvingBlocks: number | null
}

/** The time and target of all regtests. */
const TIME_AND_BITS = 'dae5494dffff7f20'
const NO_PARENT = '00'.repeat(32)
const COINBASE_INPUT = `0100000001${NO_PARENT}ffffffff`
const KEY_BITCOIN =
  '4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac'
const KEY_LITECOIN =
  '41040184710fa689ad5023690c80f3a49c8f13f8d45b8c857fbcbc8bc4a8e4d3eb4b10f4d4604fa08dce601aaf0f470216fe1b51850b4acf21b179c45070ac7b03a9ac'
const FIFTY_COINS = '00f2052a01000000'

const header = (merkleRoot: string, nonce: string): string =>
  `01000000${NO_PARENT}${merkleRoot}${TIME_AND_BITS}${nonce}`
const coinbase = (script: string, value: string, key: string): string =>
  `${COINBASE_INPUT}${script}ffffffff01${value}43${key}00000000`

const REGTESTS: Readonly<Record<string, Entry>> = {
  'bitcoin-regtest': {
    header: header('3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a', '02000000'),
    coinbase: coinbase(
      '4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73',
      FIFTY_COINS,
      KEY_BITCOIN,
    ),
    subsidySat: 5_000_000_000n,
    halvingBlocks: 150,
  },
  'litecoin-regtest': {
    header: header('d9ced4ed1130f7b7faad9be25323ffafa33232a17c3edf6cfd97bee6bafbdd97', '00000000'),
    coinbase: coinbase(
      '4804ffff001d0104404e592054696d65732030352f4f63742f32303131205374657665204a6f62732c204170706c65e280997320566973696f6e6172792c2044696573206174203536',
      FIFTY_COINS,
      KEY_LITECOIN,
    ),
    subsidySat: 5_000_000_000n,
    halvingBlocks: 150,
  },
  'dogecoin-regtest': {
    header: header('696ad20e2dd4365c7459b4a4a5af743d5e92c6da3229e6532cd605f6533f2a5b', '02000000'),
    coinbase: coinbase('1004ffff001d0104084e696e746f6e646f', '0058850c02000000', KEY_LITECOIN),
    subsidySat: 50_000_000_000_000n,
    halvingBlocks: null,
  },
}

/** Boundary fault `not-simulated` for a network that is no regtest. */
export function regtestOf(network: Network): Regtest {
  const entry = REGTESTS[network.name]
  if (!entry)
    throw boundary('not-simulated', `${network.name} cannot be simulated: ${Object.keys(REGTESTS).join(', ')}`)
  const { subsidySat, halvingBlocks } = entry
  return { genesis: Block.fromHex(`${entry.header}01${entry.coinbase}`), subsidySat, halvingBlocks }
}
