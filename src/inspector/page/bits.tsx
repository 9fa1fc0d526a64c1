/** Small parts that every view is made of. */
import { amountOf, decimalsOf } from './amounts.ts'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { severityOf } from './alarms.ts'
import { stateIn } from '../story.ts'
import { chartOf } from './machines.ts'
import { linkTo } from './router.ts'
import type { Look } from '../../../visualizations/statechart.ts'
import { now } from './ticking.ts'
import { dayTime, inUnits, shortened, span, spoken } from './words.ts'

type Tone = 'bad' | 'warning' | 'done' | 'failed' | 'over' | 'busy' | 'plain'

const TONES: Readonly<Record<Look, Tone>> = {
  alarm: 'warning',
  good: 'done',
  bad: 'failed',
  neutral: 'over',
  task: 'busy',
  plain: 'plain',
  group: 'plain',
  absent: 'plain',
  origin: 'plain',
  start: 'plain',
  footnote: 'plain',
}

/** How a state looks: by what it asks of people, else as its picture has it. */
export const toneOf = (kind: string, state: string): Tone =>
  severityOf(kind, state) ?? TONES[stateIn(chartOf(kind), state)?.look ?? 'plain']

/** A sign beside the colour: it is understood without seeing the colour. */
const SIGNS: Readonly<Record<Tone, string>> = {
  bad: '!',
  warning: '!',
  done: '✓',
  failed: '✕',
  over: '–',
  busy: '↻',
  plain: '•',
}

export function StateChip({ kind, state, link }: { kind: string; state: string; link?: string }) {
  const tone = toneOf(kind, state)
  const inside = (
    <>
      <span class="sign" aria-hidden="true">
        {SIGNS[tone]}
      </span>
      {spoken(state)}
    </>
  )
  const title = stateIn(chartOf(kind), state)?.description
  if (link === undefined)
    return (
      <span class={`chip ${tone}`} title={title}>
        {inside}
      </span>
    )
  return (
    <a class={`chip ${tone}`} title={title} href={link}>
      {inside}
    </a>
  )
}

/** How long ago; the whole time on top of it. */
export function Ago({ at }: { at: string | number }) {
  const ms = typeof at === 'number' ? at : Date.parse(at)
  return (
    <time dateTime={new Date(ms).toISOString()} title={dayTime(ms)}>
      {span(now.value - ms)} ago
    </time>
  )
}

export function Amount({ chain, asset, amount }: { chain: string; asset: string; amount: string }) {
  const decimals = decimalsOf(chain, asset)
  if (decimals === null) return <span class="amount">{amountOf(chain, asset, amount)}</span>
  return (
    <span class="amount" title={`${amount} base units`}>
      {inUnits(amount, decimals)} <small>{asset}</small>
    </span>
  )
}

const COPIED_MS = 1500

/** A name that is too long to be read whole: its ends, and a button that copies all of it. */
export function Name({ text, link, isWhole = false }: { text: string; link?: string; isWhole?: boolean }) {
  const [isCopied, setCopied] = useState(false)
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true)
      setTimeout(() => setCopied(false), COPIED_MS)
    })
  }
  const shown = isWhole ? text : shortened(text)
  return (
    <span class="name">
      {link === undefined ? (
        <code title={text}>{shown}</code>
      ) : (
        <a href={link} title={text}>
          <code>{shown}</code>
        </a>
      )}
      <button type="button" class="copy" onClick={copy} aria-label={`Copy ${text}`} title="Copy">
        <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
          <path d={isCopied ? 'M2 9 6 13 14 3' : 'M5 5V2h9v9h-3M2 5h9v9H2z'} />
        </svg>
      </button>
    </span>
  )
}

/** Confirmations as they count up. */
export function Confirmations({ count, required }: { count: number; required: number }) {
  const shown = Math.min(count, required)
  return (
    <span class="confirmations" title={`${count} confirmations, ${required} required`}>
      <progress value={shown} max={required} aria-label={`${count} of ${required} confirmations`} />
      <span>
        {count}
        <small>/{required}</small>
      </span>
    </span>
  )
}

/** `isWhole`: the view consists of it, so its title is the page's. */
export function Panel({
  title,
  children,
  aside,
  isWhole = false,
}: {
  title: string
  children: ComponentChildren
  aside?: ComponentChildren
  isWhole?: boolean
}) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        {isWhole ? <h1>{title}</h1> : <h2>{title}</h2>}
        {aside !== undefined && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  )
}

export function Facts({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <Panel title={title}>
      <dl class="facts">{children}</dl>
    </Panel>
  )
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

/** Kinds that have a page of their own, and where it is. */
export function linkOf(kind: string, id: string, chain: string, reference?: string | null): string {
  switch (kind) {
    case 'deposit':
      return linkTo(['deposits', id])
    case 'withdrawal':
      return linkTo(['withdrawals', id])
    case 'transfer':
      return linkTo(['transfers', id])
    case 'attempt':
      return linkTo(['transfers', id.slice(0, id.lastIndexOf(':'))])
    case 'address':
      return reference ? linkTo(['addresses', chain, reference]) : linkTo(['chains', chain])
    case 'chain':
    case 'account':
      return linkTo(['chains', chain])
    default:
      return linkTo(['search'], { q: id })
  }
}
