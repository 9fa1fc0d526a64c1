import { expect, test } from 'vitest'
import { soak } from './soak.ts'

const READY_MS = 2000
const LONGEST_MS = 300_000

test(
  '200 deposits, 200 withdrawals and 20 kills at random moments: all accounted for by node, ledger and feed',
  async () => {
    const report = await soak({ deposits: 200, withdrawals: 200, kills: 20 })
    console.info(report)
    expect(report.kills.watcher + report.kills.signer).toBe(20)
    expect(report.reorganisations).toBeGreaterThan(0)
    // In processor time, because other tests run meanwhile.
    const { watcher, signer } = report.readyUsedMs
    for (const ms of [...watcher, ...signer]) expect(ms).toBeLessThan(READY_MS)
  },
  LONGEST_MS,
)
