/** The box that finds anything by what a person has in his hands, and the page of what was found. */
import type { RefObject } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { get, isAbort } from '../api.ts'
import { Empty, Panel, StateChip, linkOf } from '../bits.tsx'
import { useResource } from '../resource.ts'
import { go, linkTo } from '../router.ts'
import type { ApiHit } from '../shapes.ts'
import { plural, shortened } from '../words.ts'

interface Found {
  items: ApiHit[]
}

const TYPING_MS = 120
const SHORT = 14

/** What is found while somebody types; null while nothing is asked for. */
function useHits(text: string): [ApiHit[] | null, (hits: ApiHit[] | null) => void] {
  const [hits, setHits] = useState<ApiHit[] | null>(null)
  useEffect(() => {
    const wanted = text.trim()
    if (wanted === '') return setHits(null)
    const ending = new AbortController()
    const timer = setTimeout(() => {
      get<Found>('/v1/search', { query: { q: wanted }, signal: ending.signal })
        .then(({ items }) => setHits(items))
        .catch((error: unknown) => isAbort(error) || setHits([]))
    }, TYPING_MS)
    return () => {
      clearTimeout(timer)
      ending.abort()
    }
  }, [text])
  return [hits, setHits]
}

/** A slash leads to the box, as everywhere. */
function useSlash(input: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.closest('input, textarea, select') !== null
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      input.current?.focus()
    }
    addEventListener('keydown', focus)
    return () => removeEventListener('keydown', focus)
  }, [input])
}

export function SearchBox() {
  const [text, setText] = useState('')
  const [hits, setHits] = useHits(text)
  const [at, setAt] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  const list = useId()
  useSlash(input)
  useEffect(() => setAt(-1), [text])
  const close = () => {
    setText('')
    setHits(null)
    input.current?.blur()
  }
  const open = (hit: ApiHit) => {
    go(linkOf(hit.kind, hit.id, hit.chain, hit.reference))
    close()
  }
  const submit = (event: Event) => {
    event.preventDefault()
    const chosen = hits?.[at] ?? (hits?.length === 1 ? hits[0] : undefined)
    if (chosen !== undefined) return open(chosen)
    if (text.trim() === '') return
    go(linkTo(['search'], { q: text.trim() }))
    close()
  }
  const move = (event: KeyboardEvent) => {
    if (event.key === 'Escape') return close()
    const count = hits?.length ?? 0
    if (count === 0 || !['ArrowDown', 'ArrowUp'].includes(event.key)) return
    event.preventDefault()
    setAt((at + (event.key === 'ArrowDown' ? 1 : -1) + count) % count)
  }
  return (
    <form class="search" role="search" onSubmit={submit}>
      <input
        ref={input}
        type="text"
        inputMode="search"
        placeholder="Id, address, reference, transaction, block"
        aria-label="Search by id, address, reference, transaction or block"
        autocomplete="off"
        spellcheck={false}
        role="combobox"
        aria-expanded={hits !== null}
        aria-controls={list}
        aria-activedescendant={at < 0 ? undefined : `${list}-${at}`}
        value={text}
        onInput={event => setText(event.currentTarget.value)}
        onKeyDown={move}
        onBlur={() => setHits(null)}
      />
      <kbd aria-hidden="true">/</kbd>
      <Hits id={list} hits={hits} at={at} open={open} />
    </form>
  )
}

function Hits({ id, hits, at, open }: { id: string; hits: ApiHit[] | null; at: number; open: (hit: ApiHit) => void }) {
  return (
    <ul id={id} class="hits" role="listbox" aria-label="Found" hidden={hits === null}>
      {(hits ?? []).map((hit, n) => (
        <li
          key={`${hit.kind}/${hit.id}`}
          id={`${id}-${n}`}
          role="option"
          aria-selected={n === at}
          onMouseDown={event => {
            // Before the box loses the focus, and the list with it.
            event.preventDefault()
            open(hit)
          }}
        >
          <span class="kind">{hit.kind}</span>
          <code>{shortened(hit.reference ?? hit.id, SHORT)}</code>
          <StateChip kind={hit.kind} state={hit.state} />
        </li>
      ))}
      {hits?.length === 0 && (
        <li class="empty" role="option" aria-selected={false}>
          Nothing has this.
        </li>
      )}
    </ul>
  )
}

export function SearchView({ q }: { q: string }) {
  const loaded = useResource<Found>(q === '' ? null : '/v1/search', { q })
  if (q === '') return <Empty>Search by an id, an address, a reference, a transaction id or a block hash.</Empty>
  return (
    <Panel
      isWhole
      title={`Found for “${shortened(q, SHORT)}”`}
      aside={loaded.state === 'ready' ? plural(loaded.body.items.length, 'hit') : ''}
    >
      {loaded.state === 'loading' && <Empty>Searching…</Empty>}
      {loaded.state === 'failed' && <p class="problem">{loaded.reason}</p>}
      {loaded.state === 'ready' && loaded.body.items.length === 0 && (
        <Empty>
          Nothing in this ledger has this as its id, address, reference, transaction or block. It is looked for from its
          beginning on.
        </Empty>
      )}
      {loaded.state === 'ready' && (
        <ul class="instances">
          {loaded.body.items.map(({ kind, id, chain, state, reference, reason }) => (
            <li key={`${kind}/${id}`}>
              <span class="kind">{kind}</span>
              <a href={linkOf(kind, id, chain, reference)}>
                <code>{id}</code>
              </a>
              {reference !== null && <span>{reference}</span>}
              <StateChip kind={kind} state={state} />
              {reason !== null && <p class="reason">{reason}</p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
