/** `lockkeeper visualize --instance`: the way of one deposit, withdrawal or transfer, as a running watcher tells it. */
import { join } from 'node:path'
import { z } from 'zod'
import { boundary, operating } from '../kernel/fault.ts'
import { writeText } from '../shell/files.ts'
import type { Terminal } from './terminal.ts'
import type { WatcherApi } from './watcher-api.ts'

const travelledSchema = z.object({
  state: z.string(),
  history: z.array(
    z.object({ at: z.string(), seq: z.number(), from: z.string().nullable(), event: z.string(), to: z.string() }),
  ),
})

type Travelled = z.output<typeof travelledSchema> & { id: string }

/** Draws a machine's instance; null where no machine of that name is drawn. */
export type RenderPath = (machine: string, travelled: Travelled) => { svg: string; mermaid: string } | null

/** The kinds whose resource shows its history, by their path. */
const KINDS = { deposit: 'deposits', withdrawal: 'withdrawals', transfer: 'transfers' } as const

/**
 * Writes `<kind>-<id>.svg` and `.mmd` into a folder.
 * @param id as the API shows it, or with its kind before it: `withdrawal/w-1`
 * @throws boundary `not-found`, `unexpected-answer`
 */
export async function drawInstance(
  { api, render, id, folder }: { api: WatcherApi; render: RenderPath; id: string; folder: string },
  terminal: Terminal,
): Promise<void> {
  const { kind, travelled } = await findInstance(api, id)
  const drawn = render(kind, travelled)
  if (drawn === null) throw boundary('not-found', `no picture of the machine ${kind} was generated`)
  // Colons and tildes mean something to some file systems and shells.
  const name = join(folder, `${kind}-${travelled.id.replaceAll(/[:~]/g, '-')}`)
  const files = { [`${name}.svg`]: drawn.svg, [`${name}.mmd`]: drawn.mermaid }
  for (const [path, text] of Object.entries(files)) {
    await writeText(path, text)
    terminal.out(path)
  }
}

async function findInstance(api: WatcherApi, wanted: string): Promise<{ kind: string; travelled: Travelled }> {
  const [, named, id] = /^(?:(deposit|withdrawal|transfer)\/)?(.*)$/.exec(wanted)!
  for (const [kind, path] of Object.entries(KINDS)) {
    if (named !== undefined && named !== kind) continue
    const text = await api.find(`/v1/${path}/${encodeURIComponent(id!)}`)
    if (text === null) continue
    const answer = travelledSchema.safeParse(JSON.parse(text))
    if (!answer.success) throw operating('unexpected-answer', `${api.base} does not answer as a watcher does`)
    return { kind, travelled: { id: id!, ...answer.data } }
  }
  const kinds =
    named ??
    Object.keys(KINDS)
      .join(', ')
      .replace(/, (?=\w+$)/, ' or ')
  throw boundary('not-found', `there is no ${kinds} ${id} at ${api.base}`)
}
