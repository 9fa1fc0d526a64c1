/** Amounts, times and names as people read them. */

/** `150000000` with 8 decimals is `1.5`; digits are never rounded. */
export function inUnits(amount: string, decimals: number): string {
  const digits = amount.padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = decimals === 0 ? '' : digits.slice(-decimals).replace(/0+$/, '')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '\u202f')
  return fraction === '' ? grouped : `${grouped}.${fraction}`
}

export const plural = (count: number, noun: string): string => `${wholeNumber(count)} ${noun}${count === 1 ? '' : 's'}`

/** `12 345` */
export const wholeNumber = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f')

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

/** `block.disconnected` is `block disconnected`; `awaitingApproval` is `awaiting approval`. */
export const spoken = (name: string): string =>
  name
    .replaceAll('.', ' ')
    .replaceAll(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)

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
