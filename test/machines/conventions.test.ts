import { describe, expect, test } from 'vitest'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { definitionsOf, leavesOf, nodesOf } from './table.ts'

const TASKS = ['identify', 'sign', 'publish', 'gather']

/** The states that the rest of the system, its lists and its API speak of. */
const STATES: Record<string, string[]> = {
  account: ['absent', 'ready', 'gathering', 'stuck'],
  address: ['absent', 'generated', 'watched', 'assigned'],
  attempt: [
    ...['absent', 'unsigned', 'awaitingApproval', 'signed', 'published'],
    ...['mined', 'refused', 'withheld', 'final', 'superseded', 'dead'],
  ],
  chain: ['absent', 'connecting', 'syncing', 'following', 'reorganising', 'unreachable', 'halted'],
  coin: ['absent', 'unconfirmed', 'spendable', 'reserved', 'spent', 'lost'],
  deposit: [
    ...['absent', 'detected', 'confirming', 'confirmed', 'credited', 'reversed'],
    ...['quarantined', 'ignored', 'final', 'dropped', 'lost'],
  ],
  movement: ['absent', 'placed', 'displaced', 'settled', 'undone'],
  transaction: ['absent', 'known', 'forgotten'],
  transfer: ['absent', 'underway', 'confirming', 'confirmed', 'failing', 'final', 'dead'],
  withdrawal: [
    ...['absent', 'requested', 'held', 'queued', 'paying', 'paid'],
    ...['failed', 'final', 'rejected', 'cancelled'],
  ],
}

describe.each(Object.entries(watcherMachines))('%s', (name, machine) => {
  const nodes = nodesOf(machine.root)

  test('has its kind as its id, and a version', () => {
    expect(machine.id).toBe(name)
    expect(machine.version).toMatch(/^[1-9]\d*$/)
  })

  test('has exactly the states that are documented', () => {
    expect(Object.keys(machine.root.states).sort()).toEqual([...STATES[name]!].sort())
  })

  test('says of every state in one line what it is', () => {
    for (const { id, description } of nodes.filter(node => node !== machine.root))
      expect([id, description]).toEqual([id, expect.stringMatching(/^[A-Z][^\n]{5,}\.$/)])
  })

  test('hears events that are dot.case, in the past', () => {
    for (const type of machine.events as string[])
      expect(type).toMatch(/^[a-z][A-Za-z]*\.([a-zA-Z]+(ed|Up)|seen|lost|spent|bound|made|pended|died|held|forgotten)$/)
  })

  test('owes known tasks, and only in states without children', () => {
    for (const node of nodes) {
      const { task } = (node.meta ?? {}) as { task?: string }
      if (task === undefined) continue
      expect(TASKS).toContain(task)
      expect(leavesOf(machine)).toContain(node.path.join('.'))
    }
  })

  test('invokes nothing, spawns nothing and waits for no timer of its own', () => {
    for (const node of nodes)
      expect([node.invoke, node.after, node.always ?? [], node.entry, node.exit]).toEqual([[], [], [], [], []])
  })

  test('has no action and no guard that nothing names', () => {
    const config = JSON.stringify(machine.config)
    const { actions, guards } = machine.implementations as Record<'actions' | 'guards', object>
    const shared = ['tell', 'reserve', 'release']
    const own = [...Object.keys(actions).filter(one => !shared.includes(one)), ...Object.keys(guards)]
    expect(own.filter(one => !config.includes(`"${one}"`))).toEqual([])
  })

  test('never re-enters the state it is in, which would be done by nobody', () => {
    for (const { source, target, reenter } of definitionsOf(machine)) {
      expect(reenter).toBe(false)
      expect(target ?? []).not.toContain(source)
    }
  })
})
