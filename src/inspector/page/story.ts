/** Why an instance is where it is and what happens next, in a sentence: from its state's description, its reason, its depth. */
import { chartOf, stateIn, waysFrom, type Way } from './machines.ts'
import { plural, spoken } from './words.ts'

export interface Told {
  kind: string
  state: string
  reason: string | null
  /** Null where depth means nothing. */
  depth: { confirmations: number; required: number; isInBlock: boolean } | null
}

const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`

const wayText = ({ to, events }: Way): string => `${spoken(to)} (when “${listed(events.map(spoken))}”)`

const sentence = (text: string): string => {
  const trimmed = text.trim()
  const whole = trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}

function nextOf({ depth }: Told, ways: readonly Way[]): string {
  const [first, ...others] = ways
  if (first === undefined) return 'Nothing follows.'
  if (!first.isOnPath)
    return `It stays so until something happens: it may become ${listed(ways.map(({ to }) => spoken(to)))}.`
  const left = depth?.isInBlock === true ? depth.required - depth.confirmations : 0
  if (left > 0) return `With ${plural(left, 'more block')} on top it becomes ${spoken(first.to)}.`
  const rest = others.length === 0 ? '' : `; it may also become ${listed(others.map(({ to }) => spoken(to)))}`
  return `Next it becomes ${wayText(first)}${rest}.`
}

export function storyOf(told: Told): { why: string; next: string } {
  const { kind, state, reason } = told
  const chart = chartOf(kind)
  const description = stateIn(chart, state)?.description ?? ''
  const why = [sentence(description.replace(/ \(end\)\.?$/, '')), reason === null ? '' : sentence(`Reason: ${reason}`)]
  // Only a person who accepts a deeper reorganisation brings an end back.
  const isOver = stateIn(chart, state)?.isEnd === true
  const ways = chart === undefined || isOver ? [] : waysFrom(chart, state)
  return { why: why.filter(part => part !== '').join(' '), next: nextOf(told, ways) }
}
