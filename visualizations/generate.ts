/** Regenerates visualizations/: for each machine a picture, its Mermaid source and a state table; and the architecture. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AnyStateMachine } from 'xstate'
import { account } from '../machines/account.ts'
import { address } from '../machines/address.ts'
import { attempt } from '../machines/attempt.ts'
import { chain } from '../machines/chain.ts'
import { coin } from '../machines/coin.ts'
import { deposit } from '../machines/deposit.ts'
import { poolMachine } from '../machines/pool.ts'
import { signingMachine } from '../machines/signing.ts'
import { transaction } from '../machines/transaction.ts'
import { transfer } from '../machines/transfer.ts'
import { withdrawal } from '../machines/withdrawal.ts'
import { ARCHITECTURE_MERMAID, drawArchitecture } from './architecture.ts'
import { mermaidOf } from './mermaid.ts'
import { modelOf } from './model.ts'
import { pictureOf } from './picture.ts'
import { pageOf } from './table.ts'

interface Shown {
  machine: AnyStateMachine
  /** Where its instances live. */
  side: 'watcher' | 'signer'
  purpose: string
}

/** In the order in which they are best read. */
const SHOWN: readonly Shown[] = [
  { machine: deposit, side: 'watcher', purpose: 'One payment to one of our addresses.' },
  { machine: withdrawal, side: 'watcher', purpose: 'One payment that the backend asked for.' },
  {
    machine: transfer,
    side: 'watcher',
    purpose: 'One thing that the chain owes us: it pays withdrawals, or moves our own coins.',
  },
  { machine: attempt, side: 'watcher', purpose: 'One transaction of a transfer, from template to block.' },
  { machine: chain, side: 'watcher', purpose: 'One network that is followed.' },
  { machine: address, side: 'watcher', purpose: 'One address of ours, made and attested by the signer.' },
  { machine: account, side: 'watcher', purpose: 'One account that spends: the treasury.' },
  { machine: coin, side: 'watcher', purpose: 'One unspent output of ours (bitcoin family).' },
  {
    machine: transaction,
    side: 'watcher',
    purpose: 'One transaction that pays us, or bears one that does (bitcoin family).',
  },
  { machine: signingMachine, side: 'signer', purpose: 'One attempt, as the signer remembers it.' },
  {
    machine: poolMachine,
    side: 'signer',
    purpose: 'One extension of a chain’s addresses, as the signer remembers it.',
  },
]

/** Every generated file, by name. The same machines give the same bytes. */
export async function render(): Promise<Record<string, string>> {
  const files: Record<string, string> = {
    'README.md': index(),
    'architecture.mmd': ARCHITECTURE_MERMAID,
    'architecture.svg': await drawArchitecture(),
  }
  for (const { machine, purpose } of SHOWN) {
    const model = modelOf(machine)
    files[`${model.id}.md`] = pageOf(model, purpose)
    files[`${model.id}.mmd`] = mermaidOf(model)
    files[`${model.id}.svg`] = await pictureOf(model)
  }
  return files
}

export async function generate(directory: string): Promise<void> {
  const files = await render()
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
}

const index = (): string =>
  [
    '# Every machine, drawn',
    '',
    'Generated from the definitions in [machines/](../machines) by `npm run generate`; a test fails when they are stale.',
    '',
    'A dashed `absent` is not stored: creation is an event like any other. Yellow states owe a task, which is performed',
    'when the state is entered and again at every start until its result is in the ledger. Green states with a double',
    'border are ends. Events in a box change its data without leaving it. The tables also list whom a rule tells, in the',
    'same commit, and the spend keys that it reserves or releases.',
    '',
    '| Machine | Lives in | What it is |',
    '|---|---|---|',
    ...SHOWN.map(({ machine, side, purpose }) => `| [${machine.id}](${machine.id}.md) | ${side} | ${purpose} |`),
    '',
    '## The parts',
    '',
    '![Backend, watcher, signer and nodes](architecture.svg)',
    '',
  ].join('\n')
