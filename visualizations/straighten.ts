/** Takes the small steps out of lines that a place on a box's border forces on them, where the place can move instead. */
import { isOverlapping, segmentsOf } from './room.ts'
import type { Edge, Point } from './statechart.ts'

/** Pixels. A longer step is meant. */
const STEP = 10
/** Pixels between two lines' ends. */
const APART = 10

export const straightened = (edges: readonly Edge[]): Edge[] =>
  edges.map(edge => {
    const others = edges.filter(other => other !== edge).flatMap(({ points }) => [points[0]!, points.at(-1)!])
    const fromTail = withoutStep(edge.points, edge, others)
    const fromHead = withoutStep([...fromTail].reverse(), edge, others)
    return { ...edge, points: fromHead.reverse() }
  })

/** Of a line that leaves its box upright, steps aside, and goes on upright. */
function withoutStep(points: readonly Point[], { label }: Edge, others: readonly Point[]): Point[] {
  const [end, before, after, next] = points
  if (next === undefined || end!.x !== before!.x || before!.y !== after!.y) return [...points]
  const moved = { x: after!.x, y: end!.y }
  const isSmall = Math.abs(before!.x - after!.x) < STEP
  const isFree = others.every(({ x, y }) => y !== moved.y || Math.abs(x - moved.x) >= APART)
  const piece = segmentsOf({ points: [end!, before!] })[0]!
  if (!isSmall || !isFree || (label !== null && isOverlapping(piece, label.box))) return [...points]
  return [moved, ...points.slice(3)]
}
