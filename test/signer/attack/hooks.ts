/**
 * Module hooks (node:module, `register`) that load a second copy of the built program for each mutant: a module that
 * is asked for with `?mutant=N` and all that it imports carry the number on, and the mutant's file is changed.
 */
import type { InitializeHook, LoadHook, ResolveHook } from 'node:module'
import type { Mutant } from './mutants.ts'

export interface HookData {
  /** Of the built program, a `file:` URL. */
  root: string
  mutants: readonly Mutant[]
}

let given: HookData = { root: '', mutants: [] }

export const initialize: InitializeHook<HookData> = data => {
  given = data
}

const numberIn = (url: string | undefined): string | null =>
  url?.startsWith(given.root) === true ? new URL(url).searchParams.get('mutant') : null

export const resolve: ResolveHook = async (specifier, context, next) => {
  const found = await next(specifier, context)
  const mutant = numberIn(context.parentURL)
  if (mutant === null || !found.url.startsWith(given.root)) return found
  return { ...found, url: `${found.url}?mutant=${mutant}` }
}

export const load: LoadHook = async (url, context, next) => {
  const loaded = await next(url, context)
  const number = numberIn(url)
  const mutant = number === null ? undefined : given.mutants[Number(number)]
  if (mutant === undefined || new URL(url).pathname !== new URL(mutant.file, given.root).pathname) return loaded
  const pieces = Buffer.from(loaded.source as Uint8Array)
    .toString()
    .split(mutant.find)
  if (pieces.length !== 2) throw new Error(`${mutant.file} holds "${mutant.find}" ${pieces.length - 1} times`)
  return { ...loaded, source: pieces.join(mutant.replace) }
}
