/** The colours of all pictures. Each is drawn in its light value; a style sheet in the picture turns it to the dark one. */

const COLOURS = {
  ground: ['#fffffe', '#0d1117'],
  state: ['#f6f8fa', '#161b22'],
  group: ['#fcfcfd', '#11161d'],
  line: ['#8c959f', '#6e7681'],
  arrow: ['#57606a', '#8b949e'],
  text: ['#1f2328', '#e6edf3'],
  muted: ['#59636e', '#9198a1'],
  event: ['#0a4a9e', '#79c0ff'],
  task: ['#fff4d6', '#332a12'],
  taskLine: ['#b07800', '#d29922'],
  end: ['#e6f4ea', '#12261e'],
  endLine: ['#2f7d4a', '#3fb950'],
  secret: ['#fdeaea', '#3a1618'],
  secretLine: ['#b42328', '#f85149'],
} as const

type Colour = keyof typeof COLOURS

export const light = Object.fromEntries(Object.entries(COLOURS).map(([name, [day]]) => [name, day])) as Record<
  Colour,
  string
>

/** Graphviz writes colours as attributes; a rule for the attribute's value is stronger than the attribute. */
const DARK = Object.values(COLOURS)
  .map(([day, night]) => `[fill="${day}"]{fill:${night}}[stroke="${day}"]{stroke:${night}}`)
  .join('')

export const STYLE = `<style>@media (prefers-color-scheme:dark){${DARK}}</style>`
