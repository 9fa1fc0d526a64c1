import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { Psbt, script as scripts, Transaction } from 'bitcoinjs-lib'
import fc from 'fast-check'
import * as secp256k1 from 'tiny-secp256k1'
import { describe, expect, test } from 'vitest'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { payloadOf } from '../../../adapters/bitcoin/script.ts'
import { witnessDigests } from '../../../adapters/bitcoin/sighash.ts'
import { coinsOf, createSignable } from '../../../adapters/bitcoin/signable.ts'
import type { Plan } from '../../../adapters/adapter.ts'
import { Fault } from '../../../src/kernel/fault.ts'
import type { Json } from '../../../machines/vocabulary.ts'
import { someTxid, transactionOf } from './build.ts'
import { fundOf, keyOf, ordering, plannerOver, sign } from './wallet.ts'

// A type, not an interface: only types are JSON by their shape.
type Template = { network: string; psbt: string; publicKeys: string[] }

const network = networkOf('litecoin-regtest')
const signable = createSignable('c', 'LTC', network)
const funds = [
  fundOf(network, 400_000n, { n: 1, index: 1 }),
  fundOf(network, 500_000n, { n: 2, index: 2, vout: 2 }),
  fundOf(network, 90_000n, { n: 3, index: 1, vout: 1 }),
]
const treasury = keyOf(0, network)
const payee = keyOf(50, network)

function planOf(amount: string, net = network, coins = funds): Plan {
  const planner = plannerOver('c', net, { asset: 'LTC', maximumRate: 500_000 })
  const plan = planner.plan(
    {
      ...ordering(keyOf(0, net).address),
      payments: [{ withdrawal: 'w', to: keyOf(50, net).address, dataField: null, asset: 'LTC', amount }],
    },
    coins,
    { feeRate: 10, floorRate: 1 },
  )
  if (!('template' in plan)) throw new Error(JSON.stringify(plan))
  return plan
}

const template = planOf('800000').template as Template
const remade = (change: (psbt: Psbt) => void): Json => {
  const psbt = Psbt.fromBase64(template.psbt)
  change(psbt)
  return { ...template, psbt: psbt.toBase64() }
}
/** The same template around another unsigned transaction. */
const withTransaction = (change: (transaction: Transaction) => void): Json => {
  const old = Psbt.fromBase64(template.psbt)
  const transaction = Transaction.fromBuffer(old.data.getTransaction())
  change(transaction)
  const psbt = new Psbt()
  psbt.setVersion(transaction.version)
  psbt.setLocktime(transaction.locktime)
  for (const [n, { hash, index, sequence }] of transaction.ins.entries()) {
    const { nonWitnessUtxo } = old.data.inputs[n] ?? {}
    psbt.addInput({ hash, index, sequence, ...(nonWitnessUtxo ? { nonWitnessUtxo } : {}) })
  }
  for (const { script, value } of transaction.outs) psbt.addOutput({ script, value })
  return { ...template, psbt: psbt.toBase64() }
}

describe('sighash', () => {
  test('BIP-143: the example of native P2WPKH', () => {
    const transaction = Transaction.fromHex(
      '0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac11000000',
    )
    const program = hexToBytes('1d0f172a0ecb48aee1be1f2687d2963ae33f71a1')
    const spent = transaction.ins.map(({ hash, index }) => ({
      txid: bytesToHex(Uint8Array.from(hash).reverse()),
      vout: index,
      amountSat: 600_000_000n,
      program,
    }))
    expect(bytesToHex(witnessDigests(transaction, spent)[1]!)).toBe(
      'c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670',
    )
  })

  test('every payload is what bitcoinjs-lib would sign', () => {
    const transaction = Transaction.fromBuffer(Psbt.fromBase64(template.psbt).data.getTransaction())
    const { payloads } = signable.open(template)
    expect(payloads.length).toBeGreaterThan(1)
    const { inputs } = signable.inspect(template)
    for (const { index, bytes, address, algorithm } of payloads) {
      const key = [1, 2].map(n => keyOf(n, network)).find(candidate => candidate.address === address)!
      const code = scripts.compile([0x76, 0xa9, payloadOf('p2wpkh', key.script), 0x88, 0xac])
      const expected = transaction.hashForWitnessV0(index, code, BigInt(inputs[index]!.amount), 1)
      expect([algorithm, bytesToHex(bytes)]).toEqual(['secp256k1', bytesToHex(expected)])
    }
  })
})

describe('sign and verify', () => {
  test('what is assembled is a transaction that bitcoinjs-lib finds well signed, with the id known before', () => {
    const { inspection, payloads, assemble } = signable.open(template)
    const signatures = sign(payloads, network)
    const { raw, transactionId } = assemble(signatures)
    expect(transactionId).toBe(inspection.transactionId)
    const transaction = Transaction.fromHex(raw)
    expect(transaction.getId()).toBe(transactionId)
    const psbt = Psbt.fromBase64(template.psbt)
    for (const [n, input] of transaction.ins.entries())
      psbt.updateInput(n, { partialSig: [{ pubkey: input.witness[1]!, signature: input.witness[0]! }] })
    expect(
      psbt.validateSignaturesOfAllInputs((key, hash, signature) => secp256k1.verify(hash, key, signature, true)),
    ).toBe(true)
    psbt.finalizeAllInputs()
    expect(psbt.extractTransaction(true).toHex()).toBe(raw)
    expect(assemble(signatures).raw).toBe(raw)
    expect(signable.open(template).assemble(signatures).raw).toBe(raw)
  })

  test('the fee rate is that of the largest signed transaction: the real one is at most two bytes an input smaller', () => {
    const { inspection, payloads, assemble } = signable.open(template)
    const { raw } = assemble(sign(payloads, network))
    const largestVbytes = Number(inspection.fee) / inspection.feeRate
    const realVbytes = Transaction.fromHex(raw).virtualSize()
    expect(realVbytes).toBeLessThanOrEqual(Math.round(largestVbytes))
    expect(realVbytes).toBeGreaterThan(largestVbytes - inspection.inputs.length)
  })

  test('a signature that is missing or has another length is refused', () => {
    const { payloads, assemble } = signable.open(template)
    const signatures = sign(payloads, network)
    for (const bad of [[], signatures.slice(1), [...signatures, ...signatures], signatures.map(s => s.slice(1))])
      expect(() => assemble(bad)).toThrow(/signatures of 64 bytes/)
  })

  test('B8, B16: without segwit the classic signature is made, and the id is known only when signed', () => {
    const doge = networkOf('dogecoin-regtest')
    const coins = [1, 2].map(n => fundOf(doge, 500_000_000n, { n, index: n, vout: n }))
    const dogeSignable = createSignable('c', 'DOGE', doge)
    const plan = planOf('700000000', doge, coins)
    const { inspection, payloads, assemble } = dogeSignable.open(plan.template)
    expect(inspection.transactionId).toBeNull()
    const { raw, transactionId } = assemble(sign(payloads, doge))
    const psbt = Psbt.fromBase64((plan.template as Template).psbt)
    for (const [n, input] of Transaction.fromHex(raw).ins.entries()) {
      const [signature, pubkey] = scripts.decompile(input.script) as Uint8Array[]
      psbt.updateInput(n, { partialSig: [{ pubkey: pubkey!, signature: signature! }] })
    }
    expect(
      psbt.validateSignaturesOfAllInputs((key, hash, signature) => secp256k1.verify(hash, key, signature, true)),
    ).toBe(true)
    expect(Transaction.fromHex(raw).getId()).toBe(transactionId)
    expect(Transaction.fromHex(raw).hasWitnesses()).toBe(false)
  })
})

describe('coins', () => {
  test('are what the template spends, with the transactions that paid them', () => {
    const coins = coinsOf('c', network, template)
    expect(coins.map(({ key }) => key)).toEqual(signable.inspect(template).spendKeys)
    for (const coin of coins) {
      const fund = funds.find(({ key }) => key === coin.key)!
      expect(coin).toMatchObject({ address: fund.address, publicKey: fund.publicKey, amount: fund.amount })
      const previous = Transaction.fromHex(coin.raw)
      expect(previous.getId()).toBe(coin.transactionId)
      expect(previous.outs[coin.output]!.value).toBe(BigInt(coin.amount))
      const spent = previous.ins.map(({ hash, index }) => `c:${bytesToHex(Uint8Array.from(hash).reverse())}:${index}`)
      expect(coin.inputs).toEqual(spent)
    }
  })
})

describe('inspect', () => {
  test('says payments, change, inputs, fee and spend keys from nothing but the template', () => {
    const inspection = signable.inspect(template)
    expect(inspection.outputs[0]).toEqual({ to: payee.address, dataField: null, asset: 'LTC', amount: '800000' })
    expect(inspection.outputs[1]!.to).toBe(treasury.address)
    expect(inspection.network).toBe('litecoin-regtest')
    const amounts = (list: { amount: string }[]) => list.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
    expect(amounts(inspection.inputs) - amounts(inspection.outputs)).toBe(BigInt(inspection.fee))
    const known = new Map(funds.map(fund => [fund.key, { address: fund.address, amount: fund.amount }]))
    expect(inspection.spendKeys.map(key => known.get(key))).toEqual(inspection.inputs)
  })

  test('an agreeing witnessUtxo and sighash type ALL change nothing; contradicting ones are refused', () => {
    const { script, value } = Psbt.fromBase64(template.psbt).data.inputs.map((input, n) => {
      const { ins } = Transaction.fromBuffer(Psbt.fromBase64(template.psbt).data.getTransaction())
      return Transaction.fromBuffer(input.nonWitnessUtxo!).outs[ins[n]!.index]!
    })[0]!
    const agreeing = remade(psbt => psbt.updateInput(0, { witnessUtxo: { script, value }, sighashType: 1 }))
    expect(signable.inspect(agreeing)).toEqual(signable.inspect(template))
    const more = remade(psbt => psbt.updateInput(0, { witnessUtxo: { script, value: value + 1n } }))
    expect(() => signable.inspect(more)).toThrow(/contradicts/)
    for (const sighashType of [0, 2, 3, 0x81, 0x83])
      expect(() => signable.inspect(remade(psbt => (psbt.data.inputs[0]!.sighashType = sighashType)))).toThrow(
        /sighash type/,
      )
  })

  test('a previous transaction that is missing, another one, or cut is refused', () => {
    const drop = remade(psbt => delete psbt.data.inputs[0]!.nonWitnessUtxo)
    expect(() => signable.inspect(drop)).toThrow(/is missing/)
    const other = transactionOf([{ txid: someTxid(77), vout: 0 }], [{ script: treasury.script, amountSat: 9n }])
    const swapped = remade(psbt => {
      psbt.data.inputs[0]!.nonWitnessUtxo = other.toBuffer()
    })
    expect(() => signable.inspect(swapped)).toThrow(/previous transaction is not/)
  })

  test.each<[string, RegExp, (transaction: Transaction) => void]>([
    ['another version', /version/, transaction => (transaction.version = 1)],
    ['a lock time', /lock time/, transaction => (transaction.locktime = 1)],
    ['another sequence', /sequence/, transaction => (transaction.ins[0]!.sequence = 5)],
    ['outputs above the inputs', /pays/, transaction => (transaction.outs[0]!.value += 10_000_000n)],
    ['an OP_RETURN', /without an address/, transaction => transaction.addOutput(Uint8Array.of(0x6a, 1, 1), 1n)],
    ['an empty output', /an amount of 0/, transaction => transaction.addOutput(payee.script, 0n)],
    ['an output that does not exist', /has no output/, transaction => (transaction.ins[0]!.index = 60)],
    [
      'a coin of another script',
      /public key|no coin of ours/,
      transaction => (transaction.ins.find(input => input.index > 0)!.index = 0),
    ],
  ])('%s is refused', (_, reason, change) => {
    expect(() => signable.inspect(withTransaction(change))).toThrow(reason)
  })

  test('another network, unknown fields, other keys and other forms are refused', () => {
    const bad: [Json, RegExp][] = [
      [{ ...template, network: 'litecoin' }, /for litecoin, not for litecoin-regtest/],
      [{ ...template, more: 1 }, /not of the form/],
      [{ ...template, psbt: 'AAAA' }, /./],
      [{ ...template, psbt: `${template.psbt} ` }, /./],
      [{ ...template, publicKeys: [...template.publicKeys].reverse() }, /public key is not that of/],
      [{ ...template, publicKeys: template.publicKeys.slice(1) }, /not one public key an input/],
      [null, /not of the form/],
      [
        remade(psbt => (psbt.data.inputs[0]!.unknownKeyVals = [{ key: Uint8Array.of(0xf0), value: Uint8Array.of(1) }])),
        /unknown input fields/,
      ],
      [
        remade(
          psbt => (psbt.data.outputs[0]!.unknownKeyVals = [{ key: Uint8Array.of(0xf0), value: Uint8Array.of(1) }]),
        ),
        /unknown output fields/,
      ],
      [
        remade(psbt => (psbt.data.globalMap.unknownKeyVals = [{ key: Uint8Array.of(0xf0), value: Uint8Array.of(1) }])),
        /unknown global fields/,
      ],
      [remade(psbt => psbt.updateInput(0, { redeemScript: Uint8Array.of(0x51) })), /unknown input fields/],
    ]
    for (const [json, reason] of bad) {
      expect(() => signable.inspect(json)).toThrow(reason)
      expect(() => signable.open(json)).toThrow(reason)
    }
  })

  test('S2: a template changed in any one byte is refused, or says something else, or signs the same bytes', () => {
    const before = JSON.stringify(signable.inspect(template))
    const digests = signable.open(template).payloads.map(payload => bytesToHex(payload.bytes))
    const bytes = Uint8Array.from(Buffer.from(template.psbt, 'base64'))
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [0x01, 0x80]) {
        const changed = Uint8Array.from(bytes)
        changed[at]! ^= flip
        const json = { ...template, psbt: Buffer.from(changed).toString('base64') }
        try {
          if (JSON.stringify(signable.inspect(json)) !== before) continue
          expect(signable.open(json).payloads.map(payload => bytesToHex(payload.bytes))).toEqual(digests)
        } catch (error) {
          expect(error).toBeInstanceOf(Fault)
        }
      }
  })

  test('whatever PSBT is accepted, bitcoinjs-lib reads it and writes the same text', () => {
    const whole = Uint8Array.from(Buffer.from(template.psbt, 'base64'))
    let accepted = 0
    const changes = fc.tuple(fc.nat(whole.length - 1), fc.nat(255), fc.integer({ min: -2, max: 2 }))
    fc.assert(
      fc.property(changes, ([at, byte, longer]) => {
        const bytes = [byte, ...Array.from({ length: Math.max(0, longer) }, () => byte)]
        const changed = [...whole.subarray(0, at), ...bytes, ...whole.subarray(at + 1 - Math.min(0, longer))]
        const psbt = Buffer.from(changed).toString('base64')
        try {
          signable.open({ ...template, psbt })
        } catch {
          return
        }
        accepted += 1
        expect(Psbt.fromBase64(psbt).toBase64()).toBe(psbt)
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(0)
  })

  test('whatever JSON comes, a template is understood or refused by a boundary fault', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (json, psbt) => {
        for (const candidate of [json as Json, { ...template, psbt }]) {
          try {
            signable.inspect(candidate)
            expect.unreachable()
          } catch (error) {
            expect(error).toMatchObject({ type: 'boundary', kind: 'invalid-template' })
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
