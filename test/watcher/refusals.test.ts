import { claim } from '../../src/kernel/untyped.ts'
import { describe, expect, test } from 'vitest'
import type { Reason } from '../../machines/messages.ts'
import type { SignedReceipt } from '../../machines/vocabulary.ts'
import { refusalOf, voidEach } from '../../src/watcher/refusals.ts'
import type { SignerClient } from '../../src/watcher/signer-client.ts'

const OWN = [
  { id: 'w-1', round: 1 },
  { id: 'w-2', round: 3 },
]
const reason = (kind: string, withdrawal?: string): Reason => ({
  kind,
  message: `${kind} it is`,
  ...(withdrawal === undefined ? {} : { withdrawal }),
})

describe('a refusal', () => {
  test.each(['limit-per-transaction', 'limit-per-day'])('for %s alone is asked for again', kind => {
    expect(refusalOf([reason(kind)], OWN)).toEqual({ kind: 'held' })
  })

  test('for a limit and for the template too needs a person', () => {
    expect(refusalOf([reason('limit-per-day'), reason('fee-too-high')], OWN)).toEqual({ kind: 'refused' })
  })

  test.each([
    'wrong-chain',
    'wrong-asset',
    'intent-changed',
    'invalid-destination',
    'destination-not-allowed',
    'old-round',
    'could-pay-twice',
    'voided',
    'expired',
  ])('for %s of one withdrawal is for ever, whatever else is said', kind => {
    const own = reason(kind, 'w-2')
    expect(refusalOf([reason('unexplained-output'), own], OWN)).toEqual({
      kind: 'unsignable',
      never: [{ intent: OWN[1], reason: own }],
    })
  })

  test('for what another transfer was signed for is looked for at the signer, unless a withdrawal can never be paid', () => {
    expect(refusalOf([reason('spend-key-bound')], OWN)).toEqual({ kind: 'bound' })
    expect(refusalOf([reason('spend-key-bound'), reason('voided', 'w-1')], OWN)).toMatchObject({ kind: 'unsignable' })
  })

  test('counts one reason of each withdrawal, and none of a withdrawal that is not in the transfer', () => {
    const reasons = [
      reason('expired', 'w-1'),
      reason('voided', 'w-1'),
      reason('voided', 'w-9'),
      reason('voided', 'w-2'),
    ]
    expect(refusalOf(reasons, OWN)).toEqual({
      kind: 'unsignable',
      never: [
        { intent: OWN[0], reason: reasons[0] },
        { intent: OWN[1], reason: reasons[3] },
      ],
    })
    expect(refusalOf([reason('voided', 'w-9')], OWN)).toEqual({ kind: 'refused' })
    expect(refusalOf([reason('voided')], OWN)).toEqual({ kind: 'refused' })
  })

  test('that is for ever voids each withdrawal in its own round, and says what becomes of it', async () => {
    const asked: unknown[] = []
    const receipt = claim<SignedReceipt>({ id: 'w', signed: [] })
    const signer = claim<SignerClient>({
      void: (...args: unknown[]) => (asked.push(args), Promise.resolve(receipt)),
    })
    const voided = await voidEach(signer, 'litecoin', [
      { intent: OWN[0]!, reason: reason('expired', 'w-1') },
      { intent: OWN[1]!, reason: reason('destination-not-allowed', 'w-2') },
    ])
    expect(asked).toEqual([
      ['litecoin', 'w-1', 1],
      ['litecoin', 'w-2', 3],
    ])
    expect(voided).toEqual([
      { id: 'withdrawal/w-1', receipt, verdict: 'cancelled', reason: 'expired' },
      {
        id: 'withdrawal/w-2',
        receipt,
        verdict: 'rejected',
        reason: 'destination-not-allowed: destination-not-allowed it is',
      },
    ])
  })
})
