/** The newest first, of lists of any length: a page costs one request, and none walks through the rest. */
import { get, type ApiQuery } from './api.ts'
import type { ApiPage } from './shapes.ts'

/** @param after `next` of the page before; undefined for the newest */
export const newest = <Item>(path: string, query: ApiQuery, limit: number, after?: number): Promise<ApiPage<Item>> =>
  get<ApiPage<Item>>(path, { query: { ...query, order: 'newest', limit, after } })
