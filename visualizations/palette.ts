/**
 * The looks of all pictures: one style sheet in light and dark. What ends well and what does not differ in shape, icon and
 * lightness as well as in colour, and the colours are bluish green and vermilion, which everybody can tell apart
 * (Okabe and Ito, https://jfly.uni-koeln.de/color/).
 */
import type { Role } from './statechart.ts'
import { FONTS } from './typeset.ts'

interface Theme {
  ground: string
  box: string
  group: string
  line: string
  arrow: string
  path: string
  text: string
  muted: string
  event: string
  task: [fill: string, line: string]
  alarm: [fill: string, line: string]
  good: [fill: string, line: string]
  bad: [fill: string, line: string]
  neutral: [fill: string, line: string]
  /** On an icon. */
  sign: string
  taken: string
}

const LIGHT: Theme = {
  ground: '#ffffff',
  box: '#f6f8fa',
  group: '#fbfbfd',
  line: '#8c959f',
  arrow: '#6e7781',
  path: '#0969da',
  text: '#1f2328',
  muted: '#59636e',
  event: '#0a4a9e',
  task: ['#fff8db', '#b58900'],
  alarm: ['#fff1e0', '#c25700'],
  good: ['#dcf5ec', '#00785a'],
  bad: ['#fde4da', '#b93a00'],
  neutral: ['#eceef1', '#6e7781'],
  sign: '#ffffff',
  taken: '#8250df',
}

const DARK: Theme = {
  ground: '#0d1117',
  box: '#161b22',
  group: '#10151c',
  line: '#6e7681',
  arrow: '#8b949e',
  path: '#4493f8',
  text: '#e6edf3',
  muted: '#9ea7b3',
  event: '#79c0ff',
  task: ['#2b2510', '#c69b1d'],
  alarm: ['#33210f', '#f0883e'],
  good: ['#0d2b22', '#2fbf93'],
  bad: ['#381a10', '#ff8a5c'],
  neutral: ['#22272e', '#8b949e'],
  sign: '#0d1117',
  taken: '#b98cff',
}

const FAMILY = 'Helvetica,Arial,Liberation Sans,sans-serif'

const ROLE_COLOURS: Readonly<Record<Role, 'text' | 'muted' | 'event'>> = {
  name: 'text',
  owes: 'text',
  meaning: 'muted',
  event: 'event',
  guard: 'muted',
  note: 'muted',
}

const LOOKS = ['task', 'alarm', 'good', 'bad', 'neutral'] as const

const colours = (theme: Theme): string =>
  [
    `.ground{fill:${theme.ground}}.inside{fill:${theme.group}}`,
    `.box{fill:${theme.box};stroke:${theme.line}}`,
    `.group .box{fill:${theme.group}}`,
    `.absent .box,.origin .box,.footnote .box{fill:${theme.ground}}`,
    ...LOOKS.map(
      look => `.${look} .box{fill:${theme[look][0]}}.${look} .box,.${look} .inner{stroke:${theme[look][1]}}`,
    ),
    ...LOOKS.map(look => `.${look} .icon{fill:${theme[look][1]}}`),
    `.sign{stroke:${theme.sign}}`,
    `.line{stroke:${theme.arrow}}.head,.start .box{fill:${theme.arrow};stroke:none}`,
    `.path .line{stroke:${theme.path}}.path .head{fill:${theme.path}}`,
    ...Object.entries(ROLE_COLOURS).map(([role, colour]) => `.${role}{fill:${theme[colour]}}`),
    `.taken .line,.taken>.box,.visited>.box,.visited>.inner{stroke:${theme.taken}}.taken .head,.badge{fill:${theme.taken}}`,
    `.life{stroke:${theme.line}}.phase{fill:${theme.neutral[0]}}.note-box .box{fill:${theme.ground};stroke:${theme.line}}`,
    `.commit .box{fill:${theme.good[0]};stroke:${theme.good[1]}}.bar{fill:${theme.good[1]}}`,
    `.keys .box{fill:${theme.task[0]};stroke:${theme.task[1]}}.key{stroke:${theme.task[1]}}`,
    `.mark text{fill:${theme.sign}}`,
  ].join('')

const SHAPES = [
  `text{font-family:${FAMILY};white-space:pre}`,
  ...Object.entries(FONTS).map(
    ([role, { size, bold }]) => `.${role}{font-size:${size}px${bold ? ';font-weight:bold' : ''}}`,
  ),
  '.note{font-style:italic}',
  '.box,.inner{stroke-width:1.2}.inner{fill:none}.absent .box,.origin .box,.footnote .box{stroke-dasharray:4 3}',
  '.alarm .box{stroke-width:2}',
  '.line{fill:none;stroke-width:1.3}.path .line{stroke-width:3.5}',
  '.keys .box{stroke-width:2}.key{fill:none;stroke-width:2}',
  '.aside{opacity:.35}.visited>.box,.visited>.inner{stroke-width:2.2}.now>.box{stroke-width:4}',
  '.life{fill:none;stroke-width:1.2;stroke-dasharray:3 4}.answer .line{stroke-dasharray:6 4}.note-box .box{stroke-dasharray:4 3}',
  '.sign{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}',
].join('')

export const STYLE = `<style>${SHAPES}${colours(LIGHT)}@media (prefers-color-scheme:dark){${colours(DARK)}}</style>`
