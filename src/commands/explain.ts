/** `lockkeeper explain`: one instance's story in sentences: what happened, why it stands where it stands, what comes next, what to do. */
import { z } from 'zod'
import { storyOf, type Chart } from '../inspector/story.ts'
import { inUnits, spoken } from '../inspector/words.ts'
import { boundary } from '../kernel/fault.ts'
import { curl, remediesOf } from './remedies.ts'
import type { Terminal } from './terminal.ts'
import type { WatcherApi } from './watcher-api.ts'

/** By the machine's name. */
export type Charts = (machine: string) => Chart | undefined

export interface Explaining {
  api: WatcherApi
  charts: Charts
  /** As the configuration has them: for the commands that are shown. */
  listen: string
  tokenFile: string
}

const PATHS = { deposit: 'deposits', withdrawal: 'withdrawals', transfer: 'transfers', chain: 'chains' } as const
type Explained = keyof typeof PATHS
const KINDS = Object.keys(PATHS) as Explained[]

const resourceSchema = z.looseObject({
  chain: z.string(),
  state: z.string(),
  reason: z.string().nullable().default(null),
  asset: z.string().optional(),
  decimals: z.int().nullable().optional(),
  amount: z.string().optional(),
  to: z.string().optional(),
  address: z.string().optional(),
  reference: z.string().nullable().optional(),
  note: z.string().nullable().optional(),
  purpose: z.string().optional(),
  withdrawals: z.array(z.string()).optional(),
  transactionId: z.string().nullable().optional(),
  transferId: z.string().nullable().default(null),
  confirmations: z.int().optional(),
  required: z.int().optional(),
  updatedAt: z.string().optional(),
  history: z
    .array(z.object({ at: z.string(), from: z.string().nullable(), event: z.string(), to: z.string() }))
    .default([]),
})
type Resource = z.output<typeof resourceSchema>

interface Found {
  kind: Explained
  id: string
  resource: Resource
}

const hitsSchema = z.object({
  items: z.array(z.object({ kind: z.string(), id: z.string(), reference: z.string().nullable() })),
})

async function read(api: WatcherApi, kind: Explained, id: string): Promise<Found | null> {
  const text = await api.find(`/v1/${PATHS[kind]}/${encodeURIComponent(id)}`)
  return text === null ? null : { kind, id, resource: resourceSchema.parse(JSON.parse(text)) }
}

/** By its id, with or without its kind before it. */
async function findById(api: WatcherApi, wanted: string): Promise<Found | null> {
  const [, named, id] = /^(?:(deposit|withdrawal|transfer|chain)\/)?(.*)$/.exec(wanted)!
  // What can be no name of the API has no path of its own either; it is searched for.
  if (!/^[A-Za-z0-9._:~-]{1,128}$/.test(id!)) return null
  for (const kind of KINDS) {
    const found = named === undefined || named === kind ? await read(api, kind, id!) : null
    if (found !== null) return found
  }
  return null
}

/** By an address, a reference, a transaction or a block: all that a search finds. */
async function findBySearch(api: WatcherApi, text: string): Promise<Found[]> {
  const { items } = hitsSchema.parse(JSON.parse(await api.get(`/v1/search?q=${encodeURIComponent(text)}`)))
  const names = items.map(({ kind, id }) => (kind === 'attempt' ? ['transfer', id.replace(/:\d+$/, '')] : [kind, id]))
  const unique = [...new Map(names.map(([kind, id]) => [`${kind}/${id}`, { kind: kind!, id: id! }])).values()]
  const found = await Promise.all(
    unique.map(({ kind, id }) => (kind in PATHS ? read(api, kind as Explained, id) : Promise.resolve(null))),
  )
  return found.filter(each => each !== null)
}

const amountText = ({ amount, asset = '', decimals }: Resource): string =>
  amount === undefined ? '' : `${typeof decimals === 'number' ? inUnits(amount, decimals) : amount} ${asset}`

function headline({ kind, id, resource }: Found): string {
  const { chain, to, address, reference, purpose, withdrawals = [], transactionId, note } = resource
  const what: Record<Explained, string> = {
    deposit: `${amountText(resource)} on ${chain} to ${address ?? '?'}${reference ? `, of ${reference}` : ', of nobody yet'}`,
    withdrawal: `${amountText(resource)} on ${chain} to ${to ?? '?'}`,
    transfer: `a ${purpose ?? 'transfer'} on ${chain}${withdrawals.length > 0 ? ` for ${withdrawals.join(', ')}` : ''}`,
    chain: `followed for ${resource.asset ?? '?'}`,
  }
  const by = transactionId ? ` (transaction ${transactionId})` : ''
  return `${kind} ${id}: ${what[kind]}${by}.${note ? ` Note: ${note}` : ''}`
}

function happened({ history, updatedAt }: Resource): string[] {
  if (history.length === 0) return updatedAt === undefined ? [] : [`  ${updatedAt}  it changed last`]
  return history.map(({ at, from, event, to }) => {
    const what =
      from === null
        ? `it came to be, ${spoken(to)}`
        : from === to
          ? `it stayed ${spoken(to)}`
          : `it became ${spoken(to)}`
    return `  ${at}  ${spoken(event)}: ${what}`
  })
}

function depthOf({ confirmations, required }: Resource) {
  if (confirmations === undefined || required === undefined) return null
  return { confirmations, required, isInBlock: confirmations > 0 }
}

function linesOf(found: Found, { charts, listen, tokenFile }: Explaining): string[] {
  const { kind, id, resource } = found
  const { state, reason, chain, transferId } = resource
  const { why, next } = storyOf({ state, reason, depth: depthOf(resource) }, charts(kind))
  const past = happened(resource)
  const remedies = remediesOf({ kind, id, state, chain, transferId }).flatMap(remedy => {
    const command = curl(remedy, { listen, tokenFile })
    return [`  ${remedy.say}`, ...(command === null ? [] : [`    ${command}`])]
  })
  return [
    headline(found),
    ...(past.length === 0 ? [] : ['What happened:', ...past]),
    `Why it stands where it stands: it is ${spoken(state)}. ${why}`,
    `What happens next by itself: ${next}`,
    'What a person can do:',
    ...remedies,
  ]
}

/** Tells of the instance, or of each that an address, a reference or a transaction leads to. @throws boundary `not-found` */
export async function explain(asked: Explaining, wanted: string, terminal: Terminal): Promise<void> {
  const byId = await findById(asked.api, wanted)
  const found = byId === null ? await findBySearch(asked.api, wanted) : [byId]
  if (found.length === 0) throw boundary('not-found', `${asked.api.base} knows nothing of ${wanted}`)
  for (const [n, each] of found.entries()) {
    if (n > 0) terminal.out('')
    for (const line of linesOf(each, asked)) terminal.out(line)
  }
}
