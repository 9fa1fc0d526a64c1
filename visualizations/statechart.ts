/**
 * A machine as it lies on the page: the format of `statecharts.json`, which is computed once, when the pictures are
 * generated, and read by everything that shows a machine (the SVG files, `lockkeeper visualize --instance`, the
 * inspector). Whoever draws it measures and places nothing.
 *
 * All lengths are CSS pixels, the origin is the top left corner, x goes right and y down. A chart is drawn in the order of
 * its lists: nodes (a group comes before what it holds), then edges (their line, then their label on top of it). Labels lie
 * on their lines: draw a label's box in the colour of the ground, then its texts. The looks and roles are class names.
 *
 * A transition of the feed or of a history `{event, from, to}` names states without their sub-states, and has no state
 * (null) where a chart has `absent`: `transition.ts` finds the edge, or the box, that stands for it.
 */

export interface Point {
  x: number
  y: number
}

export interface Box extends Point {
  width: number
  height: number
}

/** `note`: the states that a line leaves or enters, where it does not show them. */
export type Role = 'name' | 'owes' | 'meaning' | 'event' | 'guard' | 'note'

/** One line, or a part of one: `x` is its left edge, `y` its baseline, `width` what it takes up (SVG's `textLength`). */
export interface Text extends Point {
  text: string
  role: Role
  width: number
}

/**
 * `absent`: not in the ledger. `task`: owes one. `alarm`: waits for a person, or says that something was taken back.
 * `good`, `bad`, `neutral`: how it ends. `group`: has sub-states. `plain`: any other state. No states are `origin`, the
 * start of a line that leaves several states, `start`, the dot that leads to a group's first sub-state, and `footnote`,
 * what happens in every state without leaving it.
 */
export type Look =
  'absent' | 'plain' | 'task' | 'alarm' | 'good' | 'bad' | 'neutral' | 'group' | 'origin' | 'start' | 'footnote'

/** What can happen without leaving the state. */
export interface Stay {
  event: string
  guard: string | null
  box: Box
}

export interface Node {
  /** Path of the state joined by dots: `signed.due`. Of what is no state: unique in its chart. */
  key: string
  /** Key of the group that holds it, or an empty string. */
  parent: string
  look: Look
  /** Nothing leads out of it, ever: drawn with a double border. */
  isEnd: boolean
  /** On the way that everything takes where nothing goes wrong. */
  isOnPath: boolean
  /** The state's description; of what is no state, what it stands for. */
  description: string
  task: string | null
  box: Box
  /** The centre of the icon of `alarm`, `good`, `bad` and `neutral`; null for other looks. */
  icon: Point | null
  texts: Text[]
  stays: Stay[]
}

/** One rule of the machine: `sources` and `target` are keys of states, sub-states too, where a line ends at their group. */
export interface Rule {
  event: string
  guard: string | null
  sources: string[]
  target: string
}

export interface Edge {
  /** `from>to`; unique in its chart. */
  key: string
  /** Keys of nodes: a state, an origin or a start, and a state. */
  from: string
  to: string
  /** None from a start. */
  rules: Rule[]
  /** Part of the way that everything takes where nothing goes wrong: drawn thick. */
  isOnPath: boolean
  /** At least two; horizontal and vertical lines only. The arrow's head is at the last. */
  points: Point[]
  /** Null where the rules stand in the origin already. */
  label: { box: Box; texts: Text[] } | null
}

export interface Statechart {
  /** The kind of its instances, as the feed calls it. */
  machine: string
  version: string
  side: 'watcher' | 'signer'
  purpose: string
  width: number
  height: number
  nodes: Node[]
  edges: Edge[]
}
