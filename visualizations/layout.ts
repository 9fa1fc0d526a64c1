/**
 * Where everything lies: ELK's layered layout (https://eclipse.dev/elk/reference/algorithms/org-eclipse-elk-layered.html)
 * puts states in rows, lines around them and labels on their lines. It runs when the pictures are generated, and only then.
 */
import elkjs, { type ElkNode } from 'elkjs/lib/elk.bundled.js'
import type { Draft, DraftEdge } from './chart.ts'
import type { Edge, Node, Point } from './statechart.ts'
import { roomFor } from './room.ts'
import { straightened } from './straighten.ts'
import { boxOf, move, tenth } from './typeset.ts'

const elk = new elkjs.default()

export type Options = Readonly<Record<string, string>>

/** Around what lies in a group. */
const GROUP = { side: 12, top: 4, bottom: 12 }

const SETTINGS: Options = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.padding': '[top=0,left=0,bottom=0,right=0]',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.nodePlacement.favorStraightEdges': 'true',
  'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
  'elk.layered.thoroughness': '20',
  'elk.spacing.nodeNode': '14',
  'elk.spacing.edgeNode': '8',
  'elk.spacing.edgeEdge': '8',
  'elk.spacing.edgeLabel': '0',
  'elk.layered.spacing.nodeNodeBetweenLayers': '22',
  'elk.layered.spacing.edgeNodeBetweenLayers': '15',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '10',
}

const ON_PATH: Options = {
  'elk.layered.priority.direction': '100',
  'elk.layered.priority.straightness': '100',
  'elk.layered.priority.shortness': '10',
}

const ON_ITS_LINE: Options = { 'elk.edgeLabels.inline': 'true', 'elk.edgeLabels.placement': 'CENTER' }

export interface Laid {
  width: number
  height: number
  nodes: Node[]
  edges: Edge[]
}

/** The same draft and options give the same places. */
export const layOut = (draft: Draft, options: Options): Promise<Laid> => layOutWithin(draft, '', options)

async function layOutWithin(draft: Draft, parent: string, options: Options): Promise<Laid> {
  const own = draft.nodes.filter(node => node.parent === parent)
  const insides = new Map<string, Laid>()
  for (const { key, look } of own) if (look === 'group') insides.set(key, await layOutWithin(draft, key, {}))
  const nodes = own.map(node => withRoom(node, insides.get(node.key)))
  const edges = draft.edges.filter(edge => edge.parent === parent)
  const [first, ...others] = connected(nodes, edges)
  let laid = await layOutConnected(first!, options)
  for (const other of others) laid = withBeside(laid, await layOutConnected(other, options))
  return [...insides].reduce((whole, [key, inside]) => withInside(whole, key, inside), laid)
}

interface Connected {
  nodes: Node[]
  edges: DraftEdge[]
}

/** What lines hold together, in the order of its first nodes. */
function connected(nodes: readonly Node[], edges: readonly DraftEdge[]): Connected[] {
  const parts: Connected[] = []
  for (const node of nodes) {
    if (parts.some(part => part.nodes.includes(node))) continue
    const keys = new Set([node.key])
    for (const key of keys) for (const { from, to } of edges) if (from === key || to === key) keys.add(from).add(to)
    parts.push({ nodes: nodes.filter(({ key }) => keys.has(key)), edges: edges.filter(({ from }) => keys.has(from)) })
  }
  return parts
}

/** Twice: how lines lie where they may end anywhere tells in which order to tie them. */
async function layOutConnected({ nodes, edges }: Connected, options: Options): Promise<Laid> {
  const free = await run(nodes, edges, new Map(), options)
  return placed(nodes, edges, await run(nodes, edges, portsOf(nodes, edges, free), options))
}

/** A group as large as what it holds. */
function withRoom(node: Node, inside: Laid | undefined): Node {
  if (inside === undefined) return node
  const width = Math.max(node.box.width, inside.width + 2 * GROUP.side)
  return {
    ...node,
    box: {
      ...node.box,
      width: tenth(width),
      height: tenth(node.box.height + GROUP.top + inside.height + GROUP.bottom),
    },
  }
}

function withInside(whole: Laid, key: string, inside: Laid): Laid {
  const { box } = whole.nodes.find(node => node.key === key)!
  const by = { x: box.x + (box.width - inside.width) / 2, y: box.y + box.height - GROUP.bottom - inside.height }
  return {
    ...whole,
    nodes: [...whole.nodes, ...inside.nodes.map(node => movedNode(node, by))],
    edges: [...whole.edges, ...inside.edges.map(edge => movedEdge(edge, by))],
  }
}

/** What no line connects goes where there is room. */
export function withBeside(whole: Laid, part: Laid): Laid {
  const by = roomFor(part, whole)
  return {
    width: Math.max(whole.width, by.x + part.width),
    height: Math.max(whole.height, by.y + part.height),
    nodes: [...whole.nodes, ...part.nodes.map(node => movedNode(node, by))],
    edges: [...whole.edges, ...part.edges.map(edge => movedEdge(edge, by))],
  }
}

/** An edge's end, where it is tied to a place on its node's border. */
interface Port {
  id: string
  x: number
  y: number
}

const tailOf = ({ key }: DraftEdge): string => `${key}:tail`
const headOf = ({ key }: DraftEdge): string => `${key}:head`

async function run(
  nodes: readonly Node[],
  edges: readonly DraftEdge[],
  ports: ReadonlyMap<string, Port[]>,
  options: Options,
): Promise<ElkNode> {
  const isTied = ports.size > 0
  const labelled = ({ key, label }: DraftEdge) =>
    label === null ? [] : [{ text: key, width: label.width, height: label.height, layoutOptions: ON_ITS_LINE }]
  return elk.layout({
    id: '',
    layoutOptions: { ...SETTINGS, ...options },
    children: nodes.map(({ key, box: { width, height } }) => ({
      ...{ id: key, width, height },
      ...(isTied && { layoutOptions: { 'elk.portConstraints': 'FIXED_POS' } }),
      ports: ports.get(key)?.map(port => ({ ...port, width: 0, height: 0 })) ?? [],
    })),
    edges: edges.map(edge => ({
      id: edge.key,
      sources: [isTied ? tailOf(edge) : edge.from],
      targets: [isTied ? headOf(edge) : edge.to],
      layoutOptions: edge.isOnPath ? ON_PATH : {},
      labels: labelled(edge),
    })),
  })
}

const pointsOf = (root: ElkNode): Map<string, Point[]> =>
  new Map(
    root.edges!.map(({ id, sections }) => {
      const { startPoint, bendPoints = [], endPoint } = sections![0]!
      return [id, [startPoint, ...bendPoints, endPoint].map(({ x, y }) => ({ x: tenth(x), y: tenth(y) }))]
    }),
  )

/** The path runs through the middle of its boxes, so that it is one straight line; other edges keep their order beside it. */
function portsOf(nodes: readonly Node[], edges: readonly DraftEdge[], root: ElkNode): Map<string, Port[]> {
  const points = pointsOf(root)
  const all = edges.flatMap(edge => [
    { id: tailOf(edge), node: edge.from, at: points.get(edge.key)![0]!, isOnPath: edge.isOnPath },
    { id: headOf(edge), node: edge.to, at: points.get(edge.key)!.at(-1)!, isOnPath: edge.isOnPath },
  ])
  return new Map(
    nodes.map(({ key, box: { width, height } }): [string, Port[]] => {
      const middle = root.children!.find(({ id }) => id === key)!.y! + height / 2
      const ends = all.filter(({ node }) => node === key)
      const above = spread(
        ends.filter(({ at }) => at.y < middle),
        width,
      )
      const below = spread(
        ends.filter(({ at }) => at.y >= middle),
        width,
      )
      return [key, [...above.map(port => ({ ...port, y: 0 })), ...below.map(port => ({ ...port, y: height }))]]
    }),
  )
}

interface End {
  id: string
  at: Point
  isOnPath: boolean
}

function spread(ends: readonly End[], width: number): { id: string; x: number }[] {
  const sorted = [...ends].sort((a, b) => a.at.x - b.at.x)
  const middle = sorted.findIndex(({ isOnPath }) => isOnPath)
  const even = (part: readonly End[], from: number, to: number) =>
    part.map(({ id }, i) => ({ id, x: from + ((to - from) * (i + 1)) / (part.length + 1) }))
  if (middle < 0) return even(sorted, 0, width)
  return [
    ...even(sorted.slice(0, middle), 0, width / 2),
    { id: sorted[middle]!.id, x: width / 2 },
    ...even(sorted.slice(middle + 1), width / 2, width),
  ]
}

function placed(nodes: readonly Node[], edges: readonly DraftEdge[], root: ElkNode): Laid {
  const points = pointsOf(root)
  const nodeAt = (key: string): Point => {
    const { x, y } = root.children!.find(({ id }) => id === key)!
    return { x: x!, y: y! }
  }
  const labelAt = (key: string): Point => {
    const { x, y } = root.edges!.find(({ id }) => id === key)!.labels![0]!
    return { x: x!, y: y! }
  }
  const placedEdges = edges.map(({ parent: _, label, ...edge }) => ({
    ...edge,
    points: points.get(edge.key)!,
    label:
      label === null ? null : { box: boxOf(label, labelAt(edge.key)), texts: move(label.texts, labelAt(edge.key)) },
  }))
  return {
    width: root.width!,
    height: root.height!,
    nodes: nodes.map(node => movedNode(node, nodeAt(node.key))),
    edges: straightened(placedEdges),
  }
}

const plus = (at: Point, by: Point): Point => ({ x: tenth(at.x + by.x), y: tenth(at.y + by.y) })

export const movedNode = (node: Node, by: Point): Node => ({
  ...node,
  box: { ...node.box, ...plus(node.box, by) },
  icon: node.icon === null ? null : plus(node.icon, by),
  texts: move(node.texts, by),
  stays: node.stays.map(stay => ({ ...stay, box: { ...stay.box, ...plus(stay.box, by) } })),
})

export const movedEdge = ({ points, label, ...edge }: Edge, by: Point): Edge => ({
  ...edge,
  points: points.map(point => plus(point, by)),
  label: label === null ? null : { box: { ...label.box, ...plus(label.box, by) }, texts: move(label.texts, by) },
})
