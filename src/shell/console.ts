/** The screen of somebody who watches: what it can show, and lines that a closed terminal does not turn into an error. */

export interface Console {
  /** Colours and lines that are written over; false for a file, a pipe, or where NO_COLOR (https://no-color.org) is set. */
  isColoured: boolean
  /** Whether a line can be written over. */
  isTerminal: boolean
  /** Characters in a line. */
  width: number
  write: (text: string) => void
}

const PLAIN_WIDTH = 1000
const LEAST_WIDTH = 60

export function openConsole(): Console {
  const { stdout } = process
  // A terminal that is gone, or a reader that has seen enough, is no reason to leave processes behind.
  stdout.on('error', () => undefined)
  const isTerminal = stdout.isTTY && process.env['TERM'] !== 'dumb'
  return {
    isTerminal,
    isColoured: isTerminal && (process.env['NO_COLOR'] ?? '') === '',
    width: isTerminal ? Math.max(LEAST_WIDTH, stdout.columns) : PLAIN_WIDTH,
    write: text => void stdout.write(text),
  }
}
