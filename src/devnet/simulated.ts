/** What every simulated node is as a network of the demonstration: served on loopback, mining by itself, and going on where it was. */
import { join } from 'node:path'
import type { HttpAnswer, HttpRequest } from '../http.ts'
import { corruptStore, reasonOf } from '../kernel/fault.ts'
import type { Devnet, DevnetTools } from './devnet.ts'
import { openLines, type Lines } from './lines.ts'
import { BLOCK_MS, keepPace } from './pace.ts'

/** All blocks stay in memory, so a demonstration ends somewhere: after a day or so. */
const MAXIMUM_BLOCKS = 30_000

/** A node in memory, as far as no family differs. */
interface SimulatedNode {
  handle: (request: HttpRequest) => HttpAnswer
  height: () => number
  mine: (count: number, options?: { transactions: readonly never[] }) => unknown
  /** Replaces an unconfirmed payment; absent where none can be. */
  doubleSpend?: (transactionId: string) => unknown
}

/** A node with the file in which all that has happened to it stands. */
export interface RecordedNode<Node> {
  node: Node
  lines: Lines
}

/** How a family writes down what has happened to a node. */
interface History<Happening> {
  encode: (happening: Happening) => string
  decode: (line: string) => Happening
}

/** The node as it was. Throws corruptStore for a file that holds no history. */
export async function openRecorded<Happening, Node extends { restore: (happenings: Happening[]) => void }>(
  { ports, directory }: DevnetTools,
  { encode, decode }: History<Happening>,
  create: (record: (happening: Happening) => void) => Node,
): Promise<RecordedNode<Node>> {
  const path = join(directory, 'history.jsonl')
  const happenings: Happening[] = []
  const lines = await openLines(ports.disk, path, line => happenings.push(decode(line)))
  const node = create(happening => {
    lines.add(encode(happening))
  })
  try {
    node.restore(happenings)
  } catch (error) {
    throw corruptStore(`${path} does not hold one history (${reasonOf(error)}): set the data directory aside`)
  }
  return { node, lines }
}

/** What differs between families; what is done to the node is durable before anybody hears of it. */
interface SimulatedFamily {
  pay: (address: string, amount: bigint, dataField: string | null) => string
  strangerAddress: () => string
  received: (addresses: readonly string[]) => Awaited<ReturnType<Devnet['received']>>
  /** Leaves the last `depth` blocks; absent where none is ever left. */
  leave?: (depth: number) => void
  pretend: { words: string; send: (address: string, amount: bigint, dataField: string | null) => string }
  /** When something is confirmed, for the screen; absent where blocks come at the common pace. */
  rhythm?: string
}

/** @param name of the chain, for people */
export async function runSimulated(
  name: string,
  { node, lines }: RecordedNode<SimulatedNode>,
  tools: DevnetTools,
  family: SimulatedFamily,
): Promise<Devnet> {
  const server = await tools.serve(async request => {
    const answer = node.handle(request)
    await lines.durable()
    return answer
  })
  /** What it has done survives before anybody hears of it. */
  const durably = async <Result>(act: () => Result): Promise<Result> => {
    const result = act()
    await lines.durable()
    return result
  }
  const mine = async () => {
    await durably(() => node.mine(1))
    if (node.height() < MAXIMUM_BLOCKS) return true
    tools.say(`${name} has ${MAXIMUM_BLOCKS} blocks and gets no further: stop, and set the data directory aside`)
    return false
  }
  const pace = keepPace(tools.ports.clock, mine)
  const pay = (address: string, amount: bigint, dataField: string | null = null) =>
    durably(() => family.pay(address, amount, dataField))
  const { leave } = family
  const reorganise = (depth: number, left: (depth: number) => void) =>
    pace.held(() =>
      durably(() => {
        left(depth)
        node.mine(depth + 1, { transactions: [] })
      }),
    )
  const doubleSpend = (address: string, amount: bigint, isSeen: (transactionId: string) => Promise<void>) =>
    pace.held(async () => {
      const transactionId = await pay(address, amount)
      await isSeen(transactionId)
      await durably(() => node.doubleSpend?.(transactionId))
    })
  return {
    node: { url: server.url, username: tools.username, passwordFile: tools.passwordFile },
    title: `simulated node at ${server.url}, ${family.rhythm ?? `a block every ${BLOCK_MS / 1000} s`}`,
    height: async () => node.height(),
    mine: () =>
      pace.held(async () => {
        await mine()
      }),
    pay,
    strangerAddress: async () => family.strangerAddress(),
    received: async addresses => family.received(addresses),
    accidents: {
      ...(leave !== undefined && { reorganise: (depth: number) => reorganise(depth, leave) }),
      ...(node.doubleSpend !== undefined && { doubleSpend }),
      pretend: {
        words: family.pretend.words,
        send: (address, amount, dataField = null) => durably(() => family.pretend.send(address, amount, dataField)),
      },
    },
    failed: pace.failed,
    async stop() {
      pace.stop()
      await server.stop()
      await lines.close()
    },
  }
}
