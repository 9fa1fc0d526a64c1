import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import * as webassembly from 'tiny-secp256k1'
import { describe, expect, test } from 'vitest'
import { refuseSlowBackend } from '../../src/shell/backend.ts'

const raw = { prehash: false, lowS: true }
const pureJavascript = {
  pointFromScalar: (secret: Uint8Array) => secp256k1.getPublicKey(secret, true),
  sign: (digest: Uint8Array, secret: Uint8Array) => secp256k1.sign(digest, secret, raw),
  verify: (digest: Uint8Array, key: Uint8Array, signature: Uint8Array) => secp256k1.verify(signature, digest, key, raw),
}

describe('S6: the crypto backend', () => {
  test('S6: the real one is fast enough, however often it is asked', () => {
    for (let n = 0; n < 10; n++) expect(() => refuseSlowBackend()).not.toThrow()
  })

  test('S6: a correct but slow fallback is an error', () => {
    expect(() => refuseSlowBackend(pureJavascript)).toThrow(/slow fallback/)
  })

  test('S6: one that calls a good signature bad is an error', () => {
    expect(() => refuseSlowBackend({ ...webassembly, verify: () => false })).toThrow(/disagree/)
  })

  test('S6: without WebAssembly the signer ends at once, and serves nothing', () => {
    const cli = join(process.cwd(), 'dist', 'src', 'cli.js')
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--no-expose-wasm', cli, 'signer', '--config', '/nowhere.yaml'],
      { encoding: 'utf8' },
    )
    expect(status).not.toBe(0)
    expect(stdout).toBe('')
    expect(stderr).toContain('WebAssembly')
  })
})
