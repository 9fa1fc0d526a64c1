import { expect, test } from 'vitest'
import { LONG_TEST_MS } from '../patience.ts'
import { soak } from './soak.ts'

test(
  '200 deposits, 200 withdrawals and 20 kills at random moments: all accounted for by node, ledger and feed',
  async () => {
    const report = await soak({ deposits: 200, withdrawals: 200, kills: 20 })
    console.info(report)
    expect(report.kills.watcher + report.kills.signer).toBe(20)
    expect(report.reorganisations).toBeGreaterThan(0)
  },
  LONG_TEST_MS,
)
