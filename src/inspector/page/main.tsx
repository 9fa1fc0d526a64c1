/** The inspector: what a watcher does, as it does it. It reads, and can change nothing. */
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { forgetToken, keepToken, token } from './api.ts'
import { Empty } from './bits.tsx'
import { LISTED } from './lists.ts'
import { connection, counted, run } from './live.ts'
import { charts, loadCharts } from './machines.ts'
import { Mark } from './mark.tsx'
import { linkTo, place } from './router.ts'
import { now } from './ticking.ts'
import { AddressView } from './views/address.tsx'
import { ChainView } from './views/chain.tsx'
import { Instance } from './views/instance.tsx'
import { Addresses, List } from './views/list.tsx'
import { Machines } from './views/machines.tsx'
import { Overview } from './views/overview.tsx'
import { SearchBox, SearchView } from './views/search.tsx'
import { TokenView } from './views/token.tsx'
import { clockTime, wholeNumber } from './words.ts'

interface Entry {
  path: string[]
  title: string
}

const entries = (): Entry[] => [
  { path: [], title: 'Overview' },
  { path: ['machines', charts.value[0]?.machine ?? ''], title: 'Machines' },
  ...LISTED.map(({ name, title }) => ({ path: [name], title })),
  { path: ['addresses'], title: 'Addresses' },
]

function Navigation() {
  const [room] = place.value.path
  return (
    <nav class="rooms" aria-label="Views">
      {entries().map(({ path, title }) => (
        <a key={title} href={linkTo(path)} aria-current={room === path[0] ? 'page' : undefined}>
          {title}
        </a>
      ))}
      <a href="/docs/operations" target="_blank" rel="noreferrer">
        Guide
      </a>
    </nav>
  )
}

function Pulse() {
  const { state } = connection.value
  const words =
    state === 'live' ? `live, ${wholeNumber(counted.value.seq)}` : state === 'opening' ? 'opening' : 'no answer'
  return (
    <span
      class={`pulse ${state}`}
      title={state === 'live' ? 'The number of the last transition that this page has seen' : undefined}
    >
      <span class="dot" aria-hidden="true" />
      {words}
    </span>
  )
}

/** Says that the watcher is gone; what is shown below stays, and stays marked as old. */
function Outage() {
  const { value } = connection
  if (value.state !== 'lost') return null
  const left = Math.max(0, Math.ceil((value.retryAt - now.value) / 1000))
  return (
    <div class="outage" role="alert">
      <strong>The watcher does not answer.</strong> What you see is as of {clockTime(value.at)}.{' '}
      {left > 0 ? `Asked again in ${left} s.` : 'Asking again…'}
    </div>
  )
}

function View() {
  const { path, query } = place.value
  const [room, first, second] = path
  if (room === undefined) return <Overview />
  if (room === 'machines') return <Machines kind={first ?? charts.value[0]!.machine} />
  if (room === 'addresses')
    return first !== undefined && second !== undefined ? (
      <AddressView chain={first} reference={second} />
    ) : (
      <Addresses />
    )
  if (room === 'chains' && first !== undefined) return <ChainView name={first} />
  if (room === 'search') return <SearchView q={query['q'] ?? ''} />
  if (LISTED.some(({ name }) => name === room))
    return first === undefined ? <List name={room} /> : <Instance key={first} name={room} id={first} />
  return <Empty>There is nothing here. The navigation leads to what there is.</Empty>
}

function Page() {
  useEffect(() => void run(), [])
  const path = place.value.path.join(' · ')
  useEffect(() => {
    document.title = path === '' ? 'Lockkeeper' : `${path} · Lockkeeper`
  }, [path])
  const isOpening = connection.value.state === 'opening' || charts.value.length === 0
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={event => {
          event.preventDefault()
          document.getElementById('content')?.focus()
        }}
      >
        To the content
      </a>
      <header class="bar">
        <a class="brand" href={linkTo([])}>
          <Mark />
          Lockkeeper
        </a>
        <Navigation />
        <SearchBox />
        <Pulse />
        <button type="button" class="quiet" onClick={forgetToken} title="Forget the token of this tab">
          Sign out
        </button>
      </header>
      <Outage />
      <main id="content" tabIndex={-1} class={connection.value.state === 'lost' ? 'old' : ''}>
        {isOpening ? <Empty>Opening…</Empty> : <View />}
      </main>
    </>
  )
}

const App = () => (token.value === null ? <TokenView /> : <Page />)

/** `#token=…` opens the page at once: what a demonstration prints. It is taken out of the address and of the history. */
function takeTokenFromAddress(): void {
  const [, secret] = /^#token=(.+)$/.exec(location.hash) ?? []
  if (secret === undefined) return
  history.replaceState(null, '', location.pathname)
  keepToken(decodeURIComponent(secret))
  dispatchEvent(new HashChangeEvent('hashchange'))
}

takeTokenFromAddress()
void loadCharts()
render(<App />, document.getElementById('app')!)
