import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as secp256k1 from 'tiny-secp256k1'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isMessageProof, messagePayload, messageProof } from '../../adapters/bitcoin/message.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { runProgram } from '../../src/commands/program.ts'
import { checkProof, proveKeys, type Proof } from '../../src/signer/prove.ts'
import * as rigs from './rig.ts'
import { grow } from './rig.ts'

describe('BIP-322', () => {
  const bitcoin = networkOf('bitcoin')
  const address = 'bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l'
  const vectors = [
    [
      '',
      'AkcwRAIgM2gBAQqvZX15ZiysmKmQpDrG83avLIT492QBzLnQIxYCIBaTpOaD20qRlEylyxFSeEA2ba9YOixpX8z46TSDtS40ASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=',
    ],
    [
      'Hello World',
      'AkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7F29zJLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=',
    ],
  ] as const

  test.each(vectors)('the vector for "%s" verifies, and for nothing else', (message, proof) => {
    expect(isMessageProof(address, message, proof, bitcoin)).toBe(true)
    expect(isMessageProof(address, `${message}!`, proof, bitcoin)).toBe(false)
    expect(isMessageProof('bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', message, proof, bitcoin)).toBe(false)
    const bytes = Buffer.from(proof, 'base64')
    for (let at = 0; at < bytes.length; at++) {
      const wrong = Buffer.from(bytes)
      wrong[at]! ^= 1
      expect(isMessageProof(address, message, wrong.toString('base64'), bitcoin)).toBe(false)
    }
  })

  test('what we sign has the form of the vectors', () => {
    const [, proof] = vectors[1]
    const secret = new Uint8Array(32).fill(7)
    const publicKey = secp256k1.pointFromScalar(secret, true)!
    const own = rigs.ours(1)
    const payload = messagePayload(own.address, 'Hello World', rigs.NETWORK)
    const signature = secp256k1.sign(payload.bytes, secret)
    const made = messageProof(own.address, 'Hello World', rigs.NETWORK, { signature, publicKey })
    expect(made.format).toBe('bip322-simple')
    expect(Math.abs(made.signature.length - proof.length)).toBeLessThan(8)
    expect(isMessageProof(own.address, 'Hello World', made.signature, rigs.NETWORK)).toBe(false)
  })

  test('nonsense proves nothing', () => {
    for (const proof of ['', 'AA==', '!', 'A'.repeat(5000), vectors[0][1].slice(4)]) {
      expect(isMessageProof(address, '', proof, bitcoin)).toBe(false)
    }
    expect(isMessageProof('nonsense', '', vectors[0][1], bitcoin)).toBe(false)
  })
})

describe('lockkeeper signer prove', () => {
  let rig: rigs.Rig
  beforeEach(async () => {
    rig = await rigs.createRig()
    const signer = await rigs.start(rig)
    await grow(signer, 5)
    await grow(signer, 3, 'doge')
    await signer.stop()
  })
  afterEach(() => rigs.discard(rig))

  const prove = async (challenge: string): Promise<Proof[]> => {
    const proofs: Proof[] = []
    for await (const proof of proveKeys(rig.ports, rig.config, rigs.PASSPHRASE, challenge)) proofs.push(proof)
    return proofs
  }
  const textOf = (proofs: readonly Proof[]) => proofs.map(proof => `${JSON.stringify(proof)}\n`).join('')

  test('signs with the identity key and every address of every chain, and anybody can check it', async () => {
    const proofs = await prove('auditor 2026-03-01')
    expect(proofs).toHaveLength(1 + 5 + 3)
    expect(proofs.slice(1, 6).map(proof => 'address' in proof && proof.address)).toEqual(
      [0, 1, 2, 3, 4].map(index => rigs.ours(index).address),
    )
    expect(proofs.slice(6)).toMatchObject(Array<object>(3).fill({ chain: 'doge', format: 'bip322-full' }))
    expect(checkProof(textOf(proofs), 'auditor 2026-03-01')).toMatchObject({ addresses: 8 })
  })

  test('another challenge, address or signature is found out', async () => {
    const proofs = await prove('one')
    expect(() => checkProof(textOf(proofs), 'two')).toThrow(/line 1 proves nothing/)
    for (const at of [1, 6]) {
      const wrong = proofs.with(at, { ...proofs[at]!, address: rigs.theirs(1) })
      expect(() => checkProof(textOf(wrong), 'one')).toThrow(`line ${at + 1} proves nothing`)
      const swapped = proofs.with(at, { ...proofs[at]!, signature: proofs[at + 1]!.signature })
      expect(() => checkProof(textOf(swapped), 'one')).toThrow(`line ${at + 1} proves nothing`)
    }
    expect(() => checkProof(textOf(proofs.slice(1)), 'one')).toThrow(/identity key has signed nothing/)
  })

  test('leaves the memory as it was, and does not run beside the signer', async () => {
    const signer = await rigs.start(rig)
    await expect(prove('x')).rejects.toMatchObject({ kind: 'locked' })
    await signer.stop()
    await prove('x')
    expect(JSON.stringify(await prove('x'))).toBe(JSON.stringify(await prove('x')))
  })

  test('is a command, and so are checking it and changing the passphrase', async () => {
    const yaml = `dataDirectory: ./memory\ntokenFile: ./token\nkeystore: { file: ./keystore.json, passphraseFile: ./word }\n${rigs.standard({})}`
    const config = join(rig.directory, 'signer.yaml')
    await writeFile(config, yaml)
    await writeFile(join(rig.directory, 'word'), `${rigs.PASSPHRASE}\n`)
    const run = async (...args: string[]) => {
      const said = { out: [] as string[], err: [] as string[] }
      const terminal = { out: (line: string) => said.out.push(line), err: (line: string) => said.err.push(line) }
      return { status: await runProgram(args, terminal), ...said }
    }
    const proved = await run('signer', 'prove', '--config', config, '--challenge', 'hello')
    expect(proved).toMatchObject({ status: 0, err: [] })
    const file = join(rig.directory, 'proof')
    await writeFile(file, proved.out.join('\n'))
    const good = await run('check-proof', '--proof', file, '--challenge', 'hello')
    expect(good).toMatchObject({ status: 0, out: [expect.stringContaining('8 addresses')] })
    expect((await run('check-proof', '--proof', file, '--challenge', 'hallo')).status).toBe(1)
    expect((await run('signer', 'prove', '--config', config)).status).toBe(2)

    process.env.LOCKKEEPER_NEW_PASSPHRASE = 'entirely new'
    try {
      expect((await run('keystore', 'passphrase', '--config', config)).status).toBe(0)
    } finally {
      delete process.env.LOCKKEEPER_NEW_PASSPHRASE
    }
    const old = await run('signer', 'prove', '--config', config, '--challenge', 'hello')
    expect(old).toMatchObject({ status: 1, out: [] })
    await writeFile(join(rig.directory, 'word'), 'entirely new\n')
    expect(await run('signer', 'prove', '--config', config, '--challenge', 'hello')).toEqual(proved)
  })
})
