/** Words for people, shared by diagram, picture and table. */
import type { Model, Rule } from './model.ts'
import type { Said } from './said.ts'

/** `height.reached [isPaid]` */
export const label = ({ event, guard }: Rule): string => (guard === null ? event : `${event} [${guard}]`)

export const sayings = (said: readonly Said[]): string[] =>
  said.map(one => (one.verb === 'tell' ? `tells ${one.to}: ${one.event}` : `${one.verb}s ${one.what}`))

/** A rule of the whole machine holds but where a state has a rule of its own: those states, or nothing. */
export function exceptions({ states }: Model, { event }: Rule): string {
  const own = states.filter(state => state.rules.some(rule => rule.event === event)).map(({ name }) => name)
  return own.length === 0 ? '' : `, not in ${own.join(', ')}`
}

/** Lines of at most so many characters, broken between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
