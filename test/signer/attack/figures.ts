/** What came of an attack. */
export interface Figures {
  /** Requests to sign, replays among them. */
  templates: number
  signed: number
  /** Signed before, and asked for again: the same bytes. */
  repeated: number
  /** Of everything not signed: by status, or by the kind of each reason that a refusal names. */
  refused: Record<string, number>
  /** In all; a refusal may name several reasons. */
  notSigned: number
  voids: number
  together: number
  restarts: number
  plays: number
}

export const noFigures = (): Figures => ({
  templates: 0,
  signed: 0,
  repeated: 0,
  refused: {},
  notSigned: 0,
  voids: 0,
  together: 0,
  restarts: 0,
  plays: 0,
})
