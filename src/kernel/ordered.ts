/**
 * Things in an order, in memory, very many of them: adding, taking out, and finding where a part begins cost a bisection
 * each, and going on from there costs nothing but what is looked at. They stand in pieces of bounded length, so that nothing is
 * ever moved but a piece.
 */
import { firstThat } from './bisect.ts'

/** A piece that has grown beyond it becomes two. */
const PIECE_MAXIMUM = 512

/** Things in one order. It must not be changed while it is walked. */
export interface Ordered<T> {
  readonly size: number
  /** None that is there may be its equal. */
  add(item: T): void
  /** Takes out the one that is its equal; false where there is none. */
  remove(item: T): boolean
  /** In order, from the first for which it holds; once it holds, it must hold for all that follow. */
  from(holds: (item: T) => boolean): Iterable<T>
  upwards(): Iterable<T>
  /** In the opposite order; where `ends` is said, from the last before the first for which it holds. */
  downwards(ends?: (item: T) => boolean): Iterable<T>
}

/** @param compare below 0 where `a` stands before `b`; 0 for equals only, of which there are no two in it */
export function createOrdered<T>(compare: (a: T, b: T) => number): Ordered<T> {
  const pieces: T[][] = []
  let size = 0

  /** Of the first piece that ends with something at which it holds. */
  const pieceWhere = (holds: (item: T) => boolean): number => firstThat(pieces.length, n => holds(pieces[n]!.at(-1)!))

  function add(item: T): void {
    size++
    const end = pieces.at(-1)
    if (end !== undefined && end.length < PIECE_MAXIMUM && compare(end.at(-1)!, item) < 0) return void end.push(item)
    const isBehind = (other: T): boolean => compare(other, item) >= 0
    const n = Math.min(pieceWhere(isBehind), Math.max(0, pieces.length - 1))
    const piece = pieces[n]
    if (piece === undefined) return void pieces.push([item])
    const at = firstThat(piece.length, place => isBehind(piece[place]!))
    if (at < piece.length) piece.splice(at, 0, item)
    else piece.push(item)
    // What grows at its end leaves full pieces behind.
    if (piece.length > PIECE_MAXIMUM)
      pieces.splice(n + 1, 0, piece.splice(n === pieces.length - 1 ? PIECE_MAXIMUM : PIECE_MAXIMUM >> 1))
  }

  function remove(item: T): boolean {
    const isBehind = (other: T): boolean => compare(other, item) >= 0
    const n = pieceWhere(isBehind)
    const piece = pieces[n]
    if (piece === undefined) return false
    const at = firstThat(piece.length, place => isBehind(piece[place]!))
    if (compare(piece[at]!, item) !== 0) return false
    if (piece.length === 1) pieces.splice(n, 1)
    else piece.splice(at, 1)
    size--
    return true
  }

  function* from(holds: (item: T) => boolean): Generator<T> {
    const n = pieceWhere(holds)
    const piece = pieces[n]
    if (piece === undefined) return
    for (let at = firstThat(piece.length, place => holds(piece[place]!)); at < piece.length; at++) yield piece[at]!
    for (let next = n + 1; next < pieces.length; next++) yield* pieces[next]!
  }

  function* downwards(ends: (item: T) => boolean = () => false): Generator<T> {
    const n = pieceWhere(ends)
    const piece = pieces[n] ?? []
    for (let at = firstThat(piece.length, place => ends(piece[place]!)) - 1; at >= 0; at--) yield piece[at]!
    for (let next = n - 1; next >= 0; next--)
      for (let at = pieces[next]!.length - 1; at >= 0; at--) yield pieces[next]![at]!
  }

  return {
    get size() {
      return size
    },
    add,
    remove,
    from,
    upwards: () => from(() => true),
    downwards,
  }
}
