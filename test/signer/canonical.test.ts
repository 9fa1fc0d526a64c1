import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import type { Intent } from '../../machines/vocabulary.ts'
import { attestationBytes, base64Of, canonicalJson, intentBytes, keyFrom, signBytes } from '../../src/canonical.ts'
import { isSigned } from '../../src/signatures.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const secret = new Uint8Array(32).fill(9)
const intent = {
  id: 'w-1',
  chain: 'litecoin',
  asset: 'LTC',
  to: 'rltc1q',
  dataField: null,
  amount: '100',
  expiresAt: null,
  round: 1,
  memory: 7,
}
/** Of the signer that shall pay. */
const WALLET = base64Of(new Uint8Array(32).fill(8))

const vectors = JSON.parse(readFileSync(new URL('../vectors/signer/intents.json', import.meta.url), 'utf8')) as {
  intent: Intent
  wallet: string
  signed: string
  key: string
  signature: string
}[]

describe('canonical JSON', () => {
  test('sorts members and leaves no white space', () => {
    expect(canonicalJson({ b: 1, a: 'x', c: null })).toBe('{"a":"x","b":1,"c":null}')
  })

  test('writes strings and numbers as RFC 8785 section 3.2.2 shows', () => {
    expect(canonicalJson({ s: '€$\u000f\nA\'B"\\\\"/' })).toBe('{"s":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}')
    expect(canonicalJson({ n: 333333333.33333329 })).toBe('{"n":333333333.3333333}')
    expect(canonicalJson({ n: 1e30 })).toBe('{"n":1e+30}')
  })

  test('sorts by UTF-16 code units, as the example of section 3.2.3 does', () => {
    const names = ['€', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', 'ö']
    const sorted = Object.keys(JSON.parse(canonicalJson(Object.fromEntries(names.map(n => [n, n])))) as object)
    expect(sorted).toEqual(['1', '\r', '\u0080', 'ö', '€', '\ud83d\ude00', '\ufb33'])
  })

  test('refuses a lone surrogate and what is no JSON number', () => {
    expect(() => canonicalJson({ a: '\ud800' })).toThrow(/surrogate/)
    expect(() => canonicalJson({ a: NaN })).toThrow(/number/)
  })

  test('is read back as what was written', () => {
    const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null))
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), object => {
        expect(JSON.parse(canonicalJson(object))).toEqual({ ...object })
      }),
    )
  })
})

describe('what is signed', () => {
  test('an intent is the eleven members of the contract, the wallet and the memory among them', () => {
    expect(text(intentBytes(intent, WALLET))).toBe(
      '{"amount":"100","asset":"LTC","chain":"litecoin","dataField":null,"expiresAt":null,"id":"w-1","memory":7,' +
        `"purpose":"lockkeeper-withdrawal-v2","round":1,"to":"rltc1q","wallet":"${WALLET}"}`,
    )
    expect(text(intentBytes({ ...intent, memory: null }, WALLET))).toContain('"memory":null,')
  })

  test('an intent that is signed for one wallet is not signed for another', () => {
    const signature = signBytes(secret, intentBytes(intent, WALLET))
    expect(isSigned(signature, intentBytes(intent, WALLET))).toBe(true)
    expect(isSigned(signature, intentBytes(intent, base64Of(new Uint8Array(32).fill(7))))).toBe(false)
  })

  test.each(vectors)('the published intent $intent.id has these bytes and this signature', vector => {
    const bytes = intentBytes(vector.intent, vector.wallet)
    expect(text(bytes)).toBe(vector.signed)
    expect(signBytes(secret, bytes)).toEqual({ key: vector.key, signature: vector.signature })
  })

  test('an attestation is the five members of the contract', () => {
    expect(text(attestationBytes({ chain: 'ripple', address: 'rX', dataField: '7', index: 7 }))).toBe(
      '{"address":"rX","chain":"ripple","dataField":"7","index":7,"purpose":"lockkeeper-address-v1"}',
    )
  })

  test('a signature is plain Ed25519 that another library verifies', () => {
    const { key, signature } = signBytes(secret, intentBytes(intent, WALLET))
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'base64')])
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    expect(verify(null, intentBytes(intent, WALLET), publicKey, Buffer.from(signature, 'base64'))).toBe(true)
  })

  test('a signature over other bytes, by another key or in another spelling does not count', () => {
    const good = signBytes(secret, intentBytes(intent, WALLET))
    expect(isSigned(good, intentBytes(intent, WALLET))).toBe(true)
    expect(isSigned(good, intentBytes({ ...intent, amount: '101' }, WALLET))).toBe(false)
    expect(isSigned({ ...good, key: base64Of(new Uint8Array(32)) }, intentBytes(intent, WALLET))).toBe(false)
    expect(isSigned({ ...good, signature: good.signature.replace('==', '') }, intentBytes(intent, WALLET))).toBe(false)
    expect(isSigned({ ...good, signature: `${good.signature} ` }, intentBytes(intent, WALLET))).toBe(false)
    expect(isSigned({ key: 'x', signature: 'y' }, intentBytes(intent, WALLET))).toBe(false)
  })

  test('a key file is the base64 of 32 bytes and nothing else', () => {
    expect(keyFrom(`${base64Of(secret)}\n`)).toEqual(secret)
    expect(() => keyFrom('c2hvcnQ=')).toThrow(/32 bytes/)
  })
})
