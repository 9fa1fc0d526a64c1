/** Each machine with the numbers in it, moving; beside it what stands in a state, or what took a line. */
import { useEffect, useState } from 'preact/hooks'
import { Empty, Panel, StateChip, linkOf } from '../bits.tsx'
import { Chart, type Selection } from '../chart.tsx'
import { countIn } from '../counts.ts'
import { get } from '../api.ts'
import { counted, events, openings } from '../live.ts'
import { stateIn, waysFrom } from '../../story.ts'
import { chartOf, charts, edgeOf, endsOf } from '../machines.ts'
import { adjust, linkTo, place } from '../router.ts'
import type { Edge, Statechart } from '../../../../visualizations/statechart.ts'
import type { Feed, ApiEvent } from '../shapes.ts'
import { clockTime, plural, shortened, spoken, wholeNumber } from '../words.ts'
import { InState } from './in-state.tsx'

function selectionOf({ state, edge }: Readonly<Record<string, string>>): Selection {
  if (state !== undefined) return { state }
  return edge === undefined ? null : { edge }
}

export function Machines({ kind }: { kind: string }) {
  const chart = chartOf(kind)
  const selection = selectionOf(place.value.query)
  const select = (next: Selection) => adjust(linkTo(['machines', kind], next ?? {}))
  const { counts } = counted.value
  return (
    <>
      <h1 class="unseen">Machines: {kind}</h1>
      <nav class="tabs" aria-label="Machines">
        {charts.value.map(({ machine, side }) => (
          <a key={machine} href={linkTo(['machines', machine])} aria-current={machine === kind ? 'page' : undefined}>
            {spoken(machine)}
            {side === 'signer' && <small> (signer)</small>}
          </a>
        ))}
      </nav>
      {chart === undefined ? (
        <Empty>There is no machine “{kind}”.</Empty>
      ) : (
        <div class="workbench">
          <section class="panel canvas" aria-label={`The states of ${kind}`}>
            <Chart
              chart={chart}
              countOf={chart.side === 'watcher' ? state => countIn(counts, kind, state) : undefined}
              selection={selection}
              onSelect={select}
              isLive={chart.side === 'watcher'}
            />
          </section>
          <div class="side">
            <Side chart={chart} selection={selection} />
          </div>
        </div>
      )}
    </>
  )
}

function Side({ chart, selection }: { chart: Statechart; selection: Selection }) {
  if (chart.side === 'signer') return <OfSigner chart={chart} selection={selection} />
  if (selection === null) return <Latest chart={chart} />
  if ('state' in selection) return <OfState chart={chart} state={selection.state} />
  const edge = chart.edges.find(({ key }) => key === selection.edge)
  return edge === undefined ? <Latest chart={chart} /> : <OfEdge chart={chart} edge={edge} />
}

/** What stands in its memory is the signer's alone; of each attempt the watcher's own machine says what came of it. */
function OfSigner({ chart, selection }: { chart: Statechart; selection: Selection }) {
  const state = selection !== null && 'state' in selection ? stateIn(chart, selection.state) : undefined
  return (
    <Panel title={state === undefined ? 'In the signer' : spoken(state.key)}>
      <p>{state === undefined ? chart.purpose : state.description}</p>
      {state !== undefined && <Ways chart={chart} state={state.key} />}
      <p class="hint">
        Its instances stand in the signer’s own memory, which nobody reads from here: so there are no numbers in the
        picture. What came of a request is seen at the <a href={linkTo(['machines', 'attempt'])}>attempts</a> of the
        watcher, and <code>lockkeeper verify --config signer.yaml</code> reads the memory while the signer is stopped.
      </p>
    </Panel>
  )
}

function Ways({ chart, state }: { chart: Statechart; state: string }) {
  const ways = waysFrom(chart, state)
  if (ways.length === 0) return null
  return (
    <ul class="ways">
      {ways.map(({ to, events: causes }) => (
        <li key={to}>
          <StateChip kind={chart.machine} state={to} link={linkTo(['machines', chart.machine], { state: to })} />
          <span class="muted">at {causes.map(spoken).join(', ')}</span>
        </li>
      ))}
    </ul>
  )
}

function Latest({ chart }: { chart: Statechart }) {
  const all = useTransitions(chart.machine, BACK.latest, () => true)
  return (
    <Panel title="Latest transitions">
      <p class="hint">{chart.purpose} Choose a state to see what stands in it, or a line to see what took it last.</p>
      <Transitions all={all} kind={chart.machine} back={BACK.latest} />
    </Panel>
  )
}

function OfState({ chart, state }: { chart: Statechart; state: string }) {
  const node = stateIn(chart, state)
  const count = countIn(counted.value.counts, chart.machine, state)
  if (node === undefined)
    return (
      <Empty>
        {chart.machine} has no state “{state}”.
      </Empty>
    )
  return (
    <Panel title={spoken(state)} aside={plural(count, 'instance')}>
      <p>{node.description}</p>
      <Ways chart={chart} state={state} />
      <InState kind={chart.machine} state={state} count={count} />
    </Panel>
  )
}

function OfEdge({ chart, edge }: { chart: Statechart; edge: Edge }) {
  const all = useTransitions(chart.machine, BACK.line, event => edgeOf(chart, event)?.key === edge.key)
  const ends = endsOf(edge)
  return (
    <Panel title={`${ends.from.map(spoken).join(', ')} → ${spoken(ends.to)}`}>
      <ul class="ways">
        {edge.rules.map(({ event, guard }) => (
          <li key={`${event} ${guard}`}>
            <code>{event}</code>
            {guard !== null && <span class="muted"> where {guard}</span>}
          </li>
        ))}
      </ul>
      <h3>The last that took it</h3>
      <Transitions all={all} kind={chart.machine} back={BACK.line} />
    </Panel>
  )
}

/** So far back one question looks: for the latest of all, and for the latest that took one line. */
const BACK = { latest: 1000, line: 10_000 }
const MAXIMUM_PAGE = 1000
const SHOWN = 16

/** Up to `last`: what an answer leaves off, because it grows long or large, the next one has. */
async function readOn(kind: string, from: number, last: number, isOver: () => boolean): Promise<ApiEvent[]> {
  const found: ApiEvent[] = []
  for (let after = from; after < last && !isOver();) {
    const { events: some, next } = await get<Feed>('/v1/events', { query: { kind, after, limit: MAXIMUM_PAGE } })
    found.push(...some)
    if (next <= after) break
    after = next
  }
  return found
}

/** The latest transitions of a kind that are wanted: those of the journal's end, and those that come. */
function useTransitions(kind: string, back: number, isWanted: (event: ApiEvent) => boolean): ApiEvent[] {
  const [before, setBefore] = useState<ApiEvent[]>([])
  useEffect(() => {
    const last = counted.value.seq
    const after = Math.max(0, last - back)
    let isOver = false
    void readOn(kind, after, last, () => isOver)
      .then(found => {
        if (!isOver) setBefore(found.toReversed())
      })
      .catch(() => undefined)
    return () => {
      isOver = true
    }
  }, [kind, back, openings.value])
  const last = before[0]?.seq ?? 0
  const live = events.value.filter(event => event.kind === kind && event.seq > last)
  return [...live, ...before].filter(isWanted).slice(0, SHOWN)
}

function Transitions({ all, kind, back }: { all: readonly ApiEvent[]; kind: string; back: number }) {
  if (all.length === 0) return <Empty>None among the last {wholeNumber(back)} transitions.</Empty>
  return (
    <ol class="ticker narrow">
      {all.map(({ seq, id, chain, at, event, to, data }) => (
        <li key={seq}>
          <time dateTime={at} title={at}>
            {clockTime(at)}
          </time>
          <a href={linkOf(kind, id, chain, (data as { reference?: string | null }).reference)}>
            <code>{shortened(id, 7)}</code>
          </a>
          <span class="what muted">{spoken(event)}</span>
          <StateChip kind={kind} state={to} />
        </li>
      ))}
    </ol>
  )
}
