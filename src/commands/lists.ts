/** `lockkeeper deposits|withdrawals|events`: the API's lists as tables, as CSV or as JSON, however long. */
import { z } from 'zod'
import { NEXT_HEADER } from '../http/csv.ts'
import { inUnits } from '../inspector/words.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import type { WatcherApi } from './watcher-api.ts'

/** What is listed: where, and what a table shows of each. */
export const LISTS = {
  deposits: ['id', 'state', 'amount', 'asset', 'reference', 'address', 'confirmations', 'updatedAt', 'reason'],
  withdrawals: ['id', 'state', 'amount', 'asset', 'to', 'transactionId', 'updatedAt', 'reason'],
  events: ['seq', 'at', 'kind', 'id', 'event', 'from', 'to'],
} as const

/** One of the lists. */
export type ListName = keyof typeof LISTS

export interface ListedKind {
  name: ListName
  /** Parameters of the API, by their names there. */
  filters: Record<string, string>
  /** So many rows at most. */
  limit: number
  /** The cursor to begin behind. */
  after: number
  format: 'table' | 'csv' | 'json'
}

type Row = Record<string, unknown>

interface Page {
  rows: Row[]
  text: string
  /** Null at the end. */
  next: number | null
}

const PAGE = 1000
const rowsSchema = z.array(z.looseObject({}))
const pageSchema = z.union([
  z.object({ items: rowsSchema, next: z.int().nullable() }),
  z.object({ events: rowsSchema, next: z.int() }),
])

async function readPage(
  api: WatcherApi,
  { name, filters, format }: ListedKind,
  after: number,
  limit: number,
): Promise<Page> {
  const query = new URLSearchParams({ ...filters, after: String(after), limit: String(Math.min(limit, PAGE)) })
  const path = `/v1/${name}?${query.toString()}`
  if (format === 'csv') {
    const { text, headers } = await api.ask(path, { accept: 'text/csv' })
    const next = headers[NEXT_HEADER.toLowerCase()]
    return { rows: [], text, next: next === undefined || Number(next) <= after ? null : Number(next) }
  }
  const page = pageSchema.parse(JSON.parse(await api.get(path)))
  const rows = 'events' in page ? page.events : page.items
  // The feed has no end: a page that came no further has come to what is there now.
  return { rows, text: '', next: page.next === null || page.next <= after ? null : page.next }
}

async function* pagesOf(api: WatcherApi, listed: ListedKind): AsyncGenerator<Page> {
  let left = listed.limit
  for (let after: number | null = listed.after; after !== null && left > 0;) {
    const page: Page = await readPage(api, listed, after, left)
    left -= listed.format === 'csv' ? linesOf(page.text) - 1 : page.rows.length
    yield page
    after = page.next
  }
}

/** Cells may hold line breaks, within quotes. */
function linesOf(text: string): number {
  let isQuoted = false
  let lines = 0
  for (const character of text) {
    if (character === '"') isQuoted = !isQuoted
    if (character === '\n' && !isQuoted) lines += 1
  }
  return lines
}

const afterFirstLine = (text: string): string => text.slice(text.indexOf('\n') + 1)

function cellOf(row: Row, column: string): string {
  const { [column]: value, decimals } = row
  if (value === null || value === undefined) return '-'
  if (column === 'amount' && typeof value === 'string' && typeof decimals === 'number') return inUnits(value, decimals)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Prints as it reads. @throws what the API refuses: boundary `invalid-argument` */
export async function showList(api: WatcherApi, listed: ListedKind, terminal: Terminal): Promise<void> {
  const columns = [...LISTS[listed.name]]
  let count = 0
  let isFirst = true
  for await (const { rows, text } of pagesOf(api, listed)) {
    if (listed.format === 'csv') {
      const lines = (isFirst ? text : afterFirstLine(text)).replace(/\r\n$/, '')
      if (lines !== '') terminal.out(lines)
    } else if (listed.format === 'json')
      for (const row of rows) terminal.out(`${count++ === 0 ? '[' : ','}${JSON.stringify(row)}`)
    else {
      const lines = rows.map(row => columns.map(column => cellOf(row, column)))
      if (isFirst || lines.length > 0) for (const line of table([columns, ...lines])) terminal.out(line)
    }
    isFirst = false
  }
  if (listed.format === 'json') terminal.out(count === 0 ? '[]' : ']')
}
