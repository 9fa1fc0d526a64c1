/** `npm run soak -- --deposits 1000 --withdrawals 1000 --kills 200`: the soak at any size; prints its figures. */
import { parseArgs } from 'node:util'
import { soak, type SoakReport } from './soak.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { deposits: text, withdrawals: text, kills: text, seed: text } })
const whole = (value: string | undefined, otherwise: number): number => {
  const number = Number(value ?? otherwise)
  if (!Number.isInteger(number) || number < 1) throw new Error(`${value} is not a whole number above 0`)
  return number
}

const byHundredths = (ms: readonly number[]): string => {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return sorted.length === 0 ? 'none' : `median ${at(0.5)}, 99 % ${at(0.99)}, longest ${sorted.at(-1)}`
}

function print(report: SoakReport): void {
  const { readyMs, readyUsedMs, kills, ...rest } = report
  for (const [name, value] of Object.entries(rest)) console.log(`${name}: ${value}`)
  for (const daemon of ['watcher', 'signer'] as const) {
    console.log(`${daemon}: ${kills[daemon]} kills`)
    console.log(`  ready again, ms: ${byHundredths(readyMs[daemon])}`)
    console.log(`  of processor time, ms: ${byHundredths(readyUsedMs[daemon])}`)
  }
  console.log('all accounted for by node, ledger and feed')
}

const { deposits, withdrawals, kills, seed } = values
print(
  await soak({
    deposits: whole(deposits, 200),
    withdrawals: whole(withdrawals, 200),
    kills: whole(kills, 20),
    seed: whole(seed, 1),
  }),
)
