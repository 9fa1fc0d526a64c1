/** `lockkeeper signer-memory`: the signer's memory to a file and back. Offline: a running signer holds the lock. */
import { resolve } from 'node:path'
import type { MemoryPosition } from '../../machines/vocabulary.ts'
import { boundary } from '../kernel/fault.ts'
import { prepareOffline, type Asked } from '../shell/offline.ts'
import { createPorts } from '../shell/ports.ts'
import { identityIn } from '../signer/keys/identity.ts'
import { beginMemory } from '../signer/offline/begin.ts'
import { exportMemory } from '../signer/offline/export.ts'
import { importMemory, type Imported } from '../signer/offline/import.ts'
import { holding, recorded, type Premises } from '../signer/offline/recorded.ts'
import type { Command } from './command-line.ts'
import { HELP_GROUPS, PASSPHRASE_NOTE, SIGNER_CONFIG } from './help.ts'
import type { Terminal } from './terminal.ts'

const premisesOf = ({ config: { dataDirectory, keystore } }: Asked): Premises => ({
  directory: dataDirectory,
  keystore: keystore.file,
})

export function addMemoryCommands(program: Command, terminal: Terminal): void {
  const memory = program
    .command('signer-memory')
    .helpGroup(HELP_GROUPS.keys)
    .description("the signer's memory of what it has signed: to a file and back")
    .note(PASSPHRASE_NOTE)
  memory
    .command('export')
    .description('writes everything signed and voided into one file')
    .requiredOption(...SIGNER_CONFIG)
    .requiredOption('--out <file>', 'a new file')
    .action(async (options: { config: string; out: string }) => {
      await saveMemory(await prepareOffline(options.config), resolve(options.out), terminal)
    })
  memory
    .command('import')
    .description('takes in an exported file, where there is no memory or an older one')
    .requiredOption(...SIGNER_CONFIG)
    .requiredOption('--from <file>', 'what export wrote')
    .option('--seen <position>', 'the last memory that watcher or backend have seen, SEQUENCE:HASH', {
      parse: parsePosition,
    })
    .action(async (options: { config: string; from: string; seen?: MemoryPosition }) => {
      const asked = await prepareOffline(options.config)
      await loadMemory(asked, resolve(options.from), options.seen ?? null, terminal)
    })
  memory
    .command('begin')
    .description('states that the configured backend keys have never authorised anything for this phrase')
    .requiredOption(...SIGNER_CONFIG)
    .action(async (options: { config: string }) => {
      await startMemory(await prepareOffline(options.config), terminal)
    })
}

/** As the headers of any answer say it: `Lockkeeper-Memory-Sequence` and `-Hash`. */
function parsePosition(text: string): MemoryPosition {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (sequence === undefined)
    throw boundary('invalid-argument', 'it is not a sequence, a colon and 64 hexadecimal digits')
  if (Number(sequence) === 0) throw boundary('invalid-argument', 'at 0 nothing was seen yet: it shows nothing')
  return { sequence: Number(sequence), hash: hash! }
}

async function saveMemory({ config, passphrase, by }: Asked, out: string, terminal: Terminal): Promise<void> {
  const { dataDirectory: directory, keystore } = config
  const { sequence, hash } = await holding(createPorts('error'), directory, async held => {
    const { identity, binding } = await identityIn(held, keystore.file, passphrase)
    const deed = { directory, identity, binding, command: 'export', by, about: null } as const
    return recorded(held, deed, () => exportMemory(held.disk, directory, identity, out))
  })
  terminal.out(`${out}: the memory up to sequence ${sequence}, hash ${hash}`)
}

const GUARD: Record<Imported['guard'], string | null> = {
  whole: null,
  lifted: 'nothing is missing: backend keys of before count again',
  kept: 'backend keys of before still do not count: show with --seen that nothing is missing, or use new ones (begin)',
  set:
    'there was no audit log to say how far the memory was, so backend keys of before do not count any more: show with ' +
    '--seen that nothing is missing, or use new ones (begin)',
}

async function loadMemory(asked: Asked, from: string, seen: MemoryPosition | null, terminal: Terminal): Promise<void> {
  const { passphrase, by } = asked
  const found = await importMemory(createPorts('error'), premisesOf(asked), { passphrase, from, seen, by })
  const { metadata, before, isAhead, aside, guard } = found
  const { sequence, hash } = metadata
  if (isAhead || before === sequence)
    terminal.out(`nothing to import: this memory holds all of it, up to sequence ${sequence}`)
  else terminal.out(`imported sequence ${before + 1} to ${sequence}, hash ${hash}`)
  for (const folder of aside) terminal.out(`moved aside: ${folder}`)
  if (GUARD[guard] !== null) terminal.out(GUARD[guard])
}

/** A person's word that the configured backend keys were never used before: nobody else can know. */
async function startMemory(asked: Asked, terminal: Terminal): Promise<void> {
  const { config, passphrase, by } = asked
  const keys = config.authorisation?.keys ?? []
  const { newKeys, aside } = await beginMemory(createPorts('error'), premisesOf(asked), { passphrase, keys, by })
  for (const folder of aside) terminal.out(`moved aside: ${folder}`)
  terminal.out(
    `noted: ${newKeys.length} backend keys that have authorised nothing before; the signer starts with these only`,
  )
}
