/** A machine as a page: its picture, and one row for each rule of each state. */
import type { Model, Rule, State } from './model.ts'
import { exceptions, label, sayings } from './text.ts'

const HEADER = ['| State | Meaning | Owes | Event [guard] | Enters | Says |', '|---|---|---|---|---|---|']

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const code = (text: string): string => `\`${text}\``

export function pageOf(model: Model, purpose: string): string {
  return [
    `# ${model.id}`,
    '',
    `${purpose} Version ${model.version}.`,
    '',
    `![The states of ${model.id}](${model.id}.svg)`,
    '',
    `Source: [machines/${model.id}.ts](../machines/${model.id}.ts) · Mermaid: [${model.id}.mmd](${model.id}.mmd)`,
    '',
    ...HEADER,
    ...model.states.flatMap(stateRows),
    ...model.anywhere.map(rule => row(['any state', '', '', ...ruleCells(rule, exceptions(model, rule))])),
    '',
  ].join('\n')
}

function stateRows(state: State): string[] {
  const title = `**${state.key}**`
  const task = state.task === null ? '' : code(state.task)
  const [first, ...rest] = state.rules.map(rule => ruleCells(rule, ''))
  const without = ['', startOf(state), '']
  return [
    row([title, state.description, task, ...(first ?? without)]),
    ...rest.map(cells => row(['', '', '', ...cells])),
  ]
}

function startOf({ isEnd, initial }: State): string {
  if (initial !== null) return `begins in **${initial}**`
  return isEnd ? 'end' : ''
}

function ruleCells(rule: Rule, exception: string): string[] {
  const enters = rule.target === null ? 'stays' : `**${rule.target}**`
  const target = rule.isIdle ? 'changes nothing' : enters
  return [`${code(label(rule))}${exception}`, target, sayings(rule.said).join('<br>')]
}
