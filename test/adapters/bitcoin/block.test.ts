import { readFileSync } from 'node:fs'
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { Block, Transaction } from 'bitcoinjs-lib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressOf } from '../../../adapters/bitcoin/address.ts'
import type { ScanContext } from '../../../adapters/bitcoin/block.ts'
import { scanBlock, scanTransaction } from '../../../adapters/bitcoin/block.ts'
import { displayOf } from '../../../adapters/bitcoin/hash.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { scriptKindOf, scriptFor } from '../../../adapters/bitcoin/script.ts'
import type { ByteCursor } from '../../../adapters/bitcoin/transaction.ts'
import {
  compactSize,
  createSpan,
  outpointsOf,
  outputsOf,
  rawOf,
  skim,
  txidOf,
} from '../../../adapters/bitcoin/transaction.ts'
import { createWatch } from '../../../adapters/bitcoin/watch.ts'
import type { SpendSeen } from '../../../adapters/adapter.ts'
import type { BitcoinFact, OutputSeen } from '../../../adapters/bitcoin/facts.ts'
import { Fault } from '../../../src/kernel/fault.ts'
import { auxpowOf, blockOf, coinbaseOf, merkleRootOf, someTxid, transactionOf } from './build.ts'

const vector = (name: string) => readFileSync(new URL(`../../vectors/bitcoin/${name}`, import.meta.url))
const mweb = JSON.parse(vector('litecoin_mweb.json').toString()) as {
  pegOut: { block: string; height: number }
  pegIn: { block: string }
  pooled: { mwebOnly: string; pegIn: string }
}

function contextOf(name: string, addresses: [number, string][] = []): ScanContext {
  const network = networkOf(name)
  const watch = createWatch('c', network)
  for (const [index, address] of addresses) watch.addAddress(index, address)
  return { chain: 'c', asset: 'X', network, watch }
}

const ours = scriptFor('p2wpkh', new Uint8Array(20).fill(0xaa))
const oursToo = scriptFor('p2wpkh', new Uint8Array(20).fill(0xbb))
const theirs = scriptFor('p2wpkh', new Uint8Array(20).fill(0xcc))
const regtest = networkOf('bitcoin-regtest')
const ourContext = (name = 'bitcoin-regtest') => {
  const network = networkOf(name)
  return contextOf(name, [
    [1, addressOf(ours, network)!],
    [2, addressOf(oursToo, network)!],
  ])
}
const coinbase = coinbaseOf([{ script: theirs, amountSat: 5_000_000_000n }]).toBuffer()
const payments = (facts: BitcoinFact[]) => facts.filter((fact): fact is OutputSeen => fact.kind === 'payment.seen')
const spends = (facts: BitcoinFact[]) => facts.filter((fact): fact is SpendSeen => fact.kind === 'spend.seen')
const witness = [new Uint8Array(71).fill(1), new Uint8Array(33).fill(2)]
const faultOf = (run: () => unknown): Fault | null => {
  try {
    run()
    return null
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}

describe('block 413567 of the main network, against bitcoinjs-lib', () => {
  const bytes = Uint8Array.from(vector('block413567.raw'))
  const parsed = Block.fromBuffer(bytes)
  const network = networkOf('bitcoin')

  test('every transaction id, outpoint and output is the same, and the ids make the Merkle root', () => {
    const cursor: ByteCursor = { bytes, subject: 'block', at: 80 }
    const count = compactSize(cursor)
    expect(count).toBe(parsed.transactions!.length)
    const span = createSpan()
    const hashes: Uint8Array[] = []
    for (const transaction of parsed.transactions!) {
      skim(cursor, span, null)
      expect(txidOf(bytes, span)).toBe(transaction.getId())
      expect(rawOf(bytes, span)).toBe(bytesToHex(transaction.toBuffer()))
      hashes.push(transaction.getHash())
      const outputs = outputsOf(bytes, span).map(
        output =>
          `${output.amountSat} ${bytesToHex(bytes.subarray(output.scriptAt, output.scriptAt + output.scriptLength))}`,
      )
      expect(outputs).toEqual(transaction.outs.map(({ value, script }) => `${value} ${bytesToHex(script)}`))
      const inputs = outpointsOf(bytes, span).map(at => displayOf(bytes.subarray(at, at + 32)))
      expect(inputs).toEqual(transaction.ins.map(input => displayOf(input.hash)))
    }
    expect(cursor.at).toBe(bytes.length)
    expect(merkleRootOf(hashes)).toEqual(parsed.merkleRoot)
  })

  test('header, hash and number of transactions are the same', () => {
    const scanned = scanBlock(bytes, contextOf('bitcoin'), 413567)
    expect(scanned).toEqual({
      hash: parsed.getId(),
      parent: displayOf(parsed.prevHash!),
      time: parsed.timestamp,
      transactions: parsed.transactions!.length,
      facts: [],
    })
  })

  test('watching one script in twenty of those paid finds exactly the outputs that bitcoinjs finds', () => {
    const scripts = new Map<string, Uint8Array>()
    for (const { outs } of parsed.transactions!)
      for (const { script } of outs) if (scriptKindOf(script, 0, script.length)) scripts.set(bytesToHex(script), script)
    const watched = [...scripts.entries()].filter((_, n) => n % 20 === 0)
    expect(watched.length).toBeGreaterThan(100)
    const indexes = new Map(watched.map(([hex], n) => [hex, n]))
    const context = contextOf(
      'bitcoin',
      watched.map(([, script], n) => [n, addressOf(script, network)!]),
    )
    const expected = parsed.transactions!.flatMap(transaction =>
      transaction.outs.flatMap(({ script, value }, n) => {
        const index = indexes.get(bytesToHex(script))
        return index === undefined ? [] : [`c:${transaction.getId()}:${n} ${value} ${index}`]
      }),
    )
    const found = payments(scanBlock(bytes, context, 413567).facts)
    expect(found.map(({ id, amount, index }) => `${id} ${amount} ${index}`)).toEqual(expected)
  })

  test('watching one outpoint in ten of those spent finds exactly the spends that bitcoinjs finds', () => {
    const context = contextOf('bitcoin')
    const keyOf = (hash: Uint8Array, index: number) => `c:${displayOf(hash)}:${index}`
    const keys = parsed.transactions!.slice(1).flatMap(({ ins }) => ins.map(({ hash, index }) => keyOf(hash, index)))
    const watched = new Set(keys.filter((_, n) => n % 10 === 0))
    for (const key of watched) context.watch.addKey(key, 'coin')
    const expected = parsed.transactions!.slice(1).flatMap(transaction => {
      const hits = transaction.ins.map(({ hash, index }) => keyOf(hash, index)).filter(key => watched.has(key))
      return hits.length > 0 ? [{ transaction: transaction.getId(), keys: hits }] : []
    })
    const found = spends(scanBlock(bytes, context, 413567).facts)
    expect(found.map(({ transaction, keys: hits }) => ({ transaction, keys: hits }))).toEqual(expected)
    for (const key of watched) context.watch.removeKey(key, 'coin')
    expect(scanBlock(bytes, context, 413567).facts).toEqual([])
  })
})

describe('facts', () => {
  test('B7: two of our addresses in one transaction, and one of them twice, are separate payments', () => {
    const paying = transactionOf(
      [{ txid: someTxid(1), vout: 3, witness }],
      [ours, theirs, oursToo, ours].map((script, n) => ({ script, amountSat: BigInt(1000 + n) })),
    )
    const { facts, hash } = scanBlock(blockOf([coinbase, paying.toBuffer()]), ourContext(), 77)
    const id = paying.getId()
    expect(payments(facts).map(fact => [fact.id, fact.output, fact.index, fact.amount])).toEqual([
      [`c:${id}:0`, 0, 1, '1000'],
      [`c:${id}:2`, 2, 2, '1002'],
      [`c:${id}:3`, 3, 1, '1003'],
    ])
    expect(facts[0]).toEqual({
      kind: 'payment.seen',
      id: `c:${id}:0`,
      transaction: id,
      output: 0,
      address: addressOf(ours, regtest),
      dataField: null,
      index: 1,
      asset: 'X',
      amount: '1000',
      place: { height: 77, hash },
      own: false,
      doubt: null,
      maturity: 0,
      raw: bytesToHex(paying.toBuffer()),
      inputs: [`c:${someTxid(1)}:3`],
    })
  })

  test('the coinbase of another block at its height is a spend of what stands for it', () => {
    const context = ourContext('litecoin-regtest')
    context.watch.addKey(`c:${'0'.repeat(64)}:7`, 'conflict')
    const other = coinbaseOf([{ script: Uint8Array.of(0x51), amountSat: 9n }])
    const { facts } = scanBlock(blockOf([other.toBuffer()]), context, 7)
    expect(facts).toMatchObject([{ kind: 'spend.seen', keys: [`c:${'0'.repeat(64)}:7`], transaction: other.getId() }])
    expect(scanBlock(blockOf([other.toBuffer()]), context, 8).facts).toEqual([])
  })

  test('B7: a coinbase output waits for the network’s coinbase maturity, and stands for the coinbase of its height', () => {
    for (const [name, maturity] of [
      ['bitcoin-regtest', 100],
      ['litecoin-regtest', 100],
    ] as const) {
      const mined = coinbaseOf([{ script: ours, amountSat: 9n }])
      const [fact] = payments(scanBlock(blockOf([mined.toBuffer()]), ourContext(name), 1).facts)
      expect(fact).toMatchObject({ maturity, inputs: [`c:${'0'.repeat(64)}:1`], own: false })
    }
    const classic = scriptFor('p2pkh', new Uint8Array(20).fill(0xaa))
    const context = contextOf('dogecoin', [[1, addressOf(classic, networkOf('dogecoin'))!]])
    const [fact] = payments(
      scanBlock(blockOf([coinbaseOf([{ script: classic, amountSat: 9n }]).toBuffer()]), context, 1).facts,
    )
    expect(fact).toMatchObject({ maturity: 240 })
  })

  test('B14: OP_RETURN, bare multisig, P2PK and longer or shorter scripts with our hash are not payments', () => {
    const hash = ours.subarray(2)
    const key = new Uint8Array(33).fill(2)
    const scripts = [
      concatBytes(Uint8Array.of(0x6a, 0x14), hash),
      concatBytes(Uint8Array.of(0x51, 0x21), key, Uint8Array.of(0x51, 0xae)),
      concatBytes(Uint8Array.of(0x21), key, Uint8Array.of(0xac)),
      concatBytes(ours, Uint8Array.of(0x00)),
      ours.subarray(0, 21),
      concatBytes(Uint8Array.of(0x51, 0x14), hash),
      concatBytes(Uint8Array.of(0x76, 0xa9, 0x14), hash, Uint8Array.of(0x88, 0xac)),
      concatBytes(Uint8Array.of(0xa9, 0x14), hash, Uint8Array.of(0x87)),
      new Uint8Array(0),
    ]
    const paying = transactionOf(
      [{ txid: someTxid(1), vout: 0 }],
      scripts.map(script => ({ script, amountSat: 1000n })),
    )
    expect(scanBlock(blockOf([coinbase, paying.toBuffer()]), ourContext(), 1).facts).toEqual([])
  })

  test('B15: an output of ours spent later in the same block is one payment and one spend, which is our own', () => {
    const first = transactionOf([{ txid: someTxid(1), vout: 0, witness }], [{ script: ours, amountSat: 5000n }])
    const second = transactionOf([{ txid: first.getId(), vout: 0, witness }], [{ script: oursToo, amountSat: 4000n }])
    const { facts } = scanBlock(blockOf([coinbase, first.toBuffer(), second.toBuffer()]), ourContext(), 5)
    expect(facts.map(fact => fact.kind)).toEqual(['payment.seen', 'spend.seen', 'payment.seen'])
    expect(spends(facts)[0]).toMatchObject({
      keys: [`c:${first.getId()}:0`],
      transaction: second.getId(),
      executed: true,
    })
    expect(payments(facts).map(fact => fact.own)).toEqual([false, true])
  })

  test('what a payment stands on in its own block is told first, as deep as it goes, and nothing else of the block', () => {
    const grandparent = transactionOf([{ txid: someTxid(1), vout: 3 }], [{ script: theirs, amountSat: 9000n }])
    const parent = transactionOf(
      [
        { txid: grandparent.getId(), vout: 0 },
        { txid: someTxid(2), vout: 0 },
      ],
      [{ script: theirs, amountSat: 8000n }],
    )
    const paying = transactionOf([{ txid: parent.getId(), vout: 0 }], [{ script: ours, amountSat: 7000n }])
    const stranger = transactionOf([{ txid: someTxid(3), vout: 0 }], [{ script: theirs, amountSat: 1n }])
    const block = [coinbase, ...[grandparent, stranger, parent, paying].map(each => each.toBuffer())]
    const { facts } = scanBlock(blockOf(block), ourContext(), 5)
    const seen = (transaction: string, ...inputs: string[]) => ({
      kind: 'transaction.seen',
      transaction,
      raw: null,
      inputs,
    })
    expect(facts).toMatchObject([
      seen(grandparent.getId(), `c:${someTxid(1)}:3`),
      seen(parent.getId(), `c:${grandparent.getId()}:0`, `c:${someTxid(2)}:0`),
      { kind: 'payment.seen', transaction: paying.getId() },
    ])
  })

  test('a payment is our own only if it spends a coin of ours, not if it spends a key watched for conflicts', () => {
    const context = ourContext()
    const key = `c:${someTxid(1)}:0`
    const paying = transactionOf([{ txid: someTxid(1), vout: 0, witness }], [{ script: ours, amountSat: 5000n }])
    const facts = () => scanTransaction(paying.toBuffer(), context)
    expect(facts().map(fact => fact.kind)).toEqual(['payment.seen'])
    context.watch.addKey(key, 'conflict')
    expect(facts()).toMatchObject([
      { kind: 'spend.seen', keys: [key] },
      { own: false, place: null },
    ])
    context.watch.addKey(key, 'coin')
    expect(facts()).toMatchObject([{ kind: 'spend.seen', keys: [key] }, { own: true }])
    context.watch.removeKey(key, 'conflict')
    expect(facts()).toMatchObject([{ kind: 'spend.seen', keys: [key] }, { own: true }])
    context.watch.removeKey(key, 'coin')
    context.watch.removeKey(key, 'coin')
    expect(facts().map(fact => fact.kind)).toEqual(['payment.seen'])
  })

  test('an outpoint of the same transaction with another output number is not ours', () => {
    const context = ourContext()
    for (let vout = 0; vout < 600; vout++) context.watch.addKey(`c:${someTxid(1)}:${vout}`, 'coin')
    const spending = (vout: number) =>
      transactionOf([{ txid: someTxid(1), vout }], [{ script: theirs, amountSat: 1n }]).toBuffer()
    expect(scanTransaction(spending(599), context)).toHaveLength(1)
    expect(scanTransaction(spending(600), context)).toEqual([])
  })

  test('one address under two indexes stops, the same index again is nothing new', () => {
    const context = ourContext()
    context.watch.addAddress(1, addressOf(ours, regtest)!)
    expect(() => {
      context.watch.addAddress(9, addressOf(ours, regtest)!)
    }).toThrow(/has index 1 and 9/)
    expect(() => {
      context.watch.addKey('other:ab:0', 'coin')
    }).toThrow(/no outpoint of c/)
  })
})

describe('B13: formats', () => {
  test('segwit, taproot and future witness versions are walked, and the raw transaction keeps its witness', () => {
    const taproot = scriptFor('p2tr', new Uint8Array(32).fill(3))
    const future = concatBytes(Uint8Array.of(0x60, 0x28), new Uint8Array(40).fill(4))
    const paying = transactionOf(
      [
        { txid: someTxid(1), vout: 0, witness: [new Uint8Array(64).fill(9)] },
        { txid: someTxid(2), vout: 1, scriptSig: new Uint8Array(300).fill(1) },
      ],
      [taproot, future, ours].map(script => ({ script, amountSat: 700n })),
    )
    const { facts } = scanBlock(blockOf([coinbase, paying.toBuffer()]), ourContext(), 1)
    expect(facts).toMatchObject([{ id: `c:${paying.getId()}:2`, raw: bytesToHex(paying.toBuffer()) }])
    expect(Transaction.fromHex(payments(facts)[0]!.raw).getId()).toBe(paying.getId())
  })

  test('merged mining: a block with a proof of its parent chain is walked where the network has that', () => {
    const classic = scriptFor('p2pkh', new Uint8Array(20).fill(0xaa))
    const context = contextOf('dogecoin', [[4, addressOf(classic, networkOf('dogecoin'))!]])
    const paying = transactionOf([{ txid: someTxid(1), vout: 0 }], [{ script: classic, amountSat: 8n }]).toBuffer()
    const auxpow = auxpowOf([3, 11])
    const merged = blockOf([coinbase, paying], { version: 0x00620104, auxpow })
    const alone = blockOf([coinbase, paying], { version: 0x00620004 })
    for (const bytes of [merged, alone])
      expect(scanBlock(bytes, context, 9)).toMatchObject({ transactions: 2, facts: [{ index: 4, amount: '8' }] })
    expect(scanBlock(merged, context, 9).hash).toBe(Block.fromBuffer(merged.subarray(0, 80)).getId())
    expect(() => scanBlock(merged, contextOf('bitcoin'), 9)).toThrow(/at byte/)
  })

  test('MWEB: a real block of litecoind: the HogEx pays a peg-out, which waits for six blocks', () => {
    const address = 'rltc1qqv6pwwlkctsuv8pa4lk72znvdk444m7jgwjfr3'
    const context = contextOf('litecoin-regtest', [[3, address]])
    const scanned = scanBlock(hexToBytes(mweb.pegOut.block), context, mweb.pegOut.height)
    expect(scanned).toMatchObject({
      hash: '455f64d79f6b9dfc58ea2db08791e230efa8557f307975c32dbbf01ec227bc85',
      parent: '5a58595438ad868afc0d327daf3f9400083d6d71fd8c48a2e726fad8aaac6492',
      transactions: 2,
    })
    const transaction = 'ff8d77683560ef444d26b697f0e1cd9e40770e43ca50e39316ffe3680422ad08'
    expect(scanned.facts).toMatchObject([
      {
        id: `c:${transaction}:1`,
        address,
        amount: '150000000',
        maturity: 6,
        own: false,
        inputs: ['c:c594099c35a50a197ee56475f571eeab36f40b42b36fde0ee9f56429125d4583:0'],
      },
    ])
    // Without its MWEB part it is a plain transaction, which everybody can read.
    expect(Transaction.fromHex(payments(scanned.facts)[0]!.raw).getId()).toBe(transaction)
  })

  test('MWEB: a real block with a peg-in: the coin it spends is seen', () => {
    const context = contextOf('litecoin-regtest')
    const key = 'c:a931e9863fb8bb336e511e618e0e549bbb396720ba63c9c7eb8bfe6fd3ab6e6f:0'
    context.watch.addKey(key, 'coin')
    const spend = { keys: [key], transaction: 'b76a9428a3da2eaf27381e8e0bafce8017e4caa56d4659135f586486aa212f30' }
    const scanned = scanBlock(hexToBytes(mweb.pegIn.block), context, 439)
    expect(scanned.transactions).toBe(3)
    expect(scanned.facts).toMatchObject([spend])
    // The same transaction in the memory pool, with its MWEB part.
    expect(scanTransaction(hexToBytes(mweb.pooled.pegIn), context)).toMatchObject([{ ...spend, place: null }])
  })

  test('MWEB: a transaction of the memory pool that is all MWEB has no facts', () => {
    expect(scanTransaction(hexToBytes(mweb.pooled.mwebOnly), contextOf('litecoin-regtest'))).toEqual([])
  })

  test('MWEB: refused where the network has none, where the extension is missing, or where the flag stands elsewhere', () => {
    const real = hexToBytes(mweb.pegOut.block)
    expect(() => scanBlock(real, contextOf('bitcoin-regtest'), 1)).toThrow(/MWEB flag/)
    expect(() => scanTransaction(hexToBytes(mweb.pooled.pegIn), contextOf('bitcoin-regtest'))).toThrow(/MWEB flag/)
    const plain = transactionOf([{ txid: someTxid(1), vout: 0 }], [{ script: theirs, amountSat: 1n }]).toBuffer()
    const flagged = concatBytes(
      plain.subarray(0, 4),
      Uint8Array.of(0, 8),
      plain.subarray(4, -4),
      Uint8Array.of(0),
      plain.subarray(-4),
    )
    const context = contextOf('litecoin-regtest')
    const extension = Uint8Array.of(1, 2, 3)
    expect(scanBlock(blockOf([coinbase, flagged], { extension }), context, 1).transactions).toBe(2)
    expect(() => scanBlock(blockOf([coinbase, flagged]), context, 1)).toThrow(/unreadable|missing/)
    expect(() => scanBlock(blockOf([coinbase, flagged], { extension: Uint8Array.of(1) }), context, 1)).toThrow(
      /missing/,
    )
    expect(() => scanBlock(blockOf([coinbase, flagged, plain], { extension }), context, 1)).toThrow(/MWEB flag/)
    expect(() => scanBlock(blockOf([flagged], { extension }), context, 1)).toThrow(/MWEB flag/)
    expect(() => scanBlock(blockOf([coinbase, plain], { extension }), context, 1)).toThrow(/left over/)
  })

  test('unknown flags, empty input lists, lengths that are too long, and remains are refused with the offset', () => {
    const context = ourContext()
    const fault = faultOf(() => scanBlock(concatBytes(blockOf([coinbase]), Uint8Array.of(0)), context, 1))
    expect(fault).toMatchObject({ type: 'invariant', kind: 'unreadable-block' })
    expect(fault!.message).toMatch(/left over at byte \d+ of \d+/)
    const flags = Uint8Array.from(coinbase)
    flags.set([0, 2], 4)
    expect(() => scanBlock(blockOf([flags]), context, 1)).toThrow(/transaction flags 2/)
    expect(() => scanBlock(blockOf([]), context, 1)).toThrow(/without transactions/)
    const long = concatBytes(blockOf([]).subarray(0, 80), Uint8Array.of(0xfd, 1, 0), coinbase)
    expect(() => scanBlock(long, context, 1)).toThrow(/not in its shortest form/)
    expect(() => scanTransaction(concatBytes(coinbase, Uint8Array.of(0)), context)).toThrow(/left over/)
  })
})

describe('B13: what is cut or garbled never passes silently', () => {
  const small = blockOf([
    coinbase,
    transactionOf([{ txid: someTxid(1), vout: 0, witness }], [{ script: ours, amountSat: 5000n }]).toBuffer(),
    transactionOf([{ txid: someTxid(2), vout: 0 }], [{ script: theirs, amountSat: 5000n }]).toBuffer(),
  ])
  const auxpow = blockOf([coinbase], { version: 0x00620104, auxpow: auxpowOf([2, 1]) })

  test('a block cut at any byte throws an invariant fault', () => {
    const context = ourContext()
    const doge = contextOf('dogecoin')
    for (let length = 0; length < small.length; length++)
      expect(faultOf(() => scanBlock(small.slice(0, length), context, 1))?.type, `${length}`).toBe('invariant')
    for (let length = 0; length < auxpow.length; length++)
      expect(faultOf(() => scanBlock(auxpow.slice(0, length), doge, 1))?.type, `${length}`).toBe('invariant')
  })

  test('a real MWEB block cut anywhere before its extension throws an invariant fault', () => {
    const bytes = hexToBytes(mweb.pegOut.block)
    // What litecoind calls the stripped size: the extension begins behind it.
    const strippedSize = 340
    const context = contextOf('litecoin-regtest')
    for (let length = 0; length < strippedSize; length++)
      expect(faultOf(() => scanBlock(bytes.slice(0, length), context, 1))?.type, `${length}`).toBe('invariant')
  })

  test('a transaction cut at any byte throws an invariant fault', () => {
    const bytes = transactionOf([{ txid: someTxid(1), vout: 0, witness }], [{ script: ours, amountSat: 1n }]).toBuffer()
    for (let length = 0; length < bytes.length; length++)
      expect(faultOf(() => scanTransaction(bytes.slice(0, length), ourContext()))?.type).toBe('invariant')
  })

  test('whatever bytes come, the answer is facts or a fault, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), changes => {
        const bytes = Uint8Array.from(small)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        faultOf(() => scanBlock(bytes, ourContext(), 1))
      }),
      { numRuns: 2000 },
    )
  })
})
