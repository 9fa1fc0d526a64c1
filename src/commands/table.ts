/** Columns as wide as their widest cell, two spaces between. */
export function table(rows: readonly string[][]): string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)))
  const line = (row: readonly string[]) => row.map((cell, at) => cell.padEnd(widths[at]!)).join('  ')
  return rows.map(row => line(row).trimEnd())
}

/** One line of what a benchmark found. */
export interface Measured {
  row: string
  ratio: number
  wanted: string
  /** Whether it was reached; null where nothing is wanted. */
  met: boolean | null
  /** The figures behind the ratio, with units. */
  measured: string
}

const VERDICT = { true: 'yes', false: 'NO', null: '' } as const

/** With a heading. */
export function measuredTable(all: readonly Measured[]): string[] {
  const rows = all.map(({ row, ratio, wanted, met, measured }) => [
    row,
    ratio.toFixed(2),
    wanted,
    VERDICT[`${met}`],
    measured,
  ])
  return table([['measured', 'value', 'wanted', 'met', 'figures'], ...rows])
}
