/** One address: whose it is, the signer's word for it, and what came to it. */
import { Ago, Amount, Empty, Fact, Facts, Name, Panel, StateChip, linkOf } from '../bits.tsx'
import { Chart } from '../chart.tsx'
import { chartOf } from '../machines.ts'
import { useResource } from '../resource.ts'
import { linkTo } from '../router.ts'
import type { ShownAddress, ApiDeposit, ApiEvent, ApiPage } from '../shapes.ts'
import { plural } from '../words.ts'

const SHOWN = 100

export function AddressView({ chain, reference }: { chain: string; reference: string }) {
  const loaded = useResource<ShownAddress>(`/v1/chains/${chain}/addresses/${encodeURIComponent(reference)}`)
  if (loaded.state === 'loading') return <Empty>Reading…</Empty>
  if (loaded.state === 'failed')
    return <p class="problem">{loaded.status === 404 ? 'This reference has no address.' : loaded.reason}</p>
  const { address, state } = loaded.body
  const chart = chartOf('address')
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
        <Arrivals chain={chain} reference={reference} />
        <div class="side">
          <Attestation address={loaded.body} />
          {chart !== undefined && (
            <section class="panel canvas" aria-label="Its statechart">
              <Chart chart={chart} current={state} />
            </section>
          )}
        </div>
      </div>
    </article>
  )
}

/** What came to it, as far as one page of the list holds it; the latest first. */
function Arrivals({ chain, reference }: { chain: string; reference: string }) {
  const isTo = ({ kind, data }: ApiEvent) => kind === 'deposit' && data['reference'] === reference
  const deposits = useResource<ApiPage<ApiDeposit>>('/v1/deposits', { chain, reference, limit: SHOWN }, isTo)
  const items = deposits.state === 'ready' ? deposits.body.items.toReversed() : []
  return (
    <Panel title="What came to it" aside={plural(items.length, 'deposit')}>
      {items.length === 0 && <Empty>{deposits.state === 'loading' ? 'Reading…' : 'Nothing yet.'}</Empty>}
      <ul class="instances">
        {items.map(({ id, asset, amount, state, updatedAt }) => (
          <li key={id}>
            <Name text={id} link={linkOf('deposit', id, chain)} />
            <Amount chain={chain} asset={asset} amount={amount} />
            <StateChip kind="deposit" state={state} />
            <Ago at={updatedAt} />
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function Attestation({ address: { index, dataField, publicKey, attestation } }: { address: ShownAddress }) {
  return (
    <Facts title="The signer's word">
      <Fact name="Index">{index}</Fact>
      <Fact name="Data field">{dataField ?? 'none'}</Fact>
      <Fact name="Public key">
        <Name text={publicKey} />
      </Fact>
      <Fact name="Attested by">
        <Name text={attestation.key} />
      </Fact>
      <Fact name="Signature">
        <Name text={attestation.signature} />
      </Fact>
    </Facts>
  )
}
