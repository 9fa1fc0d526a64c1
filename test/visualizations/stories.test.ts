import { beforeAll, describe, expect, test } from 'vitest'
import { isKind } from '../../src/kernel/entry.ts'
import { modelOf } from '../../visualizations/model.ts'
import { SHOWN } from '../../visualizations/shown.ts'
import { DEPOSIT, WITHDRAWAL, type Change, type Story } from '../../visualizations/stories.ts'
import { changesIn, commitsOf, REFERENCE, travel, WITHDRAWAL_ID } from './journey.ts'

let journey: Awaited<ReturnType<typeof travel>>
beforeAll(async () => {
  journey = await travel()
})

const toldBy = ({ steps }: Story, by: 'watcher' | 'signer'): Change[][] =>
  steps.flatMap(step => (step.kind === 'commit' && step.by === by ? [step.changes] : []))

test('every change that a story tells is a rule of its machine', () => {
  const top = (key: string) => key.split('.', 1)[0]
  for (const step of [...DEPOSIT.steps, ...WITHDRAWAL.steps]) {
    if (step.kind !== 'commit') continue
    for (const { machine, from, to, event } of step.changes) {
      const { states } = modelOf(SHOWN.find(shown => shown.machine.id === machine)!.machine)
      const rules = states.filter(({ key }) => top(key) === from).flatMap(({ rules }) => rules)
      expect(
        rules.some(rule => rule.event === event && rule.target !== null && top(rule.target) === to),
        `${machine} ${from} > ${to}, ${event}`,
      ).toBe(true)
    }
  }
})

describe('what really happens is what is drawn, commit by commit', () => {
  test('a deposit', () => {
    const { system, deposited } = journey
    const commits = commitsOf(system.watcher)
    const images = commits.flatMap(({ entries }) => entries.map(({ image }) => image))
    const address = images.find(image => isKind(image, 'address') && image.context.reference === REFERENCE)!.id
    const isOfIt = (kind: string, name: string) =>
      kind === 'address'
        ? `address/${name}` === address
        : ['deposit', 'coin'].includes(kind) && name.includes(deposited)
    const untilFinal = changesIn(commits, isOfIt).filter(changes =>
      changes.every(({ to }) => to !== 'reserved' && to !== 'spent'),
    )
    expect(untilFinal).toEqual(toldBy(DEPOSIT, 'watcher'))
    expect(changesIn(commitsOf(system.signer), kind => kind === 'pool')).toEqual(toldBy(DEPOSIT, 'signer'))
  })

  test('a withdrawal', () => {
    const { system, deposited } = journey
    const commits = commitsOf(system.watcher)
    const asked = commits.findIndex(({ entries }) =>
      entries.some(({ image }) => image.id === `withdrawal/${WITHDRAWAL_ID}`),
    )
    const kinds = ['withdrawal', 'transfer', 'attempt', 'account']
    const isOfIt = (kind: string, name: string) => kinds.includes(kind) || (kind === 'coin' && name.includes(deposited))
    expect(changesIn(commits.slice(asked), isOfIt)).toEqual(toldBy(WITHDRAWAL, 'watcher'))
    expect(changesIn(commitsOf(system.signer), kind => kind === 'signing')).toEqual(toldBy(WITHDRAWAL, 'signer'))
  })
})
