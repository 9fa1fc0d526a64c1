/** What stands in a state now, the latest first. */
import { useEffect, useState } from 'preact/hooks'
import { get } from '../api.ts'
import { Ago, Amount, Empty, Name, linkOf } from '../bits.tsx'
import { listedAs, type Row } from '../lists.ts'
import { onEvents, openings } from '../live.ts'
import { newest } from '../paging.ts'
import { linkTo } from '../router.ts'
import type { ApiHit } from '../shapes.ts'
import { plural, wholeNumber } from '../words.ts'

const SHOWN = 25
const QUIET_MS = 1500

type Found = { rows: Row[] } | { hits: ApiHit[] }

/** Kinds without a list of their own are found by their state. */
async function find(kind: string, state: string): Promise<Found> {
  const listed = listedAs(kind)
  if (listed === undefined)
    return { hits: (await get<{ items: ApiHit[] }>('/v1/search', { query: { q: `${kind}/${state}` } })).items }
  return { rows: (await newest<Row>(`/v1/${listed.name}`, { state }, SHOWN)).items }
}

export function InState({ kind, state, count }: { kind: string; state: string; count: number }) {
  const [found, setFound] = useState<Found | null>(null)
  useEffect(() => {
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      timer = undefined
      const answer = await find(kind, state)
      if (!isOver) setFound(answer)
    }
    setFound(null)
    void ask().catch(() => undefined)
    const stop = onEvents(events => {
      if (events.some(event => event.kind === kind && (event.from === state || event.to === state)))
        timer ??= setTimeout(() => void ask().catch(() => undefined), QUIET_MS)
    })
    return () => {
      isOver = true
      clearTimeout(timer)
      stop()
    }
  }, [kind, state, openings.value])
  const listed = listedAs(kind)
  if (found === null) return <Empty>Reading…</Empty>
  if ('hits' in found) return <Hits hits={found.hits} count={count} />
  return (
    <>
      <ul class="instances">
        {found.rows.map(row => (
          <li key={row.id}>
            <Name text={row.id} link={linkOf(kind, row.id, row.chain)} />
            {row.amount !== undefined && row.asset !== undefined && (
              <Amount chain={row.chain} asset={row.asset} amount={row.amount} />
            )}
            <Ago at={row.updatedAt} />
            {row.reason !== null && <p class="reason">{row.reason}</p>}
          </li>
        ))}
      </ul>
      {found.rows.length === 0 && <Empty>None.</Empty>}
      {listed !== undefined && found.rows.length > 0 && count > found.rows.length && (
        <p>
          <a href={linkTo([listed.name], { state })}>All {wholeNumber(count)} in a table</a>
        </p>
      )}
    </>
  )
}

function Hits({ hits, count }: { hits: readonly ApiHit[]; count: number }) {
  if (hits.length === 0)
    return (
      <Empty>{count === 0 ? 'None.' : 'They have ended, and are kept in the journal: search for one by its id.'}</Empty>
    )
  return (
    <>
      <ul class="instances">
        {hits.map(({ kind, id, chain, reference, reason }) => (
          <li key={id}>
            <Name text={id} link={linkOf(kind, id, chain, reference)} />
            {reference !== null && <span>{reference}</span>}
            {reason !== null && <p class="reason">{reason}</p>}
          </li>
        ))}
      </ul>
      {count > hits.length && (
        <p class="hint">
          The latest {hits.length} of {plural(count, 'instance')}.
        </p>
      )}
    </>
  )
}
