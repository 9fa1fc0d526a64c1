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

const wayText = ({ to, events }: Way): string => `${spoken(to)} (at ${listed(events.map(event => `“${spoken(event)}”`))})`

const sentence = (text: string): string => {
  const trimmed = text.trim()
  const whole = trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}

function nextOf({ state, depth }: Told, ways: readonly Way[]): string {
  if (ways.length === 0) return 'Nothing follows.'
  const left = depth?.isInBlock === true ? depth.required - depth.confirmations : 0
  const deeper = ways.find(({ events }) => events.includes('height.reached'))
  if (left > 0 && deeper !== undefined) {
    const others = ways.filter(way => way !== deeper)
    const otherwise = others.length === 0 ? '' : ` It may also become ${listed(others.map(wayText))}.`
    return `With ${plural(left, 'more block')} on top it becomes ${spoken(deeper.to)}.${otherwise}`
  }
  const [first, ...others] = ways
  const rest = others.length === 0 ? '' : ` It may also become ${listed(others.map(({ to }) => spoken(to)))}.`
  return `Next it becomes ${wayText(first!)}, unless it is ${spoken(state)} for good.${rest}`
}

export function storyOf(told: Told): { why: string; next: string } {
  const { kind, state, reason } = told
  const chart = chartOf(kind)
  const description = stateIn(chart, state)?.description ?? ''
  const why = [sentence(description.replace(/ \(end\)\.?$/, '')), reason === null ? '' : sentence(`Reason: ${reason}`)]
  const ways = chart === undefined ? [] : waysFrom(chart, state)
  return { why: why.filter(part => part !== '').join(' '), next: nextOf(told, ways) }
}
