/** One deposit, withdrawal or transfer: why it is where it is, what comes next, the way it took, and the evidence. */
import { claim } from '../../../kernel/untyped.ts'
import { amountOf } from '../amounts.ts'
import { useState } from 'preact/hooks'
import { Ago, Amount, Confirmations, Empty, Fact, Facts, Name, Panel, StateChip } from '../bits.tsx'
import { Chart, type Path } from '../chart.tsx'
import { listedUnder, type Row } from '../lists.ts'
import { chains } from '../live.ts'
import { chartOf, edgeOf } from '../machines.ts'
import { useResource } from '../resource.ts'
import { linkTo } from '../router.ts'
import type { Attempt, ApiDeposit, ApiEvent, HistoryRow, ShownTransfer, ApiWithdrawal } from '../shapes.ts'
import { storyOf } from '../../story.ts'
import { clockTime, dayTime, plural, span, spoken } from '../words.ts'

/** What every one of them has; each kind has more. */
type Whole = Row & {
  history?: HistoryRow[]
  transactionId: string | null
  blockHash?: string | null
  blockHeight?: number | null
}

export function Instance({ name, id }: { name: string; id: string }) {
  const listed = listedUnder(name)!
  const isOurs = (event: ApiEvent) =>
    (event.kind === listed.kind && event.id === id) ||
    (listed.kind === 'transfer' && event.kind === 'attempt' && event.id.startsWith(`${id}:`))
  const loaded = useResource<Whole>(`/v1/${name}/${encodeURIComponent(id)}`, {}, isOurs)
  if (loaded.state === 'loading') return <Empty>Reading…</Empty>
  if (loaded.state === 'failed')
    return (
      <Panel isWhole title={`${listed.kind} ${id}`}>
        <p class="problem" role="alert">
          {loaded.status === 404 ? `There is no ${listed.kind} with this id in this ledger.` : loaded.reason}
        </p>
      </Panel>
    )
  const instance = withDepth(loaded.body)
  return (
    <article class="instance">
      <Head kind={listed.kind} instance={instance} />
      <div class="instance-grid">
        <section class="panel canvas" aria-label="The way it took">
          <WayTaken kind={listed.kind} instance={instance} />
        </section>
        <div class="side">
          {listed.kind === 'deposit' && <DepositFacts deposit={claim<ApiDeposit>(instance)} />}
          {listed.kind === 'withdrawal' && <WithdrawalFacts withdrawal={claim<ApiWithdrawal>(instance)} />}
          {listed.kind === 'transfer' && <TransferFacts transfer={claim<ShownTransfer>(instance)} />}
          <Timeline kind={listed.kind} history={instance.history ?? []} />
        </div>
      </div>
      {listed.kind === 'withdrawal' && <Payment withdrawal={claim<ApiWithdrawal>(instance)} />}
      {listed.kind === 'transfer' && <Attempts transfer={claim<ShownTransfer>(instance)} />}
      <Evidence title="As the API has it" value={loaded.body} />
    </article>
  )
}

/** Confirmations are counted on read; here they go on with each block that the page hears of. */
function withDepth(instance: Whole): Whole {
  const { blockHeight, chain, confirmations } = instance
  const height = chains.value.find(one => one.chain === chain)?.height ?? null
  if (blockHeight === null || blockHeight === undefined || height === null) return instance
  return { ...instance, confirmations: Math.max(confirmations, height - blockHeight + 1) }
}

function Head({ kind, instance }: { kind: string; instance: Whole }) {
  const { id, chain, state, reason, confirmations, required, amount, asset, updatedAt, transactionId, purpose } =
    instance
  const isInBlock = confirmations > 0
  const { why, next } = storyOf({ state, reason, depth: { confirmations, required, isInBlock } }, chartOf(kind))
  return (
    <header class="panel head">
      <div class="title">
        <p class="muted">
          {kind} on <a href={linkTo(['chains', chain])}>{chain}</a>
        </p>
        <h1>
          {amount !== undefined && asset !== undefined ? (
            <Amount chain={chain} asset={asset} amount={amount} />
          ) : (
            spoken(purpose ?? kind)
          )}
        </h1>
        <Name text={id} isWhole />
      </div>
      <div class="now">
        <StateChip kind={kind} state={state} link={linkTo(['machines', kind], { state })} />
        {(isInBlock || transactionId !== null) && <Confirmations count={confirmations} required={required} />}
        <span class="muted">
          since <Ago at={updatedAt} />
        </span>
      </div>
      <p class="story" data-story>
        {why} <strong>{next}</strong>
      </p>
    </header>
  )
}

function pathOf(kind: string, state: string, history: readonly HistoryRow[]): Path {
  const chart = chartOf(kind)
  const edges = new Map<string, { times: number; at: string }>()
  const states = new Set<string>([state])
  for (const { at, from, event, to } of history) {
    states.add(to)
    states.add(from ?? 'absent')
    const edge = chart === undefined ? undefined : edgeOf(chart, { from, event, to })
    if (edge !== undefined) edges.set(edge.key, { times: (edges.get(edge.key)?.times ?? 0) + 1, at: clockTime(at) })
  }
  return { edges, states, current: state }
}

function WayTaken({ kind, instance }: { kind: string; instance: Whole }) {
  const chart = chartOf(kind)
  if (chart === undefined) return <Empty>There is no picture of this machine.</Empty>
  return <Chart chart={chart} path={pathOf(kind, instance.state, instance.history ?? [])} />
}

function InBlock({ hash, height }: { hash: string | null; height: number | null }) {
  if (hash === null || height === null) return <Fact name="Block">in none</Fact>
  return (
    <Fact name="Block">
      {height} <Name text={hash} />
    </Fact>
  )
}

const chainOf = (name: string) => chains.value.find(({ chain }) => chain === name)
/** In which fees are paid, whatever is moved. */
const nativeOf = (chain: string): string => chainOf(chain)?.asset ?? ''

/** In the unit of the chain's fees, where they depend on the transaction's size or gas. */
const rateOf = (feeRate: number): string => (feeRate > 0 ? `, at a rate of ${feeRate}` : '')

const PURPOSES: Readonly<Record<ShownTransfer['purpose'], string>> = {
  payment: 'pays withdrawals',
  sweep: 'gathers in the treasury what came to an address of ours',
  funding: 'gives an address of ours what it needs to pay for gas',
  receive: 'takes in what was sent to an account of ours; nothing leaves',
  consolidation: 'makes one coin of many small ones of ours',
  upkeep: 'keeps the account able to pay (its tickets and flags)',
}

const Nothing = () => <span class="muted">–</span>

function DepositFacts({ deposit }: { deposit: ApiDeposit }) {
  const { chain, asset, amount, address, dataField, reference, transactionId, outputIndex, blockHash, blockHeight } =
    deposit
  return (
    <Facts title="What came">
      <Fact name="Amount">
        <Amount chain={chain} asset={asset} amount={amount} /> <small class="muted">{amount} base units</small>
      </Fact>
      <Fact name="For">
        {reference === null ? 'nobody yet' : <a href={linkTo(['addresses', chain, reference])}>{reference}</a>}
      </Fact>
      <Fact name="Address">
        <Name text={address} />
        {dataField !== null && <> data field {dataField}</>}
      </Fact>
      <Fact name="Transaction">
        <Name text={transactionId} link={linkTo(['search'], { q: transactionId })} />
        {` output ${outputIndex}`}
      </Fact>
      <InBlock hash={blockHash} height={blockHeight} />
    </Facts>
  )
}

function WithdrawalFacts({ withdrawal }: { withdrawal: ApiWithdrawal }) {
  const { chain, asset, amount, to, dataField, fee, transactionId, round, expiresAt, transferId, receipt } = withdrawal
  return (
    <Facts title="What was asked for">
      <Fact name="Amount">
        <Amount chain={chain} asset={asset} amount={amount} /> <small class="muted">{amount} base units</small>
      </Fact>
      <Fact name="To">
        <Name text={to} />
        {dataField !== null && <> data field {dataField}</>}
      </Fact>
      <Fact name="Fee, its share">
        {fee === null ? <Nothing /> : <Amount chain={chain} asset={nativeOf(chain)} amount={fee} />}
      </Fact>
      <Fact name="Transfer">
        {transferId === null ? <Nothing /> : <Name text={transferId} link={linkTo(['transfers', transferId])} />}
      </Fact>
      <Fact name="Transaction">
        {transactionId === null ? (
          <Nothing />
        ) : (
          <Name text={transactionId} link={linkTo(['search'], { q: transactionId })} />
        )}
      </Fact>
      <Fact name="Round">{round}</Fact>
      <Fact name="Expires">{expiresAt === null ? 'never' : dayTime(expiresAt)}</Fact>
      {receipt !== null && (
        <Fact name="Receipt of the signer">
          {receipt.signed.length === 0
            ? 'nothing was ever signed for it'
            : `signed before: ${receipt.signed.join(', ')}`}
        </Fact>
      )}
    </Facts>
  )
}

function TransferFacts({ transfer }: { transfer: ShownTransfer }) {
  const { chain, purpose, fee, transactionId, withdrawals, blockHash, blockHeight } = transfer
  return (
    <Facts title="What moves">
      <Fact name="Purpose">
        {purpose}: {PURPOSES[purpose]}
      </Fact>
      <Fact name="Fee">
        <Amount chain={chain} asset={nativeOf(chain)} amount={fee} />
      </Fact>
      <Fact name="Transaction">
        {transactionId === null ? (
          <Nothing />
        ) : (
          <Name text={transactionId} link={linkTo(['search'], { q: transactionId })} />
        )}
      </Fact>
      <InBlock hash={blockHash} height={blockHeight} />
      <Replacing transfer={transfer} />
      <Fact name="Pays">
        <Paid ids={withdrawals} />
      </Fact>
    </Facts>
  )
}

/** Whether a further attempt with a higher fee comes, and why. Nothing of one that stands in a block. */
function Replacing({ transfer: { replacement } }: { transfer: ShownTransfer }) {
  if (replacement === null) return null
  const { state, feeRate, dueAt } = replacement
  const asked = feeRate === null ? '' : ` A person wants a rate of ${feeRate}.`
  return (
    <Fact name="Further attempt">
      {state === 'asked' && 'asked for: it is planned as soon as nothing else is.'}
      {state === 'due' && 'due: it has waited for long, and gets one with a higher fee.'}
      {state === 'waiting' &&
        (dueAt === null
          ? 'none by itself; a person may ask for one (…/replacement).'
          : `at ${dayTime(dueAt)} with a higher fee, if it is in no block by then.`)}
      {asked}
    </Fact>
  )
}

const PAID_SHOWN = 100

function Paid({ ids, except }: { ids: readonly string[]; except?: string }) {
  const others = ids.filter(id => id !== except)
  if (others.length === 0) return <span class="muted">{except === undefined ? 'no withdrawal' : 'no other'}</span>
  return (
    <ul class="paid">
      {others.slice(0, PAID_SHOWN).map(id => (
        <li key={id}>
          <a href={linkTo(['withdrawals', id])}>{id}</a>
        </li>
      ))}
      {others.length > PAID_SHOWN && <li>and {others.length - PAID_SHOWN} more</li>}
    </ul>
  )
}

function Timeline({ kind, history }: { kind: string; history: readonly HistoryRow[] }) {
  return (
    <Panel title="Timeline" aside={plural(history.length, 'step')}>
      <ol class="timeline">
        {history
          .map((row, n) => ({ ...row, sinceMs: n === 0 ? null : Date.parse(row.at) - Date.parse(history[n - 1]!.at) }))
          .toReversed()
          .map(({ seq, at, from, event, to, sinceMs }) => (
            <li key={seq}>
              <time dateTime={at} title={dayTime(at)}>
                {clockTime(at)}
              </time>
              <span class="event">{spoken(event)}</span>
              {from === to ? <span class="muted">stays</span> : <StateChip kind={kind} state={to} />}
              <span class="muted seq" title="Number of the committed transition">
                {sinceMs === null ? '' : `after ${span(sinceMs)}, `}commit {seq}
              </span>
            </li>
          ))}
      </ol>
    </Panel>
  )
}

/** The transfer that pays a withdrawal, with its attempts and whom else it pays. */
function Payment({ withdrawal: { transferId, id } }: { withdrawal: ApiWithdrawal }) {
  const isOurs = ({ kind, id: moved }: ApiEvent) =>
    transferId !== null && (moved === transferId || (kind === 'attempt' && moved.startsWith(`${transferId}:`)))
  const loaded = useResource<ShownTransfer>(transferId === null ? null : `/v1/transfers/${transferId}`, {}, isOurs)
  if (transferId === null || loaded.state !== 'ready') return null
  const transfer = loaded.body
  return (
    <>
      <Panel title="The transfer that pays it" aside={<StateChip kind="transfer" state={transfer.state} />}>
        <dl class="facts wide">
          <Fact name="Id">
            <Name text={transfer.id} link={linkTo(['transfers', transfer.id])} />
          </Fact>
          <Fact name="It also pays">
            <Paid ids={transfer.withdrawals} except={id} />
          </Fact>
          <Replacing transfer={transfer} />
        </dl>
      </Panel>
      <Attempts transfer={transfer} />
    </>
  )
}

function Attempts({ transfer }: { transfer: ShownTransfer }) {
  const { attempts = [] } = transfer
  return (
    <Panel title="Attempts" aside={plural(attempts.length, 'transaction')}>
      {attempts.length > 1 && (
        <p class="hint">They share a spend key, so only one of them can ever be mined, and it counts.</p>
      )}
      {attempts.map((attempt, n) => (
        <AttemptCard key={attempt.n} transfer={transfer} attempt={attempt} before={attempts[n - 1]} />
      ))}
    </Panel>
  )
}

interface AttemptProperties {
  transfer: ShownTransfer
  attempt: Attempt
  /** The attempt that it is to replace. */
  before: Attempt | undefined
}

/** By how much it pays more than the one before. */
function Raised({ chain, asset, fee, before }: { chain: string; asset: string; fee: string; before?: Attempt }) {
  if (before === undefined) return null
  const more = BigInt(fee) - BigInt(before.fee)
  if (more <= 0n) return null
  return (
    <small class="muted">
      {' '}
      {amountOf(chain, asset, String(more))} more than attempt {before.n}
    </small>
  )
}

function AttemptCard({ transfer: { chain, id: transfer }, attempt, before }: AttemptProperties) {
  const { n, state, reason, transactionId, spendKeys, fee, firstBroadcastAt, template, signedTransaction } = attempt
  const asset = nativeOf(chain)
  return (
    <div class="attempt">
      <h3>
        Attempt {n} <StateChip kind="attempt" state={state} />
      </h3>
      {reason !== null && <p class="reason">{reason}</p>}
      <dl class="facts wide">
        <Fact name="Transaction">
          {transactionId === null ? (
            'not signed'
          ) : (
            <Name text={transactionId} link={linkTo(['search'], { q: transactionId })} />
          )}
        </Fact>
        <Fact name="Fee">
          {amountOf(chain, asset, fee)}
          <Raised {...{ chain, asset, fee, ...(before && { before }) }} />
        </Fact>
        <Fact name="First broadcast">{firstBroadcastAt === null ? <Nothing /> : dayTime(firstBroadcastAt)}</Fact>
        <Fact name="Spend keys">
          <ul class="keys">
            {spendKeys.map(key => (
              <li key={key}>
                <Name text={key} />
              </li>
            ))}
          </ul>
        </Fact>
      </dl>
      <DecodedTransaction chain={chain} transfer={transfer} n={n} />
      <Evidence title="Template, as the signer gets it" value={template} />
      {signedTransaction !== null && <Evidence title="Signed transaction" value={signedTransaction} />}
    </div>
  )
}

type Decoded = NonNullable<Attempt['decoded']>

/** What the transaction does, asked for when it is unfolded. */
function DecodedTransaction({ chain, transfer, n }: { chain: string; transfer: string; n: number }) {
  const [isOpen, setOpen] = useState(false)
  const loaded = useResource<ShownTransfer>(isOpen ? `/v1/transfers/${transfer}` : null, { decoded: 'true' })
  const decoded = loaded.state === 'ready' ? loaded.body.attempts?.find(attempt => attempt.n === n)?.decoded : undefined
  return (
    <details class="evidence" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>Transaction, decoded</summary>
      {decoded === undefined ? (
        <Empty>{loaded.state === 'failed' ? loaded.reason : 'Reading…'}</Empty>
      ) : (
        <Movements chain={chain} decoded={decoded} />
      )}
    </details>
  )
}

function Movements({ chain, decoded: { inputs, outputs, fee, feeRate } }: { chain: string; decoded: Decoded }) {
  const native = nativeOf(chain)
  return (
    <div class="movements">
      <div>
        <h4>Spends</h4>
        <ul>
          {inputs.map(({ address, amount }, i) => (
            <li key={i}>
              <Name text={address} /> <Amount chain={chain} asset={native} amount={amount} />
            </li>
          ))}
        </ul>
      </div>
      <div>
        <h4>Pays</h4>
        <ul>
          {outputs.map(({ to, dataField, asset, amount }, i) => (
            <li key={i}>
              <Name text={to} /> {dataField !== null && `data field ${dataField} `}
              <Amount chain={chain} asset={asset} amount={amount} />
            </li>
          ))}
          <li>
            <span class="muted">fee{rateOf(feeRate)}</span> <Amount chain={chain} asset={native} amount={fee} />
          </li>
        </ul>
      </div>
    </div>
  )
}

function Evidence({ title, value }: { title: string; value: unknown }) {
  return (
    <details class="evidence">
      <summary>{title}</summary>
      <pre tabIndex={0}>{typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</pre>
    </details>
  )
}
