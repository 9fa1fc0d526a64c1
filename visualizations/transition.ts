/** Which line, or which words in a box, stand for a transition that the feed or a history tells. */
import type { Edge, Node, Statechart, Stay } from './statechart.ts'

/** States without their sub-states; `from` is null where the instance was not there yet. */
export interface Transition {
  from: string | null
  event: string
  to: string
}

export type Drawn = { kind: 'edge'; edge: Edge } | { kind: 'stay'; node: Node; stay: Stay }

/** A chart's state for an instance that is not there yet. */
const BIRTH = 'absent'

const top = (key: string): string => key.split('.', 1)[0]!

/**
 * Null for what the chart does not know: another version of the machine did it. Where guards alone tell two rules apart,
 * the first is taken.
 */
export function drawnAs({ nodes, edges }: Statechart, { from, event, to }: Transition): Drawn | null {
  const start = from ?? BIRTH
  const edge = edges.find(({ rules }) =>
    rules.some(
      rule => rule.event === event && top(rule.target) === to && rule.sources.some(source => top(source) === start),
    ),
  )
  if (edge !== undefined) return { kind: 'edge', edge }
  if (start !== to) return null
  const own = nodes.filter(({ key, look }) => look !== 'footnote' && top(key) === to)
  const everywhere = nodes.filter(({ look }) => look === 'footnote')
  for (const node of [...own, ...everywhere]) {
    const stay = node.stays.find(stay => stay.event === event)
    if (stay !== undefined) return { kind: 'stay', node, stay }
  }
  return null
}
