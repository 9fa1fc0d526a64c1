/**
 * Which lines are drawn: one for all rules that lead from one box to the same other. What three or more states have in
 * common is drawn once, from a box that names them, so that there are as few lines as can be. A line ends at the border of
 * a group, unless it lies in the group.
 */
import { leaving, type Model } from './model.ts'
import type { Rule } from './statechart.ts'
import { ANYWHERE, exceptionsOf, label } from './text.ts'

export interface Arrow {
  /** The group that it lies in, or an empty string. */
  parent: string
  /** Key of a state, or the words of an origin: `from held, queued`. */
  from: string
  to: string
  rules: Rule[]
}

export interface Arrows {
  /** Each from its state. */
  own: Arrow[]
  /** Each from an origin. */
  shared: Arrow[]
}

type IsOnPath = (from: string, to: string) => boolean

const SHARED_FROM = 3

export function arrowsOf(model: Model, isOnPath: IsOnPath): Arrows {
  const rules = model.states.flatMap(({ key, rules }) =>
    leaving(rules).map(({ event, guard, target }): Rule => ({ event, guard, sources: [key], target: target! })),
  )
  const alike = grouped(rules, rule => `${label(rule)}>${rule.target}`).map(same => share(same, isOnPath))
  return {
    own: merge(alike.flatMap(({ own }) => own.map(rule => arrowOf(rule)))),
    shared: merge([...alike.flatMap(({ shared }) => shared.map(sharedArrow)), ...everywhere(model)]),
  }
}

/** The same rule in several states. The path is always drawn from its own state. */
function share(rules: readonly Rule[], isOnPath: IsOnPath): { own: Rule[]; shared: Rule[] } {
  const aside = rules.filter(({ sources, target }) => !isOnPath(sources[0]!, target))
  if (rules.length < SHARED_FROM || aside.length < 2) return { own: [...rules], shared: [] }
  const shared = { ...aside[0]!, sources: aside.flatMap(({ sources }) => sources) }
  return { own: rules.filter(rule => !aside.includes(rule)), shared: [shared] }
}

function arrowOf(rule: Rule): Arrow {
  const from = rule.sources[0]!.split('.')
  const to = rule.target.split('.')
  let depth = 0
  while (depth < from.length - 1 && depth < to.length - 1 && from[depth] === to[depth]) depth++
  const upTo = (path: string[]) => path.slice(0, depth + 1).join('.')
  return { parent: from.slice(0, depth).join('.'), from: upTo(from), to: upTo(to), rules: [rule] }
}

const top = (key: string): string => key.split('.', 1)[0]!

const sharedArrow = (rule: Rule): Arrow => ({
  parent: '',
  from: `from ${rule.sources.join(', ')}`,
  to: top(rule.target),
  rules: [rule],
})

function everywhere(model: Model): Arrow[] {
  return leaving(model.anywhere).map(rule => {
    const besides = exceptionsOf(model, rule)
    const { event, guard } = rule
    const target = rule.target!
    const states = model.states.filter(({ key, isEnd }) => !isEnd && !besides.includes(key) && key !== target)
    const from = `from ${ANYWHERE}${besides.length === 0 ? '' : ` but ${besides.join(', ')}`}`
    const sources = states.map(({ key }) => key)
    return { parent: '', from, to: top(target), rules: [{ event, guard, sources, target }] }
  })
}

const merge = (arrows: readonly Arrow[]): Arrow[] =>
  grouped(arrows, ({ from, to }) => `${from}>${to}`).map(same => ({
    ...same[0]!,
    rules: same.flatMap(({ rules }) => rules),
  }))

/** In the order of their first members. */
function grouped<T>(list: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of list) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups.values()]
}
