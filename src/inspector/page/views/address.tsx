/** One address: whose it is, the signer's word for it, and what came to it. */
import { Ago, Amount, Empty, Name, Panel, StateChip, linkOf } from '../bits.tsx'
import { Chart } from '../chart.tsx'
import { chartOf } from '../machines.ts'
import { useResource } from '../resource.ts'
import { linkTo } from '../router.ts'
import type { Address, Deposit, FeedEvent, Page } from '../shapes.ts'
import { plural } from '../words.ts'

const SHOWN = 100

export function AddressView({ chain, reference }: { chain: string; reference: string }) {
  const loaded = useResource<Address>(`/v1/chains/${chain}/addresses/${encodeURIComponent(reference)}`)
  const isTo = ({ kind, data }: FeedEvent) => kind === 'deposit' && (data as { reference?: unknown }).reference === reference
  const deposits = useResource<Page<Deposit>>('/v1/deposits', { chain, reference, limit: SHOWN }, isTo)
  if (loaded.state === 'loading') return <Empty>Reading…</Empty>
  if (loaded.state === 'failed') return <p class="problem">{loaded.status === 404 ? 'This reference has no address.' : loaded.reason}</p>
  const { address, dataField, index, publicKey, attestation, state } = loaded.body
  const chart = chartOf('address')
  const items = deposits.state === 'ready' ? deposits.body.items.toReversed() : []
  return (
    <article class="instance">
      <header class="panel head">
        <div class="title">
          <p class="muted">
            address on <a href={linkTo(['chains', chain])}>{chain}</a>
          </p>
          <h1>{reference}</h1>
          <Name text={address} isWhole />
        </div>
        <div class="now">
          <StateChip kind="address" state={state} />
        </div>
      </header>
      <div class="instance-grid">
        <Panel title="What came to it" aside={plural(items.length, 'deposit')}>
          {items.length === 0 ? (
            <Empty>Nothing yet.</Empty>
          ) : (
            <ul class="instances">
              {items.map(({ id, asset, amount, state: stands, updatedAt }) => (
                <li key={id}>
                  <Name text={id} link={linkOf('deposit', id, chain)} />
                  <Amount chain={chain} asset={asset} amount={amount} />
                  <StateChip kind="deposit" state={stands} />
                  <Ago at={updatedAt} />
                </li>
              ))}
            </ul>
          )}
        </Panel>
        <div class="side">
          <Panel title="The signer's word">
            <dl class="facts">
              <div>
                <dt>Index</dt>
                <dd>{index}</dd>
              </div>
              <div>
                <dt>Data field</dt>
                <dd>{dataField ?? 'none'}</dd>
              </div>
              <div>
                <dt>Public key</dt>
                <dd>
                  <Name text={publicKey} />
                </dd>
              </div>
              <div>
                <dt>Attested by</dt>
                <dd>
                  <Name text={attestation.key} />
                </dd>
              </div>
            </dl>
          </Panel>
          {chart !== undefined && (
            <section class="panel canvas" aria-label="Where it stands">
              <Chart chart={chart} path={{ edges: new Map(), states: new Set([state]), current: state }} />
            </section>
          )}
        </div>
      </div>
    </article>
  )
}
