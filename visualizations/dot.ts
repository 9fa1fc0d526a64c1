/** Graphviz's language, and the picture that it makes of it: without a browser, a network or a font on the machine. */
import { instance } from '@viz-js/viz'
import { light, STYLE } from './palette.ts'

export const FONT = 'Helvetica,Arial,sans-serif'

export const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** `[a=…, b=…]`; a value in angle brackets is one of Graphviz's HTML-like labels. */
export function attributes(values: Readonly<Record<string, string | number>>): string {
  const list = Object.entries(values).map(([name, value]) => {
    const text = String(value)
    return `${name}=${text.startsWith('<') ? text : `"${text}"`}`
  })
  return `[${list.join(', ')}]`
}

export const font = (lines: readonly string[], options: { colour: string; size: number }): string =>
  `<font color="${options.colour}" point-size="${options.size}">${lines.map(escape).join('<br align="left"/>')}<br align="left"/></font>`

/**
 * Room is measured with Arial's widths, but where Arial is missing a wider font stands in: so the text is drawn that much
 * smaller than it was laid out.
 */
const SHRINK = 0.78

/** Self-contained, the same every time; legible on light and dark ground. */
export async function draw(source: string, title: string): Promise<string> {
  const viz = await instance()
  const svg = viz.renderString(source, { format: 'svg' })
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/<!--[\s\S]*?-->\n?/g, '')
    .replace(/<title>[\s\S]*?<\/title>\n?/g, '')
    .replace(/ id="[^"]*"/g, '')
    .replace(/font-size="([\d.]+)"/g, (_, size: string) => `font-size="${(Number(size) * SHRINK).toFixed(2)}"`)
    .replace(/<svg([^>]*)>/, `<svg$1 role="img" aria-label="${escape(title)}">\n${STYLE}`)
}

export const graph = (settings: Readonly<Record<string, string | number>>, lines: readonly string[]): string =>
  [
    'digraph {',
    `graph ${attributes({ bgcolor: light.ground, fontname: FONT, pad: 0.3, ...settings })}`,
    `node ${attributes({ fontname: FONT, fontsize: 14, fontcolor: light.text, color: light.line })}`,
    `edge ${attributes({ fontname: FONT, fontsize: 13, color: light.arrow, fontcolor: light.event, arrowsize: 0.7 })}`,
    ...lines,
    '}',
  ].join('\n')
