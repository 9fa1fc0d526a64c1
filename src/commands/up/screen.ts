/** What `lockkeeper up` shows: steps that are ticked off, one screen of what runs where, then a line for each thing that happens. */
import type { StoryLine, Tone } from '../../devnet/story.ts'
import type { Console } from '../../shell/console.ts'

type Colour = 'red' | 'green' | 'yellow' | 'magenta' | 'cyan' | 'grey' | 'bold'

/** ECMA-48, select graphic rendition. */
const CODES: Record<Colour, number> = { bold: 1, red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36, grey: 90 }
const TONES: Record<Tone, Colour | null> = { good: 'green', bad: 'red', wait: 'yellow', plain: null }
/** The same said without colours. */
const SIGNS: Record<Tone, string> = { good: '✔', bad: '✘', wait: '·', plain: ' ' }

const COLUMNS = { step: 18, took: 7, time: 8, chain: 9, kind: 10, who: 7, amount: 16 }
const INDENT = 2 + COLUMNS.time + 2 + COLUMNS.chain + 1

export interface Screen {
  heading(text: string): void
  /** Shows a step that is under way, and ticks it off. */
  step<Result>(name: string, work: (note: (text: string) => void) => Promise<Result>): Promise<Result>
  text(line?: string): void
  /** Name and value, aligned. */
  row(name: string, value: string): void
  line(at: string, line: StoryLine): void
  /** Of an accident, over several lines where it is long. */
  announce(at: string, chain: string, name: string, words: string, tone: Tone | 'begun'): void
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
/** Local time of day. */
const timeOf = (at: string): string => new Date(at).toTimeString().slice(0, COLUMNS.time)

/** @param now milliseconds */
export function createScreen({ isColoured, isTerminal, width, write }: Console, now: () => number): Screen {
  const paint = (colour: Colour | null, text: string): string =>
    isColoured && colour !== null ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
  const out = (text: string) => write(`${text}\n`)

  async function step<Result>(name: string, work: (note: (text: string) => void) => Promise<Result>): Promise<Result> {
    const startedAt = now()
    let noted = ''
    if (isTerminal) write(`  ${paint('yellow', '·')} ${name}`)
    const over = isTerminal ? '\r\u001b[K' : ''
    try {
      const result = await work(text => (noted = text))
      const took = paint('grey', seconds(now() - startedAt).padStart(COLUMNS.took))
      out(`${over}  ${paint('green', '✔')} ${name.padEnd(COLUMNS.step)} ${took}  ${noted}`)
      return result
    } catch (error) {
      out(`${over}  ${paint('red', '✘')} ${name}`)
      throw error
    }
  }

  function line(at: string, { tone, chain, kind, who, amount, words }: StoryLine): void {
    const colour = TONES[tone]
    const cells = [chain.padEnd(COLUMNS.chain), kind.padEnd(COLUMNS.kind), who.padEnd(COLUMNS.who)]
    const money = paint(colour, amount.padStart(COLUMNS.amount))
    const said = paint(colour, `${SIGNS[tone]} ${words}`)
    out(`  ${paint('grey', timeOf(at))}  ${cells.join(' ')} ${money}  ${said}`)
  }

  function announce(at: string, chain: string, name: string, words: string, tone: Tone | 'begun'): void {
    const isBegun = tone === 'begun'
    const colour = isBegun ? 'magenta' : TONES[tone]
    const sign = isBegun ? '▲' : SIGNS[tone]
    const head = `${sign} ${isBegun ? name.toUpperCase() : name}: `
    const [first = '', ...rest] = wrap(head + words, width - INDENT)
    out(`  ${paint('grey', timeOf(at))}  ${chain.padEnd(COLUMNS.chain)} ${paint(colour, first)}`)
    for (const more of rest) out(`${' '.repeat(INDENT + 2)}${paint(colour, more)}`)
  }

  return {
    heading: text => out(paint('bold', text)),
    step,
    text: (text = '') => out(text),
    row: (name, value) => out(`  ${paint('cyan', name.padEnd(11))} ${value}`),
    line,
    announce,
  }
}

/** At spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
