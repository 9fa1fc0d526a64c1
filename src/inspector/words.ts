/** Amounts, counts and names as people read them, on the page and in a terminal. */

/** `150000000` with 8 decimals is `1.5`; digits are never rounded. */
export function inUnits(amount: string, decimals: number): string {
  const digits = amount.padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = decimals === 0 ? '' : digits.slice(-decimals).replace(/0+$/, '')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '\u202f')
  return fraction === '' ? grouped : `${grouped}.${fraction}`
}

/** `3 blocks` */
export const plural = (count: number, noun: string): string => `${wholeNumber(count)} ${noun}${count === 1 ? '' : 's'}`

/** `12 345` */
export const wholeNumber = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f')

/** `block.disconnected` is `block disconnected`; `awaitingApproval` is `awaiting approval`. */
export const spoken = (name: string): string =>
  name
    .replaceAll('.', ' ')
    .replaceAll(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
