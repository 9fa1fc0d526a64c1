/** All at a glance: what a person has to look at, then each chain, then what moves. */
import { decimalsOf } from '../amounts.ts'
import { useComputed } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { alarmsOf, type Alarm } from '../alarms.ts'
import { Amount, Empty, Panel, StateChip, linkOf } from '../bits.tsx'
import { countIn } from '../counts.ts'
import { details, watchDetails } from '../details.ts'
import { chains, counted, events, openings, readiness, throughput, type ShownChain } from '../live.ts'
import { chartStatesOf, ofWatcher } from '../machines.ts'
import { linkTo } from '../router.ts'
import type { ApiChain, ApiEvent } from '../shapes.ts'
import { now } from '../ticking.ts'
import { clockTime, inUnits, plural, shortened, spoken, wholeNumber } from '../words.ts'

export function Overview() {
  useEffect(watchDetails, [openings.value])
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <Alarms />
      <div class="chains">
        {chains.value.map(chain => (
          <ChainCard key={chain.chain} chain={chain} />
        ))}
      </div>
      <div class="two">
        <Throughput />
        <Ticker />
      </div>
      <Census />
    </>
  )
}

function Alarms() {
  const alarms = useComputed(() =>
    alarmsOf({
      chains: chains.value,
      readiness: readiness.value,
      counts: counted.value.counts,
      details: details.value,
      now: now.value,
    }),
  )
  const all = alarms.value
  if (all.length === 0)
    return (
      <section class="alarms" aria-label="Alarms">
        <p class="calm">
          <span class="sign" aria-hidden="true">
            ✓
          </span>
          <span>
            <strong>Nothing waits for you.</strong> {plural(chains.value.length, 'chain')}, each at the tip of its node;
            the signer answers.
          </span>
        </p>
      </section>
    )
  return (
    <section class="alarms" aria-label="Alarms" aria-live="polite">
      <ul>
        {all.map(alarm => (
          <AlarmCard key={alarm.key} alarm={alarm} />
        ))}
      </ul>
    </section>
  )
}

function AlarmCard({ alarm: { severity, title, detail, view, guide } }: { alarm: Alarm }) {
  return (
    <li class={`alarm ${severity}`}>
      <span class="sign" aria-hidden="true">
        {severity === 'bad' ? '!!' : '!'}
      </span>
      <div>
        <strong>
          <span class="unseen">{severity === 'bad' ? 'Alarm: ' : 'Warning: '}</span>
          {title}
        </strong>
        {detail !== '' && <p>{detail}</p>}
      </div>
      <div class="actions">
        {view !== null && <a href={linkTo(view.path, view.query)}>Look</a>}
        <a href={`/docs/operations#${guide}`} target="_blank" rel="noreferrer">
          What to do<span class="unseen"> about “{title}” (opens the guide in a new tab)</span>
        </a>
      </div>
    </li>
  )
}

function ChainCard({ chain }: { chain: ShownChain }) {
  const { chain: name, family, state, height, nodeHeight, lag, addressPool } = chain
  return (
    <section class="panel chain" aria-label={`Chain ${name}`}>
      <header>
        <h2>
          <a href={linkTo(['chains', name])}>{name}</a>
        </h2>
        <span class="muted">{family}</span>
        <StateChip kind="chain" state={state} link={linkTo(['machines', 'chain'], { state })} />
      </header>
      <div class="standing">
        <Strip chain={name} blocks={chain.blocks} />
        <dl class="figures">
          <div>
            <dt>Height</dt>
            <dd>{height === null ? '–' : wholeNumber(height)}</dd>
          </div>
          <div>
            <dt>Node</dt>
            <dd>
              {nodeHeight === null ? '–' : wholeNumber(nodeHeight)}
              {lag !== null && lag > 0 && <small class="late"> {plural(lag, 'block')} to go</small>}
            </dd>
          </div>
          <div>
            <dt>Free addresses</dt>
            <dd>
              {wholeNumber(addressPool.free)} <small>{wholeNumber(addressPool.assigned)} assigned</small>
            </dd>
          </div>
        </dl>
      </div>
      <div class="balances">
        {chain.balances.map(balance => (
          <Balance key={balance.asset} chain={name} balance={balance} />
        ))}
      </div>
    </section>
  )
}

/** The last blocks, oldest left; one that left the chain hangs below it. */
function Strip({ chain, blocks }: { chain: string; blocks: ShownChain['blocks'] }) {
  if (blocks === null) return <Empty>Reading the journal…</Empty>
  if (blocks.length === 0) return <Empty>No block among the last transitions.</Empty>
  return (
    <ol class="strip" aria-label={`The last blocks of ${chain}`}>
      {blocks.map(({ height, hash, at, isGone }, n) => (
        <li
          key={`${height}-${hash ?? n}`}
          class={`${isGone ? 'gone' : ''} ${n === blocks.length - 1 ? 'tip' : ''}`}
          title={`${isGone ? 'Left the chain: ' : ''}block ${height}${hash === null ? '' : `, ${hash}`}, ${clockTime(at)}`}
        >
          <span class="unseen">{isGone ? 'left the chain: ' : ''}</span>
          {String(height).slice(-3)}
        </li>
      ))}
    </ol>
  )
}

function Balance({ chain, balance }: { chain: string; balance: ApiChain['balances'][number] }) {
  const { asset, confirmed, pending, reserved } = balance
  const free = BigInt(confirmed) - BigInt(reserved)
  const total = BigInt(confirmed) + BigInt(pending)
  const share = (part: bigint): number => (total === 0n ? 0 : Number((part * 1000n) / total) / 10)
  const parts = [
    { name: 'spendable', value: free },
    { name: 'reserved', value: BigInt(reserved) },
    { name: 'pending', value: BigInt(pending) },
  ]
  return (
    <div class="balance">
      <p class="total">
        <Amount chain={chain} asset={asset} amount={String(total)} />
      </p>
      <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        {parts.map(({ name, value }, n) => (
          <rect
            key={name}
            class={name}
            x={parts.slice(0, n).reduce((sum, part) => sum + share(part.value), 0)}
            width={share(value)}
            height="8"
          />
        ))}
      </svg>
      <dl>
        {parts.map(({ name, value }) => (
          <div key={name}>
            <dt class={name}>{name}</dt>
            <dd>{inUnits(String(value), decimalsOf(chain, asset) ?? 0)}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function Throughput() {
  const shown = throughput.value
  const spans = shown?.spans ?? []
  const most = Math.max(1, ...spans)
  const sum = spans.reduce((a, b) => a + b, 0)
  return (
    <Panel title="The last hour" aside={shown === null ? 'reading the journal…' : plural(sum, 'transition')}>
      <svg
        class="bars"
        viewBox={`0 0 ${Math.max(1, spans.length) * 10} 60`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${plural(sum, 'transition')} in the last hour`}
      >
        {spans.map((count, n) => (
          <rect
            key={n}
            x={n * 10 + 1}
            width="8"
            y={60 - (count / most) * 58}
            height={Math.max(count > 0 ? 1 : 0, (count / most) * 58)}
          >
            <title>{`${clockTime(Date.parse(shown!.until) - (spans.length - n) * shown!.spanMs)}: ${plural(count, 'transition')}`}</title>
          </rect>
        ))}
      </svg>
      <p class="axis" aria-hidden="true">
        <span>an hour ago</span>
        <span>now</span>
      </p>
    </Panel>
  )
}

const TICKED = 9
/** What people follow; the rest happens for its sake. */
const FOLLOWED = ['deposit', 'withdrawal', 'chain', 'transfer']

function Ticker() {
  const shown = events.value.filter(({ kind, from, to }) => FOLLOWED.includes(kind) && from !== to).slice(0, TICKED)
  return (
    <Panel title="What happens" aside={`${wholeNumber(counted.value.seq)} transitions so far`}>
      {shown.length === 0 ? (
        <Empty>Nothing yet. Each committed step of a deposit, withdrawal or chain appears here.</Empty>
      ) : (
        <ol class="ticker">
          {shown.map(event => (
            <Tick key={event.seq} event={event} />
          ))}
        </ol>
      )}
    </Panel>
  )
}

function Tick({ event: { kind, id, chain, at, to, data } }: { event: ApiEvent }) {
  const { amount, asset, reference } = data as { amount?: string; asset?: string; reference?: string | null }
  return (
    <li>
      <time dateTime={at}>{clockTime(at)}</time>
      <a href={linkOf(kind, id, chain, reference)}>
        {kind} <code>{kind === 'chain' ? id : shortened(id, 6)}</code>
      </a>
      <span class="what">
        {amount !== undefined && asset !== undefined && <Amount chain={chain} asset={asset} amount={amount} />}
      </span>
      <StateChip kind={kind} state={to} />
    </li>
  )
}

/** How many stand in each state, of each machine. */
function Census() {
  const { counts } = counted.value
  return (
    <Panel title="Where everything stands">
      <div class="census">
        {ofWatcher().map(chart => (
          <div key={chart.machine} class="row">
            <h3>
              <a href={linkTo(['machines', chart.machine])}>{spoken(chart.machine)}</a>
            </h3>
            <ul>
              {chartStatesOf(chart).map(({ key }) => {
                const count = countIn(counts, chart.machine, key)
                return (
                  <li key={key} class={count === 0 ? 'none' : ''} data-count={`${chart.machine}/${key}`}>
                    <StateChip
                      kind={chart.machine}
                      state={key}
                      link={linkTo(['machines', chart.machine], { state: key })}
                    />
                    <strong>{wholeNumber(count)}</strong>
                  </li>
                )
              })}
            </ul>
          </div>
        ))}
      </div>
    </Panel>
  )
}
