/**
 * The watcher's data is lost in the middle of traffic, again and again: deleted and rebuilt from signer and chain, or
 * put back from an older copy. Nothing may be paid twice, no deposit lost or credited twice, and no address may be given to
 * a second reference by any of the ledgers that there ever were.
 */
import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Audit } from './audit.ts'
import { begin, run as runCommand } from './daemon.ts'
import { account, openTraffic } from './soak.ts'
import { pause, ROUND_MS, run, type Traffic } from './soak-traffic.ts'
import { readRemains } from './wipe-remains.ts'

export interface WipePlan {
  deposits: number
  withdrawals: number
  /** How often the data is deleted and rebuilt. */
  wipes: number
  /** How often an older copy is put back instead. */
  restores: number
  seed?: number
}

export interface WipeReport extends Audit {
  wipes: number
  restores: number
  /** Rebuilds that were killed on their way and begun again. */
  interrupted: number
  /** Milliseconds of each rebuild that came to its end. */
  rebuildMs: number[]
  /** What the ledgers held when they were lost, by kind and state, over all losses. */
  lost: Record<string, number>
  /** Deposits that a later ledger offered again after they had been credited. */
  offeredAgain: number
  reorganisations: number
  seconds: number
}

type Losses = Pick<WipeReport, 'wipes' | 'restores' | 'interrupted' | 'rebuildMs' | 'lost'>

/** `random`: at any instant; the others exactly there, when it comes to that within the round. */
const MOMENTS = ['random', 'before signing', 'signed, unanswered', 'before broadcast', 'broadcast, unanswered'] as const
type Moment = (typeof MOMENTS)[number]

interface Wiping {
  traffic: Traffic
  losses: Losses
  /** Who was given an address by any ledger, told or not. */
  owners: Map<string, string>
  /** Copies of the ledger, oldest first. */
  copies: string[]
}

/** A copy to be put back is at most so many losses old. */
const COPIES_BACK = 3
/** One rebuild in so many is killed within so long. */
const INTERRUPT_EVERY = 3
const INTERRUPT_WITHIN_MS = 1500
/** Every payment to us is in a later block. */
const HIGHEST_FROM = 110

const dataOf = ({ system }: Traffic): string => join(system.directory, 'data', 'watcher')

/** A trap that has not sprung in time may spring later: then it only costs the watcher that one answer. */
async function killAt({ system, random }: Traffic, moment: Moment): Promise<void> {
  let killed: Promise<void> | undefined
  const kill = () => (killed ??= system.watcher.kill9())
  const { toNode, toSigner } = system
  const isSigning = ({ line }: { line: string }) => line.startsWith('PUT') && line.includes('/attempts/')
  const isBroadcast = ({ rpc }: { rpc: string | null }) => rpc === 'sendrawtransaction'
  const traps: Partial<Record<Moment, () => Promise<void>>> = {
    'before signing': () => toSigner.once('before', isSigning, kill),
    'signed, unanswered': () => toSigner.once('answerless', isSigning, kill),
    'before broadcast': () => toNode.once('before', isBroadcast, kill),
    'broadcast, unanswered': () => toNode.once('answerless', isBroadcast, kill),
  }
  const trap = traps[moment]
  await Promise.race([trap?.() ?? pause(random(ROUND_MS)), pause(ROUND_MS)])
  await kill()
}

/** Whom this ledger has given which address, told or not, beside all that earlier ones have given. */
function checkOwners({ traffic, owners }: Wiping): Map<string, number> {
  const { states, addresses } = readRemains(dataOf(traffic))
  for (const [address, reference] of addresses) {
    assert.equal(owners.get(address) ?? reference, reference, `${address} was given to two references`)
    owners.set(address, reference)
  }
  return states
}

/** What the ledger that is gone now had under way. */
function remember(wiping: Wiping): void {
  const { lost } = wiping.losses
  for (const [state, count] of checkOwners(wiping)) lost[state] = (lost[state] ?? 0) + count
}

/** As a person would, who may lose patience, or power, and begins again. */
async function rebuild({ traffic, losses }: Wiping): Promise<void> {
  const { system, random } = traffic
  rmSync(dataOf(traffic), { recursive: true })
  const config = join(system.directory, 'watcher.yaml')
  const args = ['rebuild', '--config', config, '--from', String(1 + random(HIGHEST_FROM))]
  if (losses.wipes % INTERRUPT_EVERY === INTERRUPT_EVERY - 1) {
    const first = begin(args)
    await pause(random(INTERRUPT_WITHIN_MS))
    first.kill9()
    const { status } = await first.ended
    if (status === null) losses.interrupted++
  }
  const startedAt = performance.now()
  const { status, stdout, stderr } = await runCommand(args)
  assert.equal(status, 0, `rebuild: ${stdout}${stderr}`)
  losses.rebuildMs.push(Math.round(performance.now() - startedAt))
  losses.wipes++
}

function putBack({ traffic, losses, copies }: Wiping): void {
  const recent = copies.slice(-COPIES_BACK)
  rmSync(dataOf(traffic), { recursive: true })
  cpSync(recent[traffic.random(recent.length)]!, dataOf(traffic), { recursive: true })
  losses.restores++
}

/** While the watcher writes, as a backup would; or of what a fall has left, with plans that were never signed. */
function copyLedger({ traffic, copies }: Wiping): void {
  const to = join(traffic.system.directory, `copy-${copies.length}`)
  cpSync(dataOf(traffic), to, { recursive: true })
  copies.push(to)
}

async function loseOne(wiping: Wiping, isWipe: boolean): Promise<void> {
  const { traffic } = wiping
  const { system, backend, random } = traffic
  await pause(random(ROUND_MS / 2))
  const isBackup = random(2) === 0
  if (isBackup) copyLedger(wiping)
  await killAt(traffic, MOMENTS[random(MOMENTS.length)]!)
  backend.suspend()
  if (!isBackup) copyLedger(wiping)
  try {
    remember(wiping)
    if (isWipe) await rebuild(wiping)
    else putBack(wiping)
    await system.watcher.start()
    await backend.restore()
  } finally {
    backend.resume()
  }
}

/** Rejects with what does not add up. */
export async function wipe({ wipes, restores, seed = 1, ...plan }: WipePlan): Promise<WipeReport> {
  const startedAt = performance.now()
  const rounds = wipes + restores
  const traffic = await openTraffic({ ...plan, seed }, rounds)
  const losses: Losses = { wipes: 0, restores: 0, interrupted: 0, rebuildMs: [], lost: {} }
  const wiping: Wiping = { traffic, losses, owners: new Map(), copies: [] }
  try {
    // Evenly among each other.
    const isWipe = (round: number) => Math.floor(((round + 1) * wipes) / rounds) > Math.floor((round * wipes) / rounds)
    await run(traffic, round => loseOne(wiping, isWipe(round)))
    checkOwners(wiping)
    const found = await account(traffic)
    const { backend, reorganisations } = traffic
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    return { ...found, ...losses, offeredAgain: backend.offeredAgain(), reorganisations, seconds }
  } catch (error) {
    await traffic.system.abandon()
    throw error
  }
}
