/**
 * Which lines are drawn: one for all rules that lead from one box to the same other. What three or more states have in
 * common is drawn once, from an origin that names them, so that there are as few lines as can be. A line ends at the
 * border of a group, unless it lies in the group.
 */
import { leaving, type Model } from './model.ts'
import type { Rule } from './statechart.ts'
import { ANYWHERE, exceptionsOf, label } from './text.ts'

/** Rules that several states share, and that lead to the same state. */
export interface Origin {
  /** `from held, queued, paying` */
  words: string
  rules: Rule[]
}

export interface Arrow {
  /** The group that it lies in, or an empty string. */
  parent: string
  /** Key of a state, or the words of an origin. */
  from: string
  to: string
  rules: Rule[]
}

type IsOnPath = (from: string, to: string) => boolean

const SHARED_FROM = 3

/** `own`: with one source each. */
export function rulesOf(model: Model, isOnPath: IsOnPath): { own: Rule[]; shared: Origin[] } {
  const rules = model.states.flatMap(({ key, rules }) =>
    leaving(rules).map(({ event, guard, target }): Rule => ({ event, guard, sources: [key], target: target! })),
  )
  const alike = grouped(rules, rule => `${label(rule)}>${rule.target}`).map(same => share(same, isOnPath))
  const origins = [...alike.flatMap(({ shared }) => shared), ...everywhere(model)]
  return {
    own: alike.flatMap(({ own }) => own),
    shared: grouped(origins, ({ words, rules }) => `${words}>${rules[0]!.target}`).map(same => ({
      words: same[0]!.words,
      rules: same.flatMap(({ rules }) => rules),
    })),
  }
}

/** The same rule in several states. The path is always drawn from its own state. */
function share(rules: readonly Rule[], isOnPath: IsOnPath): { own: Rule[]; shared: Origin[] } {
  const aside = rules.filter(({ sources, target }) => !isOnPath(sources[0]!, target))
  if (rules.length < SHARED_FROM || aside.length < 2) return { own: [...rules], shared: [] }
  const sources = aside.flatMap(({ sources }) => sources)
  const shared = { words: `from ${sources.join(', ')}`, rules: [{ ...aside[0]!, sources }] }
  return { own: rules.filter(rule => !aside.includes(rule)), shared: [shared] }
}

function everywhere(model: Model): Origin[] {
  return leaving(model.anywhere).map(rule => {
    const besides = exceptionsOf(model, rule)
    const { event, guard } = rule
    const target = rule.target!
    const states = model.states.filter(({ key, isEnd }) => !isEnd && !besides.includes(key) && key !== target)
    const words = `from ${ANYWHERE}${besides.length === 0 ? '' : ` but ${besides.join(', ')}`}`
    return { words, rules: [{ event, guard, sources: states.map(({ key }) => key), target }] }
  })
}

/** `own`: each from its state. `shared`: each from its origin. */
export function arrowsOf(model: Model, isOnPath: IsOnPath): { own: Arrow[]; shared: Arrow[] } {
  const { own, shared } = rulesOf(model, isOnPath)
  const arrows = own.map(arrowOf)
  return {
    own: grouped(arrows, ({ from, to }) => `${from}>${to}`).map(same => ({
      ...same[0]!,
      rules: same.flatMap(({ rules }) => rules),
    })),
    shared: shared.map(({ words, rules }) => ({ parent: '', from: words, to: top(rules[0]!.target), rules })),
  }
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

/** In the order of their first members. */
export function grouped<T>(list: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of list) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups.values()]
}
