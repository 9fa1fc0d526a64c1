/** Which of several pictures of the same machine is easiest to read. */
import type { Edge, Point } from './statechart.ts'

/** At this width, 12 pixels are more than 11 when it is shown 880 pixels wide, as on GitHub. */
export const MAXIMUM_WIDTH = 900

/** What costs how much attention, in pixels of way that an eye follows. */
const CROSSING = 900
const BEND = 250
const KINK_IN_THE_PATH = 5000
const ROW = 8
const TOO_WIDE = 2000

interface Picture {
  width: number
  height: number
  edges: readonly Edge[]
}

/** Less is better. */
export function costOf({ width, height, edges }: Picture): number {
  const pieces = edges.flatMap(piecesOf)
  const crossings = pieces.flatMap((a, i) => pieces.slice(i + 1).filter(b => isCrossing(a, b))).length
  const bends = edges.reduce((sum, { points }) => sum + points.length - 2, 0)
  const kinks = edges.filter(({ isOnPath, points }) => isOnPath && points.length > 2).length
  const way = pieces.reduce((sum, { from, to }) => sum + Math.abs(from.x - to.x) + Math.abs(from.y - to.y), 0)
  const excess = Math.max(0, width - MAXIMUM_WIDTH)
  return way + crossings * CROSSING + bends * BEND + kinks * KINK_IN_THE_PATH + height * ROW + excess * TOO_WIDE
}

interface Piece {
  edge: Edge
  from: Point
  to: Point
}

const piecesOf = (edge: Edge): Piece[] => edge.points.slice(1).map((to, i) => ({ edge, from: edge.points[i]!, to }))

function isCrossing(a: Piece, b: Piece): boolean {
  if (a.edge === b.edge) return false
  const level = [a, b].find(({ from, to }) => from.y === to.y)
  const upright = [a, b].find(({ from, to }) => from.x === to.x)
  if (level === undefined || upright === undefined || level === upright) return false
  return isBetween(upright.from.x, level.from.x, level.to.x) && isBetween(level.from.y, upright.from.y, upright.to.y)
}

const isBetween = (value: number, a: number, b: number): boolean => Math.min(a, b) < value && value < Math.max(a, b)
