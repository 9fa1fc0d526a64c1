import { expect, test } from 'vitest'
import { LONG_TEST_MS } from '../patience.ts'
import { wipe } from './wipe.ts'

test(
  'three wiped ledgers and an older copy of one, in the middle of traffic: nothing paid twice, no deposit lost, no address given twice',
  async () => {
    const report = await wipe({ deposits: 40, withdrawals: 40, wipes: 3, restores: 1 })
    console.info(report)
    expect(report).toMatchObject({ deposits: 40, withdrawals: 40, wipes: 3, restores: 1 })
    expect(report.rebuildMs.length).toBe(3)
    expect(report.lost['withdrawal paying']).toBeGreaterThan(0)
  },
  LONG_TEST_MS,
)
