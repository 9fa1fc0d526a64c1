/**
 * What daemons of Core 0.14's age (Dogecoin before 1.14.7) answer otherwise: booleans where later ones take a verbosity or a
 * fee rate, −1 for no estimate, internal errors for missing blocks, and fewer fields.
 * https://github.com/dogecoin/dogecoin/blob/v1.14.6/src/rpc/blockchain.cpp and rawtransaction.cpp
 */
import { decimalOf } from './describe.ts'
import { unavailable } from './faults.ts'
import { METHODS, type Method } from './methods.ts'
import * as params from './params.ts'
import { RpcFailure } from './params.ts'

const without = (value: unknown, ...names: string[]): unknown =>
  Object.fromEntries(Object.entries(value as object).filter(([name]) => !names.includes(name)))

const getBlock: Method = (state, [id, verbose = true]) => {
  const isVerbose = params.boolean(verbose)
  const stored = state.chain.blocks.get(params.hashParam(id, 'blockhash'))
  const reason = stored === undefined ? null : unavailable(state.faults, stored)
  if (reason !== null)
    throw new RpcFailure(params.INTERNAL_ERROR, reason.includes('pruned') ? reason : "Can't read block from disk")
  return METHODS.getblock!(state, [id, isVerbose ? 1 : 0])
}

const send: Method = (state, [hex, allowHighFees = false]) => {
  if (typeof allowHighFees !== 'boolean')
    throw new RpcFailure(params.TYPE_ERROR, `Expected type bool, got ${typeof allowHighFees}`)
  return METHODS.sendrawtransaction!(state, [hex, allowHighFees ? 0 : undefined])
}

const { testmempoolaccept: _, generateblock: __, ...shared } = METHODS

export const OLD_METHODS: Readonly<Record<string, Method>> = {
  ...shared,
  getblock: getBlock,
  sendrawtransaction: send,
  estimatesmartfee: (state, [target]) => {
    const rate = state.estimate()
    return { feerate: rate === null ? -1 : decimalOf(rate), blocks: params.integer(target) }
  },
  getblockheader: (state, args) => without(METHODS.getblockheader!(state, args), 'nTx'),
  getmempoolinfo: (state, args) => without(METHODS.getmempoolinfo!(state, args), 'minrelaytxfee', 'loaded'),
}
