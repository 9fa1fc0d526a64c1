/**
 * A machine as a Mermaid `stateDiagram-v2`, for whoever wants to paste or restyle it. Mermaid has one shape for all states,
 * so what ends well or badly has a sign before its name, as well as a colour.
 */
import { grouped, rulesOf } from './arrows.ts'
import { lookOf, pathOf } from './chart.ts'
import { staying, type Model, type State } from './model.ts'
import type { Shown } from './shown.ts'
import type { Look, Rule } from './statechart.ts'
import { ANYWHERE, exceptions, label } from './text.ts'

const nameOf = (key: string): string => key.replaceAll(/\W/g, '_')

/** Semicolons end a statement in Mermaid, and colons begin a label. */
const plain = (text: string): string => text.replaceAll(';', ',').replaceAll(':', ' -').replaceAll('"', "'")

const SIGNS: Readonly<Partial<Record<Look, string>>> = { good: '✓ ', bad: '✕ ', alarm: '⚠ ', neutral: '■ ' }

const STYLES: Readonly<Partial<Record<Look, string>>> = {
  good: 'fill:#dcf5ec,stroke:#00785a,color:#1f2328',
  bad: 'fill:#fde4da,stroke:#b93a00,color:#1f2328',
  alarm: 'fill:#fff1e0,stroke:#c25700,color:#1f2328',
  neutral: 'fill:#eceef1,stroke:#6e7781,color:#1f2328',
  task: 'fill:#fff8db,stroke:#b58900,color:#1f2328',
}

export function mermaidOf(model: Model, shown: Shown): string {
  const top = model.states.filter(({ parent }) => parent === '')
  const { own, shared } = rulesOf(model, pathOf(model, shown))
  const lines = [
    'stateDiagram-v2',
    '  direction TB',
    `  [*] --> ${nameOf(top[0]!.key)}`,
    ...top.flatMap(state => stateLines(model, shown, state, '  ')),
    ...[...new Set(shared.map(({ words }) => words))].map(words => `  state "${words}" as ${nameOf(words)}`),
    ...shared.flatMap(({ words, rules }) => edges(rules, () => nameOf(words))),
    ...edges(own, ({ sources }) => nameOf(sources[0]!)),
    ...loops(model),
    ...model.states.filter(({ isEnd }) => isEnd).map(({ key }) => `  ${nameOf(key)} --> [*]`),
    ...styles(model, shown),
  ]
  return `${lines.join('\n')}\n`
}

function stateLines(model: Model, shown: Shown, state: State, indent: string): string[] {
  const name = nameOf(state.key)
  const owes = state.task === null ? '' : ` (owes ${state.task})`
  const sign = SIGNS[lookOf(state, shown)] ?? ''
  const title = `${indent}state "${sign}${state.name}${owes} - ${plain(state.description)}" as ${name}`
  const children = model.states.filter(({ parent }) => parent === state.key)
  if (children.length === 0) return [title]
  return [
    title,
    `${indent}state ${name} {`,
    `${indent}  [*] --> ${nameOf(state.initial!)}`,
    ...children.flatMap(child => stateLines(model, shown, child, `${indent}  `)),
    `${indent}}`,
  ]
}

/** One arrow for all rules from one state to the same other. */
const edges = (rules: readonly Rule[], from: (rule: Rule) => string): string[] =>
  grouped(rules, rule => `${from(rule)}>${rule.target}`).map(same => {
    const words = same.map(label).join('<br/>')
    return `  ${from(same[0]!)} --> ${nameOf(same[0]!.target)} : ${words}`
  })

/** What happens without leaving a state. */
function loops(model: Model): string[] {
  const own = model.states.flatMap(({ key, rules }) => loop(nameOf(key), staying(rules).map(label)))
  const rules = staying(model.anywhere)
  if (rules.length === 0) return own
  const told = rules.map(rule => `${label(rule)}${exceptions(model, rule)}`)
  return [...own, `  state "${ANYWHERE}" as ${nameOf(ANYWHERE)}`, ...loop(nameOf(ANYWHERE), told)]
}

const loop = (name: string, words: readonly string[]): string[] =>
  words.length === 0 ? [] : [`  ${name} --> ${name} : ${words.join('<br/>')}`]

/** Mermaid cannot colour a state that has sub-states. */
function styles({ states }: Model, shown: Shown): string[] {
  const looks = Object.entries(STYLES).map(([look, style]) => {
    const keys = states.filter(state => lookOf(state, shown) === look).map(({ key }) => nameOf(key))
    return keys.length === 0 ? [] : [`  classDef ${look} ${style}`, `  class ${keys.join(',')} ${look}`]
  })
  return looks.flat()
}
