/** Who talks to whom, and where the keys are. */
import { attributes, draw, escape, graph } from './dot.ts'
import { light } from './palette.ts'

interface Part {
  name: string
  lines: string[]
  holdsKeys: boolean
}

const PARTS: readonly Part[] = [
  {
    name: 'backend',
    lines: ['The exchange’s own.', 'Holds the key that authorises', 'withdrawals; keeps the balances.'],
    holdsKeys: true,
  },
  {
    name: 'watcher',
    lines: [
      'Follows the chains, finds deposits,',
      'builds, publishes and confirms.',
      'Ledger: journal of every step. No keys.',
    ],
    holdsKeys: false,
  },
  {
    name: 'signer',
    lines: ['A machine of its own.', 'Phrase and keys; decodes, judges, signs,', 'remembers. Opens no connection.'],
    holdsKeys: true,
  },
  {
    name: 'nodes',
    lines: ['litecoind, bitcoind, dogecoind …', 'Blocks read, transactions published.'],
    holdsKeys: false,
  },
]

interface Call {
  from: string
  to: string
  lines: string[]
}

/** An arrow points from who opens the connection to who answers. */
const CALLS: readonly Call[] = [
  { from: 'backend', to: 'watcher', lines: ['HTTP: addresses, withdrawals,', 'credits, the event feed'] },
  { from: 'watcher', to: 'signer', lines: ['HTTP: unsigned + authorised intents', 'gives signed transactions'] },
  { from: 'watcher', to: 'nodes', lines: ['JSON-RPC: blocks,', 'fees, broadcast'] },
]

export const ARCHITECTURE_MERMAID = `${[
  'flowchart LR',
  ...PARTS.map(({ name, lines }) => `  ${name}["<b>${name}</b><br/>${lines.join('<br/>')}"]`),
  ...CALLS.map(({ from, to, lines }) => `  ${from} -->|"${lines.join('<br/>')}"| ${to}`),
].join('\n')}\n`

const font = (lines: readonly string[], colour: string): string =>
  `<font color="${colour}" point-size="14">${lines.map(escape).join('<br/>')}</font>`

function box({ name, lines, holdsKeys }: Part): string {
  const keys = holdsKeys ? `<br/><font color="${light.secretLine}" point-size="14"><b>keys</b></font>` : ''
  const label = `<<font point-size="20"><b>${name}</b></font><br/>${font(lines, light.muted)}${keys}>`
  const look = holdsKeys
    ? { fillcolor: light.secret, color: light.secretLine }
    : { fillcolor: light.state, color: light.line }
  return `"${name}" ${attributes({ shape: 'box', style: 'rounded,filled', margin: '0.2,0.15', label, ...look })}`
}

export function drawArchitecture(): Promise<string> {
  const arrows = CALLS.map(
    ({ from, to, lines }) => `"${from}" -> "${to}" ${attributes({ label: `<${font(lines, light.event)}>` })}`,
  )
  const source = graph({ rankdir: 'LR', nodesep: 0.5, ranksep: 0.5 }, [...PARTS.map(box), ...arrows])
  return draw(source, 'Backend, watcher, signer and nodes: who talks to whom, and where the keys are')
}
