/** A story as a sequence diagram: SVG and Mermaid. Time runs down; a commit is a box on the line of who makes it durable. */
import { PARTIES, type Change, type Party, type Step, type Story } from './stories.ts'
import type { Box, Text } from './statechart.ts'
import { arrowHead, group, linePath, picture, rectangle, tag, textLine } from './svg.ts'
import { centred, move, paragraph, row, stack, type Block } from './typeset.ts'

const WIDTH = 880
const AT: Readonly<Record<Party, number>> = { backend: 84, watcher: 330, signer: 616, node: 816 }
const HEADER = { width: 104, height: 34, y: 12 }
const PADDING = { x: 10, y: 7 }
const GAP = 13
/** From a message's words to its arrow. */
const UNDER_WORDS = 5
const MARGIN = 10
const NOTE_WIDTH = 140
const ARROW = { length: 9, width: 8 }
const BETWEEN_COLUMNS = 18

/** What a step takes up, from the top. */
interface Drawn {
  height: number
  svg: string
}

export function sequenceSvg({ name, title, steps }: Story): string {
  let y = HEADER.y + HEADER.height + GAP
  const drawn = steps.map((step, i) => {
    const { height, svg } = drawStep(step, y, `${i}`)
    y += height + GAP
    return svg
  })
  const end = y
  const heads = PARTIES.flatMap(party => [header(party, HEADER.y), header(party, end)])
  const lines = PARTIES.map(party => {
    const points = [
      { x: AT[party], y: HEADER.y + HEADER.height },
      { x: AT[party], y: end },
    ]
    return tag('path', { class: 'life', d: linePath(points) })
  })
  const size = { width: WIDTH, height: end + HEADER.height + HEADER.y }
  return picture({ name, title, description: steps.map(said).join(' ') }, size, [...lines, ...drawn, ...heads])
}

/** For who does not see it. */
function said(step: Step): string {
  if (step.kind === 'phase') return `${step.text}:`
  if (step.kind === 'call') return `${step.from} to ${step.to}, ${step.text}.`
  if (step.kind === 'answer') return `${step.from} answers ${step.to}, ${step.text}.`
  if (step.kind === 'commit') return `The ${step.by} commits ${step.changes.map(changeText).join(', ')}.`
  if (step.kind === 'own') return `The backend ${step.text}, in one transaction.`
  return `The ${step.over}: ${step.text}.`
}

const changeText = ({ machine, from, to }: Change): string => `${machine} ${from} → ${to}`

function drawStep(step: Step, y: number, key: string): Drawn {
  if (step.kind === 'phase') return drawPhase(step.text, y)
  if (step.kind === 'note') return drawNote(step.text, step.over, y, key)
  if (step.kind === 'commit') return drawCommit(step.changes, step.by, y, key)
  if (step.kind === 'own') return drawOwn(step.text, y, key)
  return drawMessage(step, y, key)
}

function header(party: Party, y: number): string {
  const box = { x: AT[party] - HEADER.width / 2, y, width: HEADER.width, height: HEADER.height }
  const name = paragraph(party, 'name', HEADER.width)
  const texts = move(name.texts, { x: AT[party] - name.width / 2, y: y + (HEADER.height - name.height) / 2 })
  return group(['node', 'party'], party, party, rectangle('box', box, 8) + texts.map(textLine).join(''))
}

function drawPhase(text: string, y: number): Drawn {
  const block = paragraph(text, 'owes', WIDTH)
  const box = { x: MARGIN, y: y + 4, width: WIDTH - 2 * MARGIN, height: block.height + 8 }
  const texts = move(block.texts, { x: MARGIN + 10, y: y + 8 })
  return { height: box.height + 4, svg: rectangle('phase', box, 4) + texts.map(textLine).join('') }
}

function drawMessage({ kind, from, to, text }: Step & { kind: 'call' | 'answer' }, y: number, key: string): Drawn {
  const [start, end] = [AT[from], AT[to]]
  const block = centred(paragraph(text, kind === 'call' ? 'event' : 'meaning', Math.abs(start - end) - 28))
  const at = { x: (start + end) / 2 - block.width / 2, y }
  const ground = { x: at.x - 3, y, width: block.width + 6, height: block.height }
  const line = y + block.height + UNDER_WORDS
  const side = Math.sign(end - start)
  const points = [
    { x: start, y: line },
    { x: end - side, y: line },
  ]
  const shapes = [
    rectangle('ground', ground),
    ...move(block.texts, at).map(textLine),
    tag('path', { class: 'line', d: linePath(points, ARROW.length - 1) }),
    arrowHead(points, ARROW),
  ]
  return { height: line - y, svg: group(['edge', kind], key, `${from} to ${to}: ${text}`, shapes.join('')) }
}

function boxed(block: Block, party: Party, y: number): { box: Box; texts: Text[] } {
  const width = block.width + 2 * PADDING.x
  const wanted = AT[party] - width / 2
  const x = Math.min(Math.max(MARGIN, wanted), WIDTH - MARGIN - width)
  const box = { x, y, width, height: block.height + 2 * PADDING.y }
  return { box, texts: move(block.texts, { x: x + PADDING.x, y: y + PADDING.y }) }
}

function drawNote(text: string, over: Party, y: number, key: string): Drawn {
  const { box, texts } = boxed(paragraph(text, 'note', over === 'watcher' ? 2 * NOTE_WIDTH : NOTE_WIDTH), over, y)
  const svg = group(['node', 'note-box'], key, text, rectangle('box', box, 4) + texts.map(textLine).join(''))
  return { height: box.height, svg }
}

/** A table of what changes: from and to at the left, the event at the right. */
function drawCommit(changes: readonly Change[], by: Party, y: number, key: string): Drawn {
  const rows = changes.map(change => ({
    left: paragraph(changeText(change), 'meaning', WIDTH),
    right: paragraph(change.event, 'event', WIDTH),
  }))
  const column = Math.max(...rows.map(({ left }) => left.width)) + BETWEEN_COLUMNS
  const title = paragraph('on disk, in one commit', 'owes', WIDTH)
  const { box, texts } = boxed(stack([title, ...rows.map(({ left, right }) => row([left, right], [column]))]), by, y)
  const bar = { x: box.x, y: box.y, width: 5, height: box.height }
  const shapes = [rectangle('box', box, 3), rectangle('bar', bar), ...texts.map(textLine)]
  const title_ = `The ${by} commits ${changes.map(changeText).join(', ')}`
  return { height: box.height, svg: group(['node', 'commit'], key, title_, shapes.join('')) }
}

function drawOwn(text: string, y: number, key: string): Drawn {
  const block = stack([paragraph('its own database', 'owes', NOTE_WIDTH), paragraph(text, 'meaning', NOTE_WIDTH)])
  const { box, texts } = boxed(block, 'backend', y)
  const bar = { x: box.x, y: box.y, width: 5, height: box.height }
  const shapes = [rectangle('box', box, 3), rectangle('bar', bar), ...texts.map(textLine)]
  return { height: box.height, svg: group(['node', 'commit'], key, text, shapes.join('')) }
}

/** Semicolons and hashes mean something in Mermaid. */
const plain = (text: string): string => text.replaceAll(';', ',').replaceAll('#', '')

export function sequenceMermaid({ steps }: Story): string {
  const lines = steps.map(step => {
    if (step.kind === 'phase') return `  Note over ${PARTIES[0]},${PARTIES.at(-1)}: ${plain(step.text)}`
    if (step.kind === 'call') return `  ${step.from}->>${step.to}: ${plain(step.text)}`
    if (step.kind === 'answer') return `  ${step.from}-->>${step.to}: ${plain(step.text)}`
    if (step.kind === 'own') return `  Note over ${step.by}: its own database<br/>${plain(step.text)}`
    if (step.kind === 'note') return `  Note over ${step.over}: ${plain(step.text)}`
    return `  Note over ${step.by}: on disk, in one commit<br/>${step.changes.map(changeText).join('<br/>')}`
  })
  return `${['sequenceDiagram', ...PARTIES.map(party => `  participant ${party}`), ...lines].join('\n')}\n`
}
