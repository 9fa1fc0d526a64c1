/** A machine as a picture. What happens without leaving a state is written into it, as in UML, to keep arrows few. */
import { attributes, draw, font, graph } from './dot.ts'
import type { Model, Rule, State } from './model.ts'
import { light } from './palette.ts'
import { exceptions, label, wrap } from './text.ts'

const TEXT_WIDTH = 38
const ANYWHERE = 'any state'
/** The state of what is not in the ledger yet. */
const BIRTH = 'absent'

/** A group's own node, for arrows from or to the whole group. */
const anchor = (key: string): string => `${key}.*`
const cluster = (key: string): string => `cluster_${key}`
const quote = (name: string): string => `"${name}"`

export const pictureOf = (model: Model): Promise<string> => draw(sourceOf(model), `States of ${model.id}`)

function sourceOf(model: Model): string {
  const top = model.states.filter(({ parent }) => parent === '')
  const settings = { rankdir: 'TB', compound: 'true', nodesep: 0.45, ranksep: 0.6 }
  return graph(settings, [
    ...top.flatMap(state => stateLines(model, state)),
    ...arrowLines(model),
    ...anywhereLines(model),
  ])
}

function stateLines(model: Model, state: State): string[] {
  if (state.children.length === 0) return [box(state)]
  const children = model.states.filter(({ parent }) => parent === state.key)
  const look = { label: heading(state), style: 'rounded,filled', fillcolor: light.group, color: light.line, margin: 12 }
  return [
    `subgraph ${quote(cluster(state.key))} {`,
    `graph ${attributes({ ...look, labeljust: 'l', fontcolor: light.text })}`,
    `${quote(anchor(state.key))} ${attributes({ shape: 'circle', label: '', width: 0.12, style: 'filled', fillcolor: light.arrow, color: light.arrow })}`,
    `${quote(anchor(state.key))} -> ${quote(state.initial!)}`,
    ...children.flatMap(child => stateLines(model, child)),
    '}',
  ]
}

function box(state: State): string {
  const look = lookOf(state)
  return `${quote(state.key)} ${attributes({ shape: 'box', margin: '0.12,0.08', label: heading(state), ...look })}`
}

function lookOf({ task, isEnd, key }: State): Record<string, string | number> {
  if (task !== null) return { style: 'rounded,filled', fillcolor: light.task, color: light.taskLine }
  if (isEnd) return { style: 'rounded,filled', fillcolor: light.end, color: light.endLine, peripheries: 2 }
  return { style: key === BIRTH ? 'rounded,filled,dashed' : 'rounded,filled', fillcolor: light.state }
}

/** Name, task, description, and what happens inside. */
function heading(state: State): string {
  const owes = state.task === null ? '' : `<font color="${light.taskLine}">   owes ${state.task}</font>`
  const stays = state.rules.filter(rule => rule.target === null && !rule.isIdle).map(rule => label(rule))
  const inside = stays.length === 0 ? '' : font(stays, { colour: light.event, size: 13 })
  const meaning = font(wrap(state.description, TEXT_WIDTH), { colour: light.muted, size: 13 })
  return `<<font point-size="17"><b>${state.name}</b></font>${owes}<br align="left"/>${meaning}${inside}>`
}

interface Arrow {
  from: string
  to: string
  labels: string[]
}

/** From so many states on (but for the birth, which is always drawn), the same rule is drawn once, from a box that names them. */
const SHARED_FROM = 3

function arrowLines(model: Model): string[] {
  const sources = sourcesOf(model)
  const isShared = (rule: Rule) => (sources.get(nameOf(rule)) ?? []).length >= SHARED_FROM
  const single = model.states.flatMap(({ key, rules }) => {
    const own = leaving(rules).filter(rule => key === BIRTH || !isShared(rule))
    return byTarget(key, own)
  })
  return [...single.map(arrow => arrowLine(model, arrow)), ...sharedLines(model, sources)]
}

const nameOf = (rule: Rule): string => `${label(rule)}>${rule.target}`

const leaving = (rules: readonly Rule[]): Rule[] => rules.filter(({ target }) => target !== null)

/** The states that have a rule, by what it says and where it leads. */
function sourcesOf({ states }: Model): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { key, rules } of states) {
    if (key === BIRTH) continue
    for (const rule of leaving(rules)) found.set(nameOf(rule), [...(found.get(nameOf(rule)) ?? []), key])
  }
  return found
}

function sharedLines(model: Model, sources: ReadonlyMap<string, string[]>): string[] {
  const boxes = new Map<string, Rule[]>()
  const rules = model.states.flatMap(state => leaving(state.rules))
  for (const [name, keys] of sources) {
    if (keys.length < SHARED_FROM) continue
    const rule = rules.find(rule => nameOf(rule) === name)!
    boxes.set(keys.join(', '), [...(boxes.get(keys.join(', ')) ?? []), rule])
  }
  return [...boxes].flatMap(([names, rules]) => [
    `${quote(names)} ${attributes({ label: `<<i>${wrap(names, TEXT_WIDTH).join('<br/>')}</i>>`, ...DASHED })}`,
    ...byTarget(names, rules).map(arrow => arrowLine(model, arrow)),
  ])
}

/** Rules that lead from one state to the same other are one arrow. */
function byTarget(from: string, rules: readonly Rule[]): Arrow[] {
  const found = new Map<string, string[]>()
  for (const rule of rules) found.set(rule.target!, [...(found.get(rule.target!) ?? []), label(rule)])
  return [...found].map(([to, labels]) => ({ from, to, labels }))
}

/** An arrow from a group leaves its last state, an arrow to it ends above its first; both are cut at its border. */
function arrowLine(model: Model, { from, to, labels }: Arrow): string {
  const group = (key: string) => model.states.find(state => state.key === key && state.children.length > 0)
  const tail = group(from)
  const head = group(to)
  const ends = { ...(tail && { ltail: cluster(from) }), ...(head && { lhead: cluster(to) }) }
  const words = font(
    labels.map(text => `\u00a0${text}`),
    { colour: light.event, size: 13 },
  )
  return `${quote(tail?.children.at(-1) ?? from)} -> ${quote(head ? anchor(to) : to)} ${attributes({ label: `<${words}>`, ...ends })}`
}

const DASHED = { shape: 'box', style: 'rounded,dashed', margin: '0.12,0.08', fontcolor: light.muted }

function anywhereLines(model: Model): string[] {
  const rules = model.anywhere.filter(({ isIdle }) => !isIdle)
  if (rules.length === 0) return []
  const told = (rule: Rule) => `${label(rule)}${exceptions(model, rule)}`
  const stays = rules.filter(({ target }) => target === null).map(told)
  const inside = stays.length === 0 ? '' : font(stays, { colour: light.event, size: 13 })
  const text = `<<i>${ANYWHERE}</i><br align="left"/>${inside}>`
  const arrows = leaving(rules).map(rule => ({ from: ANYWHERE, to: rule.target!, labels: [told(rule)] }))
  return [
    `${quote(ANYWHERE)} ${attributes({ label: text, ...DASHED })}`,
    ...arrows.map(arrow => arrowLine(model, arrow)),
  ]
}
