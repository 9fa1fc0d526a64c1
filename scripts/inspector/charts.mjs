/**
 * Each machine as the inspector draws it: the states that the API names (the first word of a state's path), where they stand,
 * and the lines between them. Laid out at build time by Graphviz, so that the page needs no layout engine. Everything is read
 * off the machines that the watcher has: a new one appears by being registered.
 */
import { instance } from '@viz-js/viz'

const STATE = { width: 148, height: 46 }
const LINE_HEIGHT = 14
const CHARACTER_WIDTH = 6.1
const POINTS_PER_INCH = 72
const BIRTH = 'absent'

const top = key => key.split('.')[0]

/** What leaves a state or one of its parts, by where it leads; what stays inside, apart. */
function arrowsOf(model) {
  const arrows = new Map()
  for (const { key, rules } of model.states)
    for (const { event, guard, target } of rules) {
      const [from, to] = [top(key), target === null ? null : top(target)]
      if (to === null || from === to) continue
      const name = `${from}>${to}`
      const arrow = arrows.get(name) ?? { from, to, causes: [] }
      if (!arrow.causes.some(cause => cause.event === event && cause.guard === guard))
        arrow.causes.push({ event, guard })
      arrows.set(name, arrow)
    }
  return [...arrows.values(), ...anywhere(model)]
}

/** A rule of the whole machine leaves every state that has none of its own for the event. */
function anywhere(model) {
  const rules = model.anywhere.filter(({ target }) => target !== null)
  return rules.flatMap(({ event, guard, target }) =>
    tops(model)
      .filter(({ key, isEnd, rules }) => !isEnd && key !== top(target) && !rules.some(own => own.event === event))
      .map(({ key }) => ({ from: key, to: top(target), causes: [{ event, guard }], isAnywhere: true })),
  )
}

const tops = model => model.states.filter(({ parent }) => parent === '')
const isWhole =
  model =>
  ({ key, isEnd, children }) =>
    isEnd || (children.length > 0 && children.every(child => model.states.find(one => one.key === child).isEnd))

function labelOf({ causes }) {
  const events = [...new Set(causes.map(({ event }) => event))]
  return {
    lines: events,
    width: Math.max(...events.map(event => event.length)) * CHARACTER_WIDTH,
    height: events.length * LINE_HEIGHT,
  }
}

const html = (width, height) =>
  `<<table border="0" cellborder="0" cellspacing="0" fixedsize="true" width="${Math.ceil(width)}" height="${Math.ceil(height)}"><tr><td></td></tr></table>>`

function sourceOf(model, arrows) {
  const ends = tops(model).filter(isWhole(model))
  const nodes = tops(model).map(({ key }) =>
    key === BIRTH
      ? `"${key}" [shape=circle, fixedsize=true, width=0.22, height=0.22, label=""]`
      : `"${key}" [shape=box, fixedsize=true, width=${STATE.width / POINTS_PER_INCH}, height=${STATE.height / POINTS_PER_INCH}, label=""]`,
  )
  const edges = arrows
    .filter(({ isAnywhere }) => !isAnywhere)
    .map((arrow, n) => {
      const { width, height } = labelOf(arrow)
      return `"${arrow.from}" -> "${arrow.to}" [id="${n}", label=${html(width, height)}]`
    })
  return `digraph { graph [rankdir=TB, nodesep=0.32, ranksep=0.42, splines=true]; edge [arrowsize=0.6];
    ${nodes.join('\n')}\n${edges.join('\n')}\n${ends.length > 1 ? '' : ''} }`
}

const round = number => Math.round(number * 10) / 10

/** Graphviz's spline as points, up to its arrow's tip. */
function pointsOf(edge) {
  const spline = edge._draw_.find(({ op }) => op === 'b').points
  const tip = (edge._hdraw_ ?? []).find(({ op }) => op === 'P')?.points[1]
  const points = []
  for (let n = 0; n + 3 < spline.length; n += 3)
    for (let t = 0; t <= 1; t += 0.125) {
      const [a, b, c, d] = spline.slice(n, n + 4)
      const at = i => (1 - t) ** 3 * a[i] + 3 * (1 - t) ** 2 * t * b[i] + 3 * (1 - t) * t ** 2 * c[i] + t ** 3 * d[i]
      points.push({ x: round(at(0)), y: round(at(1)) })
    }
  if (tip !== undefined) points.push({ x: round(tip[0]), y: round(tip[1]) })
  return points
}

const LOOKS = {
  final: 'good',
  spent: 'good',
  lost: 'bad',
  dead: 'bad',
  dropped: 'bad',
  rejected: 'bad',
  failed: 'bad',
  cancelled: 'neutral',
  superseded: 'neutral',
}
const PATHS = {
  deposit: ['absent', 'detected', 'confirming', 'confirmed', 'credited', 'final'],
  withdrawal: ['absent', 'requested', 'queued', 'paying', 'paid', 'final'],
  transfer: ['absent', 'underway', 'confirming', 'confirmed', 'final'],
  attempt: ['absent', 'unsigned', 'signed', 'published', 'mined', 'final'],
  chain: ['absent', 'connecting', 'syncing', 'following'],
  address: ['absent', 'watched', 'assigned'],
  account: ['absent', 'ready', 'gathering', 'ready'],
  coin: ['absent', 'unconfirmed', 'spendable', 'reserved', 'spent'],
}
const isOnPath = (model, from, to) => PATHS[model.id].some((state, i, path) => state === from && path[i + 1] === to)
const ALARMS = ['quarantined', 'reversed', 'held', 'refused', 'awaitingApproval', 'halted', 'unreachable', 'stuck']

function nodesOf(model, objects) {
  return tops(model).map(state => {
    const [x, y] = objects
      .find(({ name }) => name === state.key)
      .pos.split(',')
      .map(Number)
    const isBirth = state.key === BIRTH
    const { width, height } = isBirth ? { width: 16, height: 16 } : STATE
    const box = { x: round(x - width / 2), y: round(y - height / 2), width, height }
    const parts = model.states.filter(({ parent }) => parent === state.key)
    const task = state.task ?? parts.find(({ task }) => task !== null)?.task ?? null
    const isEnd = isWhole(model)(state)
    return {
      key: state.key,
      parent: '',
      look: isBirth
        ? 'absent'
        : (LOOKS[state.key] ?? (ALARMS.includes(state.key) ? 'alarm' : task === null ? 'plain' : 'task')),
      isEnd,
      isOnPath: false,
      description: state.description,
      task,
      box,
      icon: null,
      texts: isBirth
        ? []
        : [{ text: state.name, role: 'name', x: box.x + 12, y: box.y + 20, width: state.name.length * 7.5 }],
      stays: [],
    }
  })
}

export async function chartOf(model) {
  const viz = await instance()
  const arrows = arrowsOf(model)
  const drawn = viz.renderJSON(sourceOf(model, arrows), { yInvert: true })
  const [, height, width] = drawn.bb.split(',').map(Number)
  const edges = arrows
    .filter(({ isAnywhere }) => !isAnywhere)
    .map((arrow, n) => {
      const edge = drawn.edges.find(({ id }) => id === String(n))
      const label = labelOf(arrow)
      const [x, y] = edge.lp.split(',').map(Number)
      const box = {
        x: round(x - label.width / 2),
        y: round(y - label.height / 2),
        width: round(label.width),
        height: label.height,
      }
      const texts = label.lines.map((text, i) => ({
        text,
        role: 'event',
        x: box.x,
        y: box.y + 11 + i * LINE_HEIGHT,
        width: text.length * CHARACTER_WIDTH,
      }))
      return {
        key: `${arrow.from}>${arrow.to}`,
        from: arrow.from,
        to: arrow.to,
        rules: arrow.causes.map(cause => ({ ...cause, sources: [arrow.from], target: arrow.to })),
        isOnPath: isOnPath(model, arrow.from, arrow.to),
        points: pointsOf(edge),
        label: { box, texts },
      }
    })
  return {
    machine: model.id,
    version: model.version,
    side: 'watcher',
    purpose: '',
    width: round(width),
    height: round(height),
    nodes: nodesOf(model, drawn.objects),
    edges,
  }
}
