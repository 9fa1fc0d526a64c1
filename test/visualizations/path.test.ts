import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { drawInstance, type RenderPath } from '../../src/commands/draw-instance.ts'
import { watcherApi, type WatcherApi } from '../../src/commands/watcher-api.ts'
import { TOKEN } from '../simulation/fixtures.ts'
import { renderPath } from '../../visualizations/instance.ts'
import { modelOf } from '../../visualizations/model.ts'
import { pathMermaid, pathSvg, type Step } from '../../visualizations/path.ts'
import { SHOWN } from '../../visualizations/shown.ts'
import type { Statechart } from '../../visualizations/statechart.ts'
import charts from '../../visualizations/statecharts.json' with { type: 'json' }
import { drawnAs } from '../../visualizations/transition.ts'
import { askAfterwards, travel, WITHDRAWAL_ID } from './journey.ts'

const chartOf = (machine: string): Statechart => (charts as Statechart[]).find(chart => chart.machine === machine)!

const top = (key: string): string => key.split('.', 1)[0]!

describe('the line for a transition', () => {
  test.each(SHOWN.map(shown => [shown.machine.id, shown] as const))(
    'is found for every rule of %s',
    (id, { machine }) => {
      const { states } = modelOf(machine)
      for (const { key, rules } of states) {
        for (const { event, target, isIdle } of rules) {
          if (isIdle) continue
          const from = top(key) === 'absent' ? null : top(key)
          const drawn = drawnAs(chartOf(id), { from, event, to: top(target ?? key) })
          expect(drawn, `${key}: ${event}`).not.toBeNull()
          if (target !== null && top(target) !== top(key)) expect(drawn!.kind, `${key}: ${event}`).toBe('edge')
        }
      }
    },
  )

  test('what several states share is found from each of them', () => {
    for (const from of ['held', 'queued', 'paying']) {
      const drawn = drawnAs(chartOf('withdrawal'), { from, event: 'withdrawal.voided', to: 'cancelled' })
      expect(drawn).toMatchObject({ kind: 'edge', edge: { to: 'cancelled' } })
    }
  })

  test('what holds in every state is found in a footnote', () => {
    const drawn = drawnAs(chartOf('deposit'), { from: 'detected', event: 'address.assigned', to: 'detected' })
    expect(drawn).toMatchObject({ kind: 'stay', node: { look: 'footnote' } })
  })

  test('another version may have done what this one does not know', () => {
    expect(drawnAs(chartOf('deposit'), { from: 'final', event: 'payment.seen', to: 'detected' })).toBeNull()
  })
})

const step = (seq: number, from: string | null, event: string, to: string): Step => ({
  ...{ seq, from, event, to },
  at: `2026-01-01T00:00:${String(seq).padStart(2, '0')}.000Z`,
})

/** Through a reorg, and back. */
const REORGANISED = [
  step(1, null, 'payment.seen', 'detected'),
  step(2, 'detected', 'payment.seen', 'confirming'),
  step(3, 'confirming', 'block.disconnected', 'detected'),
  step(4, 'detected', 'payment.conflicted', 'detected'),
  step(5, 'detected', 'payment.seen', 'confirming'),
]

describe('the way of one instance', () => {
  const travelled = { id: 'litecoin:ab:0', state: 'confirming', history: REORGANISED }
  const svg = pathSvg(chartOf('deposit'), travelled)
  const classesOf = (key: string) => new RegExp(`<g class="([^"]*)" data-key="${key}"`).exec(svg)![1]!.split(' ')

  test('shows where it was, where it is, and what it never took', () => {
    expect(classesOf('confirming')).toEqual(expect.arrayContaining(['visited', 'now']))
    expect(classesOf('detected')).toContain('visited')
    expect(classesOf('final')).toContain('aside')
    expect(classesOf('detected&gt;confirming')).toContain('taken')
    expect(classesOf('confirming&gt;confirmed')).toContain('aside')
  })

  test('numbers each step where it was taken, and lists all with their times', () => {
    const marks = [...svg.matchAll(/class="mark">.*?<text[^>]*>([^<]*)</g)].map(match => match[1])
    expect(marks).toEqual(['1', '2 · 5', '3', '4'])
    for (const { at, event } of REORGANISED) for (const word of [at, event]) expect(svg).toContain(`>${word}<`)
    expect(svg).toContain('>stays detected<')
  })

  test('is bounded, however often it went back and forth', () => {
    const history = Array.from({ length: 500 }, (_, n) => ({ ...REORGANISED[1 + (n % 2)]!, seq: n + 1 }))
    const long = pathSvg(chartOf('deposit'), { ...travelled, history })
    expect(long).toContain('400 earlier transitions are not listed')
    expect(long).toContain('>1 … 499<')
    expect(pathMermaid(chartOf('deposit'), { ...travelled, history })).toContain('400 earlier')
  })

  test('as Mermaid, in order', () => {
    const lines = pathMermaid(chartOf('deposit'), travelled).split('\n')
    expect(lines[0]).toBe('stateDiagram-v2')
    expect(lines.filter(line => line.includes('-->')).map(line => line.trim().split('<br/>')[0])).toEqual([
      'absent --> detected : 1. payment.seen',
      'detected --> confirming : 2. payment.seen',
      'confirming --> detected : 3. block.disconnected',
      'detected --> detected : 4. payment.conflicted',
      'detected --> confirming : 5. payment.seen',
    ])
  })
})

describe('lockkeeper visualize --instance', () => {
  let folder: string
  let api: WatcherApi
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lockkeeper-path-'))
    const { system } = await travel()
    api = watcherApi(call => askAfterwards(system, call), '127.0.0.1:4100', TOKEN)
  })
  afterAll(() => rm(folder, { recursive: true }))

  const render: RenderPath = (machine, travelled) => renderPath(charts as Statechart[], machine, travelled)
  const draw = async (id: string) => {
    const out: string[] = []
    await drawInstance({ api, render, id, folder }, { out: line => out.push(line), err: () => undefined })
    return out
  }

  test.each([WITHDRAWAL_ID, `withdrawal/${WITHDRAWAL_ID}`])('%s is asked of the watcher and drawn', async id => {
    const paths = await draw(id)
    expect(paths).toEqual([join(folder, 'withdrawal-w-1.svg'), join(folder, 'withdrawal-w-1.mmd')])
    const [svg, mermaid] = await Promise.all(paths.map(path => readFile(path, 'utf8')))
    expect(svg).toContain('The way of withdrawal w-1, now final')
    expect(svg).toContain('>paying → paid<')
    expect(svg).not.toContain('by another version')
    expect(mermaid).toContain('paid --> final')
  })

  test('what is not there is said', async () => {
    await expect(draw('nobody')).rejects.toThrow(
      'there is no deposit, withdrawal or transfer nobody at http://127.0.0.1:4100',
    )
    await expect(draw(`transfer/${WITHDRAWAL_ID}`)).rejects.toThrow(`there is no transfer ${WITHDRAWAL_ID}`)
  })
})
