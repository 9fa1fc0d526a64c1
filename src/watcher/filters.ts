/**
 * What lists and the feed may be asked for. A filter takes known values only: one that nothing can ever have is a mistake of
 * whoever asks, and an empty answer would hide it.
 */
import { z } from 'zod'
import type { WatcherKind } from '../../machines/ids.ts'
import { WATCHER_KINDS } from '../../machines/ids.ts'
import { oneOf } from '../http/complaints.ts'
import { countSchema, limitSchema, nameSchema, timeSchema, wholeSchema } from '../http/schemas.ts'
import type { ApiContext } from './api-context.ts'
import { statesOf } from './states.ts'

/** Longer than any address or data field of any family. */
const MAXIMUM_TEXT = 512

/** Of a destination. */
export const destinationQuery = z.strictObject({ dataField: z.string().max(MAXIMUM_TEXT).optional() })

/** Of a request for a withdrawal: `dryRun` asks what it would answer, and nothing is done. */
export const dryRunQuery = z.strictObject({ dryRun: z.enum(['true', 'false']).optional() })

/** Where a page begins, and how long it is at most. */
const pageQuery = z.strictObject({ after: countSchema.default(0), limit: limitSchema })

/** Of a list: by last change, from either end. `after` takes `next` in both. */
export const orderedQuery = pageQuery.extend({
  order: z
    .enum(['oldest', 'newest'])
    .default('oldest')
    .describe('What changed longest ago comes first, or what changed last; `after` takes `next` of the same order'),
})

const momentSchema = timeSchema.transform(text => Date.parse(text))
/** Of the last change, by the watcher's clock. */
const timeFilters = {
  from: momentSchema.optional().describe('Changed at this time or later'),
  to: momentSchema.optional().describe('Changed before this time'),
}

type Chains = Pick<ApiContext, 'chains'>

/** One that is followed, or that the ledger knows from before. */
const chainFilter = (api: Chains) =>
  z
    .string()
    .refine(chain => api.chains().includes(chain), { error: () => `must be ${oneOf(api.chains())}` })
    .describe('A chain by its name in the configuration')

/** Of a list of instances of this kind. */
export const listQuery = (api: Chains, kind: WatcherKind) =>
  orderedQuery.extend({
    chain: chainFilter(api).optional(),
    state: z.enum(statesOf(kind)).optional(),
    transactionId: nameSchema.optional(),
    ...timeFilters,
  })

const textFilter = z.string().min(1).max(MAXIMUM_TEXT).optional()

/** Of withdrawals: `address` is whom they pay. */
export const withdrawalsQuery = (api: Chains) => listQuery(api, 'withdrawal').extend({ address: textFilter })

export const depositsQuery = (api: Chains) =>
  listQuery(api, 'deposit').extend({ reference: nameSchema.optional(), address: textFilter })

const MAXIMUM_WAIT_S = 60

export const eventsQuery = (api: Chains) =>
  pageQuery.extend({
    wait: wholeSchema(0, MAXIMUM_WAIT_S, `must be at most ${MAXIMUM_WAIT_S} seconds`)
      .default(0)
      .describe('Seconds to wait for an event where there is none yet'),
    kind: z.enum(WATCHER_KINDS).optional(),
    chain: chainFilter(api).optional(),
    ...timeFilters,
  })
