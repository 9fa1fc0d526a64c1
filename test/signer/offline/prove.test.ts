import { claim } from '../../../src/kernel/untyped.ts'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { script } from 'bitcoinjs-lib'
import * as secp256k1 from 'tiny-secp256k1'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isMessageProof, messagePayload, messageProof } from '../../../adapters/bitcoin/message.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { runProgram } from '../../../src/commands/program.ts'
import type { Authorisation } from '../../../machines/vocabulary.ts'
import { attestationBytes, voidBytes } from '../../../src/canonical.ts'
import { isSigned } from '../../../src/signatures.ts'
import { identityOf } from '../../../src/signer/keys/identity.ts'
import { checkProof, proveKeys } from '../../../src/signer/offline/prove.ts'
import { sealBytes } from '../../../src/signer/audit/trail.ts'
import * as rigs from '../rig.ts'
import { ask, grow, simple } from '../rig.ts'

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

  const prove = async (challenge: string, config = rig.config): Promise<string[]> => {
    const lines: string[] = []
    await proveKeys(rig.ports, config, { passphrase: rigs.PASSPHRASE, challenge, by: 'uid 7' }, line => {
      lines.push(line)
    })
    return lines
  }
  /** As a file is read. */
  const check = (lines: readonly string[], challenge: string) =>
    checkProof(
      (async function* () {
        yield* await Promise.resolve(lines)
      })(),
      challenge,
    )
  const parsed = (line: string) => JSON.parse(line) as Record<string, unknown>

  test('signs with every address of every chain and with the identity key, and anybody can check it', async () => {
    const lines = await prove('auditor 2026-03-01')
    expect(lines).toHaveLength(5 + 3 + 1)
    const [treasury, doge, end] = [0, 5, 8].map(at => parsed(lines[at]!))
    expect(treasury).toMatchObject({ chain: 'litecoin', index: 0, format: 'bip322-simple' })
    expect(doge).toMatchObject({ chain: 'doge', index: 0, format: 'bip322-full' })
    expect(end).toMatchObject({ key: identityOf(rigs.SEED).key, addresses: 8 })
    const { identity, chains } = await check(lines, 'auditor 2026-03-01')
    expect([identity, ...chains]).toEqual([identityOf(rigs.SEED).key, ['litecoin', 5], ['doge', 3]])
  })

  test('covers each address that the signer serves, and its identity', async () => {
    const signer = await rigs.start(rig)
    const served = await Promise.all(
      ['litecoin', 'doge'].map(chain => ask(signer, 'GET', `/v1/chains/${chain}/addresses?from=0&limit=1000`)),
    )
    const { body } = await ask(signer, 'GET', '/v1/identity')
    await signer.stop()
    const lines = (await prove('x')).map(parsed)
    const addresses = served.flatMap(answer => claim<{ address: string }[]>(answer.body).map(one => one.address))
    expect(lines.slice(0, -1).map(({ address }) => address)).toEqual(addresses)
    expect(lines.at(-1)!.key).toBe(body.key)
  })

  test('another challenge, address, signature or key is found out', async () => {
    const lines = await prove('one')
    await expect(check(lines, 'two')).rejects.toThrow(/line 1 proves nothing/)
    await expect(check(lines.slice(-1), 'two')).rejects.toThrow(/line 1 proves nothing/)
    const other = (await prove('two')).map(parsed)
    for (const [at, line] of lines.entries()) {
      const given = parsed(line)
      const forged = at === 8 ? { key: identityOf(new Uint8Array(64)).key } : { address: rigs.theirs(1) }
      for (const wrong of [
        { ...given, ...forged },
        { ...given, signature: other[at]!.signature },
      ]) {
        const attempt = check(lines.with(at, JSON.stringify(wrong)), 'one')
        await expect(attempt).rejects.toThrow(`line ${at + 1} proves nothing`)
      }
    }
  })

  test('each line that is removed, repeated, moved, added or changed is missed, though it would verify by itself', async () => {
    const lines = await prove('one')
    const attempts = [[], ['']]
    for (let at = 0; at < lines.length; at++) {
      attempts.push(lines.toSpliced(at, 1), lines.toSpliced(at, 0, lines[at]!), lines.slice(0, at))
      if (at < lines.length - 1) attempts.push(lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!))
      attempts.push(lines.with(at, lines[at]!.replace('{', '{ ')))
      attempts.push(lines.with(at, lines[at]!.replace('{', '{"more":1,')))
    }
    attempts.push([...lines, lines.at(-1)!])
    const spaced = attempts.filter(attempt => attempt.at(-1)?.startsWith('{ ') === true)
    for (const attempt of attempts) {
      // Blanks in the last line change nothing that it says.
      if (!spaced.includes(attempt))
        await expect(check(attempt, 'one')).rejects.toMatchObject({ kind: 'invalid-proof' })
    }
    expect(attempts.length).toBeGreaterThan(50)
  })

  test('a chain renamed, or addresses moved to another, is missed', async () => {
    const lines = await prove('one')
    const renamed = lines.map(line => line.replace('"chain":"doge"', '"chain":"dogecoin"'))
    await expect(check(renamed, 'one')).rejects.toThrow(/removed, added, changed or moved/)
    const less = lines.filter(line => !line.includes('"chain":"doge"'))
    await expect(check(less, 'one')).rejects.toThrow(/signed for 8 lines, here are 5/)
  })

  test('S4: no challenge makes a signature that is good for anything else', async () => {
    const [payload] = rigs.signable.open(simple()).payloads
    const attested = { chain: 'litecoin', address: rigs.ours(1).address, dataField: null, index: 1 }
    const receipt = { chain: 'litecoin', id: 'w-1', round: 1, signed: [] }
    const meant = [
      attestationBytes(attested),
      voidBytes(receipt),
      sealBytes({
        n: 1,
        hash: 'ab'.repeat(32),
        ledgerId: 'cd'.repeat(16),
        generation: 1,
        memory: { sequence: 3, hash: 'ef'.repeat(32) },
      }),
    ]
    const texts = meant.map(bytes => new TextDecoder().decode(bytes))
    const digest = Buffer.from(payload!.bytes)
    const { psbt } = simple() as { psbt: string }
    const challenges = [...texts, psbt.slice(0, 1024), digest.toString('hex'), digest.toString('latin1')]
    for (const challenge of challenges) {
      const lines = (await prove(challenge)).map(parsed)
      const end = claim<Authorisation>(lines.at(-1))
      for (const bytes of meant) expect(isSigned(end, bytes)).toBe(false)
      for (const { address, signature } of lines.slice(0, 5)) {
        const [key, own] = [rigs.ours(1).publicKey, address === payload!.address]
        const der = Buffer.from(signature as string, 'base64')
        const compact = script.signature.decode(der.subarray(2, 2 + der[1]!)).signature
        const virtual = messagePayload(address as string, challenge, rigs.NETWORK)
        if (own) expect(secp256k1.verify(virtual.bytes, Buffer.from(key, 'hex'), compact)).toBe(true)
        expect(secp256k1.verify(digest, Buffer.from(key, 'hex'), compact)).toBe(false)
      }
    }
  })

  test('S4: no path of the service proves anything: the command works on a stopped signer only', async () => {
    const signer = await rigs.start(rig)
    expect(
      signer.handle.routes.map(({ path }) => path).filter(path => /prove|proof|challenge|message/.test(path)),
    ).toEqual([])
    await signer.stop()
  })

  test('leaves the memory as it was, and does not run beside the signer', async () => {
    const signer = await rigs.start(rig)
    await expect(prove('x')).rejects.toMatchObject({ kind: 'locked' })
    await signer.stop()
    await prove('x')
    expect(await prove('x')).toEqual(await prove('x'))
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
    expect(good).toMatchObject({
      status: 0,
      out: [`good: identity ${identityOf(rigs.SEED).key}; 5 addresses of litecoin, 3 addresses of doge`],
    })
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
