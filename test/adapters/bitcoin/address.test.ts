import { readFileSync } from 'node:fs'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { address as codec } from 'bitcoinjs-lib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addressOf, canonical, dustOf, scriptOf } from '../../../adapters/bitcoin/address.ts'
import { destinationOf } from '../../../adapters/bitcoin/destination.ts'
import { NETWORKS, networkOf } from '../../../adapters/bitcoin/network.ts'
import { SCRIPT_SHAPES, scriptFor, type ScriptKind } from '../../../adapters/bitcoin/script.ts'

type Vector = [string, string, { chain: string; isPrivkey: boolean; tryCaseFlip?: boolean }]
const vectors = (
  JSON.parse(readFileSync(new URL('../../vectors/bitcoin/key_io_valid.json', import.meta.url), 'utf8')) as Vector[]
).filter(([, , { isPrivkey }]) => !isPrivkey)
const NAMES: Record<string, string> = {
  main: 'bitcoin',
  testnet4: 'bitcoin-testnet4',
  signet: 'bitcoin-signet',
  regtest: 'bitcoin-regtest',
}
/** BIP-141: OP_2 to OP_16 and one push. */
const isFutureWitness = (script: string) => /^(5[2-9a-f]|60)/.test(script)

test("Core's address vectors: each known kind gives its script, and the script its address", () => {
  const known = vectors.filter(([, script]) => !isFutureWitness(script))
  expect(known.length).toBeGreaterThan(40)
  for (const [address, script, { chain }] of known) {
    const network = networkOf(NAMES[chain]!)
    expect(bytesToHex(scriptOf(address, network))).toBe(script)
    expect(addressOf(hexToBytes(script), network)).toBe(address)
  }
})

test("B12: Core's vectors with a witness version above 1 are refused", () => {
  const future = vectors.filter(([, script]) => isFutureWitness(script))
  expect(future.length).toBeGreaterThan(3)
  for (const [address, script, { chain }] of future) {
    expect(() => scriptOf(address, networkOf(NAMES[chain]!))).toThrow(/witness version \d+ with \d+ bytes is not known/)
    expect(addressOf(hexToBytes(script), networkOf(NAMES[chain]!))).toBeNull()
  }
})

test("B12: Core's main network vectors are refused on every other currency's and every test network", () => {
  for (const [address] of vectors.filter(([, , { chain }]) => chain === 'main'))
    for (const other of Object.values(NETWORKS)) {
      if (other.name === 'bitcoin') continue
      // Litecoin's old P2SH version is Bitcoin's: those addresses cannot be told apart.
      if (other.name === 'litecoin' && address.startsWith('3')) continue
      expect(() => scriptOf(address, other), `${address} on ${other.name}`).toThrow(/is no address to pay to/)
    }
})

test('an upper-case witness address is accepted, its canonical form is lower case', () => {
  for (const [address, script, { chain, tryCaseFlip }] of vectors) {
    if (!tryCaseFlip || isFutureWitness(script)) continue
    expect(canonical(address.toUpperCase(), networkOf(NAMES[chain]!))).toBe(address)
  }
})

test('B12: a witness address that mixes cases is refused', () => {
  const mixed = 'bcrt1q65nhlm4hf2ptg3t264al57p7wjxj2c3s6kyt83'.replace('q65', 'Q65')
  expect(() => scriptOf(mixed, networkOf('bitcoin-regtest'))).toThrow(/mixes upper and lower case/)
})

test('B12: any one changed character of an address is refused', () => {
  const addresses = vectors.filter(([, script]) => !isFutureWitness(script))
  fc.assert(
    fc.property(
      fc.constantFrom(...addresses),
      fc.nat(),
      fc.stringMatching(/^[0-9A-Za-z]$/),
      ([address, , { chain }], at, replacement) => {
        const n = at % address.length
        const changed = address.slice(0, n) + replacement + address.slice(n + 1)
        fc.pre(changed.toLowerCase() !== address.toLowerCase())
        expect(() => scriptOf(changed, networkOf(NAMES[chain]!))).toThrow(/is no address to pay to/)
      },
    ),
    { numRuns: 500 },
  )
})

test('B12: a taproot program in bech32 instead of bech32m, and a v0 program in bech32m, are refused', () => {
  const network = networkOf('bitcoin')
  // From BIP-350's list of invalid addresses.
  const bad = [
    'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd',
    'bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47',
    'bc1pw5dgrnzv',
    'BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P',
  ]
  for (const address of bad) expect(() => scriptOf(address, network), address).toThrow(/is no address to pay to/)
})

test('Litecoin: both P2SH versions are payable, the canonical one is M', () => {
  const network = networkOf('litecoin')
  const hash = new Uint8Array(20).fill(5)
  const old = codec.toBase58Check(hash, 0x05)
  const current = codec.toBase58Check(hash, 0x32)
  expect(current).toMatch(/^M/)
  expect(scriptOf(old, network)).toEqual(scriptOf(current, network))
  expect(canonical(old, network)).toBe(current)
  expect(canonical(current, network)).toBe(current)
})

test('Litecoin: addresses as litecoind regtest makes them', () => {
  const network = networkOf('litecoin-regtest')
  expect(canonical('QiXgbtkJF8y1JUm8cG1TQzTH14S9WxuWeG', network)).toBe('QiXgbtkJF8y1JUm8cG1TQzTH14S9WxuWeG')
  expect(canonical('n1t7wt4zeyhauxn9yz4nT3aGmLrGuj2MCA', network)).toBe('n1t7wt4zeyhauxn9yz4nT3aGmLrGuj2MCA')
  const script = '76a914a31c06bd463e3923bc1aadbde48b16976c08071788ac'
  expect(addressOf(hexToBytes(script), network)).toBe('mvPQ1dEqj5ou24PujqtugSKfqx9ag7V6JB')
  expect(bytesToHex(scriptOf('rltc1q5vwqd02x8cuj80q64k77fzckjakqspchs8eadl', network))).toBe(
    `0014${script.slice(6, 46)}`,
  )
})

test('Litecoin: an MWEB destination is refused with the reason', () => {
  const mweb =
    'tmweb1qqdltcerkyjxfa0yru6lskjm93auyq7xurw4244gf7znjq35ye3dm5q3dzaydcx9944s6dzjs545nu0n86hmqp7jav7snnqfwa88mmuf73ywyrqdy'
  expect(() => scriptOf(mweb, networkOf('litecoin-regtest'))).toThrow(/MWEB destinations are not supported/)
})

test('B16: dogecoin has no segwit, so witness destinations are refused there with that reason', () => {
  for (const name of ['dogecoin', 'dogecoin-testnet', 'dogecoin-regtest']) {
    const network = networkOf(name)
    const witness = codec.toBech32(new Uint8Array(20).fill(1), 0, network.bech32)
    expect(() => scriptOf(witness, network)).toThrow(new RegExp(`${name} has no segwit`))
    expect(addressOf(scriptFor('p2wpkh', new Uint8Array(20)), network)).toBeNull()
    const classic = codec.toBase58Check(new Uint8Array(20).fill(1), network.pubKeyHash)
    expect(canonical(classic, network)).toBe(classic)
  }
})

test('every payable script of every network has one address that leads back to it', () => {
  for (const network of Object.values(NETWORKS))
    for (const kind of Object.keys(SCRIPT_SHAPES) as ScriptKind[]) {
      const script = scriptFor(kind, new Uint8Array(SCRIPT_SHAPES[kind].payloadBytes).fill(3))
      const address = addressOf(script, network)
      if (address === null) expect(network.segwit || !/p2w|p2tr/.test(kind)).toBe(false)
      else expect(scriptOf(address, network)).toEqual(script)
    }
})

test("B12: dust is Core's on bitcoin, ten times that on litecoin, and a fixed amount on dogecoin", () => {
  const dust = (name: string, kind: ScriptKind) =>
    dustOf(scriptFor(kind, new Uint8Array(SCRIPT_SHAPES[kind].payloadBytes)), networkOf(name))
  expect(['p2pkh', 'p2sh', 'p2wpkh', 'p2wsh', 'p2tr'].map(kind => dust('bitcoin', kind as ScriptKind))).toEqual([
    546n,
    540n,
    294n,
    330n,
    330n,
  ])
  expect(dust('litecoin', 'p2pkh')).toBe(5460n)
  expect(dust('litecoin-regtest', 'p2wpkh')).toBe(2940n)
  expect(dust('dogecoin', 'p2pkh')).toBe(1_000_000n)
})

test('a destination is given in canonical form or refused, and has no data field', () => {
  const network = networkOf('bitcoin-regtest')
  const address = 'bcrt1q65nhlm4hf2ptg3t264al57p7wjxj2c3s6kyt83'
  expect(destinationOf(address.toUpperCase(), null, network)).toEqual({ canonical: address, dataField: null })
  expect(destinationOf(address, '7', network)).toEqual({ refused: 'bitcoin-regtest has no data field' })
  expect(destinationOf('nonsense', null, network)).toHaveProperty('refused')
  expect(destinationOf('', null, network)).toHaveProperty('refused')
  expect(destinationOf('1'.repeat(10_000), null, network)).toHaveProperty('refused')
})
