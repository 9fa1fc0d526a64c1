/** Everything ever signed or voided on a chain, in the order in which it happened: what a new watcher starts from. */
import { isKind, type Instance } from '../../kernel/entry.ts'
import { invariant } from '../../kernel/fault.ts'
import { serveContract } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import type { PromisedPage } from '../../signer-api/shapes.ts'
import { readAt } from '../memory/read.ts'
import { describeSigned } from '../signing/attempts.ts'
import type { Voids } from '../signing/voids.ts'
import { chainNamed, PAGE_BYTES, type RouteContext } from '../route-context.ts'

/** GET /v1/chains/{chain}/transfers: shows what is durable only. */
export const transfersRoute = (context: RouteContext) =>
  serveContract(signerApi.signed, async ({ params, query: { after, limit } }) => {
    const { memory } = context
    const { name } = chainNamed(context, params.chain!)
    await memory.settled()
    const { sequence } = memory.position()
    // One more tells whether there is another page.
    const seqs = memory.records.promisedOn(name, after, limit + 1).filter(seq => seq <= sequence)
    const items = await context.inTurn(() => readPage(context, seqs.slice(0, limit)))
    return { status: 200, body: { items, next: items.length < seqs.length ? items.at(-1)!.seq : null } }
  })

/** As many as fit, and one at least. */
async function readPage({ memory, voids }: RouteContext, seqs: readonly number[]) {
  const items: PromisedPage['items'] = []
  let bytes = 0
  for (const seq of seqs) {
    const image = await readAt(memory.archive, seq)
    items.push(await describe(voids, image))
    bytes += JSON.stringify(image.context).length
    if (bytes >= PAGE_BYTES) break
  }
  return items
}

async function describe(voids: Voids, image: Instance): Promise<PromisedPage['items'][number]> {
  if (isKind(image, 'signing')) return describeSigned(image)
  if (!isKind(image, 'void')) throw invariant('record-lost', `seq ${image.seq} was a promise and is ${image.id}`)
  const { seq, at } = image
  return { state: 'voided', seq, voidedAt: new Date(at).toISOString(), ...(await voids.describe(image)) }
}
