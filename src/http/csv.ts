/** Lists as tables (RFC 4180), for whoever asks with `Accept: text/csv`. */
import { z, type ZodType } from 'zod'
import type { HttpAnswer } from '../http.ts'
import type { Route } from './route.ts'

/** Where the page that follows begins; absent at the end of a list. */
export const NEXT_HEADER = 'Lockkeeper-Next'

/** Of a union any: the members of all are the same. */
function rowOf(element: unknown): z.ZodObject | null {
  const one: unknown = element instanceof z.ZodDiscriminatedUnion ? element.options[0] : element
  return one instanceof z.ZodObject ? one : null
}

/** The member that holds a list's rows, and the columns of a row, or null where the route answers no list. */
function listOf(route: Route): { member: string; columns: string[] } | null {
  const answer: ZodType | undefined = route.answers[200]
  if (!(answer instanceof z.ZodObject)) return null
  for (const member of ['items', 'events']) {
    const rows: unknown = answer.shape[member]
    const row = rows instanceof z.ZodArray ? rowOf(rows.element) : null
    if (row === null) continue
    const optional = Object.entries(row.shape).filter(([, type]) => type instanceof z.ZodOptional)
    const columns = Object.keys(row.shape).filter(name => !optional.some(([other]) => other === name))
    return { member, columns }
  }
  return null
}

/** Of a media range (RFC 9110, section 12.5.1): its weight, 0 where it is not named. */
function weightOf(accept: string, type: string): number {
  const range = accept
    .toLowerCase()
    .split(',')
    .map(each => each.split(';').map(part => part.trim()))
    .find(([name]) => name === type)
  if (range === undefined) return 0
  const weight = range.find(part => part.startsWith('q='))
  return weight === undefined ? 1 : Number(weight.slice(2)) || 0
}

/** Whether a table is wanted rather than JSON. */
export function wantsCsv(accept: string | undefined): boolean {
  const weight = weightOf(accept ?? '', 'text/csv')
  return weight > 0 && weight > weightOf(accept ?? '', 'application/json')
}

/** Amounts and names need no quotes; what is no text is JSON. */
function cellOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A list's answer as a table, each other as it is. The columns are the same whatever the rows hold. */
export function asTable(route: Route, answer: HttpAnswer): HttpAnswer {
  const list = listOf(route)
  if (list === null || answer.status !== 200) return answer
  const body = answer.body as Record<string, unknown>
  const rows = body[list.member] as Record<string, unknown>[]
  const lines = [list.columns, ...rows.map(row => list.columns.map(column => cellOf(row[column])))]
  const { next } = body
  const cursor = typeof next === 'number' ? { [NEXT_HEADER]: String(next) } : {}
  const headers = { ...answer.headers, ...cursor, 'content-type': 'text/csv; charset=utf-8; header=present' }
  return { ...answer, headers, body: lines.map(line => `${line.join(',')}\r\n`).join('') }
}
