/** Who talks to whom, and where the keys are. */
import type { Box, Point } from './statechart.ts'
import { arrowHead, group, linePath, picture, rectangle, tag, textLine } from './svg.ts'
import { centred, move, paragraph, stack } from './typeset.ts'

interface Part {
  name: string
  words: string
  holdsKeys: boolean
  box: Box
}

const WIDTH = 880
const HEIGHT = 250
const PADDING = 12
const KEY_SIZE = 16

const PARTS: readonly Part[] = [
  {
    name: 'backend',
    words: 'The exchange’s own. Signs intents of withdrawals; keeps the users’ balances.',
    holdsKeys: true,
    box: { x: 14, y: 14, width: 196, height: 100 },
  },
  {
    name: 'watcher',
    words: 'Follows the chains, finds deposits; builds, publishes and confirms. Its ledger is a journal. Holds no key.',
    holdsKeys: false,
    box: { x: 334, y: 14, width: 212, height: 100 },
  },
  {
    name: 'signer',
    words: 'A machine of its own. Decodes, judges, signs, remembers. Opens no connection.',
    holdsKeys: true,
    box: { x: 670, y: 14, width: 196, height: 100 },
  },
  {
    name: 'nodes',
    words: 'bitcoind, litecoind, dogecoind …',
    holdsKeys: false,
    box: { x: 334, y: 180, width: 212, height: 56 },
  },
]

interface Call {
  from: string
  to: string
  words: string
}

/** An arrow points from who opens the connection to who answers. */
const CALLS: readonly Call[] = [
  { from: 'backend', to: 'watcher', words: 'HTTP: addresses, withdrawals, credits, the event feed' },
  { from: 'watcher', to: 'signer', words: 'HTTP: unsigned, with the authorised intents' },
  { from: 'watcher', to: 'nodes', words: 'JSON-RPC: blocks, fees, broadcast' },
]

const TITLE = 'Backend, watcher, signer and nodes: who talks to whom, and where the keys are'

export const ARCHITECTURE_MERMAID = `${[
  'flowchart LR',
  ...PARTS.map(({ name, words, holdsKeys }) => `  ${name}["<b>${name}</b>${holdsKeys ? ' (keys)' : ''}<br/>${words}"]`),
  ...CALLS.map(({ from, to, words }) => `  ${from} -->|"${words}"| ${to}`),
].join('\n')}\n`

export function architectureSvg(): string {
  const said = [
    ...PARTS.map(({ name, words, holdsKeys }) => `${name}: ${words}${holdsKeys ? ' Holds keys.' : ''}`),
    ...CALLS.map(({ from, to, words }) => `${from} calls ${to}, ${words}.`),
  ]
  const frame = { name: 'architecture', title: TITLE, description: said.join(' ') }
  return picture(frame, { width: WIDTH, height: HEIGHT }, [...CALLS.map(drawCall), ...PARTS.map(drawPart)])
}

function drawPart({ name, words, holdsKeys, box }: Part): string {
  const inside = box.width - 2 * PADDING
  const block = stack([paragraph(name, 'name', inside), paragraph(words, 'meaning', inside)], 2)
  const key = { x: box.x + box.width - PADDING - KEY_SIZE, y: box.y + PADDING + 7 }
  const shapes = [
    rectangle('box', box, 8),
    ...move(block.texts, { x: box.x + PADDING, y: box.y + PADDING }).map(textLine),
    ...(holdsKeys ? [drawKey(key)] : []),
  ]
  const title = `${name}: ${words}${holdsKeys ? ' Holds keys.' : ''}`
  return group(['node', holdsKeys ? 'keys' : 'plain'], name, title, shapes.join(''))
}

/** A ring and a shaft with two teeth; the word beside it says the same. */
function drawKey({ x, y }: Point): string {
  const shaft = `M-4 0A4 4 0 1 1 -4.01 0ZM-4 0H10M10 0V4M6 0V3`
  const word = paragraph('keys', 'owes', 60)
  const texts = move(word.texts, { x: x - word.width - 16, y: y - word.height / 2 })
  return tag('path', { class: 'key', d: shaft, transform: `translate(${x} ${y})` }) + texts.map(textLine).join('')
}

const ARROW = { length: 10, width: 9 }
const ABOVE_LINE = 5

const boxOfPart = (wanted: string): Box => PARTS.find(({ name }) => name === wanted)!.box

function drawCall({ from, to, words }: Call): string {
  const a = boxOfPart(from)
  const b = boxOfPart(to)
  const isDown = b.y > a.y + a.height
  const points = isDown
    ? [
        { x: a.x + a.width / 2, y: a.y + a.height },
        { x: b.x + b.width / 2, y: b.y },
      ]
    : [
        { x: a.x + a.width, y: a.y + a.height * 0.72 },
        { x: b.x, y: b.y + b.height * 0.72 },
      ]
  const middle = { x: (points[0]!.x + points[1]!.x) / 2, y: (points[0]!.y + points[1]!.y) / 2 }
  const block = centred(paragraph(words, 'event', isDown ? 240 : points[1]!.x - points[0]!.x - 12))
  const top = isDown ? middle.y - block.height / 2 - 4 : middle.y - ABOVE_LINE - block.height
  const at = { x: middle.x - block.width / 2, y: top }
  const shapes = [
    tag('path', { class: 'line', d: linePath(points, ARROW.length - 1) }),
    arrowHead(points, ARROW),
    rectangle('ground', { x: at.x - 3, y: at.y, width: block.width + 6, height: block.height }),
    ...move(block.texts, at).map(textLine),
  ]
  return group(['edge'], `${from}>${to}`, `${from} calls ${to}, ${words}`, shapes.join(''))
}
