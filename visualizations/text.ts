/** Words for people, shared by diagram, picture and table. */
import type { Model, Rule } from './model.ts'
import type { Said } from './said.ts'

/** `height.reached [isPaid]` */
export const label = ({ event, guard }: Pick<Rule, 'event' | 'guard'>): string =>
  guard === null ? event : `${event} [${guard}]`

export const sayings = (said: readonly Said[]): string[] =>
  said.map(one => (one.verb === 'tell' ? `tells ${one.to}: ${one.event}` : `${one.verb}s ${one.what}`))

/** Where the rules of the whole machine hold. */
export const ANYWHERE = 'any state'

/** A rule of the whole machine holds but where a state has a rule of its own: their keys. */
export const exceptionsOf = ({ states }: Model, { event }: Rule): string[] =>
  states.filter(state => state.rules.some(rule => rule.event === event)).map(({ key }) => key)

export function exceptions(model: Model, rule: Rule): string {
  const own = exceptionsOf(model, rule)
  return own.length === 0 ? '' : `, not in ${own.join(', ')}`
}
