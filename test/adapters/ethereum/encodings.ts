/** Two implementations that must agree byte for byte: ethers, with which templates are built, and the one with which they are read and signed. */
import { Signature, Transaction } from 'ethers'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { canonical } from '../../../adapters/ethereum/address.ts'
import { buildTemplate, type AccountPlan } from '../../../adapters/ethereum/build.ts'
import { MAXIMUM_GAS } from '../../../adapters/ethereum/transaction.ts'
import { readTemplate, writeTemplate } from '../../../adapters/ethereum/template.ts'
import { account, CHAIN, deriver, NETWORK, SEED, signable } from './wallet.ts'

const LEAST_GAS = 65_000n
const WORD = 2n ** 256n
/** Short and long, with digits at every boundary of a length. */
const upTo = (maximum: bigint) =>
  fc.integer({ min: 0, max: maximum.toString(2).length }).chain(bits => {
    const top = 2n ** BigInt(bits)
    return fc.bigInt({ min: 1n, max: top < maximum ? top : maximum })
  })
const payee = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map(bytes => canonical(`0x${Buffer.from(bytes).toString('hex')}`))
const fees = fc
  .tuple(upTo(10n ** 15n), fc.option(fc.bigInt({ min: 0n, max: 10_000n }), { freq: 5 }))
  .map(([maximumFeePerGas, part]) => ({
    maximumFeePerGas,
    priorityFeePerGas: part === null ? null : (maximumFeePerGas * part) / 10_000n,
  }))

interface Case {
  index: number
  plan: AccountPlan
}

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    index: fc.nat(9),
    nonce: upTo(BigInt(Number.MAX_SAFE_INTEGER)).map(Number),
    to: payee,
    asset: fc.constantFrom('ETH', 'USDT', 'DAI'),
    amount: upTo(WORD / 2n),
    gasLimit: fc.bigInt({ min: LEAST_GAS, max: MAXIMUM_GAS }),
    fees,
  })
  .map(({ index, ...rest }) => ({ index, plan: { from: account(index), ...rest } }))

/** Says what differs, or null. */
function differenceIn({ index, plan }: Case): string | null {
  const template = buildTemplate(NETWORK, plan)
  const { transfer, payment } = readTemplate(template, NETWORK)
  if (!isDeepStrictEqual(writeTemplate(plan.from, transfer), template)) return 'what is read is written otherwise'
  const { to, asset, amount } = payment
  if (!isDeepStrictEqual({ to, asset, amount }, { to: plan.to, asset: plan.asset, amount: plan.amount }))
    return 'another payment is read'
  const { inspection, payloads, assemble } = signable.open(template)
  const [key] = inspection.spendKeys
  if (key !== `${CHAIN}:${plan.from}:${plan.nonce}`) return `another spend key is read: ${String(key)}`
  const built = Transaction.from((template as { transaction: string }).transaction)
  if (built.unsignedHash !== `0x${Buffer.from(payloads[0]!.bytes).toString('hex')}`) return 'another digest is signed'
  const [signature] = deriver.sign(SEED, [{ index, payload: payloads[0]! }])
  const hex = Buffer.from(signature!).toString('hex')
  built.signature = Signature.from({
    r: `0x${hex.slice(0, 64)}`,
    s: `0x${hex.slice(64, 128)}`,
    yParity: signature![64] === 1 ? 1 : 0,
  })
  const { raw, transactionId } = assemble([signature!])
  return raw === built.serialized && transactionId === built.hash ? null : 'other bytes are signed'
}

/** So many transactions from this seed. Rejects with the first on which they differ. */
export function compareEncodings(runs: number, seed: number): void {
  fc.assert(
    fc.property(anyCase, each => {
      const difference = differenceIn(each)
      if (difference !== null) throw new Error(difference)
    }),
    { numRuns: runs, seed },
  )
}
