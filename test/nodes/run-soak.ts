/**
 * `npm run soak -- --deposits 1000 --withdrawals 1000 --kills 200`: the soak at any size; prints its figures.
 * `npm run soak -- --wipes 20`: the same while the watcher's data is lost and rebuilt; half as often again (or `--restores`)
 * an older copy of it is put back.
 * `npm run soak -- --family ethereum --deposits 500 --withdrawals 500 --addresses 200`: the same on a real anvil (so many deposits of ether
 * and as many of a token), while something is killed after each thing that a transfer can come to, and a lost ledger is rebuilt in the middle.
 */
import { parseArgs } from 'node:util'
import type { Audit } from './audit.ts'
import { soakEvm } from './evm-soak.ts'
import { soak, type SoakReport } from './soak.ts'
import { wipe, type WipeReport } from './wipe.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    deposits: text,
    withdrawals: text,
    kills: text,
    wipes: text,
    restores: text,
    seed: text,
    family: text,
    addresses: text,
  },
})
const whole = (value: string | undefined, otherwise: number, least = 1): number => {
  const number = Number(value ?? otherwise)
  if (!Number.isInteger(number) || number < least) throw new Error(`${value} is not a whole number from ${least}`)
  return number
}

const byHundredths = (ms: readonly number[]): string => {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return sorted.length === 0 ? 'none' : `median ${at(0.5)}, 99 % ${at(0.99)}, longest ${sorted.at(-1)}`
}

const printAll = (figures: object) => {
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`)
}

function printAudit({ entries, ...figures }: Audit): void {
  printAll(figures)
  const { deposits, withdrawals } = figures
  const each = (kind: string, count: number) => ((entries[kind] ?? 0) / count).toFixed(2)
  console.log(`entries of a deposit: ${each('deposit', deposits)}, of a withdrawal: ${each('withdrawal', withdrawals)}`)
  const byKind = Object.entries(entries).sort(([, a], [, b]) => b - a)
  console.log(`entries: ${byKind.map(([kind, count]) => `${kind} ${count}`).join(', ')}`)
}

function printKills({ readyMs, readyUsedMs, kills, ...rest }: SoakReport): void {
  printAudit(rest)
  for (const daemon of ['watcher', 'signer'] as const) {
    console.log(`${daemon}: ${kills[daemon]} kills`)
    console.log(`  ready again, ms: ${byHundredths(readyMs[daemon])}`)
    console.log(`  of processor time, ms: ${byHundredths(readyUsedMs[daemon])}`)
  }
}

function printWipes({ rebuildMs, lost, ...rest }: WipeReport): void {
  printAudit(rest)
  console.log(`rebuilt, ms: ${byHundredths(rebuildMs)}`)
  console.log('under way when the ledger was lost, over all losses:')
  for (const [state, count] of Object.entries(lost).sort()) console.log(`  ${state}: ${count}`)
}

const { kills, seed } = values
const plan = {
  deposits: whole(values.deposits, 200),
  withdrawals: whole(values.withdrawals, 200),
  seed: whole(seed, 1),
}
if (values.family === 'ethereum')
  printAll(
    await soakEvm({ ...plan, addresses: whole(values.addresses, 50), kills: whole(kills, 1000) }, line =>
      console.log(line),
    ),
  )
else if (values.wipes === undefined) printKills(await soak({ ...plan, kills: whole(kills, 20) }))
else {
  const wipes = whole(values.wipes, 20)
  printWipes(await wipe({ ...plan, wipes, restores: whole(values.restores, Math.floor(wipes / 2), 0) }))
}
console.log('all accounted for by node, ledger, feed and backend')
