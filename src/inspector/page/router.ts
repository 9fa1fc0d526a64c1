/** Where the page stands, kept in the fragment: the watcher serves one page, and every view has an address of its own. */
import { computed, signal } from '@preact/signals'

export interface PagePlace {
  /** `['deposits', 'litecoin:3f…:0']`; empty on the overview. */
  path: readonly string[]
  query: Readonly<Record<string, string>>
}

function parse(hash: string): PagePlace {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  return {
    path: path
      .split('/')
      .filter(part => part !== '')
      .map(decodeURIComponent),
    query: Object.fromEntries(new URLSearchParams(query)),
  }
}

const fragment = signal(location.hash)
export const place = computed(() => parse(fragment.value))

addEventListener('hashchange', () => {
  fragment.value = location.hash
})

/** The address of a view; parameters that are undefined or empty are left out. */
export function linkTo(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '',
  )
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
  return `#/${path.map(encodeURIComponent).join('/')}${search}`
}

export function go(link: string): void {
  location.hash = link
}

/** The same view with other parameters, without a step in the history. */
export function adjust(link: string): void {
  history.replaceState(null, '', link)
  fragment.value = location.hash
}
