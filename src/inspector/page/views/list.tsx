/** Tables that page through any number of rows, the latest first. */
import { useEffect, useState } from 'preact/hooks'
import { Ago, Amount, Confirmations, Empty, Name, Panel, StateChip } from '../bits.tsx'
import { countIn } from '../counts.ts'
import { listedUnder, type Listed, type Row } from '../lists.ts'
import { chains, counted, onEvents, openings } from '../live.ts'
import { chartOf, chartStatesOf } from '../machines.ts'
import { newest } from '../paging.ts'
import { go, linkTo, place } from '../router.ts'
import { plural, spoken, wholeNumber } from '../words.ts'

const ROWS = 50

/** One page, and where the next older one begins; null at the end. */
interface Shown {
  rows: Row[]
  next: number | null
}

interface Position {
  /** What this page and the newer ones were asked with; the newest page with nothing. */
  befores: number[]
}

export function List({ name }: { name: string }) {
  const listed = listedUnder(name)
  if (listed === undefined) return <Empty>There is no such list.</Empty>
  return <Table key={name} listed={listed} />
}

function Table({ listed }: { listed: Listed }) {
  const { chain, state, reference } = place.value.query
  const [position, setPosition] = useState<Position>({ befores: [] })
  const [shown, setShown] = useState<Shown | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [hasMoved, setMoved] = useState(false)
  const filters = { chain, state, reference }
  const key = JSON.stringify(filters)
  useEffect(() => setPosition({ befores: [] }), [key])
  const before = position.befores.at(-1)
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    let isOver = false
    const ask = async () => {
      const { items, next } = await newest<Row>(`/v1/${listed.name}`, filters, ROWS, before)
      if (isOver) return
      setShown({ rows: items, next })
      setProblem(null)
      setMoved(false)
    }
    ask().catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)))
    return () => {
      isOver = true
    }
  }, [key, before, asked, openings.value])
  useEffect(
    () => onEvents(events => setMoved(moved => moved || events.some(({ kind }) => kind === listed.kind))),
    [listed.kind],
  )
  const older = () => setPosition({ befores: [...position.befores, shown!.next!] })
  const newer = () => setPosition({ befores: position.befores.slice(0, -1) })
  const latest = () => {
    setPosition({ befores: [] })
    setAsked(asked + 1)
  }
  const total = totalOf(listed.kind, state, chain)
  return (
    <Panel isWhole title={listed.title} aside={plural(total, 'instance')}>
      <Filters listed={listed} filters={filters} />
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {shown === null ? <Empty>Reading…</Empty> : <Rows listed={listed} rows={shown.rows} />}
      <div class="pager">
        <button type="button" onClick={latest} disabled={position.befores.length === 0 && !hasMoved}>
          {hasMoved ? 'Show what is new' : 'Latest'}
        </button>
        <button type="button" onClick={newer} disabled={position.befores.length === 0}>
          ← Newer
        </button>
        <span class="muted" aria-live="polite">
          page {wholeNumber(position.befores.length + 1)}
        </span>
        <button type="button" onClick={older} disabled={(shown?.next ?? null) === null}>
          Older →
        </button>
      </div>
    </Panel>
  )
}

function totalOf(kind: string, state: string | undefined, chain: string | undefined): number {
  const states = state === undefined ? chartStatesOf(chartOf(kind)!).map(({ key }) => key) : [state]
  return states.reduce((sum, one) => sum + countIn(counted.value.counts, kind, one, chain), 0)
}

interface FilterProperties {
  listed: Listed
  filters: { chain: string | undefined; state: string | undefined; reference: string | undefined }
}

function Filters({ listed: { kind, name }, filters }: FilterProperties) {
  const set = (change: Record<string, string>) => go(linkTo([name], { ...filters, ...change }))
  const states = chartStatesOf(chartOf(kind)!)
  return (
    <form class="filters" role="search" aria-label={`Filter ${name}`} onSubmit={event => event.preventDefault()}>
      <label>
        Chain
        <select value={filters.chain ?? ''} onChange={event => set({ chain: event.currentTarget.value })}>
          <option value="">all</option>
          {chains.value.map(({ chain }) => (
            <option key={chain}>{chain}</option>
          ))}
        </select>
      </label>
      <label>
        State
        <select value={filters.state ?? ''} onChange={event => set({ state: event.currentTarget.value })}>
          <option value="">all</option>
          {states.map(({ key }) => (
            <option key={key} value={key}>
              {spoken(key)}
            </option>
          ))}
        </select>
      </label>
      {kind === 'deposit' && (
        <label>
          Reference
          <input
            type="search"
            value={filters.reference ?? ''}
            onChange={event => set({ reference: event.currentTarget.value })}
          />
        </label>
      )}
    </form>
  )
}

function Rows({ listed: { kind, name }, rows }: { listed: Listed; rows: readonly Row[] }) {
  if (rows.length === 0) return <Empty>None.</Empty>
  const open = (id: string) => (event: MouseEvent) => {
    if (event.target instanceof Element && event.target.closest('a, button') !== null) return
    go(linkTo([name, id]))
  }
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Id</th>
          <th scope="col" class={kind === 'transfer' ? '' : 'number'}>
            {kind === 'transfer' ? 'Purpose' : 'Amount'}
          </th>
          <th scope="col">{kind === 'deposit' ? 'Reference' : kind === 'withdrawal' ? 'To' : 'Pays'}</th>
          <th scope="col">Confirmations</th>
          <th scope="col">Changed</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <tr key={row.id} onClick={open(row.id)}>
            <td>
              <StateChip kind={kind} state={row.state} />
            </td>
            <td>
              <Name text={row.id} link={linkTo([name, row.id])} />
            </td>
            <td class={kind === 'transfer' ? '' : 'number'}>
              {row.amount !== undefined && row.asset !== undefined ? (
                <Amount chain={row.chain} asset={row.asset} amount={row.amount} />
              ) : (
                row.purpose
              )}
            </td>
            <td>
              <Whom kind={kind} row={row} />
            </td>
            <td>
              <Confirmations count={row.confirmations} required={row.required} />
            </td>
            <td>
              <Ago at={row.updatedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Whom({ kind, row }: { kind: string; row: Row }) {
  if (kind === 'deposit')
    return row.reference ? (
      <a href={linkTo(['addresses', row.chain, row.reference])}>{row.reference}</a>
    ) : (
      <span class="muted">nobody</span>
    )
  if (kind === 'withdrawal') return <Name text={row.to ?? ''} />
  return <span>{plural(row.withdrawals?.length ?? 0, 'withdrawal')}</span>
}

interface AddressRow {
  reference: string | null
  address: string
  index: number
  state: string
}

function AddressTable({ chain, rows }: { chain: string; rows: AddressRow[] }) {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Reference</th>
          <th scope="col">Address</th>
          <th scope="col" class="number">
            Index
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ reference, address, index }) => (
          <tr key={index}>
            <td>{reference !== null && <a href={linkTo(['addresses', chain, reference])}>{reference}</a>}</td>
            <td>
              <Name text={address} isWhole />
            </td>
            <td class="number">{index}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Assigned addresses of one chain: they have no amounts and do not change, so they have a table of their own. */
export function Addresses() {
  const chain = place.value.query['chain'] ?? chains.value[0]?.chain
  const [shown, setShown] = useState<{ rows: AddressRow[]; next: number | null } | null>(null)
  const [befores, setBefores] = useState<number[]>([])
  useEffect(() => setBefores([]), [chain])
  const before = befores.at(-1)
  useEffect(() => {
    if (chain === undefined) return
    newest<AddressRow>(`/v1/chains/${chain}/addresses`, {}, ROWS, before)
      .then(({ items, next }) => setShown({ rows: items, next }))
      .catch(() => undefined)
  }, [chain, before, openings.value])
  if (chain === undefined) return <Empty>No chain is followed yet.</Empty>
  return (
    <Panel
      isWhole
      title="Addresses"
      aside={`${wholeNumber(countIn(counted.value.counts, 'address', 'assigned', chain))} assigned`}
    >
      <form class="filters" onSubmit={event => event.preventDefault()}>
        <label>
          Chain
          <select value={chain} onChange={event => go(linkTo(['addresses'], { chain: event.currentTarget.value }))}>
            {chains.value.map(one => (
              <option key={one.chain}>{one.chain}</option>
            ))}
          </select>
        </label>
      </form>
      {shown === null ? <Empty>Reading…</Empty> : <AddressTable chain={chain} rows={shown.rows} />}
      <div class="pager">
        <button type="button" onClick={() => setBefores(befores.slice(0, -1))} disabled={befores.length === 0}>
          ← Newer
        </button>
        <button
          type="button"
          onClick={() => setBefores([...befores, shown!.next!])}
          disabled={(shown?.next ?? null) === null}
        >
          Older →
        </button>
      </div>
    </Panel>
  )
}
