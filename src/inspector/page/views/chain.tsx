/** One chain: where it stands, what is on it, and what it went through of late. */
import { Amount, Empty, Name, Panel, StateChip } from '../bits.tsx'
import { Chart } from '../chart.tsx'
import { chainEvents, chains } from '../live.ts'
import { chartOf } from '../machines.ts'
import { linkTo } from '../router.ts'
import { storyOf } from '../story.ts'
import { clockTime, plural, spoken } from '../words.ts'

const SHOWN = 40

export function ChainView({ name }: { name: string }) {
  const chain = chains.value.find(one => one.chain === name)
  if (chain === undefined) return <Empty>No chain named {name} is followed.</Empty>
  const { family, asset, state, reason, height, blockHash, nodeHeight, lag, treasury, addressPool, balances } = chain
  const { why, next } = storyOf({ kind: 'chain', state, reason, depth: null })
  const chart = chartOf('chain')
  const told = chainEvents.value.filter(event => event.chain === name && !['block.applied', 'signer.recalled'].includes(event.event))
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
          <StateChip kind="chain" state={state} />
        </div>
        <p class="story">
          {why} <strong>{next}</strong>
        </p>
      </header>
      <div class="instance-grid">
        <section class="panel canvas" aria-label="Where it stands">
          {chart !== undefined && <Chart chart={chart} path={{ edges: new Map(), states: new Set([state]), current: state }} isLive />}
        </section>
        <div class="side">
          <Panel title="Where it stands">
            <dl class="facts">
              <div>
                <dt>Height</dt>
                <dd>
                  {height ?? '–'} {blockHash !== null && <Name text={blockHash} />}
                </dd>
              </div>
              <div>
                <dt>Node</dt>
                <dd>
                  {nodeHeight ?? '–'} {lag !== null && lag > 0 && plural(lag, 'block')} {lag !== null && lag > 0 && 'to go'}
                </dd>
              </div>
              <div>
                <dt>Treasury</dt>
                <dd>{treasury === null ? '–' : <Name text={treasury} link={linkTo(['search'], { q: treasury })} />}</dd>
              </div>
              <div>
                <dt>Addresses</dt>
                <dd>
                  {addressPool.free} free, <a href={linkTo(['addresses'], { chain: name })}>{addressPool.assigned} assigned</a>
                </dd>
              </div>
              {balances.flatMap(({ asset: of, confirmed, pending, reserved }) =>
                Object.entries({ confirmed, 'of these reserved': reserved, pending }).map(([label, amount]) => (
                  <div key={`${of}-${label}`}>
                    <dt>
                      {of} {label}
                    </dt>
                    <dd>
                      <Amount chain={name} asset={of} amount={amount} />
                    </dd>
                  </div>
                )),
              )}
            </dl>
          </Panel>
          <Panel title="Of late">
            {told.length === 0 ? (
              <Empty>Nothing among the last transitions.</Empty>
            ) : (
              <ol class="timeline">
                {told
                  .slice(-SHOWN)
                  .toReversed()
                  .map(({ seq, at, event, from, to, data }) => (
                    <li key={seq}>
                      <time dateTime={at}>{clockTime(at)}</time>
                      <span class="event">
                        {spoken(event)} {event.startsWith('block.') && String(data['height'])}
                      </span>
                      {from === to ? <span class="muted">stays</span> : <StateChip kind="chain" state={to} />}
                      <span class="muted seq">commit {seq}</span>
                    </li>
                  ))}
              </ol>
            )}
          </Panel>
        </div>
      </div>
    </article>
  )
}
