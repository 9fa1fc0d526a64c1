/** The best of several pictures of a machine: no single way of laying out is good for all of them. */
import { draftOf, footnotesOf, type Widths } from './chart.ts'
import { costOf } from './judge.ts'
import { layOut, movedEdge, movedNode, withBeside, type Laid, type Options } from './layout.ts'
import { modelOf } from './model.ts'
import type { Shown } from './shown.ts'
import type { Statechart } from './statechart.ts'

const MARGIN = 14
const FOOTNOTE_WIDTH = 420

const WIDTHS: readonly Widths[] = [
  { box: 125, label: 72 },
  { box: 150, label: 95 },
  { box: 165, label: 95 },
  { box: 190, label: 112 },
]

/** How states get their rows: as few bends as may be, or at most so many states in a row. */
const ROWS: readonly Options[] = [
  { 'elk.layered.layering.strategy': 'NETWORK_SIMPLEX' },
  ...['2', '3'].map(most => ({
    'elk.layered.layering.strategy': 'COFFMAN_GRAHAM',
    'elk.layered.layering.coffmanGraham.layerBound': most,
  })),
]

const RECIPES: readonly Options[] = ROWS.flatMap(rows =>
  ['NODES_AND_EDGES', 'NONE'].map(order => ({ ...rows, 'elk.layered.considerModelOrder.strategy': order })),
)

export async function statechartOf(shown: Shown): Promise<Statechart> {
  const { machine, side, purpose } = shown
  const model = modelOf(machine)
  const laid: Laid[] = []
  for (const widths of WIDTHS)
    for (const recipe of RECIPES) laid.push(await layOut(draftOf(model, shown, widths), recipe))
  const cost = (picture: Laid) => costOf({ ...picture, width: picture.width + 2 * MARGIN })
  const best = laid.reduce((a, b) => (cost(b) < cost(a) ? b : a))
  const whole = footnotesOf(model, FOOTNOTE_WIDTH).reduce(
    (picture, note) =>
      withBeside(picture, { width: note.box.width, height: note.box.height, nodes: [note], edges: [] }),
    best,
  )
  const by = { x: MARGIN, y: MARGIN }
  return {
    ...{ machine: model.id, version: model.version, side, purpose },
    width: Math.ceil(whole.width + 2 * MARGIN),
    height: Math.ceil(whole.height + 2 * MARGIN),
    nodes: whole.nodes.map(node => movedNode(node, by)),
    edges: whole.edges.map(edge => movedEdge(edge, by)),
  }
}
