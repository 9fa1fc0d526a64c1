/** Times and names as the page shows them; the rest is shared with the commands. */
export { inUnits, plural, spoken, wholeNumber } from '../words.ts'

const STEPS: readonly [seconds: number, unit: string][] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
]

/** `3 min` */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const step = STEPS.find(([size]) => seconds >= size)
  return step === undefined ? `${seconds} s` : `${Math.floor(seconds / step[0])} ${step[1]}`
}

const twoDigits = (number: number): string => String(number).padStart(2, '0')

/** Local time to the second. */
export function clockTime(at: string | number): string {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':')
}

export function dayTime(at: string | number): string {
  const date = new Date(at)
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())} ${clockTime(at)}`
}

/** The two ends of a long name. */
export const shortened = (name: string, kept = 8): string =>
  name.length <= 2 * kept + 3 ? name : `${name.slice(0, kept)}…${name.slice(-kept)}`
