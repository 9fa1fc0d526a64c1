/** Everything ever signed or voided on a chain, in the order in which it happened: what a new watcher starts from. */
import type { InstanceOf } from '../../kernel/entry.ts'
import type { Archive } from '../../ledger/engine.ts'
import { serveContract } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import type { SignedAttempt } from '../../signer-api/shapes.ts'
import { describeSigned } from '../signing/attempts.ts'
import { chainNamed, PAGE_BYTES, type RouteContext } from '../route-context.ts'
import type { Voids } from '../signing/voids.ts'

const PAGE_STEP = 20

interface Range {
  chain: string
  after: number
  /** Durable when the page was asked for: what comes later is for the next page. */
  until: number
  limit: number
}

/** GET /v1/chains/{chain}/transfers: shows what is durable only. */
export const transfersRoute = (context: RouteContext) =>
  serveContract(signerApi.signed, async ({ params, query: { after, limit } }) => {
    const { name } = chainNamed(context, params.chain!)
    await context.memory.settled()
    const until = context.memory.position().sequence
    const page = await context.inTurn(() => readPage(context, { chain: name, after, until, limit }))
    return { status: 200, body: page }
  })

/** At least one item, and `next` null at the end. */
async function readPage({ memory, voids }: RouteContext, range: Range) {
  const { items: signed, isEnd } = await readSigned(memory.archive, range)
  const until = isEnd ? range.until : signed.at(-1)!.seq
  const voided = await readVoids(memory.archive, { ...range, until })
  const all = [...signed, ...voided.map(record => describeVoid(voids, record))].sort((a, b) => a.seq - b.seq)
  const items = all.slice(0, range.limit)
  const isLast = isEnd && items.length === all.length && voided.length < range.limit
  return { items, next: isLast ? null : items.at(-1)!.seq }
}

/** As many as fit, read few at a time. */
async function readSigned(archive: Archive, { chain, after, until, limit }: Range) {
  const items: SignedAttempt[] = []
  let next = after
  for (let bytes = 0; items.length < limit && bytes < PAGE_BYTES;) {
    const wanted = Math.min(limit - items.length, PAGE_STEP)
    const found = await archive.list({ kind: 'signing', chain, state: 'signed', after: next, limit: wanted })
    const durable = found.filter(({ seq }) => seq <= until)
    items.push(...durable.map(describeSigned))
    bytes += durable.reduce((total, { context }) => total + JSON.stringify(context).length, 0)
    // Fewer than wanted may be what was large; the end is where nothing comes.
    if (durable.length < found.length || found.length === 0) return { items, isEnd: true }
    next = durable.at(-1)!.seq
  }
  return { items, isEnd: false }
}

async function readVoids(archive: Archive, { chain, after, until, limit }: Range) {
  const found = await archive.list({ kind: 'void', chain, after, limit })
  return found.filter(({ seq }) => seq <= until)
}

function describeVoid(voids: Voids, instance: InstanceOf<'void'>) {
  const { seq, at } = instance
  return { state: 'voided' as const, seq, voidedAt: new Date(at).toISOString(), ...voids.describe(instance) }
}
