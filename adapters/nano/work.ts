/**
 * Work for blocks: found by configured work servers, by the node, or in threads of our own, and believed only when it was verified (N14).
 * It belongs to a root: a frontier that moves leaves it behind (N5). https://docs.nano.org/integration-guides/work-generation/
 */
import { operating, reasonOf } from '../../src/kernel/fault.ts'
import type { Log, Work } from '../../src/kernel/ports.ts'
import type { Rpc } from './rpc.ts'
import { workShape } from './shapes.ts'
import { difficultyOf, workText } from './work-search.ts'

/** `root`: 64 hexadecimal digits; `threshold`: the least that it must be worth. */
export interface WorkWanted {
  root: string
  threshold: bigint
}

/** Where work is had. */
export interface WorkSource {
  /** 16 hexadecimal digits; what was found or is being searched for is not searched for again. Rejects with operating `no-work`. */
  find(wanted: WorkWanted): Promise<string>
  /** What will be needed soon; nobody waits for it. */
  prepare(wanted: WorkWanted): void
  /** A node did not take it: it is searched for anew. */
  forget(root: string): void
}

export interface WorkSourceOptions {
  chain: string
  /** Asked first, in their order. */
  servers: readonly Rpc[]
  node: Rpc
  /** Null where it is switched off. */
  local: Work | null
  log: Log
}

/** A processor of the node's may need so long. */
const GENERATION_TIMEOUT_MS = 120_000
/** Each root needs it once: of frontiers that were left long ago nothing is kept. */
const REMEMBERED_MAXIMUM = 4096
/** A line in the log after so many tries: some ten seconds. */
const TOLD_EVERY = 2 ** 27

interface Search extends WorkWanted {
  found: Promise<string>
}

const isWorth = ({ root, threshold }: WorkWanted, work: string): boolean =>
  difficultyOf(Buffer.from(root, 'hex'), BigInt(`0x${work}`)) >= threshold

async function ask(server: Rpc, wanted: WorkWanted): Promise<string> {
  const options = { hash: wanted.root, difficulty: workText(wanted.threshold) }
  const answer = await server.askSlowly(GENERATION_TIMEOUT_MS, workShape, [], 'work_generate', options)
  if (!answer.ok) throw operating('node-refused', answer.error)
  if (!isWorth(wanted, answer.result.work))
    throw operating('bad-work', `it answered work that is worth less than ${workText(wanted.threshold)}`)
  return answer.result.work
}

async function searchHere({ chain, log }: WorkSourceOptions, local: Work, wanted: WorkWanted): Promise<string> {
  let toldAt = 0
  const found = await local(Buffer.from(wanted.root, 'hex'), wanted.threshold, tried => {
    if (tried - toldAt < TOLD_EVERY) return
    toldAt = tried
    log('info', 'work is being searched for', { chain, root: wanted.root, tried })
  })
  const work = workText(found)
  if (!isWorth(wanted, work)) throw operating('bad-work', 'the search here found work that is worth too little')
  return work
}

/** The first that gives work that is worth enough. */
async function generate(options: WorkSourceOptions, wanted: WorkWanted): Promise<string> {
  const { servers, node, local, log, chain } = options
  const reasons: string[] = []
  for (const server of [...servers, node]) {
    try {
      return await ask(server, wanted)
    } catch (error) {
      reasons.push(reasonOf(error))
    }
  }
  if (local !== null) {
    log('debug', 'no server gives work: it is searched for here', { chain, root: wanted.root, reasons })
    return searchHere(options, local, wanted)
  }
  throw operating(
    'no-work',
    `no work is given (${reasons.join('; ')}): configure work.servers, or say work.local: true`,
  )
}

/** Nothing is searched for before the first call. */
export function createWorkSource(options: WorkSourceOptions): WorkSource {
  const searches = new Map<string, Search>()

  function begin(wanted: WorkWanted): Promise<string> {
    const found = generate(options, wanted)
    const search = { ...wanted, found }
    searches.set(wanted.root, search)
    // A search that failed is begun again by whoever asks next.
    found.catch(() => {
      if (searches.get(wanted.root) === search) searches.delete(wanted.root)
    })
    for (const oldest of searches.keys()) {
      if (searches.size <= REMEMBERED_MAXIMUM) break
      searches.delete(oldest)
    }
    return found
  }

  const find: WorkSource['find'] = wanted => {
    const known = searches.get(wanted.root)
    return known !== undefined && known.threshold >= wanted.threshold ? known.found : begin(wanted)
  }

  return {
    find,
    prepare: wanted => void find(wanted).catch(() => undefined),
    forget: root => void searches.delete(root),
  }
}
