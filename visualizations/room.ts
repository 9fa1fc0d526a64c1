/** Where in a picture there is still room. */
import type { Box, Edge, Node, Point } from './statechart.ts'

/** Around what is put there. */
const GAP = 22
const STEP = 10
/** Of a line, so that it has an extent. */
const LINE = 1

interface Picture {
  width: number
  height: number
  nodes: readonly Node[]
  edges: readonly Edge[]
}

export const isOverlapping = (a: Box, b: Box, gap = 0): boolean =>
  a.x < b.x + b.width + gap && b.x < a.x + a.width + gap && a.y < b.y + b.height + gap && b.y < a.y + a.height + gap

/** The boxes of the pieces that a line consists of. */
export const segmentsOf = ({ points }: Pick<Edge, 'points'>): Box[] =>
  points.slice(1).map((to, i) => {
    const from = points[i]!
    const corner = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y) }
    return { ...corner, width: Math.abs(from.x - to.x) + LINE, height: Math.abs(from.y - to.y) + LINE }
  })

/** The highest place in the picture, and there the leftmost, where it overlaps nothing; else below everything. */
export function roomFor({ width, height }: { width: number; height: number }, picture: Picture): Point {
  const taken = [
    ...picture.nodes.map(({ box }) => box),
    ...picture.edges.flatMap(edge => [...segmentsOf(edge), ...(edge.label === null ? [] : [edge.label.box])]),
  ]
  for (let y = 0; y + height <= picture.height; y += STEP)
    for (let x = 0; x + width <= picture.width; x += STEP)
      if (!taken.some(box => isOverlapping({ x, y, width, height }, box, GAP))) return { x, y }
  return { x: 0, y: picture.height + GAP }
}
