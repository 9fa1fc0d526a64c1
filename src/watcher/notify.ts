/**
 * The feed, sent to a URL: the same events, in order, at least once, signed as Standard Webhooks says
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). What is sent and not taken is sent again, with
 * back-off, and nothing else waits for it. The feed stays the truth: who has missed anything reads it there.
 */
import { createHash, createHmac } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { kindOf } from '../../machines/ids.ts'
import { readWhole, replaceFile } from '../file.ts'
import { boundary, operating } from '../kernel/fault.ts'
import type { Recorded } from '../kernel/entry.ts'
import type { Clock, Disk, Log, Request } from '../kernel/ports.ts'
import { createWatchman, type Trouble } from '../kernel/trouble.ts'
import type { WatcherConfig } from '../config.ts'
import type { Journal } from '../ledger/engine.ts'
import { startLoop } from './loop.ts'
import { readPage, type Pages } from './recent.ts'
import { describeEvent, type DecimalsOf } from './resources.ts'
import { readTextOn } from './text.ts'

/** One URL, as configured, with the secret that signs what is sent there. */
export interface Hook {
  url: string
  secret: Uint8Array
  kinds: readonly string[]
}

/** What is not taken at present, and by whom. */
export interface HookTrouble {
  url: string
  /** Seq of the event that is sent again and again. */
  seq: number
  trouble: Trouble
}

export interface Notifier {
  /** Something more is durable. */
  wake(): void
  troubles(): HookTrouble[]
  /** By URL, how many events lie between the end of the feed and what was taken. */
  behind(): { url: string; events: number }[]
  /** Sends nothing more. A request under way is not waited for: without its answer the event is sent again by the next process. */
  stop(): void
}

export interface NotifierOptions {
  hooks: readonly Hook[]
  /** Where the cursors are kept: one file for each URL. */
  directory: string
  feed: Pages & { journal: Pick<Journal, 'position'>; ledgerId: string; decimals: DecimalsOf }
  disk: Disk
  request: Request
  clock: Clock
  log: Log
}

const PREFIX = 'whsec_'
const SECRET_BYTES = { minimum: 24, maximum: 64 }
const PAGE = 100
const TIMEOUT_MS = 15_000
/** Of an answer, which is not looked at. */
const MAXIMUM_ANSWER_BYTES = 64 * 1024
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 5 * 60_000
/** With nothing to send; whatever is durable wakes it. */
const IDLE_MS = 60_000
const MAXIMUM_CURSOR_BYTES = 4096
const MILLISECONDS_PER_SECOND = 1000

/** `whsec_` and base64, as the specification has it. Throws boundary `configuration`, which never shows it. */
function secretIn(path: string, text: string): Uint8Array {
  const written = text.trim()
  const bytes = Buffer.from(written.replace(PREFIX, ''), 'base64')
  const isWhole = written.startsWith(PREFIX) && bytes.toString('base64') === written.slice(PREFIX.length)
  if (isWhole && bytes.length >= SECRET_BYTES.minimum && bytes.length <= SECRET_BYTES.maximum) return bytes
  throw boundary(
    'configuration',
    `${path}: holds no webhook secret: ${PREFIX} and the base64 of ${SECRET_BYTES.minimum} to ${SECRET_BYTES.maximum} bytes`,
  )
}

/** Rejects with boundary `configuration`, naming the file. */
export const readHooks = (disk: Disk, { notify }: WatcherConfig): Promise<Hook[]> =>
  Promise.all(
    notify.map(async ({ url, keyFile, kinds }) => ({
      ...{ url, kinds },
      secret: secretIn(keyFile, await readTextOn(disk, keyFile)),
    })),
  )

/** Headers of the specification over exactly this body. `at`: when it is sent, ms. */
export function signedHeaders(secret: Uint8Array, id: string, at: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(at / MILLISECONDS_PER_SECOND))
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}

/** A query may hold what is nobody's business. */
const shown = (url: string): string => url.replace(/\?.*$/, '')

const cursorSchema = z.object({ url: z.string(), ledgerId: z.string(), after: z.int().min(0) })

const cursorFile = ({ directory }: NotifierOptions, url: string): string =>
  join(directory, `${createHash('sha256').update(url).digest('hex').slice(0, 16)}.json`)

function cursorIn(path: string, text: string): z.output<typeof cursorSchema> {
  try {
    return cursorSchema.parse(JSON.parse(text))
  } catch {
    throw operating('damaged-cursor', `${path} is damaged: remove it, and what is new from then on is sent`)
  }
}

/** A URL that is new begins at the end of the feed; another ledger is told from its beginning, as the feed does. */
async function openCursor(options: NotifierOptions, url: string): Promise<number> {
  const { disk, feed } = options
  const path = cursorFile(options, url)
  if (!(await disk.exists(path))) {
    const end = feed.journal.position().sequence
    await saveCursor(options, url, end)
    return end
  }
  const text = new TextDecoder().decode(await readWhole(disk, path, MAXIMUM_CURSOR_BYTES))
  const { ledgerId, after } = cursorIn(path, text)
  return ledgerId === feed.ledgerId && after <= feed.journal.position().sequence ? after : 0
}

async function saveCursor(options: NotifierOptions, url: string, after: number): Promise<void> {
  const { disk, directory, feed } = options
  await disk.makeDirectory(directory)
  const text = JSON.stringify({ url, ledgerId: feed.ledgerId, after })
  await replaceFile(disk, cursorFile(options, url), file => file.append(new TextEncoder().encode(text)))
}

async function send(options: NotifierOptions, { url, secret }: Hook, recorded: Recorded): Promise<void> {
  const { feed, clock, request } = options
  const event = describeEvent(recorded, feed.decimals)
  const about = { type: `${event.kind}.${event.to}`, timestamp: event.at, ledgerId: feed.ledgerId }
  const body = JSON.stringify({ ...about, data: event })
  // The same event has the same id, whenever it is sent.
  const headers = signedHeaders(secret, `${feed.ledgerId}:${event.seq}`, clock.now(), body)
  const bytes = new TextEncoder().encode(body)
  const limits = { timeoutMs: TIMEOUT_MS, maximumBytes: MAXIMUM_ANSWER_BYTES }
  const { status } = await request({ method: 'POST', url, headers, body: bytes, ...limits })
  if (status < 200 || status > 299) throw operating('not-taken', `it answered ${status}`)
}

interface Sending {
  /** Of the last event that was taken, or passed over; null before the cursor was read. */
  after: number | null
  /** As it stands in the file. */
  saved: number | null
  trouble: HookTrouble | null
}

/** Takes the cursor as far as it goes; true where more may be there. Rejects with what an event is not taken for. */
async function sendPage(options: NotifierOptions, hook: Hook, sending: Sending, isOver: () => boolean) {
  sending.after ??= await openCursor(options, hook.url)
  const page = await readPage(options.feed, sending.after, PAGE)
  for (const recorded of page) {
    if (isOver()) return false
    const isWanted = hook.kinds.includes(kindOf(recorded.entry.image.id))
    if (isWanted) await send(options, hook, recorded)
    if (isOver()) return false
    sending.after = recorded.entry.seq
  }
  return page.length > 0
}

/** Where it was, for the next process: after each page, and where one could not be sent to its end. */
async function keepCursor(options: NotifierOptions, { url }: Hook, sending: Sending): Promise<void> {
  if (sending.after === null || sending.after === sending.saved) return
  await saveCursor(options, url, sending.after)
  sending.saved = sending.after
}

function startHook(options: NotifierOptions, hook: Hook) {
  const { clock, log, feed } = options
  const sending: Sending = { after: null, saved: null, trouble: null }
  let isStopped = false
  const watchman = createWatchman({
    what: 'a webhook is not taken',
    over: 'the webhook is taken again',
    fields: { url: shown(hook.url) },
    ...{ firstMs: FIRST_WAIT_MS, longestMs: LONGEST_WAIT_MS, clock, log },
    note: trouble =>
      (sending.trouble = trouble === null ? null : { url: shown(hook.url), seq: (sending.after ?? 0) + 1, trouble }),
  })
  let notBefore = -Infinity
  const turn = async (): Promise<number> => {
    // Whatever becomes durable wakes it, and must not shorten the back-off.
    const early = notBefore - clock.monotonic()
    if (early > 0) return early
    try {
      const hasMore = await sendPage(options, hook, sending, () => isStopped)
      if (isStopped) return IDLE_MS
      await keepCursor(options, hook, sending)
      watchman.worked()
      return hasMore ? 0 : IDLE_MS
    } catch (error) {
      if (isStopped) return IDLE_MS
      await keepCursor(options, hook, sending).catch(() => undefined)
      const waitMs = watchman.failed(error)
      notBefore = clock.monotonic() + waitMs
      return waitMs
    }
  }
  const loop = startLoop(clock, turn)
  return {
    wake: () => loop.wake(),
    trouble: () => sending.trouble,
    behind: () => ({
      url: shown(hook.url),
      events: sending.after === null ? 0 : feed.journal.position().sequence - sending.after,
    }),
    stop() {
      isStopped = true
      void loop.stop()
    },
  }
}

/** Begins at once; each URL by itself, so that one that is not there keeps no other waiting. */
export function startNotifier(options: NotifierOptions): Notifier {
  const hooks = options.hooks.map(hook => startHook(options, hook))
  return {
    wake: () => hooks.forEach(hook => hook.wake()),
    troubles: () => hooks.flatMap(hook => hook.trouble() ?? []),
    behind: () => hooks.map(hook => hook.behind()),
    stop: () => hooks.forEach(hook => hook.stop()),
  }
}
