import { concatBytes } from '@noble/hashes/utils.js'
import { expect, test } from 'vitest'
import { displayOf, fromDisplay, hash256 } from '../../../adapters/bitcoin/hash.ts'
import { NETWORKS, networkOf } from '../../../adapters/bitcoin/network.ts'

const SATOSHI = '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b'
const JOBS = '97ddfbbae6be97fd6cdf3e7ca13232a3afff2353e29badfab7f73011edd4ced9'
const NINTONDO = '5b2a3f53f605d62c53e62932dac6925e3d74afa5a4b459745c36d42d0ed26a69'
const TESTNET4 = '7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e'

/** Merkle root, time, bits, nonce of each genesis block, from the daemons' sources. */
const genesis: Record<string, [string, number, number, number]> = {
  bitcoin: [SATOSHI, 1231006505, 0x1d00ffff, 2083236893],
  'bitcoin-testnet4': [TESTNET4, 1714777860, 0x1d00ffff, 393743547],
  'bitcoin-signet': [SATOSHI, 1598918400, 0x1e0377ae, 52613770],
  'bitcoin-regtest': [SATOSHI, 1296688602, 0x207fffff, 2],
  litecoin: [JOBS, 1317972665, 0x1e0ffff0, 2084524493],
  'litecoin-testnet': [JOBS, 1486949366, 0x1e0ffff0, 293345],
  'litecoin-regtest': [JOBS, 1296688602, 0x207fffff, 0],
  dogecoin: [NINTONDO, 1386325540, 0x1e0ffff0, 99943],
  'dogecoin-testnet': [NINTONDO, 1391503289, 0x1e0ffff0, 997879],
  'dogecoin-regtest': [NINTONDO, 1296688602, 0x207fffff, 2],
}

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer)

test.each(Object.keys(NETWORKS))('A3: the genesis hash of %s is the hash of its first header', name => {
  const [root, time, bits, nonce] = genesis[name]!
  const header = concatBytes(words(1), new Uint8Array(32), fromDisplay(root), words(time, bits, nonce))
  expect(displayOf(hash256(header))).toBe(networkOf(name).genesis)
})

test('every network has its own genesis and the coin type 1 exactly on test networks', () => {
  const all = Object.values(NETWORKS)
  expect(new Set(all.map(network => network.genesis)).size).toBe(all.length)
  for (const { name, coinType } of all) expect(coinType === 1).toBe(name.includes('-'))
})

test('an unknown network is a boundary fault that names the known ones', () => {
  expect(() => networkOf('bitcoin-cash')).toThrow(/unknown network bitcoin-cash; known are bitcoin,/)
  expect(() => networkOf('toString')).toThrow(/unknown network/)
})
