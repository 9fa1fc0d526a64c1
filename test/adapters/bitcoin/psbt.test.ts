import { Psbt, Transaction } from 'bitcoinjs-lib'
import { describe, expect, test } from 'vitest'
import { openPsbt, writePsbt, type PsbtInput } from '../../../adapters/bitcoin/psbt.ts'
import { someTxid, transactionOf } from './build.ts'

const script = Uint8Array.from([0, 20, ...new Uint8Array(20).fill(7)])
const previous = [1, 2].map(n => transactionOf([{ txid: someTxid(n), vout: n }], [{ script, amountSat: 10_000n }]))

function made(change: (psbt: Psbt) => void = () => undefined): Psbt {
  const psbt = new Psbt()
  psbt.setVersion(2)
  for (const transaction of previous)
    psbt.addInput({ hash: transaction.getId(), index: 0, nonWitnessUtxo: transaction.toBuffer() })
  psbt.addOutput({ script, value: 15_000n })
  psbt.addOutput({ script, value: 1_000n })
  change(psbt)
  return psbt
}

const read = (text: string): { unsigned: Uint8Array; inputs: PsbtInput[] } => {
  const psbt = openPsbt(text)
  const { ins, outs } = Transaction.fromBuffer(psbt.unsigned)
  return { unsigned: psbt.unsigned, inputs: psbt.read(ins.length, outs.length) }
}
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const bytesOf = (psbt: Psbt): Uint8Array => new Uint8Array(Buffer.from(psbt.toBase64(), 'base64'))

describe('a PSBT', () => {
  test('is read as bitcoinjs-lib wrote it', () => {
    const psbt = made(one => one.updateInput(1, { witnessUtxo: { script, value: 10_000n }, sighashType: 1 }))
    const { unsigned, inputs } = read(psbt.toBase64())
    expect(base64(unsigned)).toBe(base64(psbt.data.getTransaction()))
    expect(inputs.map(input => base64(input.previous!))).toEqual(previous.map(one => base64(one.toBuffer())))
    expect(inputs[0]).toMatchObject({ witnessUtxo: undefined, sighashType: undefined })
    expect([...inputs[1]!.sighashType!]).toEqual([1, 0, 0, 0])
    expect(base64(inputs[1]!.witnessUtxo!)).toBe(base64(previous[1]!.toBuffer().subarray(-4 - 31, -4)))
  })

  test('is written as bitcoinjs-lib writes it, with previous transactions of every length', () => {
    for (const outputs of [1, 8, 2200]) {
      const paid = Array.from({ length: outputs }, () => ({ script, amountSat: 10_000n }))
      const large = transactionOf([{ txid: someTxid(3), vout: 0 }], paid)
      const psbt = new Psbt()
      psbt.setVersion(2)
      psbt.addInput({ hash: large.getId(), index: 0, sequence: 0xffff_fffd, nonWitnessUtxo: large.toBuffer() })
      for (const { amountSat } of paid) psbt.addOutput({ script, value: amountSat })
      const text = writePsbt(psbt.data.getTransaction(), [large.toBuffer()], outputs)
      expect(text === psbt.toBase64()).toBe(true)
    }
  })

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['cut anywhere near its end', bytes => bytes.subarray(0, -1)],
    ['with something behind it', bytes => Uint8Array.from([...bytes, 0])],
    ['of another magic', bytes => bytes.with(3, 0x75)],
    ['of another separator', bytes => bytes.with(4, 0xfe)],
    ['that is empty', () => new Uint8Array()],
    ['without a transaction', bytes => Uint8Array.from([...bytes.subarray(0, 5), 0])],
  ])('%s is refused', (_, change) => {
    expect(() => read(base64(change(bytesOf(made()))))).toThrow()
  })

  test('in another spelling is refused: spaces, other base64, fields in another order or twice, long lengths', () => {
    const text = made().toBase64()
    for (const other of [`${text} `, ` ${text}`, text.replaceAll('+', '-').replaceAll('/', '_').replace(/=*$/, '')])
      if (other !== text) expect(() => read(other)).toThrow(/canonical/)
    const bytes = bytesOf(
      made(psbt => psbt.updateInput(1, { witnessUtxo: { script, value: 10_000n }, sighashType: 1 })),
    )
    const tail = bytes.length - 3
    const sighash = bytes.subarray(tail - 7, tail)
    expect([...sighash]).toEqual([1, 3, 4, 1, 0, 0, 0])
    const before = bytes.subarray(0, tail - 7)
    const rest = bytes.subarray(tail)
    const witness = before.subarray(-(1 + 1 + 1 + 31))
    const swapped = Uint8Array.from([...before.subarray(0, -witness.length), ...sighash, ...witness, ...rest])
    expect(() => read(base64(swapped))).toThrow(/canonical/)
    expect(() => read(base64(Uint8Array.from([...before, ...sighash, ...sighash, ...rest])))).toThrow(/canonical/)
    const long = Uint8Array.from([...before, 1, 3, 0xfd, 4, 0, 1, 0, 0, 0, ...rest])
    expect(() => read(base64(long))).toThrow(/shortest/)
  })
})
