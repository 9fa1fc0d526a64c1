/** One chain: where it stands, what is on it, and what it went through of late. */
import { useEffect, useState } from 'preact/hooks'
import { get } from '../api.ts'
import { Amount, Empty, Fact, Facts, Name, Panel, StateChip } from '../bits.tsx'
import { Chart } from '../chart.tsx'
import { chains, counted, events, openings } from '../live.ts'
import { chartOf } from '../machines.ts'
import { linkTo } from '../router.ts'
import type { ApiChain, ApiEvent, Feed } from '../shapes.ts'
import { storyOf } from '../../story.ts'
import { clockTime, plural, spoken } from '../words.ts'

export function ChainView({ name }: { name: string }) {
  const chain = chains.value.find(one => one.chain === name)
  if (chain === undefined) return <Empty>No chain named {name} is followed.</Empty>
  const { family, asset, state, reason } = chain
  const { why, next } = storyOf({ state, reason, depth: null }, chartOf('chain'))
  const chart = chartOf('chain')
  return (
    <article class="instance">
      <header class="panel head">
        <div class="title">
          <p class="muted">
            {family} chain, {asset}
          </p>
          <h1>{name}</h1>
        </div>
        <div class="now">
          <StateChip kind="chain" state={state} link={linkTo(['machines', 'chain'], { state })} />
        </div>
        <p class="story">
          {why} <strong>{next}</strong>
        </p>
      </header>
      <div class="instance-grid">
        <section class="panel canvas" aria-label="Its statechart">
          {chart !== undefined && <Chart chart={chart} current={state} isLive />}
        </section>
        <div class="side">
          <Standing chain={chain} />
          <Lately name={name} />
        </div>
      </div>
    </article>
  )
}

function Standing({ chain }: { chain: ApiChain }) {
  const { chain: name, height, blockHash, nodeHeight, lag, treasury, addressPool, balances } = chain
  return (
    <Facts title="Where it stands">
      <Fact name="Height">
        {height ?? '–'} {blockHash !== null && <Name text={blockHash} />}
      </Fact>
      <Fact name="Node">
        {nodeHeight ?? '–'}
        {lag !== null && lag > 0 && `, ${plural(lag, 'block')} to go`}
      </Fact>
      <Fact name="Treasury">
        {treasury === null ? '–' : <Name text={treasury} link={linkTo(['search'], { q: treasury })} />}
      </Fact>
      <Fact name="Addresses">
        {addressPool.free} free, <a href={linkTo(['addresses'], { chain: name })}>{addressPool.assigned} assigned</a>
      </Fact>
      {balances.flatMap(({ asset, confirmed, pending, reserved }) =>
        Object.entries({ confirmed, 'of it reserved': reserved, pending }).map(([label, amount]) => (
          <Fact key={`${asset} ${label}`} name={`${asset} ${label}`}>
            <Amount chain={name} asset={asset} amount={amount} />
          </Fact>
        )),
      )}
    </Facts>
  )
}

const SHOWN = 16
/** They come with every block, and say nothing that a person follows. */
const UNTOLD = ['block.applied', 'signer.recalled']

/** The chain as of the event stands on the block that came, or on the one below the block that left. */
function blockOf(event: string, { height }: Record<string, unknown>): number | null {
  if (typeof height !== 'number' || !event.startsWith('block.')) return null
  return event === 'block.disconnected' ? height + 1 : height
}

/** So far back one question looks. */
const BACK = 10_000
const MAXIMUM_PAGE = 1000

/** Transitions of the chain itself: those at the journal's end, and those that come. Oldest first. */
function useTold(name: string): ApiEvent[] {
  const [before, setBefore] = useState<ApiEvent[]>([])
  useEffect(() => {
    const after = Math.max(0, counted.value.seq - BACK)
    const query = { after, limit: MAXIMUM_PAGE, kind: 'chain', chain: name }
    void get<Feed>('/v1/events', { query })
      .then(({ events: found }) => setBefore(found))
      .catch(() => undefined)
  }, [name, openings.value])
  const last = before.at(-1)?.seq ?? 0
  const live = events.value.filter(event => event.kind === 'chain' && event.chain === name && event.seq > last)
  return [...before, ...live.toReversed()].filter(({ event }) => !UNTOLD.includes(event))
}

function Lately({ name }: { name: string }) {
  const told = useTold(name)
  return (
    <Panel title="Of late">
      {told.length === 0 && <Empty>Nothing among the last transitions.</Empty>}
      <ol class="timeline">
        {told
          .slice(-SHOWN)
          .toReversed()
          .map(({ seq, at, event, from, to, data }) => (
            <li key={seq}>
              <time dateTime={at}>{clockTime(at)}</time>
              <span class="event">
                {spoken(event)} {blockOf(event, data)}
              </span>
              {from === to ? <span class="muted">stays</span> : <StateChip kind="chain" state={to} />}
              <span class="muted seq">commit {seq}</span>
            </li>
          ))}
      </ol>
    </Panel>
  )
}
