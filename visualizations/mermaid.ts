/** A machine as a Mermaid `stateDiagram-v2`, for whoever wants to paste or restyle it. */
import type { Model, Rule, State } from './model.ts'
import { exceptions, label } from './text.ts'

const ANYWHERE = 'any_state'

const nameOf = (key: string): string => key.replaceAll('.', '_')

/** Semicolons end a statement in Mermaid, and colons begin a label. */
const plain = (text: string): string => text.replaceAll(';', ',').replaceAll(':', ' -')

export function mermaidOf(model: Model): string {
  const top = model.states.filter(({ parent }) => parent === '')
  const lines = [
    'stateDiagram-v2',
    '  direction TB',
    `  [*] --> ${nameOf(top[0]!.key)}`,
    ...top.flatMap(state => stateLines(model, state, '  ')),
    ...model.states.flatMap(({ key, rules }) => rules.filter(isDrawn).map(rule => edge(nameOf(key), rule, ''))),
    ...model.states.filter(({ isEnd }) => isEnd).map(({ key }) => `  ${nameOf(key)} --> [*]`),
    ...anywhereLines(model),
  ]
  return `${lines.join('\n')}\n`
}

const isDrawn = ({ isIdle }: Rule): boolean => !isIdle

function stateLines(model: Model, state: State, indent: string): string[] {
  const name = nameOf(state.key)
  const owes = state.task === null ? '' : ` (owes ${state.task})`
  const children = model.states.filter(({ parent }) => parent === state.key)
  const title = `${indent}state "${state.name}${owes} - ${plain(state.description)}" as ${name}`
  if (children.length === 0) return [title]
  return [
    title,
    `${indent}state ${name} {`,
    `${indent}  [*] --> ${nameOf(state.initial!)}`,
    ...children.flatMap(child => stateLines(model, child, `${indent}  `)),
    `${indent}}`,
  ]
}

const edge = (from: string, rule: Rule, suffix: string): string =>
  `  ${from} --> ${rule.target === null ? from : nameOf(rule.target)} : ${label(rule)}${suffix}`

function anywhereLines(model: Model): string[] {
  const rules = model.anywhere.filter(isDrawn)
  if (rules.length === 0) return []
  const lines = rules.map(rule => edge(ANYWHERE, rule, exceptions(model, rule)))
  return [`  state "any state" as ${ANYWHERE}`, ...lines]
}
