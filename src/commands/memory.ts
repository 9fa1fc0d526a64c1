/** `lockkeeper signer-memory`: the signer's memory to a file and back. Offline: a running signer holds the lock. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { prepareOffline, type Asked } from '../shell/offline.ts'
import { createPorts } from '../shell/ports.ts'
import { exportMemory } from '../signer/offline/export.ts'
import { identityIn } from '../signer/keys/identity.ts'
import { importMemory } from '../signer/offline/import.ts'
import { holding, recorded } from '../signer/offline/recorded.ts'
import { forgetRestored, noteRestored } from '../signer/keys/restored.ts'
import { GROUPS, PASSPHRASE_NOTE, SIGNER_CONFIG } from './help.ts'
import type { Terminal } from './terminal.ts'

export function addMemoryCommands(program: Command, terminal: Terminal): void {
  const memory = program
    .command('signer-memory')
    .helpGroup(GROUPS.keys)
    .description("the signer's memory of what it has signed: to a file and back")
    .addHelpText('after', PASSPHRASE_NOTE)
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
    .action(async (options: { config: string; from: string }) => {
      await loadMemory(await prepareOffline(options.config), resolve(options.from), terminal)
    })
  memory
    .command('begin')
    .description('states that the configured backend keys have never authorised anything for this phrase')
    .requiredOption(...SIGNER_CONFIG)
    .action(async (options: { config: string }) => {
      await beginMemory(await prepareOffline(options.config), terminal)
    })
}

async function saveMemory({ config, passphrase, by }: Asked, out: string, terminal: Terminal): Promise<void> {
  const { dataDirectory: directory, keystore } = config
  const { sequence, hash } = await holding(createPorts('error'), directory, async held => {
    const identity = await identityIn(held, keystore.file, passphrase)
    const deed = { directory, identity, command: 'export', by, about: null } as const
    return recorded(held, deed, () => exportMemory(held.disk, directory, identity, out))
  })
  terminal.out(`${out}: the memory up to sequence ${sequence}, hash ${hash}`)
}

async function loadMemory({ config, passphrase, by }: Asked, from: string, terminal: Terminal): Promise<void> {
  const { dataDirectory: directory, keystore } = config
  const { metadata, before, isAhead } = await holding(createPorts('error'), directory, async held => {
    const identity = await identityIn(held, keystore.file, passphrase)
    const imported = await importMemory(held, directory, identity.key, from)
    const about = `from ${imported.before} to ${imported.metadata.sequence}`
    // Recorded afterwards: the log may have seen more than the memory held, which is what the import is for.
    await recorded(held, { directory, identity, command: 'import', by, about }, () =>
      forgetRestored(held.disk, keystore.file),
    )
    return imported
  })
  const { sequence, hash } = metadata
  if (isAhead || before === sequence)
    terminal.out(`nothing to import: this memory holds all of it, up to sequence ${sequence}`)
  else terminal.out(`imported sequence ${before + 1} to ${sequence}, hash ${hash}`)
}

/** A person's word that the configured backend keys were never used before: nobody else can know. */
async function beginMemory({ config, passphrase, by }: Asked, terminal: Terminal): Promise<void> {
  const { dataDirectory: directory, keystore } = config
  const keys = config.authorisation?.keys ?? []
  await holding(createPorts('error'), directory, async held => {
    const identity = await identityIn(held, keystore.file, passphrase)
    const deed = { directory, identity, command: 'begin', by, about: keys.join(' ') } as const
    await recorded(held, deed, () => noteRestored(held.disk, keystore.file, keys))
  })
  terminal.out(
    `noted: ${keys.length} backend keys that have authorised nothing before; the signer starts with these only`,
  )
}
