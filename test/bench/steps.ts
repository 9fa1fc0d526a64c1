/**
 * The step without the disk, against XState alone: the same deposits through the same events, once as the watcher does
 * it (the step with its commit, applied to memory with its indexes), once with `transition` on snapshots kept in an array.
 */
import { initialTransition, transition } from 'xstate'
import { depositId, type IdOf } from '../../machines/ids.ts'
import type { DepositEvent, Message } from '../../machines/messages.ts'
import { deposit } from '../../machines/deposit.ts'
import { createMemory } from '../../src/orchestrator/memory.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { isEnded, step } from '../../src/kernel/step.ts'
import { alternating, benchRow, perSecond, type BenchRow, type Progress } from './measure.ts'
import { AT, CHAIN, DEPTHS, hashOf, payment } from './world.ts'

export interface StepSizes {
  rounds: number
  deposits: number
}

const DEPOSITS_PER_BLOCK = 100

/** What one deposit lives through: confirming, confirmed, credited, final. */
function lifeOf(n: number): DepositEvent[] {
  const height = 1 + Math.floor(n / DEPOSITS_PER_BLOCK)
  const place = { height, hash: hashOf(height) }
  const { transaction, output, asset, address, dataField, index, amount, inputs, doubt } = payment(n, 100, place)
  const found = {
    chain: CHAIN,
    asset,
    address,
    dataField,
    index,
    amount,
    inputs,
    place,
    doubt,
    reference: `customer-${index}`,
  }
  const facts = { ...found, isTooSmall: false, required: DEPTHS.credit, final: DEPTHS.final }
  return [
    { type: 'payment.seen', at: AT, data: { ...facts, transactionId: transaction, outputIndex: output } },
    { type: 'height.reached', at: AT, data: { height: height + DEPTHS.credit - 1 } },
    { type: 'credit.acknowledged', at: AT, data: {} },
    { type: 'height.reached', at: AT, data: { height: height + DEPTHS.final - 1 } },
  ]
}

type Lives = { id: IdOf<'deposit'>; events: DepositEvent[] }[]

const STAGES = 4

/** One event, one step, one commit; every deposit gets its first event, then every one its second, and so on. */
function runSteps(lives: Lives): void {
  const memory = createMemory({ seq: 0, heights: {}, live: [], reservations: [] })
  for (let stage = 0; stage < STAGES; stage++)
    for (const { id, events } of lives) {
      const first: Message[] = [{ to: id, event: events[stage]! }]
      memory.apply(step(watcherMachines, memory, first, AT)!)
    }
  if (memory.seq !== STAGES * lives.length || memory.get(lives[0]!.id) !== undefined)
    throw new Error('the deposits did not come to their end')
}

function runBare(lives: Lives): void {
  const initial = initialTransition(deposit)[0]
  const snapshots = lives.map(() => initial)
  for (let stage = 0; stage < STAGES; stage++)
    for (let n = 0; n < lives.length; n++)
      snapshots[n] = transition(deposit, snapshots[n]!, lives[n]!.events[stage]!)[0]
  if (!snapshots.every(isEnded)) throw new Error('the deposits did not come to their end')
}

export function benchSteps({ rounds, deposits }: StepSizes, progress: Progress): BenchRow[] {
  progress('steps without the disk')
  const lives = Array.from({ length: deposits }, (_, n) => ({
    id: depositId(`${CHAIN}:${hashOf(0xd0000000 + n)}:0`),
    events: lifeOf(n),
  }))
  alternating(
    2,
    () => runSteps(lives),
    () => runBare(lives),
  )
  const [stepsMs, bareMs] = alternating(
    rounds,
    () => runSteps(lives),
    () => runBare(lives),
  )
  const rate = (ms: number) => ((STAGES * deposits) / ms) * 1000
  const measured = `${perSecond(rate(stepsMs))} / ${perSecond(rate(bareMs))}`
  return [benchRow("steps without disk / XState's bare transition", bareMs / stepsMs, { least: 0.5 }, measured)]
}
