/**
 * What a machine says of itself, read off its definition: the one source of its diagram, its picture and its table, so
 * that none of them can say something else.
 */
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { said, type Said } from './said.ts'

export interface Rule {
  event: string
  /** `isPaid`, `else` where an earlier alternative has a guard; null where nothing is asked. */
  guard: string | null
  /** Key of the state that is entered; null where the state stays. */
  target: string | null
  /** Whether anything happens at all: some rules only say that an event is expected and changes nothing. */
  isIdle: boolean
  said: Said[]
}

export interface State {
  /** Path joined by dots: `signed.due`. The root is ``. */
  key: string
  /** The last part of the path. */
  name: string
  parent: string
  description: string
  task: string | null
  isEnd: boolean
  /** Key of the sub-state that is entered first; null without sub-states. */
  initial: string | null
  children: string[]
  rules: Rule[]
}

export interface Model {
  id: string
  version: string
  /** In the order of the definition, parents before children, without the root. */
  states: State[]
  /** What holds in every state that has no rule of its own for the event. */
  anywhere: Rule[]
}

/** The rules that lead to another state, or back into this one. */
export const leaving = (rules: readonly Rule[]): Rule[] => rules.filter(({ target }) => target !== null)

/** The rules by which something happens, but not that the state is left. */
export const staying = (rules: readonly Rule[]): Rule[] =>
  rules.filter(({ target, isIdle }) => target === null && !isIdle)

const keyOf = (node: AnyStateNode): string => node.path.join('.')

export function modelOf(machine: AnyStateMachine): Model {
  return {
    id: machine.id,
    version: machine.version ?? '',
    states: childrenOf(machine.root).flatMap(flatten),
    anywhere: rulesOf(machine.root),
  }
}

const childrenOf = (node: AnyStateNode): AnyStateNode[] => Object.values(node.states) as AnyStateNode[]

function flatten(node: AnyStateNode): State[] {
  const children = childrenOf(node)
  const meta = node.meta as { task?: string } | undefined
  const state: State = {
    key: keyOf(node),
    name: node.key,
    parent: node.path.slice(0, -1).join('.'),
    description: node.description ?? '',
    task: meta?.task ?? null,
    isEnd: node.type === 'final' || node.tags.includes('ended'),
    initial: children.length === 0 ? null : keyOf(node.initial.target[0]!),
    children: children.map(keyOf),
    rules: rulesOf(node),
  }
  return [state, ...children.flatMap(flatten)]
}

function rulesOf(node: AnyStateNode): Rule[] {
  return [...node.transitions].flatMap(([event, alternatives]) =>
    alternatives.map((rule, position) => {
      const target = rule.target?.[0]
      return {
        event,
        guard: guardName(rule.guard) ?? (position > 0 ? 'else' : null),
        target: target === undefined ? null : keyOf(target),
        isIdle: target === undefined && rule.actions.length === 0,
        said: rule.actions.flatMap(action => said(action, event)),
      }
    }),
  )
}

/** Guards are named in setup(): by a name, or by `{ type, params }`. */
function guardName(guard: unknown): string | null {
  if (guard === undefined) return null
  if (typeof guard === 'string') return guard
  const { type } = guard as { type?: string }
  if (type === undefined) throw new Error('a guard without a name cannot be drawn: name it in setup()')
  return type
}
