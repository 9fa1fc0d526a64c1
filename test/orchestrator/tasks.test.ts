import { describe, expect, test } from 'vitest'
import { operating } from '../../src/kernel/fault.ts'
import { accountId, attemptId, nameOf, transferId, type Id } from '../../machines/ids.ts'
import type { Found, Instance, InstanceOf } from '../../src/kernel/entry.ts'
import type { TaskResult } from '../../src/orchestrator/inbound.ts'
import { backOffMs, createTasks, type Performed } from '../../src/orchestrator/tasks.ts'
import { untypedInstance } from '../kernel/untyped.ts'
import { quiet } from './rig.ts'

const random = (byte: number) => ({ bytes: () => new Uint8Array([byte]) })

/** With as much of its context as tasks read of it. */
const attempt = (n: number, account = accountId('litecoin', 0)) =>
  untypedInstance({
    ...{ id: attemptId(transferId(nameOf(account)), n), version: 1, value: 'signed', revision: 1 },
    ...{ seq: n, at: 0, entered: n, ended: false },
    context: { chain: 'litecoin', account },
  })

/** Tasks whose performances end when the test says so. */
function desk() {
  const live = new Map<Id, Instance>()
  const begun: string[] = []
  const endings = new Map<string, { resolve: (performed: Performed) => void; reject: (error: unknown) => void }>()
  const finished: TaskResult[] = []
  const waits: { ms: number; run: () => void }[] = []
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    processor: () => 0,
    wake(ms: number, run: () => void) {
      const wait = { ms, run }
      waits.push(wait)
      return () => void waits.splice(waits.indexOf(wait), 1)
    },
  }
  const tries: number[] = []
  const publish = ({ id }: InstanceOf<'attempt'>, tried: number) => {
    begun.push(id)
    tries.push(tried)
    return new Promise<Performed>((resolve, reject) => endings.set(id, { resolve, reject }))
  }
  const tasks = createTasks({
    performers: { publish },
    get: <I extends Id>(id: I) => live.get(id) as Found<I> | undefined,
    finish: result => finished.push(result),
    clock,
    random: random(128),
    log: () => {},
  })
  return {
    tasks,
    live,
    begun,
    finished,
    owe: (instance: Instance) => {
      live.set(instance.id, instance)
      tasks.owe('publish', instance)
    },
    tries,
    waits,
    end: async ({ id }: InstanceOf<'attempt'>, error?: unknown, againMs: number | null = null) => {
      if (error === undefined)
        endings.get(id)!.resolve({ outcome: { type: 'publishing.answered', data: { id, reason: null } }, againMs })
      else endings.get(id)!.reject(error)
      await quiet()
    },
  }
}

describe('tasks', () => {
  test('of one account run one after the other, in their order; of two accounts side by side', async () => {
    const { owe, begun, end } = desk()
    const [first, second, third] = [attempt(1), attempt(2), attempt(3, accountId('dogecoin', 0))]
    for (const one of [first, second, third]) owe(one)
    expect(begun).toEqual([first.id, third.id])
    await end(first)
    expect(begun).toEqual([first.id, third.id, second.id])
  })

  test('are at most 16 at once, however many are owed', async () => {
    const { owe, begun, end } = desk()
    const many = Array.from({ length: 40 }, (_, i) => attempt(i + 1, accountId('litecoin', i)))
    for (const one of many) owe(one)
    expect(begun.length).toBe(16)
    await end(many[0]!)
    expect(begun.length).toBe(17)
    for (let i = 1; i < 40; i++) await end(many[i]!)
    expect(begun).toEqual(many.map(({ id }) => id))
  })

  test('a result carries the run that it is of', async () => {
    const { owe, end, finished } = desk()
    owe(attempt(4))
    await end(attempt(4))
    expect(finished).toEqual([expect.objectContaining({ type: 'publishing.answered', run: `${attempt(4).id}@4` })])
  })

  test('a failure is an event with the reason, and is tried again after a wait that grows', async () => {
    const { owe, end, finished, waits, tries } = desk()
    owe(attempt(1))
    await end(attempt(1), operating('unreachable', 'nobody answers'))
    const data = { id: attempt(1).id, reason: 'nobody answers' }
    expect(finished).toEqual([{ type: 'task.failed', run: `${attempt(1).id}@1`, data }])
    expect(waits.map(({ ms }) => ms)).toEqual([375])
    waits.shift()!.run()
    await end(attempt(1), operating('unreachable', 'nobody answers'))
    expect(waits.map(({ ms }) => ms)).toEqual([750])
    expect(tries).toEqual([0, 1])
  })

  test('what is to be performed again waits in memory, as long as its state owes it', async () => {
    const { owe, live, end, begun, waits } = desk()
    owe(attempt(1))
    await end(attempt(1), undefined, 60_000)
    waits.shift()!.run()
    await quiet()
    expect(begun).toEqual([attempt(1).id, attempt(1).id])
    live.set(attempt(1).id, { ...attempt(1), entered: 9 })
    await end(attempt(1), undefined, 60_000)
    expect(waits).toEqual([])
  })

  test('a run that its instance has left before its turn is not performed', async () => {
    const { owe, live, begun, end } = desk()
    owe(attempt(1))
    owe(attempt(2))
    live.set(attempt(2).id, { ...attempt(2), entered: 9 })
    await end(attempt(1))
    expect(begun).toEqual([attempt(1).id])
  })

  test('after a stop nothing begins and nothing is reported', async () => {
    const { owe, tasks, begun, finished, end, waits } = desk()
    owe(attempt(1))
    owe(attempt(2))
    tasks.stop()
    await end(attempt(1), undefined, 60_000)
    owe(attempt(3, accountId('dogecoin', 0)))
    expect([begun, finished, waits]).toEqual([[attempt(1).id], [], []])
  })

  test('waits grow from half a second to a minute, with jitter of up to half, and no further', () => {
    const waits = (byte: number) => [0, 1, 5, 7, 100].map(tries => backOffMs(random(byte), tries))
    expect(waits(0)).toEqual([250, 500, 8000, 30000, 30000])
    expect(waits(255)).toEqual([499, 998, 15969, 59883, 59883])
  })
})
