/** Lines of text with a place, laid out from the top left corner of whatever they will stand in. */
import { widthOf, wrap, type Font } from './measure.ts'
import type { Box, Role, Text } from './statechart.ts'

/** 12 pixels stay more than 11 when a chart of the greatest width is shown 880 pixels wide. */
export const FONTS: Readonly<Record<Role, Font>> = {
  name: { size: 15, bold: true },
  owes: { size: 12, bold: true },
  meaning: { size: 12, bold: false },
  event: { size: 12, bold: false },
  guard: { size: 12, bold: false },
  note: { size: 12, bold: false },
}

/** Of a line, in sizes of its font. */
const LEADING = 1.25
/** From the top of a line to its baseline, in sizes of its font. */
const ASCENT = 0.95

export interface Block {
  width: number
  height: number
  texts: Text[]
}

export const tenth = (pixels: number): number => Math.round(pixels * 10) / 10

/** One line of parts side by side, `gap` pixels apart. */
function line(parts: readonly { text: string; role: Role }[], gap: number): Block {
  const size = Math.max(...parts.map(({ role }) => FONTS[role].size))
  let x = 0
  const texts = parts.map(({ text, role }): Text => {
    const width = tenth(widthOf(text, FONTS[role]))
    const placed = { text, role, x: tenth(x), y: tenth(size * ASCENT), width }
    x += width + gap
    return placed
  })
  return { width: x - gap, height: size * LEADING, texts }
}

/** One under the other, `gap` pixels apart. */
export function stack(blocks: readonly Block[], gap = 0): Block {
  let y = 0
  const texts: Text[] = []
  for (const block of blocks.filter(({ height }) => height > 0)) {
    texts.push(...move(block.texts, { x: 0, y }))
    y += block.height + gap
  }
  return { width: Math.max(0, ...blocks.map(({ width }) => width)), height: Math.max(0, y - gap), texts }
}

export const move = (texts: readonly Text[], by: { x: number; y: number }): Text[] =>
  texts.map(text => ({ ...text, x: tenth(text.x + by.x), y: tenth(text.y + by.y) }))

/** Lines no wider than `width`, unless a single word is. */
export const paragraph = (text: string, role: Role, width: number): Block =>
  stack(wrap(text, width, FONTS[role]).map(words => line([{ text: words, role }], 0)))

/** The name of a state, and what it owes. */
export const heading = (name: string, task: string | null): Block =>
  line([{ text: name, role: 'name' }, ...(task === null ? [] : [{ text: `owes ${task}`, role: 'owes' as const }])], 8)

const SPACE = 4

/** An event and what it asks, on one line where it fits, else folded. */
export function ruleBlock({ event, guard }: { event: string; guard: string | null }, width: number): Block {
  if (guard === null) return paragraph(event, 'event', width)
  const short = line(
    [
      { text: event, role: 'event' },
      { text: `[${guard}]`, role: 'guard' },
    ],
    SPACE,
  )
  return short.width <= width
    ? short
    : stack([paragraph(event, 'event', width), paragraph(`[${guard}]`, 'guard', width)])
}

/** Each line in the middle. */
export const centred = (block: Block): Block => ({
  ...block,
  texts: block.texts.map(text => ({ ...text, x: tenth((block.width - text.width) / 2) })),
})

/** Blocks side by side, each but the first so many pixels to the right of the one before. */
export function row(cells: readonly Block[], columns: readonly number[]): Block {
  let x = 0
  const texts = cells.flatMap((cell, i) => {
    if (i > 0) x += columns[i - 1]!
    return move(cell.texts, { x, y: 0 })
  })
  return { width: x + cells.at(-1)!.width, height: Math.max(...cells.map(({ height }) => height)), texts }
}

export const boxOf = ({ width, height }: Block, at: { x: number; y: number }): Box => ({
  x: tenth(at.x),
  y: tenth(at.y),
  width: tenth(width),
  height: tenth(height),
})
