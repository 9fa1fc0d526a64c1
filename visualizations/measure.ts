/**
 * How wide a line of text is, without a browser: the advance widths of Helvetica, Arial and Liberation Sans, which are the
 * same (Adobe's font metrics). Where none of them is installed, `textLength` in the picture makes another font fit.
 */

export interface Font {
  /** In pixels. */
  size: number
  bold: boolean
}

/** Of the characters from space to tilde, in thousandths of the size. */
const REGULAR = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
]
const BOLD = [
  278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
  556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
  280, 389, 584,
]
const SPACE = 32
const OTHERS: Readonly<Record<string, number>> = { '…': 1000, '→': 1000, '’': 222, '·': 278 }
/** An em is wider than nearly everything. */
const UNKNOWN = 1000

/** In pixels. */
export function widthOf(text: string, { size, bold }: Font): number {
  const widths = bold ? BOLD : REGULAR
  let thousandths = 0
  for (const sign of text) thousandths += OTHERS[sign] ?? widths[sign.codePointAt(0)! - SPACE] ?? UNKNOWN
  return (thousandths * size) / 1000
}

/** Lines no wider than `width` pixels, broken between words; a word that is wider has a line to itself. */
export function wrap(text: string, width: number, font: Font): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`
    if (lines.length === 0 || widthOf(longer, font) > width) lines.push(word)
    else lines[lines.length - 1] = longer
  }
  return lines
}
